/* SPDX-License-Identifier: Apache-2.0 */
/* The conditions of a server: checked, shared by its links, replaced while it runs. */
#include "testing/link.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <string.h>

void leati_testing_conditions_release(struct leat_testing_server *server,
                                      struct leati_condition_set *set)
{
    pthread_mutex_lock(&server->lock);
    bool is_last = --set->refs == 0;
    pthread_mutex_unlock(&server->lock);
    if (is_last)
        leati_free(set);
}

struct leati_condition_set *leati_testing_conditions_newer(struct leat_testing_server *server,
                                                           unsigned *version)
{
    struct leati_condition_set *set = NULL;
    pthread_mutex_lock(&server->lock);
    if (*version != server->condition_version) {
        *version = server->condition_version;
        set = server->conditions;
        ++set->refs;
    }
    pthread_mutex_unlock(&server->lock);
    return set;
}

bool leati_testing_conditions_replace(struct leat_testing_server *server,
                                      const struct leat_testing_condition *conditions, size_t count)
{
    struct leati_condition_set *set = leati_calloc(1, sizeof(*set));
    if (!set)
        return false;
    set->refs = 1;
    set->count = count;
    if (count > 0)
        memcpy(set->conditions, conditions, count * sizeof(*conditions));
    pthread_mutex_lock(&server->lock);
    struct leati_condition_set *former = server->conditions;
    server->conditions = set;
    ++server->condition_version;
    for (struct leati_peer *p = server->peers; p; p = p->next)
        if (p->link)
            leati_link_wake(p->link);
    pthread_mutex_unlock(&server->lock);
    if (former)
        leati_testing_conditions_release(server, former);
    return true;
}

const char *leati_testing_condition_refusal(enum leat_testing_kind kind,
                                            const struct leat_testing_condition *condition)
{
    bool is_of_datagrams = condition->kind == LEAT_TESTING_CONDITION_LOSS ||
                           condition->kind == LEAT_TESTING_CONDITION_DUPLICATE;
    bool has_datagrams =
        kind == LEAT_TESTING_SOCKS5 || kind == LEAT_TESTING_UDP || kind == LEAT_TESTING_DNS;
    if (is_of_datagrams && !has_datagrams)
        return "loss and duplicate are for datagrams, and this server has none";
    return leati_testing_condition_problem(condition);
}

static int conditions_check(const struct leat_testing_server *server,
                            const struct leat_testing_condition *conditions, size_t count,
                            struct leat_testing_problem *ret_problem)
{
    for (size_t i = 0; i < count; ++i) {
        const char *problem = leati_testing_condition_refusal(server->options.kind, &conditions[i]);
        if (problem) {
            leati_readable_format(ret_problem->text, sizeof(ret_problem->text), "condition %zu: %s",
                                  i + 1, problem);
            return LEAT_E_PARAMETER;
        }
    }
    return LEAT_OK;
}

int leati_testing_conditions_configure(struct leat_testing_server *server,
                                       struct leat_testing_problem *ret_problem)
{
    const struct leat_testing_options *options = &server->options;
    struct leat_testing_condition all[LEAT_TESTING_CONDITIONS_MAX];
    struct leat_testing_condition *parsed = NULL;
    size_t count = 0;
    int code = leat_testing_conditions_parse(options->conditions, &parsed, &count, ret_problem);
    if (code != LEAT_OK)
        return code;
    if (count + options->condition_count > LEAT_TESTING_CONDITIONS_MAX ||
        (options->condition_count > 0 && !options->condition_list)) {
        leati_readable_format(ret_problem->text, sizeof(ret_problem->text),
                              "there are at most %d conditions, and none is missing",
                              LEAT_TESTING_CONDITIONS_MAX);
        code = LEAT_E_PARAMETER;
    } else {
        if (count > 0)
            memcpy(all, parsed, count * sizeof(all[0]));
        if (options->condition_count > 0)
            memcpy(all + count, options->condition_list, options->condition_count * sizeof(all[0]));
        count += options->condition_count;
        code = conditions_check(server, all, count, ret_problem);
    }
    leat_testing_conditions_free(parsed);
    server->has_links = options->is_changeable || count > 0;
    if (code == LEAT_OK && server->has_links &&
        !leati_testing_conditions_replace(server, all, count))
        code = LEAT_E_SYSTEM_INTERNAL;
    return code;
}

int leat_testing_server_set_conditions(leat_testing_server *server, const char *conditions,
                                       struct leat_testing_problem *ret_problem)
{
    struct leat_testing_condition *parsed = NULL;
    struct leat_testing_problem problem = {.text = "no memory"};
    size_t count = 0;
    if (!server || leati_testing_server_is_inherited(server))
        return LEAT_E_PARAMETER;
    int code = leat_testing_conditions_parse(conditions, &parsed, &count, &problem);
    if (code == LEAT_OK && !server->has_links) {
        leati_readable_format(problem.text, sizeof(problem.text),
                              "the server was not started with is_changeable");
        code = LEAT_E_PARAMETER;
    }
    if (code == LEAT_OK)
        code = conditions_check(server, parsed, count, &problem);
    if (code == LEAT_OK && !leati_testing_conditions_replace(server, parsed, count))
        code = LEAT_E_SYSTEM_INTERNAL;
    if (code != LEAT_OK && ret_problem)
        *ret_problem = problem;
    leat_testing_conditions_free(parsed);
    return code;
}
