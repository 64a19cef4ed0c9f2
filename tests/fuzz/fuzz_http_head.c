/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP heads of both kinds: whatever the portions, the result and every field are the same. */
#include "fuzz/fuzz.h"
#include "http/head.h"

static enum leati_http_result head_read(struct leati_http_head *head, enum leati_http_kind kind,
                                        struct fuzz_input input, uint32_t seed, size_t *ret_used)
{
    enum leati_http_result result = LEATI_HTTP_MORE;
    size_t total = 0;
    leati_http_head_init(head, kind);
    while (result == LEATI_HTTP_MORE && total < input.len) {
        size_t used = 0;
        size_t len = fuzz_portion(&seed, input.len - total);
        result = leati_http_head_feed(head, input.data + total, len, &used);
        FUZZ_MUST(used <= len);
        if (result == LEATI_HTTP_MORE)
            FUZZ_MUST(used == len);
        if (result == LEATI_HTTP_MORE || result == LEATI_HTTP_DONE)
            total += used;
    }
    *ret_used = total;
    return result;
}

static void field_check(const struct leati_http_head *head, struct leati_http_field field)
{
    const char *cursor = field.value;
    const char *item;
    size_t len;
    FUZZ_MUST(field.name[0] != '\0');
    FUZZ_MUST(!strpbrk(field.name, " \t\r\n:"));
    FUZZ_MUST(!strpbrk(field.value, "\r\n"));
    FUZZ_MUST(leati_http_head_get(head, field.name));
    FUZZ_MUST(leati_http_head_count(head, field.name) > 0);
    while (leati_http_list_next(&cursor, &item, &len)) {
        FUZZ_MUST(len > 0);
        FUZZ_MUST(item >= field.value && item + len <= field.value + strlen(field.value));
    }
    (void)leati_http_head_has_token(head, field.name, "upgrade");
}

static void heads_compare(const struct leati_http_head *a, const struct leati_http_head *b)
{
    size_t count = leati_http_head_field_count(a);
    FUZZ_MUST(count == leati_http_head_field_count(b) && count <= LEATI_HTTP_MAX_FIELDS);
    FUZZ_MUST(leati_http_head_status(a) == leati_http_head_status(b));
    FUZZ_MUST(strcmp(leati_http_head_target(a), leati_http_head_target(b)) == 0);
    for (size_t i = 0; i < count; i++) {
        struct leati_http_field x = leati_http_head_field(a, i);
        struct leati_http_field y = leati_http_head_field(b, i);
        FUZZ_MUST(strcmp(x.name, y.name) == 0 && strcmp(x.value, y.value) == 0);
        field_check(a, x);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct leati_http_head whole, parts;
    struct fuzz_input input = {data, size};
    size_t whole_used, parts_used;
    uint8_t choice = fuzz_take(&input);
    enum leati_http_kind kind = choice & 1 ? LEATI_HTTP_REQUEST : LEATI_HTTP_RESPONSE;

    enum leati_http_result a = head_read(&whole, kind, input, 0, &whole_used);
    enum leati_http_result b = head_read(&parts, kind, input, choice | 1u, &parts_used);
    FUZZ_MUST(a == b);
    FUZZ_MUST(fuzz_is_printable(leati_http_head_error(&whole)));
    if (a == LEATI_HTTP_DONE) {
        FUZZ_MUST(whole_used == parts_used);
        heads_compare(&whole, &parts);
    }
    leati_http_head_done(&whole);
    leati_http_head_done(&parts);
    return 0;
}
