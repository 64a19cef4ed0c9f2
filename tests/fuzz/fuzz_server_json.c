/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as the control takes it, a server's settings in it, and the text of conditions: whatever is
 * accepted is within the limits, and whatever is refused says why. */
#include "fuzz/fuzz.h"
#include "fuzz/readable.h"
#include "testing/server_json.h"

static size_t tree_check(const struct leati_json *value, int depth, bool is_member)
{
    size_t count = 0;
    FUZZ_MUST(depth <= LEATI_JSON_DEPTH_MAX + 1);
    for (; value; value = value->next) {
        FUZZ_MUST((value->name != NULL) == is_member);
        FUZZ_MUST((value->text != NULL) == (value->type == LEATI_JSON_STRING));
        FUZZ_MUST(!value->first || value->type >= LEATI_JSON_ARRAY);
        count += 1 + tree_check(value->first, depth + 1, value->type == LEATI_JSON_OBJECT);
    }
    return count;
}

static void settings_check(const struct leati_json *json)
{
    struct leati_settings settings;
    struct leati_refusal refusal = {0};
    if (leati_settings_read(json, &settings, &refusal)) {
        FUZZ_MUST(settings.options.kind != LEAT_TESTING_SCRIPT);
        FUZZ_MUST(leat_testing_kind_name(settings.options.kind));
        FUZZ_MUST(settings.options.message_count <= LEATI_JSON_STRINGS_MAX);
    } else {
        FUZZ_MUST(refusal.status == 400 && refusal.reason[0] != '\0');
        FUZZ_MUST(fuzz_is_readable(refusal.reason) && fuzz_is_readable(refusal.field));
    }
}

static void conditions_check(const char *text)
{
    struct leat_testing_condition *conditions = NULL;
    struct leat_testing_problem problem = {0};
    size_t count = 0;
    int code = leat_testing_conditions_parse(text, &conditions, &count, &problem);
    FUZZ_MUST(code == LEAT_OK || code == LEAT_E_PARAMETER);
    FUZZ_MUST(count <= LEAT_TESTING_CONDITIONS_MAX && (!conditions) == (count == 0));
    if (code != LEAT_OK)
        FUZZ_MUST(problem.position <= strlen(text) && problem.text[0] != '\0');
    for (size_t i = 0; i < count; ++i) {
        FUZZ_MUST(conditions[i].spared_ppm <= 1000000 && conditions[i].chance_ppm <= 1000000);
        FUZZ_MUST(conditions[i].delay_ms <= LEAT_TESTING_TIME_MS_MAX);
    }
    leat_testing_conditions_free(conditions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct leati_json *json = NULL;
    struct leat_testing_problem problem = {0};
    char *text = fuzz_copy(input, true);
    if (leati_json_parse(text, size, &json, &problem) == LEAT_OK) {
        FUZZ_MUST(tree_check(json, 0, false) <= size);
        settings_check(json);
    } else {
        FUZZ_MUST(!json && problem.position <= size && fuzz_is_printable(problem.text));
    }
    conditions_check(text);
    leati_json_free(json);
    free(text);
    return 0;
}
