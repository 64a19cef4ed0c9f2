/* SPDX-License-Identifier: Apache-2.0 */
#include "support/patience.h"
#include "unit/tls/socket_layer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define POLL_TIMEOUT_MS PATIENCE_MS(5000)

static int socket_result(struct leati_layer *l, ssize_t n, size_t *ret_len)
{
    if (n > 0) {
        *ret_len = (size_t)n;
        return LEAT_OK;
    }
    if (n == 0)
        return LEATI_EOF;
    if (errno == EAGAIN)
        return LEATI_AGAIN;
    return leati_layer_fail(l, LEAT_E_SOCKET_BASE + errno, errno, 0, "socket");
}

static int socket_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len)
{
    if (l->sticky != LEAT_OK)
        return l->sticky;
    return socket_result(l, recv(((struct socket_layer *)l)->fd, buf, cap, 0), ret_len);
}

static int socket_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (uint16_t)n};

    if (l->sticky != LEAT_OK)
        return l->sticky;
    return socket_result(l, sendmsg(((struct socket_layer *)l)->fd, &message, MSG_NOSIGNAL),
                         ret_len);
}

static const struct leati_layer_ops socket_ops = {
    .name = "tcp",
    .layer = LEAT_LAYER_TCP,
    .recv = socket_recv,
    .send = socket_send,
};

void socket_end_init(struct socket_end *end, int fd, const struct leati_tls_layer_options *options)
{
    memset(end, 0, sizeof(*end));
    leati_failure_init(&end->failure);
    leati_layer_init(&end->lower.base, &socket_ops);
    end->lower.base.failure = &end->failure;
    end->lower.base.tracer = &end->tracer;
    end->lower.base.state = LEATI_LAYER_OPEN;
    end->lower.fd = fd;

    int code = leati_tls_layer_new(options, &end->failure, &end->tls);
    cr_assert(code == LEAT_OK, "%s", end->failure.text);
    end->tls->lower = &end->lower.base;
    end->tls->failure = &end->failure;
    end->tls->tracer = &end->tracer;
    end->tls->hop = "127.0.0.1";
}

void socket_end_done(struct socket_end *end)
{
    end->tls->ops->destroy(end->tls);
    close(end->lower.fd);
    leati_failure_done(&end->failure);
}

static void wait_for(struct socket_end *end, unsigned upper)
{
    unsigned want = end->tls->ops->want(end->tls, upper);
    struct pollfd pfd = {.fd = end->lower.fd};

    if (end->tls->ops->pending(end->tls))
        return;
    pfd.events |= want & LEATI_WANT_READ ? POLLIN : 0;
    pfd.events |= want & LEATI_WANT_WRITE ? POLLOUT : 0;
    cr_assert(pfd.events != 0);
    cr_assert(poll(&pfd, 1, POLL_TIMEOUT_MS) == 1, "nothing happens");
}

int socket_end_connect(struct socket_end *end)
{
    int result;

    while ((result = end->tls->ops->connect(end->tls, 1000)) == LEATI_AGAIN)
        wait_for(end, 0);
    return result;
}

int socket_end_recv(struct socket_end *end, void *buf, size_t cap, size_t *ret_len)
{
    int result;

    while ((result = end->tls->ops->recv(end->tls, buf, cap, ret_len)) == LEATI_AGAIN)
        wait_for(end, LEATI_WANT_READ);
    return result;
}

void socket_end_send(struct socket_end *end, const void *data, size_t len)
{
    struct iovec iov = {(void *)(uintptr_t)data, len};

    while (iov.iov_len > 0) {
        size_t n = 0;
        int result = end->tls->ops->send(end->tls, &iov, 1, &n);
        cr_assert(result == LEAT_OK || result == LEATI_AGAIN, "%d: %s", result, end->failure.text);
        if (result == LEATI_AGAIN) {
            wait_for(end, LEATI_WANT_WRITE);
            continue;
        }
        iov.iov_base = (char *)iov.iov_base + n;
        iov.iov_len -= n;
    }
}

void socket_end_shutdown(struct socket_end *end)
{
    int result;

    while ((result = end->tls->ops->shutdown(end->tls, 1000)) == LEATI_AGAIN)
        wait_for(end, 0);
    cr_assert(result == LEAT_OK, "%d: %s", result, end->failure.text);
}
