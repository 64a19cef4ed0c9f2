/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of servers and proxies: some threads, each with one case at a time. */
#include "testing/conformance/judge.h"

#include "util/alloc.h"
#include "util/clock.h"
#include "util/errno_text.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { STACK_BYTES = 1 << 20 };

#define NOT_TRUSTED "its certificate is not accepted: "

bool leati_judge_thread(pthread_t *ret_thread, void *(*run)(void *), void *user)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_attr_init(&attributes) != 0)
        return false;
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a new thread has those of its maker */
    bool started = pthread_create(ret_thread, &attributes, run, user) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

bool leati_judge_dial(struct leat_testing_conformance *judge, struct leati_wire *ret_wire,
                      struct leati_finding *ret_finding)
{
    int reason = leati_wire_connect(ret_wire, &judge->endpoint.address, judge->options.patience_ms,
                                    judge->stop_fd);
    if (reason != 0)
        return leati_find(ret_finding, reason == ECANCELED ? NOT_RUN : FAIL,
                          "it cannot be connected to: %s", leati_errno_text(reason));
    leati_wire_limit(ret_wire);
    if (!judge->tls || leati_wire_tls(ret_wire, judge->tls, false, judge->endpoint.host))
        return true;
    long verified = ret_wire->ssl ? SSL_get_verify_result(ret_wire->ssl) : X509_V_OK;
    bool has_reason = !judge->options.trusts_anybody && verified != X509_V_OK;
    leati_find(ret_finding, FAIL, "%s%s", has_reason ? NOT_TRUSTED : "the handshake of TLS fails",
               has_reason ? X509_verify_cert_error_string(verified) : "");
    leati_wire_close(ret_wire);
    return false;
}

bool leati_judge_tell(const struct leati_wire *wire, struct leati_finding *finding,
                      enum leat_testing_verdict verdict, const char *what)
{
    bool is_stopped = wire->end == LEATI_WIRE_STOPPED;
    return leati_find(finding, is_stopped ? NOT_RUN : verdict, "%s: %s", what,
                      leati_wire_describe(wire));
}

void leati_judge_try(struct leat_testing_conformance *judge, struct leati_trial *trial,
                     struct leati_judge_guest *guest)
{
    struct leati_finding finding = {.seen = ""};
    uint64_t start_us = leati_clock_us();
    trial->play(judge, trial, guest, &finding);
    leati_judge_note(judge, trial, &finding, leati_clock_us() - start_us);
}

/* Notes whether it said anything of use: it is neither silent, nor does it talk on and on. */
static void answer_count(struct leat_testing_conformance *judge,
                         const struct leati_finding *finding, uint64_t duration_ms)
{
    bool is_silent = finding->verdict == FAIL &&
                     (duration_ms >= LEATI_WIRE_LIMIT_MS(judge->options.patience_ms) ||
                      strncmp(finding->seen, "it cannot be connected to", 25) == 0 ||
                      strncmp(finding->seen, "no answer to the upgrade", 24) == 0 ||
                      strncmp(finding->seen, "the handshake of TLS fails", 26) == 0);
    if (is_silent)
        atomic_fetch_add(&judge->silent, 1);
    else
        atomic_store(&judge->silent, 0);
}

static void *worker_run(void *user)
{
    struct leat_testing_conformance *judge = user;
    const struct leati_subject *subject = judge->subject;
    void *worker = subject->worker_begin ? subject->worker_begin(judge) : NULL;
    for (struct leati_trial *trial; (trial = leati_judge_next(judge));) {
        struct leati_finding finding = {.seen = ""};
        uint64_t start_us = leati_clock_us();
        if (leati_clock_ms() - judge->start_ms > LEATI_JUDGE_RUN_MS_MAX) {
            leati_find(&finding, NOT_RUN, "the run has taken 10 minutes already");
        } else if (atomic_load(&judge->silent) >= LEATI_JUDGE_SILENT_MAX) {
            leati_find(&finding, NOT_RUN,
                       "it had not answered %d cases in a row, or without an end",
                       LEATI_JUDGE_SILENT_MAX);
        } else {
            trial->play(judge, trial, NULL, &finding);
            if (worker && finding.verdict != NOT_RUN)
                (void)subject->worker_check(judge, worker, &finding);
            answer_count(judge, &finding, (leati_clock_us() - start_us) / 1000);
        }
        leati_judge_note(judge, trial, &finding, leati_clock_us() - start_us);
    }
    if (worker)
        subject->worker_end(worker);
    return NULL;
}

/* Whether it is there, and who it should be. */
static int server_try(struct leat_testing_conformance *judge)
{
    struct leati_finding finding = {.seen = ""};
    struct leati_wire wire;
    int reason = leati_wire_connect(&wire, &judge->endpoint.address, judge->options.patience_ms,
                                    judge->stop_fd);
    if (reason != 0)
        return LEAT_E_SOCKET_BASE + reason;
    leati_wire_close(&wire);
    if (!judge->tls || judge->options.trusts_anybody)
        return LEAT_OK;
    if (leati_judge_dial(judge, &wire, &finding))
        leati_wire_close(&wire);
    else if (strncmp(finding.seen, NOT_TRUSTED, strlen(NOT_TRUSTED)) == 0)
        snprintf(judge->problem, sizeof(judge->problem), "%s", finding.seen);
    return judge->problem[0] ? LEAT_E_TLS_VERIFY : LEAT_OK; /* the cases say what else is wrong */
}

int leati_judge_run_servers(struct leat_testing_conformance *judge)
{
    int result = leati_endpoint_resolve(&judge->endpoint);
    if (result != 0)
        return result == EAI_MEMORY ? LEAT_E_SYSTEM_INTERNAL : LEAT_E_SOCKET_BASE + EHOSTUNREACH;
    int code = server_try(judge);
    if (code != LEAT_OK)
        return code;
    judge->start_ms = leati_clock_ms();
    pthread_t *threads = leati_calloc(judge->options.parallel, sizeof(*threads));
    unsigned started = 0;
    while (threads && started < judge->options.parallel &&
           leati_judge_thread(&threads[started], worker_run, judge))
        ++started;
    for (unsigned i = 0; i < started; ++i)
        pthread_join(threads[i], NULL);
    leati_free(threads);
    return started > 0 ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
}
