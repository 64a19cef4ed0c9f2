/* SPDX-License-Identifier: Apache-2.0 */
#undef _FORTIFY_SOURCE /* which defines recv() itself */
#include "tcp_fixture.h"

#include "util/clock.h"

#include <string.h>
#include <unistd.h>

int fixture_recv_calls;

/* In place of libc's. recvfrom(2) is what every processor has. */
__attribute__((visibility("default"))) ssize_t recv(int fd, void *buf, size_t size, int flags)
{
    fixture_recv_calls++;
    return recvfrom(fd, buf, size, flags, NULL, NULL);
}

struct leati_address address_make(const char *host, uint16_t port)
{
    struct leati_address address;

    cr_assert(leati_address_parse(host, port, &address));
    return address;
}

static int socket_bind(const char *host, struct leati_address *ret_address)
{
    struct leati_address address = address_make(host, 0);
    socklen_t size = sizeof(address);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(fd >= 0 && bind(fd, &address.any, leati_address_size(&address)) == 0 &&
              getsockname(fd, &address.any, &size) == 0);
    *ret_address = address;
    return fd;
}

int listener_make(const char *host, struct leati_address *ret_address)
{
    int fd = socket_bind(host, ret_address);

    cr_assert_eq(listen(fd, 16), 0);
    return fd;
}

int listener_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    cr_assert_geq(fd, 0);
    return fd;
}

uint16_t refusing_port_v6(void)
{
    struct leati_address address;

    (void)socket_bind("::1", &address); /* stays bound until the process ends */
    return leati_address_port(&address);
}

static void on_ready(void *user)
{
    struct tcp_fixture *f = user;

    cr_assert(f->loop, "only from dispatch");
    f->ready_calls++;
}

void fixture_init(struct tcp_fixture *f, const struct leati_address *addresses, size_t count,
                  uint32_t timeout_ms)
{
    memset(f, 0, sizeof(*f));
    cr_assert_eq(leat_loop_new(&f->loop), 0);
    struct leati_tcp_options options = {
        .loop = f->loop,
        .addresses = addresses,
        .count = count,
        .timeout_ms = timeout_ms,
        .ready = on_ready,
        .user = f,
    };
    cr_assert_eq(leati_tcp_layer_new(&options, &f->layer), 0);
    leati_failure_init(&f->failure);
    f->layer->failure = &f->failure;
    f->layer->tracer = &f->tracer;
    f->layer->hop = "name:1";
}

void fixture_done(struct tcp_fixture *f)
{
    f->layer->ops->destroy(f->layer);
    leati_failure_done(&f->failure);
    leat_loop_free(f->loop);
}

int fixture_connect(struct tcp_fixture *f)
{
    for (;;) {
        uint64_t now_ms = leati_clock_ms();
        int result = f->layer->ops->connect(f->layer, now_ms);
        if (result != LEATI_AGAIN)
            return result;
        int timeout_ms = -1;
        if (f->layer->deadline_ms != 0)
            timeout_ms = f->layer->deadline_ms > now_ms ? (int)(f->layer->deadline_ms - now_ms) : 0;
        cr_assert_eq(leat_loop_dispatch(f->loop, timeout_ms), 0);
    }
}

int fixture_open(struct tcp_fixture *f)
{
    struct leati_address address;
    int listener = listener_make("127.0.0.1", &address);

    fixture_init(f, &address, 1, 0);
    cr_assert_eq(fixture_connect(f), LEAT_OK);
    cr_assert_eq(f->layer->state, LEATI_LAYER_OPEN);
    int peer = listener_accept(listener);
    close(listener);
    return peer;
}

void fixture_wait(struct tcp_fixture *f, unsigned want)
{
    int before = f->ready_calls;

    cr_assert_eq(leati_tcp_layer_watch(f->layer, f->layer->ops->want(f->layer, want)), LEAT_OK);
    while (f->ready_calls == before)
        cr_assert_eq(leat_loop_dispatch(f->loop, -1), 0);
}

int fixture_recv(struct tcp_fixture *f, void *buf, size_t cap, size_t *ret_len)
{
    int result;

    while ((result = f->layer->ops->recv(f->layer, buf, cap, ret_len)) == LEATI_AGAIN)
        fixture_wait(f, LEATI_WANT_READ);
    return result;
}

int fixture_send(struct tcp_fixture *f, const void *data, size_t len, size_t *ret_len)
{
    struct iovec iov = {(void *)(uintptr_t)data, len};

    return f->layer->ops->send(f->layer, &iov, 1, ret_len);
}

void fixture_check_failed(struct tcp_fixture *f, int code)
{
    size_t len;
    uint8_t byte;

    leati_failure_get(&f->failure, &f->error);
    cr_assert_eq(f->error.code, code, "%d: %s", f->error.code, f->error.text);
    cr_assert_eq(f->error.layer, LEAT_LAYER_TCP);
    cr_assert_eq(f->error.sys_errno, code - LEAT_E_SOCKET_BASE);
    cr_assert_str_eq(f->error.hop, "name:1");
    cr_assert_eq(f->layer->state, LEATI_LAYER_CLOSED);
    cr_assert_eq(f->layer->deadline_ms, 0);
    cr_assert_eq(leati_tcp_layer_fd(f->layer), -1);
    /* Sticky. */
    cr_assert_eq(f->layer->ops->connect(f->layer, 0), code);
    cr_assert_eq(f->layer->ops->recv(f->layer, &byte, 1, &len), code);
    cr_assert_eq(fixture_send(f, "x", 1, &len), code);
    cr_assert_eq(f->layer->ops->shutdown(f->layer, 0), code);
    cr_assert_not(f->layer->ops->pending(f->layer));
}
