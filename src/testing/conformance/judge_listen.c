/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of clients: it listens, and each connection is a guest with a thread. */
#include "testing/conformance/judge.h"

#include "testing/resolve.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/errno_text.h"
#include "util/fork.h"
#include "util/readable.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How often it looks whether it is over; how long a client may take to say that it is done. */
enum { LOOK_MS = 100, BACKLOG = 128, FAREWELL_MS = 5000 };

/* ---- listening ------------------------------------------------------------------------------ */

static int listen_fail(struct leat_testing_problem *problem, int code, const char *what,
                       const char *reason)
{
    if (problem) {
        problem->position = 0;
        leati_readable_format(problem->text, sizeof(problem->text), "%s: %s", what, reason);
    }
    return code;
}

static int server_tls_make(struct leat_testing_conformance *judge,
                           struct leat_testing_problem *ret_problem)
{
    const struct leat_testing_tls *tls = judge->options.tls;
    leati_fork_hold();
    judge->tls = SSL_CTX_new(TLS_server_method());
    bool done = judge->tls && tls->cert_path && tls->key_path &&
                SSL_CTX_use_certificate_chain_file(judge->tls, tls->cert_path) == 1 &&
                SSL_CTX_use_PrivateKey_file(judge->tls, tls->key_path, SSL_FILETYPE_PEM) == 1 &&
                SSL_CTX_set_min_proto_version(judge->tls, tls->min_version) == 1 &&
                SSL_CTX_set_max_proto_version(judge->tls, tls->max_version) == 1;
    if (done)
        SSL_CTX_set_mode(judge->tls,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    leati_fork_let();
    judge->options.tls = NULL; /* it is the caller's, and only borrowed until here */
    return done ? LEAT_OK
                : listen_fail(ret_problem, LEAT_E_PARAMETER, "TLS",
                              "certificate or key cannot be used");
}

static bool url_write(struct leat_testing_conformance *judge)
{
    struct sockaddr_storage local = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(local);
    char host[INET6_ADDRSTRLEN] = "";
    (void)getsockname(judge->listener, (struct sockaddr *)&local, &size);
    bool is_v6 = local.ss_family == AF_INET6;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&local;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&local;
    unsigned port = ntohs(is_v6 ? v6->sin6_port : v4->sin_port);
    inet_ntop(local.ss_family, is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, host,
              sizeof(host));
    if (judge->tls && strcmp(host, "127.0.0.1") == 0)
        snprintf(host, sizeof(host), "localhost");
    const char *scheme = judge->tls ? judge->subject->tls_scheme : judge->subject->schemes;
    /* So that the client has a user for the cases that want one. */
    const char *user = judge->subject == &leati_subject_socks5_client ? "leat:secret@" : "";
    judge->url =
        leati_asprintf(is_v6 ? "%s://%s[%s]:%u" : "%s://%s%s:%u", scheme, user, host, port);
    return judge->url != NULL;
}

int leati_judge_listen(struct leat_testing_conformance *judge,
                       struct leat_testing_problem *ret_problem)
{
    const int on = 1;
    struct sockaddr_storage address;
    const char *text = judge->options.address ? judge->options.address : "127.0.0.1";
    if (!leati_testing_address_parse(text, judge->options.port, &address))
        return listen_fail(ret_problem, LEAT_E_PARAMETER, text, "no IPv4 or IPv6 address");
    if (judge->options.tls && !judge->subject->tls_scheme)
        return listen_fail(ret_problem, LEAT_E_PARAMETER, "TLS", "there is none here");
    int code = judge->options.tls ? server_tls_make(judge, ret_problem) : LEAT_OK;
    if (code != LEAT_OK)
        return code;
    judge->listener = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (judge->listener >= 0)
        (void)setsockopt(judge->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (judge->listener < 0 ||
        bind(judge->listener, (const struct sockaddr *)&address,
             leati_testing_address_size(&address)) != 0 ||
        listen(judge->listener, BACKLOG) != 0) {
        int reason = errno;
        return listen_fail(ret_problem, LEAT_E_SOCKET_BASE + reason, text,
                           leati_errno_text(reason));
    }
    return url_write(judge) ? LEAT_OK
                            : listen_fail(ret_problem, LEAT_E_SYSTEM_INTERNAL, text, "no memory");
}

/* ---- guests --------------------------------------------------------------------------------- */

bool leati_judge_take_head(struct leati_judge_guest *guest)
{
    return leati_wire_take_head(&guest->wire, guest->head, sizeof(guest->head));
}

void leati_judge_try_next(struct leati_judge_guest *guest)
{
    struct leati_trial *trial = leati_judge_next(guest->judge);
    if (trial)
        leati_judge_try(guest->judge, trial, guest);
}

static void *guest_run(void *user)
{
    struct leati_judge_guest *guest = user;
    struct leat_testing_conformance *judge = guest->judge;
    if (!judge->tls || leati_wire_tls(&guest->wire, judge->tls, true, NULL))
        judge->subject->receive(judge, guest);
    leati_wire_close(&guest->wire);
    leati_lock(&judge->lock);
    guest->is_over = true;
    judge->last_ms = leati_clock_ms();
    leati_unlock(&judge->lock);
    return NULL;
}

/* Frees those that are over, or waits for all. */
static void guests_reap(struct leat_testing_conformance *judge, bool all)
{
    leati_lock(&judge->lock);
    for (struct leati_judge_guest **at = &judge->guests; *at;) {
        struct leati_judge_guest *guest = *at;
        if (!guest->is_over && !all) {
            at = &guest->next;
            continue;
        }
        *at = guest->next;
        --judge->guest_count;
        leati_unlock(&judge->lock);
        pthread_join(guest->thread, NULL);
        leati_free(guest);
        leati_lock(&judge->lock);
        at = &judge->guests;
    }
    leati_unlock(&judge->lock);
}

static void guest_accept(struct leat_testing_conformance *judge)
{
    int fd = accept4(judge->listener, NULL, NULL, SOCK_CLOEXEC);
    struct leati_judge_guest *guest = fd >= 0 && judge->guest_count < LEATI_JUDGE_GUESTS_MAX
                                          ? leati_calloc(1, sizeof(*guest))
                                          : NULL;
    if (!guest) {
        if (fd >= 0)
            close(fd);
        return;
    }
    guest->judge = judge;
    leati_wire_init(&guest->wire, fd, judge->stop_fd, judge->options.patience_ms);
    leati_wire_limit(&guest->wire);
    leati_lock(&judge->lock); /* before the thread looks at the list */
    bool started = leati_judge_thread(&guest->thread, guest_run, guest);
    if (started) {
        guest->next = judge->guests;
        judge->guests = guest;
        ++judge->guest_count;
        judge->last_ms = leati_clock_ms();
    }
    leati_unlock(&judge->lock);
    if (!started) {
        leati_wire_close(&guest->wire);
        leati_free(guest);
    }
}

/* Whether it is over: a client has said so, all is done, or nobody comes. */
static bool clients_are_done(struct leat_testing_conformance *judge)
{
    leati_lock(&judge->lock);
    uint64_t quiet_ms = leati_clock_ms() - judge->last_ms;
    bool is_all = judge->done_count == judge->trial_count;
    if (is_all && judge->all_done_ms == 0)
        judge->all_done_ms = leati_clock_ms();
    bool is_late = is_all && leati_clock_ms() - judge->all_done_ms > LEATI_JUDGE_FAREWELL_MS_MAX;
    bool is_over =
        judge->is_stopping || is_late || (judge->guest_count == 0 && judge->is_over) ||
        (judge->guest_count == 0 && is_all && (!judge->says_when_done || quiet_ms > FAREWELL_MS)) ||
        (judge->guest_count == 0 && quiet_ms > judge->options.idle_ms);
    leati_unlock(&judge->lock);
    return is_over;
}

int leati_judge_run_clients(struct leat_testing_conformance *judge)
{
    judge->last_ms = leati_clock_ms();
    while (!clients_are_done(judge)) {
        struct pollfd fds[] = {{.fd = judge->listener, .events = POLLIN},
                               {.fd = judge->stop_fd, .events = POLLIN}};
        if (poll(fds, 2, LOOK_MS) > 0 && fds[0].revents)
            guest_accept(judge);
        guests_reap(judge, false);
    }
    /* Nobody is to wait in the backlog for what will not be said. */
    close(judge->listener);
    judge->listener = -1;
    leat_testing_conformance_stop(judge);
    guests_reap(judge, true);
    return LEAT_OK;
}
