/* SPDX-License-Identifier: Apache-2.0 */
/* The public face: options, the choice of cases, results. */
#include "testing/conformance/judge.h"

#include "util/alloc.h"
#include "util/clock.h"
#include "util/fork.h"
#include "util/known.h"
#include "util/readable.h"

#include <fnmatch.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, PARALLEL = 4, PARALLEL_MAX = 64, IDLE_MS = 60000, MS_MAX = 3600000 };

static int problem_write(struct leat_testing_problem *problem, int code, const char *format,
                         const char *what)
{
    if (!problem)
        return code;
    problem->position = 0;
    leati_readable_format(problem->text, sizeof(problem->text), format, what);
    return code;
}

/* ---- trials --------------------------------------------------------------------------------- */

void leati_judge_add(struct leat_testing_conformance *judge, const char *id, const char *section,
                     const char *title, const char *expected, leati_trial_play *play,
                     const void *data)
{
    if (!leati_resize(&judge->trials, judge->trial_count + 1, sizeof(*judge->trials))) {
        judge->failed = true;
        return;
    }
    struct leati_trial *trial = &judge->trials[judge->trial_count++];
    *trial = (struct leati_trial){
        .id = id, .section = section, .title = title, .play = play, .data = data};
    snprintf(trial->expected, sizeof(trial->expected), "%s", expected);
    leati_find(&trial->finding, NOT_RUN, "not yet");
}

/* Whether one of the patterns, with commas between, is the id's; those that begin with ! take
 * away. */
static bool is_chosen(const char *patterns, const char *id)
{
    bool is_in = patterns[0] == '!';
    for (const char *at = patterns; *at; at += *at == ',') {
        char pattern[128];
        size_t len = strcspn(at, ",");
        bool takes_away = *at == '!';
        snprintf(pattern, sizeof(pattern), "%.*s", (int)(len - takes_away), at + takes_away);
        if (fnmatch(pattern, id, 0) == 0)
            is_in = !takes_away;
        at += len;
    }
    return is_in;
}

/* The first pattern that no case has. "" = all have one. */
static void pattern_missing(const struct leat_testing_conformance *judge, char *ret_pattern,
                            size_t cap)
{
    for (const char *at = judge->options.cases; *at; at += *at == ',') {
        size_t len = strcspn(at, ","), found = 0;
        bool takes_away = *at == '!';
        snprintf(ret_pattern, cap, "%.*s", (int)(len - takes_away), at + takes_away);
        for (size_t i = 0; i < judge->trial_count; ++i)
            found += fnmatch(ret_pattern, judge->trials[i].id, 0) == 0;
        if (found == 0)
            return;
        at += len;
    }
    ret_pattern[0] = '\0';
}

static int trials_choose(struct leat_testing_conformance *judge,
                         struct leat_testing_problem *ret_problem)
{
    char missing[128];
    size_t kept = 0;
    if (!judge->options.cases)
        return LEAT_OK;
    pattern_missing(judge, missing, sizeof(missing));
    if (missing[0] != '\0' || judge->options.cases[0] == '\0')
        return problem_write(ret_problem, LEAT_E_PARAMETER, "no case is called '%s'", missing);
    for (size_t i = 0; i < judge->trial_count; ++i)
        if (is_chosen(judge->options.cases, judge->trials[i].id))
            judge->trials[kept++] = judge->trials[i];
    judge->trial_count = kept;
    return kept > 0 ? LEAT_OK
                    : problem_write(ret_problem, LEAT_E_PARAMETER, "no case is left of '%s'",
                                    judge->options.cases);
}

struct leati_trial *leati_judge_next(struct leat_testing_conformance *judge)
{
    struct leati_trial *found = NULL;
    leati_lock(&judge->lock);
    for (size_t i = 0; !judge->is_stopping && !found && i < judge->trial_count; ++i)
        if (!judge->trials[i].is_taken)
            found = &judge->trials[i];
    if (found)
        found->is_taken = true;
    leati_unlock(&judge->lock);
    return found;
}

static void case_fill(const struct leati_trial *trial, struct leat_testing_case *ret_case)
{
    *ret_case = (struct leat_testing_case){
        .size = sizeof(*ret_case),
        .id = trial->id,
        .section = trial->section,
        .title = trial->title,
        .expected = trial->expected,
        .verdict = trial->finding.verdict,
        .seen = trial->finding.seen,
        .duration_us = trial->duration_us,
    };
}

void leati_judge_note(struct leat_testing_conformance *judge, struct leati_trial *trial,
                      const struct leati_finding *finding, uint64_t duration_us)
{
    struct leat_testing_case now;
    pthread_mutex_lock(
        &judge->told_lock); /* a callback of the program: leati_fork_hold() is not for it */
    leati_lock(&judge->lock);
    trial->finding = *finding;
    trial->duration_us = duration_us;
    judge->done_count += !trial->is_done;
    trial->is_done = trial->is_taken = true;
    judge->last_ms = leati_clock_ms();
    case_fill(trial, &now);
    pthread_cond_broadcast(&judge->changed);
    leati_unlock(&judge->lock);
    if (judge->options.judged)
        judge->options.judged(&now, judge->options.user);
    pthread_mutex_unlock(&judge->told_lock);
}

/* ---- making and freeing --------------------------------------------------------------------- */

static const struct leati_subject *subject_find(enum leat_testing_subject subject)
{
    static const struct leati_subject *const subjects[] = {
        &leati_subject_ws_server,     &leati_subject_ws_client,     &leati_subject_socks5_proxy,
        &leati_subject_socks5_client, &leati_subject_connect_proxy, &leati_subject_connect_client,
    };
    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); ++i)
        if (subjects[i]->subject == subject)
            return subjects[i];
    return NULL;
}

static bool options_copy(struct leat_testing_conformance *judge)
{
    struct leat_testing_conformance_options *options = &judge->options;
    const char **const texts[] = {&options->url, &options->cases, &options->address,
                                  &options->target_address, &options->ca_path};
    bool done = true;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); ++i) {
        char *copy = NULL;
        done = leati_strdup_optional(&copy, *texts[i]) && done;
        *texts[i] = copy;
    }
    if (options->patience_ms == 0)
        options->patience_ms = PATIENCE_MS;
    if (options->idle_ms == 0)
        options->idle_ms = IDLE_MS;
    if (options->parallel == 0)
        options->parallel = PARALLEL;
    return done;
}

static int options_check(const struct leat_testing_conformance_options *options,
                         struct leat_testing_problem *ret_problem)
{
    if (options->patience_ms > MS_MAX || options->idle_ms > MS_MAX)
        return problem_write(ret_problem, LEAT_E_PARAMETER, "a time is above one hour%s", "");
    if (options->parallel > PARALLEL_MAX)
        return problem_write(ret_problem, LEAT_E_PARAMETER, "parallel is above 64%s", "");
    return LEAT_OK;
}

static bool path_is_folder(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0 && S_ISDIR(state.st_mode);
}

static int client_tls_make(struct leat_testing_conformance *judge,
                           struct leat_testing_problem *ret_problem)
{
    const char *ca_path = judge->options.ca_path;
    leati_fork_hold();
    judge->tls = SSL_CTX_new(TLS_client_method());
    bool done = judge->tls;
    if (done && ca_path)
        done = path_is_folder(ca_path) ? SSL_CTX_load_verify_dir(judge->tls, ca_path) == 1
                                       : SSL_CTX_load_verify_file(judge->tls, ca_path) == 1;
    else if (done && !judge->options.trusts_anybody)
        done = SSL_CTX_set_default_verify_paths(judge->tls) == 1;
    if (done && !judge->options.trusts_anybody)
        SSL_CTX_set_verify(judge->tls, SSL_VERIFY_PEER, NULL);
    if (done)
        SSL_CTX_set_mode(judge->tls,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    leati_fork_let();
    return done ? LEAT_OK
                : problem_write(ret_problem, LEAT_E_PARAMETER, "%s cannot be used as a CA",
                                ca_path ? ca_path : "nothing");
}

static int judge_prepare(struct leat_testing_conformance *judge,
                         struct leat_testing_problem *ret_problem)
{
    const struct leati_subject *subject = judge->subject;
    char reason[256];
    if (!subject->listens && judge->options.url &&
        !leati_endpoint_parse(judge->options.url, subject->schemes, &judge->endpoint, reason,
                              sizeof(reason)))
        return problem_write(ret_problem, LEAT_E_PARAMETER, "%s", reason);
    subject->collect(judge);
    if (judge->failed || judge->ws_cases.failed || judge->stop_fd < 0)
        return problem_write(ret_problem, LEAT_E_SYSTEM_INTERNAL, "out of memory%s", "");
    int code = trials_choose(judge, ret_problem);
    if (code != LEAT_OK)
        return code;
    if (subject->listens)
        return leati_judge_listen(judge, ret_problem);
    if (!judge->options.url)
        return LEAT_OK;
    bool has_tls = subject->tls_scheme && strcmp(judge->endpoint.scheme, subject->tls_scheme) == 0;
    return has_tls ? client_tls_make(judge, ret_problem) : LEAT_OK;
}

int leat_testing_conformance_new(const struct leat_testing_conformance_options *options,
                                 leat_testing_conformance **ret_judge,
                                 struct leat_testing_problem *ret_problem)
{
    struct leat_testing_conformance_options own;
    if (!options || !ret_judge || options->size == 0)
        return problem_write(ret_problem, LEAT_E_PARAMETER, "options and their size%s",
                             " are needed");
    leati_copy_known(&own, sizeof(own), options, options->size);
    const struct leati_subject *subject = subject_find(own.subject);
    if (!subject)
        return problem_write(ret_problem, LEAT_E_PARAMETER, "there is no such subject%s", "");
    int code = options_check(&own, ret_problem);
    if (code != LEAT_OK)
        return code;
    struct leat_testing_conformance *judge = leati_calloc(1, sizeof(*judge));
    if (!judge)
        return problem_write(ret_problem, LEAT_E_SYSTEM_INTERNAL, "out of memory%s", "");
    judge->options = own;
    judge->subject = subject;
    judge->listener = -1;
    judge->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&judge->lock, NULL);
    pthread_mutex_init(&judge->told_lock, NULL);
    pthread_cond_init(&judge->changed, NULL);
    judge->failed = !options_copy(judge);
    code = judge_prepare(judge, ret_problem);
    if (code != LEAT_OK)
        leat_testing_conformance_free(judge);
    else
        *ret_judge = judge;
    return code;
}

void leat_testing_conformance_free(leat_testing_conformance *judge)
{
    if (!judge)
        return;
    struct leat_testing_conformance_options *options = &judge->options;
    if (judge->listener >= 0)
        close(judge->listener);
    if (judge->stop_fd >= 0)
        close(judge->stop_fd);
    leati_fork_hold();
    SSL_CTX_free(judge->tls);
    leati_fork_let();
    leati_ws_cases_free(&judge->ws_cases);
    leati_free((char *)options->url);
    leati_free((char *)options->cases);
    leati_free((char *)options->address);
    leati_free((char *)options->target_address);
    leati_free((char *)options->ca_path);
    leati_free(judge->trials);
    leati_free(judge->keys);
    leati_free(judge->url);
    leati_wipe(&judge->endpoint, sizeof(judge->endpoint));
    pthread_cond_destroy(&judge->changed);
    pthread_mutex_destroy(&judge->told_lock);
    pthread_mutex_destroy(&judge->lock);
    leati_free(judge);
}

/* ---- running, asking ------------------------------------------------------------------------ */

int leat_testing_conformance_run(leat_testing_conformance *judge)
{
    if (!judge || (!judge->subject->listens && !judge->options.url) ||
        atomic_exchange(&judge->has_run, true))
        return LEAT_E_PARAMETER;
    return judge->subject->listens ? leati_judge_run_clients(judge)
                                   : leati_judge_run_servers(judge);
}

void leat_testing_conformance_stop(leat_testing_conformance *judge)
{
    if (!judge)
        return;
    leati_lock(&judge->lock);
    judge->is_stopping = true;
    pthread_cond_broadcast(&judge->changed);
    leati_unlock(&judge->lock);
    (void)eventfd_write(judge->stop_fd, 1);
}

void leati_judge_finish(struct leat_testing_conformance *judge)
{
    leati_lock(&judge->lock);
    judge->is_over = true;
    pthread_cond_broadcast(&judge->changed);
    leati_unlock(&judge->lock);
}

const char *leat_testing_conformance_get_url(const leat_testing_conformance *judge)
{
    return !judge ? NULL : judge->url ? judge->url : judge->options.url;
}

const char *leat_testing_conformance_get_agent(const leat_testing_conformance *judge)
{
    return judge ? judge->agent : "";
}

const char *leat_testing_conformance_get_problem(const leat_testing_conformance *judge)
{
    return judge ? judge->problem : "";
}

size_t leat_testing_conformance_get_count(const leat_testing_conformance *judge)
{
    return judge ? judge->trial_count : 0;
}

int leat_testing_conformance_get_case(const leat_testing_conformance *judge, size_t index,
                                      struct leat_testing_case *ret_case)
{
    struct leat_testing_case now;
    pthread_mutex_t *lock = judge ? (pthread_mutex_t *)&judge->lock : NULL;
    if (!judge || !ret_case || ret_case->size == 0 || index >= judge->trial_count)
        return LEAT_E_PARAMETER;
    leati_lock(lock);
    case_fill(&judge->trials[index], &now);
    leati_unlock(lock);
    now.size = ret_case->size;
    leati_copy_known(ret_case, ret_case->size, &now, sizeof(now));
    return LEAT_OK;
}
