/* SPDX-License-Identifier: Apache-2.0 */
/* The faults of a server: checked, shared by its connections, replaced while it runs. */
#include "testing/recording.h"
#include "testing/server.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <string.h>

void leati_testing_faults_release(struct leat_testing_server *server, struct leati_fault_set *set)
{
    if (!set)
        return;
    pthread_mutex_lock(&server->lock);
    bool is_last = --set->refs == 0;
    pthread_mutex_unlock(&server->lock);
    if (is_last)
        leati_free(set);
}

static size_t bytes_of(const struct leat_testing_fault *fault)
{
    return fault->action == LEAT_TESTING_ACTION_BYTES && fault->data ? fault->len : 0;
}

/* One block: the faults, then their bytes. */
static struct leati_fault_set *set_new(const struct leat_testing_fault *first, size_t first_count,
                                       const struct leat_testing_fault *second, size_t second_count)
{
    size_t size = sizeof(struct leati_fault_set), count = first_count + second_count;
    for (size_t i = 0; i < count; ++i)
        size += bytes_of(i < first_count ? &first[i] : &second[i - first_count]);
    struct leati_fault_set *set = leati_malloc(size + count * sizeof(set->faults[0]) + 1);
    if (!set)
        return NULL;
    uint8_t *bytes = (uint8_t *)&set->faults[count];
    *set = (struct leati_fault_set){.refs = 1, .count = count};
    for (size_t i = 0; i < count; ++i) {
        struct leat_testing_fault *fault = &set->faults[i];
        *fault = i < first_count ? first[i] : second[i - first_count];
        if (fault->action != LEAT_TESTING_ACTION_BYTES || !fault->data)
            continue;
        if (fault->len > 0)
            memcpy(bytes, fault->data, fault->len);
        fault->data = bytes;
        bytes += fault->len;
    }
    return set;
}

static bool refuse(struct leat_testing_problem *ret_problem, size_t index, const char *problem,
                   const char *step)
{
    leati_readable_format(ret_problem->text, sizeof(ret_problem->text), "fault %zu: %s%s",
                          index + 1, problem, step);
    return false;
}

static bool set_check(const struct leat_testing_server *server, const struct leati_fault_set *set,
                      struct leat_testing_problem *ret_problem)
{
    enum leat_testing_kind kind = server->options.kind;
    for (size_t i = 0; i < set->count; ++i) {
        const char *problem = leati_testing_fault_problem(set->faults, i);
        if (problem)
            return refuse(ret_problem, i, problem, "");
        enum leat_testing_step step = set->faults[i].step;
        if (!leat_testing_kind_has_step(kind, step)) {
            char text[64];
            leati_readable_format(text, sizeof(text), "a %s server has no step ",
                                  leat_testing_kind_name(kind));
            return refuse(ret_problem, i, text, leat_testing_step_name(step));
        }
        char buf[240];
        const char *unlike =
            leati_recording_fault_problem(server->recording, &set->faults[i], buf, sizeof(buf));
        if (unlike)
            return refuse(ret_problem, i, unlike, "");
        if (step == LEAT_TESTING_STEP_TLS && !server->options.tls)
            return refuse(ret_problem, i, "without TLS there is no step tls", "");
    }
    return true;
}

/* The faults of the text, then those of the list. */
static int set_make(const struct leat_testing_server *server, const char *text,
                    const struct leat_testing_fault *list, size_t list_count,
                    struct leati_fault_set **ret_set, struct leat_testing_problem *ret_problem)
{
    struct leat_testing_fault *parsed = NULL;
    size_t count = 0;
    int code = leat_testing_faults_parse(text, &parsed, &count, ret_problem);
    if (code != LEAT_OK)
        return code;
    struct leati_fault_set *set = set_new(parsed, count, list, list_count);
    leat_testing_faults_free(parsed);
    if (!set)
        return LEAT_E_SYSTEM_INTERNAL;
    if (!set_check(server, set, ret_problem)) {
        leati_free(set);
        return LEAT_E_PARAMETER;
    }
    *ret_set = set;
    return LEAT_OK;
}

int leati_testing_faults_configure(struct leat_testing_server *server,
                                   struct leat_testing_problem *ret_problem)
{
    const struct leat_testing_options *options = &server->options;
    return set_make(server, options->faults, options->fault_list, options->fault_count,
                    &server->faults, ret_problem);
}

int leat_testing_server_set_faults(leat_testing_server *server, const char *faults,
                                   struct leat_testing_problem *ret_problem)
{
    struct leat_testing_problem problem = {.text = "no memory"};
    struct leati_fault_set *set = NULL, *former;
    if (!server || leati_testing_server_is_inherited(server))
        return LEAT_E_PARAMETER;
    int code = set_make(server, faults, NULL, 0, &set, &problem);
    if (code != LEAT_OK) {
        if (ret_problem)
            *ret_problem = problem;
        return code;
    }
    pthread_mutex_lock(&server->lock);
    former = server->faults;
    server->faults = set;
    pthread_mutex_unlock(&server->lock);
    leati_testing_faults_release(server, former);
    return LEAT_OK;
}
