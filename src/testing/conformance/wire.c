/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/conformance/wire.h"

#include "util/clock.h"
#include "util/fork.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 16384, GAP_MS = 1, SLOW_TIMES = 6 };

/* What a read or write has come to, beside a count of bytes. */
enum { MOVE_ENDED = 0, MOVE_READ_LATER = -1, MOVE_WRITE_LATER = -2, MOVE_FAILED = -3 };

void leati_wire_init(struct leati_wire *wire, int fd, int stop_fd, unsigned patience_ms)
{
    const int on = 1;
    *wire = (struct leati_wire){.fd = fd,
                                .stop_fd = stop_fd,
                                .patience_ms = patience_ms,
                                .gap_ms = GAP_MS,
                                .limit_ms = UINT64_MAX};
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void leati_wire_limit(struct leati_wire *wire)
{
    wire->limit_ms = leati_clock_ms() + LEATI_WIRE_LIMIT_MS((uint64_t)wire->patience_ms);
}

static bool wire_is_late(struct leati_wire *wire)
{
    bool is_late = leati_clock_ms() > wire->limit_ms;
    if (is_late && wire->end == LEATI_WIRE_OPEN)
        wire->end = LEATI_WIRE_LATE;
    return is_late;
}

void leati_wire_close(struct leati_wire *wire)
{
    leati_fork_hold();
    SSL_free(wire->ssl);
    leati_fork_let();
    if (wire->fd >= 0)
        close(wire->fd);
    leati_bytes_done(&wire->in);
    wire->ssl = NULL;
    wire->fd = -1;
}

/* Waits for events. @return those that came, 0 = the time is over or it was told to end. */
static short wire_wait(struct leati_wire *wire, short events, uint64_t deadline_ms)
{
    while (!wire_is_late(wire)) {
        struct pollfd fds[] = {{.fd = wire->fd, .events = events},
                               {.fd = wire->stop_fd, .events = POLLIN}};
        uint64_t now_ms = leati_clock_ms();
        uint64_t until_ms = deadline_ms < wire->limit_ms ? deadline_ms : wire->limit_ms;
        int left_ms = now_ms < until_ms ? (int)(until_ms - now_ms) : 0;
        int ready = poll(fds, 2, left_ms);
        if (ready < 0 && errno == EINTR)
            continue;
        if (fds[1].revents)
            wire->end = LEATI_WIRE_STOPPED;
        if (ready <= 0 || fds[1].revents)
            break;
        return fds[0].revents;
    }
    (void)wire_is_late(wire);
    return 0;
}

/* ---- moving bytes --------------------------------------------------------------------------- */

static int ssl_result(struct leati_wire *wire, int result)
{
    int error = SSL_get_error(wire->ssl, result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ     ? MOVE_READ_LATER
           : error == SSL_ERROR_WANT_WRITE  ? MOVE_WRITE_LATER
           : error == SSL_ERROR_ZERO_RETURN ? MOVE_ENDED
                                            : MOVE_FAILED;
}

static int socket_result(int later)
{
    return errno == EAGAIN || errno == EINTR ? later : MOVE_FAILED;
}

static int wire_read(struct leati_wire *wire, uint8_t *buf, size_t cap)
{
    if (!wire->ssl) {
        ssize_t len = recv(wire->fd, buf, cap, 0);
        return len >= 0 ? (int)len : socket_result(MOVE_READ_LATER);
    }
    leati_fork_hold();
    int len = SSL_read(wire->ssl, buf, (int)cap);
    if (len <= 0)
        len = ssl_result(wire, len);
    leati_fork_let();
    return len;
}

static int wire_write(struct leati_wire *wire, const uint8_t *data, size_t len)
{
    if (!wire->ssl) {
        ssize_t sent = send(wire->fd, data, len, MSG_NOSIGNAL);
        return sent >= 0 ? (int)sent : socket_result(MOVE_WRITE_LATER);
    }
    leati_fork_hold();
    int sent = SSL_write(wire->ssl, data, len > READ_BYTES ? READ_BYTES : (int)len);
    if (sent <= 0)
        sent = ssl_result(wire, sent);
    leati_fork_let();
    return sent == MOVE_ENDED ? MOVE_FAILED : sent;
}

/* Reads what there is. @return whether anything came, the end also. */
static bool wire_take(struct leati_wire *wire)
{
    uint8_t buf[READ_BYTES];
    bool has_come = false;
    while (wire->end == LEATI_WIRE_OPEN && !wire_is_late(wire)) {
        int len = wire_read(wire, buf, sizeof(buf));
        if (len == MOVE_READ_LATER || len == MOVE_WRITE_LATER)
            return has_come;
        has_come = true;
        if (len == MOVE_ENDED)
            wire->end = LEATI_WIRE_FIN;
        else if (len == MOVE_FAILED)
            wire->end = LEATI_WIRE_RESET;
        else if (wire->in.len + (size_t)len > LEATI_WIRE_BYTES_MAX)
            wire->end = LEATI_WIRE_FLOOD;
        else
            leati_bytes_add(&wire->in, buf, (size_t)len);
        wire->received += len > 0 ? (size_t)len : 0;
    }
    return has_come;
}

/* When what moves, but hardly, is over: so many times the patience. */
static uint64_t slow_limit_ms(const struct leati_wire *wire)
{
    return leati_clock_ms() + (uint64_t)SLOW_TIMES * wire->patience_ms;
}

static bool piece_send(struct leati_wire *wire, const uint8_t *data, size_t len)
{
    uint64_t deadline_ms = leati_clock_ms() + wire->patience_ms;
    uint64_t limit_ms = slow_limit_ms(wire);
    while (len > 0 && leati_clock_ms() <= limit_ms) {
        int sent = wire_write(wire, data, len);
        if (sent > 0) {
            data += sent;
            len -= (size_t)sent;
            deadline_ms = leati_clock_ms() + wire->patience_ms;
            continue;
        }
        if (sent == MOVE_FAILED) {
            (void)wire_take(wire);
            wire->is_mute = true;
            return false;
        }
        short reads = wire->end == LEATI_WIRE_OPEN ? POLLIN : 0;
        short writes = sent == MOVE_WRITE_LATER ? POLLOUT : 0;
        short events = wire_wait(wire, reads | writes, deadline_ms);
        if (events == 0)
            return false;
        if (events & (POLLIN | POLLHUP | POLLERR) && wire_take(wire))
            deadline_ms = leati_clock_ms() + wire->patience_ms;
    }
    return len == 0;
}

bool leati_wire_send(struct leati_wire *wire, const void *data, size_t len, size_t chunk)
{
    const uint8_t *bytes = data;
    size_t step = chunk > 0 ? chunk : len;
    uint64_t limit_ms = slow_limit_ms(wire);
    for (size_t at = 0; at < len && !wire->is_mute; at += step) {
        if (wire->end == LEATI_WIRE_STOPPED || leati_clock_ms() > limit_ms ||
            !piece_send(wire, bytes + at, len - at < step ? len - at : step))
            return false;
        if (chunk > 0 && wire->gap_ms > 0 && at + step < len && wire->end == LEATI_WIRE_OPEN &&
            wire_wait(wire, POLLIN, leati_clock_ms() + wire->gap_ms) != 0)
            (void)wire_take(wire);
    }
    return !wire->is_mute;
}

bool leati_wire_give(struct leati_wire *wire, struct leati_bytes *bytes, size_t chunk)
{
    bool done = leati_wire_send(wire, bytes->data, bytes->len, chunk);
    leati_bytes_done(bytes);
    return done;
}

bool leati_wire_more(struct leati_wire *wire, size_t had, unsigned timeout_ms)
{
    uint64_t deadline_ms = leati_clock_ms() + timeout_ms;
    (void)wire_take(wire); /* also what TLS holds already */
    while (wire->in.len <= had && wire->end == LEATI_WIRE_OPEN) {
        if (wire_wait(wire, POLLIN, deadline_ms) == 0)
            return false;
        (void)wire_take(wire);
    }
    return wire->in.len > had;
}

bool leati_wire_need(struct leati_wire *wire, size_t len)
{
    uint64_t limit_ms = slow_limit_ms(wire);
    while (wire->in.len < len)
        if (leati_clock_ms() > limit_ms || !leati_wire_more(wire, wire->in.len, wire->patience_ms))
            return false;
    return true;
}

size_t leati_wire_until(struct leati_wire *wire, const char *text, size_t max)
{
    size_t len = strlen(text);
    uint64_t limit_ms = slow_limit_ms(wire);
    for (;;) {
        const uint8_t *found =
            wire->in.len > 0 ? memmem(wire->in.data, wire->in.len, text, len) : NULL;
        size_t end = found ? (size_t)(found - wire->in.data) + len : 0;
        if (end > 0)
            return end <= max ? end : 0;
        if (wire->in.len >= max || leati_clock_ms() > limit_ms ||
            !leati_wire_more(wire, wire->in.len, wire->patience_ms))
            return 0;
    }
}

bool leati_wire_take_head(struct leati_wire *wire, char *ret_head, size_t cap)
{
    size_t len = leati_wire_until(wire, "\r\n\r\n", cap - 1);
    if (len == 0)
        return false;
    memcpy(ret_head, wire->in.data, len);
    ret_head[len] = '\0';
    leati_bytes_consume(&wire->in, len);
    return true;
}

bool leati_wire_wait_end(struct leati_wire *wire, unsigned timeout_ms)
{
    uint64_t deadline_ms = leati_clock_ms() + timeout_ms;
    (void)wire_take(wire);
    while (wire->end == LEATI_WIRE_OPEN) {
        if (wire_wait(wire, POLLIN, deadline_ms) == 0)
            return false;
        (void)wire_take(wire);
    }
    return wire->end == LEATI_WIRE_FIN || wire->end == LEATI_WIRE_RESET;
}

void leati_wire_shut(struct leati_wire *wire)
{
    if (wire->ssl) {
        leati_fork_hold();
        (void)SSL_shutdown(wire->ssl);
        ERR_clear_error();
        leati_fork_let();
    }
    (void)shutdown(wire->fd, SHUT_WR);
}

void leati_wire_reset(struct leati_wire *wire)
{
    const struct linger linger = {.l_onoff = 1};
    (void)setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(wire->fd);
    wire->fd = -1;
}

const char *leati_wire_describe(const struct leati_wire *wire)
{
    switch (wire->end) {
    case LEATI_WIRE_FIN:
        return "it ended TCP";
    case LEATI_WIRE_RESET:
        return "it reset TCP";
    case LEATI_WIRE_FLOOD:
        return "it sent more than 32 MiB";
    case LEATI_WIRE_STOPPED:
        return "the judge was stopped";
    case LEATI_WIRE_LATE:
        return "it came to no end";
    case LEATI_WIRE_OPEN:
        break;
    }
    return "it did nothing more";
}

/* ---- connecting ----------------------------------------------------------------------------- */

int leati_wire_connect(struct leati_wire *wire, const struct sockaddr_storage *address,
                       unsigned patience_ms, int stop_fd)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    leati_wire_init(wire, fd, stop_fd, patience_ms);
    socklen_t size =
        address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int reason = 0;
    if (connect(fd, (const struct sockaddr *)address, size) != 0 && errno != EINPROGRESS)
        reason = errno;
    if (reason == 0 && wire_wait(wire, POLLOUT, leati_clock_ms() + patience_ms) == 0)
        reason = wire->end == LEATI_WIRE_STOPPED ? ECANCELED : ETIMEDOUT;
    socklen_t reason_size = sizeof(reason);
    if (reason == 0)
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &reason_size);
    if (reason != 0)
        leati_wire_close(wire);
    return reason;
}

/* Asks for a name, and takes only a certificate of it. */
static bool name_demand(SSL *ssl, const char *name)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

bool leati_wire_tls(struct leati_wire *wire, struct ssl_ctx_st *context, bool is_server,
                    const char *name)
{
    uint64_t deadline_ms = leati_clock_ms() + wire->patience_ms;
    leati_fork_hold();
    wire->ssl = SSL_new(context);
    bool goes_on = wire->ssl && SSL_set_fd(wire->ssl, wire->fd) == 1;
    if (goes_on && is_server)
        SSL_set_accept_state(wire->ssl);
    else if (goes_on)
        SSL_set_connect_state(wire->ssl);
    if (goes_on && name)
        goes_on = name_demand(wire->ssl, name);
    leati_fork_let();
    while (goes_on) {
        leati_fork_hold();
        int result = SSL_do_handshake(wire->ssl);
        int later = result == 1 ? 0 : ssl_result(wire, result);
        leati_fork_let();
        if (result == 1)
            return true;
        goes_on = later != MOVE_FAILED && later != MOVE_ENDED &&
                  wire_wait(wire, later == MOVE_READ_LATER ? POLLIN : POLLOUT, deadline_ms) != 0;
    }
    return false;
}
