/* SPDX-License-Identifier: Apache-2.0 */
/* TLS towards the destination of a relay. OpenSSL has the socket here: nothing on that side is to be
 * cut or late. */
#include "testing/peer.h"
#include "util/alloc.h"
#include "util/fork.h"
#include "util/readable.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One direction. */
struct half {
    uint8_t buf[LEATI_TESTING_PLAIN_BYTES];
    size_t at, len;
    bool has_ended; /* its source */
    bool is_shut;   /* and its destination was told */
    bool has_more;  /* something came at the last look: look again */
};

struct leati_tls_pump {
    const struct leat_testing_server *server;
    pthread_t thread;
    SSL_CTX *context;
    SSL *ssl;
    int fd, plain;
    struct half out, in; /* to the destination, from it */
};

static void pump_free(struct leati_tls_pump *pump)
{
    leati_fork_hold();
    SSL_free(pump->ssl);
    SSL_CTX_free(pump->context);
    leati_fork_let();
    close(pump->fd);
    leati_free(pump);
}

/* ---- the handshake --------------------------------------------------------------------------- */

static bool ca_load(SSL_CTX *context, const char *ca_path)
{
    struct stat st;
    if (!ca_path)
        return SSL_CTX_set_default_verify_paths(context) == 1;
    return stat(ca_path, &st) == 0 && S_ISREG(st.st_mode) &&
           SSL_CTX_load_verify_locations(context, ca_path, NULL) == 1;
}

bool leati_tls_pump_check(const struct leat_testing_to_tls *options, char *ret_reason, size_t cap)
{
    leati_fork_hold();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    bool is_good = context && ca_load(context, options->ca_path);
    if (!is_good)
        leati_readable_format(ret_reason, cap, "%s cannot be used as a CA",
                              options->ca_path ? options->ca_path : "the system's folder");
    SSL_CTX_free(context);
    ERR_clear_error();
    leati_fork_let();
    return is_good;
}

static bool ssl_configure(struct leati_tls_pump *pump, const struct leat_testing_to_tls *options,
                          const char *name)
{
    struct in6_addr address;
    pump->context = SSL_CTX_new(TLS_client_method());
    if (!pump->context || !ca_load(pump->context, options->ca_path))
        return false;
    SSL_CTX_set_verify(pump->context, options->no_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(pump->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    pump->ssl = SSL_new(pump->context);
    if (!pump->ssl || SSL_set_fd(pump->ssl, pump->fd) != 1)
        return false;
    SSL_set_connect_state(pump->ssl);
    if (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(pump->ssl), name) == 1;
    return SSL_set1_host(pump->ssl, name) == 1 && SSL_set_tlsext_host_name(pump->ssl, name) == 1;
}

static bool handshake_run(struct leati_peer *p, struct leati_tls_pump *pump)
{
    for (;;) {
        leati_fork_hold();
        int result = SSL_do_handshake(pump->ssl);
        int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(pump->ssl, result);
        leati_fork_let();
        short events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        if (error == SSL_ERROR_NONE)
            return true;
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            return false;
        if (!leati_peer_wait_fd(p, pump->fd, events, LEATI_TESTING_DIAL_MS))
            return false;
    }
}

static void failure_note(struct leati_peer *p, struct leati_tls_pump *pump)
{
    long verdict = pump->ssl ? SSL_get_verify_result(pump->ssl) : X509_V_OK;
    const char *reason = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict)
                                              : ERR_reason_error_string(ERR_peek_error());
    (void)leati_peer_problem(p, "TLS to the destination failed: %s",
                             reason ? reason : "the connection ended");
    ERR_clear_error();
}

/* ---- carrying -------------------------------------------------------------------------------- */

static bool is_retry(ssize_t result)
{
    return result < 0 && (errno == EAGAIN || errno == EINTR);
}

/* What a call of OpenSSL waits for; 0 = it has failed. */
static short ssl_wants(struct leati_tls_pump *pump, int result)
{
    int error = SSL_get_error(pump->ssl, result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ ? POLLIN : error == SSL_ERROR_WANT_WRITE ? POLLOUT : 0;
}

/* From the relay to the destination. false = it is over. */
static bool out_move(struct leati_tls_pump *pump, short *ret_wants)
{
    struct half *half = &pump->out;
    if (half->len == 0 && !half->has_ended) {
        ssize_t len = recv(pump->plain, half->buf, sizeof(half->buf), MSG_DONTWAIT);
        if (len <= 0 && !is_retry(len))
            half->has_ended = true;
        half->at = 0;
        half->len = len > 0 ? (size_t)len : 0;
    }
    while (half->len > 0) {
        int sent = SSL_write(pump->ssl, half->buf + half->at, (int)half->len);
        if (sent <= 0) {
            *ret_wants |= ssl_wants(pump, sent);
            return *ret_wants != 0;
        }
        half->at += (size_t)sent;
        half->len -= (size_t)sent;
    }
    if (half->has_ended && !half->is_shut) {
        (void)SSL_shutdown(pump->ssl);
        ERR_clear_error();
        shutdown(pump->fd, SHUT_WR);
        half->is_shut = true;
    }
    return true;
}

/* From the destination to the relay. */
static bool in_move(struct leati_tls_pump *pump, short *ret_wants)
{
    struct half *half = &pump->in;
    if (half->len == 0 && !half->has_ended) {
        int len = SSL_read(pump->ssl, half->buf, (int)sizeof(half->buf));
        half->at = 0;
        half->len = len > 0 ? (size_t)len : 0;
        half->has_more = len > 0;
        if (len <= 0) {
            short wants = ssl_wants(pump, len);
            half->has_ended = wants == 0;
            *ret_wants |= wants;
        }
    }
    while (half->len > 0) {
        ssize_t sent =
            send(pump->plain, half->buf + half->at, half->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return is_retry(sent);
        half->at += (size_t)sent;
        half->len -= (size_t)sent;
    }
    if (half->has_ended && !half->is_shut) {
        shutdown(pump->plain, SHUT_WR);
        half->is_shut = true;
    }
    return true;
}

static void *pump_run(void *user)
{
    struct leati_tls_pump *pump = user;
    for (;;) {
        short wants = 0;
        leati_fork_hold();
        bool goes_on = in_move(pump, &wants) && out_move(pump, &wants);
        bool is_pending = pump->in.has_more && pump->in.len == 0;
        leati_fork_let();
        if (!goes_on || (pump->out.is_shut && pump->in.is_shut))
            break; /* nothing would wake it any more */
        bool reads_plain = pump->out.len == 0 && !pump->out.has_ended;
        struct pollfd fds[] = {
            {.fd = pump->server->stop_fd, .events = POLLIN},
            {.fd = wants != 0 ? pump->fd : -1, .events = wants},
            {.fd = reads_plain || pump->in.len > 0 ? pump->plain : -1,
             .events = (short)((reads_plain ? POLLIN : 0) | (pump->in.len > 0 ? POLLOUT : 0))},
        };
        if (!pump->in.is_shut && pump->in.len == 0)
            fds[1] = (struct pollfd){.fd = pump->fd, .events = (short)(wants | POLLIN)};
        if ((poll(fds, 3, is_pending ? 0 : -1) < 0 && errno != EINTR) || fds[0].revents != 0)
            break;
    }
    close(pump->plain);
    return NULL;
}

int leati_tls_pump_new(struct leati_peer *p, int fd, struct leati_tls_pump **ret_pump)
{
    const struct leat_testing_to_tls *options = p->server->options.to_tls;
    struct leati_tls_pump *pump = leati_calloc(1, sizeof(*pump));
    int pair[2];
    if (!pump) {
        close(fd);
        (void)leati_peer_problem(p, "no memory for TLS");
        return -1;
    }
    pump->server = p->server;
    pump->fd = fd;
    leati_fork_hold();
    bool is_good = ssl_configure(pump, options, options->name ? options->name : p->request.host);
    leati_fork_let();
    if (!is_good || !handshake_run(p, pump)) {
        failure_note(p, pump);
        pump_free(pump);
        return -1;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        pump_free(pump);
        return -1;
    }
    pump->plain = pair[0];
    if (pthread_create(&pump->thread, NULL, pump_run, pump) != 0) {
        close(pair[0]);
        close(pair[1]);
        pump_free(pump);
        return -1;
    }
    *ret_pump = pump;
    return pair[1];
}

void leati_tls_pump_free(struct leati_tls_pump *pump)
{
    if (!pump)
        return;
    pthread_join(pump->thread, NULL);
    pump_free(pump);
}
