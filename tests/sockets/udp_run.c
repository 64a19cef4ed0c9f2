/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/udp_run.h"

#include "support/process.h"
#include "support/sandbox.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- events ------------------------------------------------------------------------------ */

static void run_hook(struct udp_run *run, const char *event)
{
    if (run->hook)
        run->hook(run, event);
}

static void on_listening(leat_udp_socket *udp, void *user)
{
    struct udp_run *run = user;
    cr_assert_eq(udp, run->udp);
    run->listening_count++;
    run_hook(run, "listening");
}

static void on_message(leat_udp_socket *udp, const uint8_t *data, size_t len,
                       const struct leat_remote_info *remote, void *user)
{
    struct udp_run *run = user;
    cr_assert_eq(udp, run->udp);
    cr_assert_lt(run->message_count, UDP_RUN_EVENTS);
    struct udp_run_message *message = &run->messages[run->message_count++];
    size_t kept = len < sizeof(message->data) ? len : sizeof(message->data) - 1;
    memcpy(message->data, data, kept);
    message->data[kept] = '\0';
    message->len = len;
    message->port = remote->port;
    cr_assert_eq(remote->size, len);
    snprintf(message->address, sizeof(message->address), "%s", remote->address);
    snprintf(message->family, sizeof(message->family), "%s", remote->family);
    run_hook(run, "message");
}

static void on_error(leat_udp_socket *udp, const struct leat_error *error, void *user)
{
    struct udp_run *run = user;
    cr_assert_eq(udp, run->udp);
    cr_assert_lt(run->error_count, UDP_RUN_EVENTS);
    run->errors[run->error_count++] = *error;
    run_hook(run, "error");
}

static void on_writable(leat_udp_socket *udp, void *user)
{
    struct udp_run *run = user;
    cr_assert_eq(udp, run->udp);
    run->writable_count++;
    run_hook(run, "writable");
}

static void on_closed(leat_udp_socket *udp, void *user)
{
    struct udp_run *run = user;
    cr_assert_eq(udp, run->udp);
    run->closed_count++;
    run_hook(run, "closed");
}

static void on_trace(const struct leat_trace_event *event, void *user)
{
    struct udp_run *run = user;
    if (run->trace_len >= sizeof(run->trace))
        return;
    run->trace_len +=
        (size_t)snprintf(run->trace + run->trace_len, sizeof(run->trace) - run->trace_len,
                         "%s %s %s\n", leat_layer_name(event->layer), event->name, event->text);
}

static const struct leat_udp_socket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .listening = on_listening,
    .message = on_message,
    .error = on_error,
    .writable = on_writable,
    .closed = on_closed,
};

/* ---- life -------------------------------------------------------------------------------- */

void udp_run_init(struct udp_run *run)
{
    memset(run, 0, sizeof(*run));
    cr_assert_eq(leat_loop_new(&run->loop), LEAT_OK);
    cr_assert_eq(leat_config_new(&run->config), LEAT_OK);
    cr_assert_eq(leat_config_set_trace(run->config, on_trace, run), LEAT_OK);
    cr_assert_eq(leat_udp_socket_new(run->loop, &callbacks, run, &run->udp), LEAT_OK);
}

void udp_run_done(struct udp_run *run)
{
    leat_udp_socket_free(run->udp);
    leat_config_free(run->config);
    leat_loop_free(run->loop);
}

void udp_run_bind(struct udp_run *run, const char *address)
{
    struct leat_error error;
    int code = leat_udp_socket_bind(run->udp, address, 0, run->config);
    leat_udp_socket_get_error(run->udp, &error);
    cr_assert_eq(code, LEAT_OK, "%d %s", code, error.text);
}

void udp_run_listen(struct udp_run *run, const char *address)
{
    unsigned before = run->listening_count;
    udp_run_bind(run, address);
    for (int i = 0; run->listening_count == before; i++) {
        cr_assert_eq(leat_loop_dispatch(run->loop, UDP_RUN_TIMEOUT_MS), LEAT_OK);
        cr_assert_lt(i, 10000);
        cr_assert_eq(run->error_count, 0, "%d %s", run->errors[0].code, run->errors[0].text);
    }
}

uint16_t udp_run_port(const struct udp_run *run)
{
    struct leat_net_address local;
    cr_assert_eq(leat_udp_socket_get_local_address(run->udp, &local), LEAT_OK);
    return local.port;
}

void udp_run_send(struct udp_run *run, const char *text, const char *address, uint16_t port)
{
    struct leat_error error;
    int code = leat_udp_socket_send(run->udp, text, strlen(text), address, port);
    leat_udp_socket_get_error(run->udp, &error);
    cr_assert_eq(code, LEAT_OK, "%d %s", code, error.text);
}

void udp_run_send_refused(struct udp_run *run, const char *address, uint16_t port, int code,
                          const char *detail)
{
    struct leat_error error;
    cr_expect_eq(leat_udp_socket_send(run->udp, "x", 1, address, port), code);
    leat_udp_socket_get_error(run->udp, &error);
    cr_expect_eq(error.code, code, "%d %s", error.code, error.text);
    cr_expect(strstr(error.text, detail), "%s", error.text);
}

void udp_run_set_timeout(struct udp_run *run, uint32_t timeout_ms)
{
    const struct leat_udp_extra_options options = {.size = sizeof(options),
                                                   .socket_timeout_ms = timeout_ms};
    cr_assert_eq(leat_udp_socket_set_extra_options(run->udp, &options), LEAT_OK);
}

/* ---- waiting ----------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void udp_run_until(struct udp_run *run, const size_t *counter, size_t count)
{
    uint64_t end_ms = now_ms() + UDP_RUN_TIMEOUT_MS;
    while (*counter < count) {
        cr_assert_lt(now_ms(), end_ms, "%zu of %zu after %d ms; %zu errors: %s", *counter, count,
                     UDP_RUN_TIMEOUT_MS, run->error_count, run->errors[0].text);
        cr_assert_eq(leat_loop_dispatch(run->loop, 1000), LEAT_OK);
    }
}

void udp_run_until_messages(struct udp_run *run, size_t count)
{
    udp_run_until(run, &run->message_count, count);
}

void udp_run_until_error(struct udp_run *run, size_t count, int code, const char *detail)
{
    udp_run_until(run, &run->error_count, count);
    const struct leat_error *error = &run->errors[count - 1];
    cr_expect_eq(error->code, code, "%d %s", error->code, error->text);
    cr_expect(strstr(error->text, detail), "%s", error->text);
}

void udp_run_until_closed(struct udp_run *run)
{
    uint64_t end_ms = now_ms() + UDP_RUN_TIMEOUT_MS;
    while (run->closed_count == 0) {
        cr_assert_lt(now_ms(), end_ms, "not closed");
        cr_assert_eq(leat_loop_dispatch(run->loop, 1000), LEAT_OK);
    }
    udp_run_settle(run);
    cr_expect_eq(run->closed_count, 1);
}

void udp_run_settle(struct udp_run *run)
{
    for (int i = 0; i < 3; i++)
        cr_assert_eq(leat_loop_dispatch(run->loop, 0), LEAT_OK);
}

void udp_run_expect(const struct udp_run *run, size_t index, const char *text, const char *address,
                    const char *family, uint16_t port)
{
    const struct udp_run_message *message = &run->messages[index];
    cr_assert_lt(index, run->message_count);
    cr_expect_str_eq(message->data, text);
    cr_expect_eq(message->len, strlen(text));
    cr_expect_str_eq(message->address, address);
    cr_expect_str_eq(message->family, family);
    cr_expect_eq(message->port, port);
}

/* ---- the other side ---------------------------------------------------------------------- */

uint16_t udp_echo_start(const char *host)
{
    static const char program[] =
        "import socket, sys\n"
        "s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET,\n"
        "                  socket.SOCK_DGRAM)\n"
        "s.bind((sys.argv[1], 0))\n"
        "print('PORT', s.getsockname()[1], flush=True)\n"
        "while True:\n"
        "    data, sender = s.recvfrom(65536)\n"
        "    s.sendto(data, sender)\n";
    const char *const argv[] = {"/usr/bin/python3", "-c", program, host, NULL};
    char port[16];
    struct process *process = process_start(&(struct process_options){.argv = argv});
    process_wait_line(process, "PORT ", port, sizeof(port));
    return (uint16_t)strtoul(port, NULL, 10);
}

static void ip_run(const char *const *argv)
{
    struct process *process = process_start(&(struct process_options){.argv = argv});
    cr_assert_eq(process_wait(process, UDP_RUN_TIMEOUT_MS), 0, "%s %s", argv[1], argv[2]);
}

bool udp_own_network(void)
{
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    ip_run((const char *const[]){"ip", "link", "set", "lo", "up", NULL});
    /* The loopback interface has no IPv6 multicast. */
    ip_run((const char *const[]){"ip", "link", "add", UDP_OWN_INTERFACE, "type", "veth", "peer",
                                 "name", "far0", NULL});
    ip_run((const char *const[]){"ip", "link", "set", "far0", "up", NULL});
    ip_run((const char *const[]){"ip", "link", "set", UDP_OWN_INTERFACE, "up", NULL});
    ip_run((const char *const[]){"ip", "-6", "address", "add", "fe80::1/64", "dev",
                                 UDP_OWN_INTERFACE, "nodad", NULL});
    ip_run((const char *const[]){"ip", "address", "add", "10.77.0.1/24", "dev", UDP_OWN_INTERFACE,
                                 NULL});
    return true;
}

struct plain_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t size;
};

static struct plain_address plain_address(const char *host, uint16_t port)
{
    struct plain_address address;
    memset(&address, 0, sizeof(address));
    address.size = sizeof(address.v4);
    if (inet_pton(AF_INET, host, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(port);
        return address;
    }
    cr_assert_eq(inet_pton(AF_INET6, host, &address.v6.sin6_addr), 1, "%s", host);
    address.size = sizeof(address.v6);
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(port);
    return address;
}

int udp_plain_open(const char *host, uint16_t *ret_port)
{
    struct plain_address address = plain_address(host, 0);
    int fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && bind(fd, &address.any, address.size) == 0 &&
                  getsockname(fd, &address.any, &address.size) == 0,
              "%s", strerror(errno));
    *ret_port = ntohs(address.v4.sin_port);
    return fd;
}

size_t udp_plain_recv(int fd, void *buf, size_t cap, uint16_t *ret_from_port)
{
    struct plain_address from = {.size = sizeof(struct sockaddr_in6)};
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    cr_assert_eq(poll(&wait, 1, UDP_RUN_TIMEOUT_MS), 1, "no datagram came");
    ssize_t n = recvfrom(fd, buf, cap, 0, &from.any, &from.size);
    cr_assert_geq(n, 0);
    *ret_from_port = ntohs(from.v4.sin_port);
    return (size_t)n;
}

void udp_plain_send(int fd, const void *data, size_t len, const char *host, uint16_t port)
{
    struct plain_address to = plain_address(host, port);
    cr_assert_eq(sendto(fd, data, len, 0, &to.any, to.size), (ssize_t)len);
}
