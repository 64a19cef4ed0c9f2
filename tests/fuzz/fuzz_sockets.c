/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A UDP or a TCP socket object, through a SOCKS5 proxy or without one, whose other end says
 * anything: the proxy, its relay with its headers, the peer. The program does anything, also inside
 * of its callbacks.
 *
 * The first byte: bit 0 = TCP, bit 1 = through a proxy, bit 2 = with a password, bit 3 = small
 * limits. Then a count and so many bytes for what the callbacks do; then what happens, one after
 * the other: see step_run().
 */
#include "fuzz/wire.h"

#include <leat/tcp_socket.h>
#include <leat/udp_socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS_MAX 1000

static struct fuzz_input in_callbacks;
static leat_loop *loop;
static leat_config *config;
static leat_udp_socket *udp;
static leat_tcp_socket *tcp;
static int listener, control, relay;
static uint16_t listener_port, relay_port;
static bool is_live;

/* ---- what the program does ------------------------------------------------------------------ */

static void code_check(int code)
{
    FUZZ_MUST(code == LEAT_OK || code == LEAT_E_PARAMETER || code == LEAT_E_SOCKS5_SERIALIZE ||
              (code > LEAT_E_SOCKET_BASE && code < LEAT_E_SOCKET_BASE + 200));
}

static void udp_act(uint8_t what)
{
    static const uint8_t data[4096];
    static const char *const hosts[] = {"127.0.0.1",       "::1",       "name.test", "",
                                        "255.255.255.255", "224.0.0.1", "fe80::1",   "0.0.0.0"};
    const char *host = hosts[what >> 4 & 7];
    struct leat_udp_extra_options options = {.size = sizeof(options)};
    switch (what & 15) {
    case 1:
        code_check(leat_udp_socket_send(udp, data, what & 0x80 ? 4000u : 5u, host, relay_port));
        break;
    case 2:
        code_check(leat_udp_socket_close(udp));
        break;
    case 3:
        leat_udp_socket_free(udp);
        udp = NULL;
        break;
    case 4:
        leat_udp_socket_get_extra_options(udp, &options);
        options.broadcast = what & 16;
        code_check(leat_udp_socket_set_extra_options(udp, &options));
        break;
    case 5:
        if (leat_udp_socket_bind(udp, "127.0.0.1", 0, config) == LEAT_OK)
            is_live = true;
        break;
    default:
        break;
    }
}

static void tcp_act(uint8_t what)
{
    static const uint8_t data[4096];
    switch (what & 15) {
    case 1:
        code_check(leat_tcp_socket_send(tcp, data, (size_t)(what >> 4) * 256));
        break;
    case 2:
        code_check(leat_tcp_socket_close(tcp));
        break;
    case 3:
        leat_tcp_socket_free(tcp);
        tcp = NULL;
        break;
    case 4:
        leat_tcp_socket_pause(tcp);
        break;
    case 5:
        leat_tcp_socket_resume(tcp);
        break;
    case 6:
        if (leat_tcp_socket_connect(tcp, "127.0.0.1", listener_port, config) == LEAT_OK)
            is_live = true;
        break;
    default:
        break;
    }
}

static void act(uint8_t what)
{
    if (udp)
        udp_act(what);
    else if (tcp)
        tcp_act(what);
}

/* ---- what is called back -------------------------------------------------------------------- */

static void called(void)
{
    FUZZ_MUST(is_live);
    act(fuzz_take(&in_callbacks));
}

static void message_check(const uint8_t *data, size_t len, const struct leat_remote_info *remote)
{
    free(fuzz_copy((struct fuzz_input){data, len}, false)); /* reads all of it */
    FUZZ_MUST(remote->size == len && fuzz_is_printable(remote->address));
    FUZZ_MUST(strcmp(remote->family, "IPv4") == 0 || strcmp(remote->family, "IPv6") == 0 ||
              strcmp(remote->family, "Domain") == 0);
}

static void on_udp_plain(leat_udp_socket *which, void *user)
{
    (void)user;
    FUZZ_MUST(which == udp);
    called();
}

static void on_udp_message(leat_udp_socket *which, const uint8_t *data, size_t len,
                           const struct leat_remote_info *remote, void *user)
{
    (void)user;
    FUZZ_MUST(which == udp);
    message_check(data, len, remote);
    called();
}

static void on_udp_error(leat_udp_socket *which, const struct leat_error *error, void *user)
{
    (void)user;
    FUZZ_MUST(which == udp && error->code != LEAT_OK);
    fuzz_error_check(error);
    called();
}

static void on_udp_closed(leat_udp_socket *which, void *user)
{
    (void)user;
    FUZZ_MUST(which == udp && is_live && leat_udp_socket_get_buffered_bytes(udp) == 0);
    is_live = false;
    act(fuzz_take(&in_callbacks));
}

static void on_tcp_plain(leat_tcp_socket *which, void *user)
{
    (void)user;
    FUZZ_MUST(which == tcp);
    called();
}

static void on_tcp_message(leat_tcp_socket *which, const uint8_t *data, size_t len,
                           const struct leat_remote_info *remote, void *user)
{
    (void)user;
    FUZZ_MUST(which == tcp && len > 0);
    message_check(data, len, remote);
    called();
}

static void on_tcp_error(leat_tcp_socket *which, const struct leat_error *error, void *user)
{
    (void)user;
    FUZZ_MUST(which == tcp && error->code != LEAT_OK);
    fuzz_error_check(error);
    called();
}

static void on_tcp_closed(leat_tcp_socket *which, void *user)
{
    (void)user;
    FUZZ_MUST(which == tcp && is_live);
    is_live = false;
    act(fuzz_take(&in_callbacks));
}

/* ---- what the other side does --------------------------------------------------------------- */

static void control_find(void)
{
    int fd = fuzz_accept(listener);
    if (fd < 0)
        return;
    fuzz_reset(control);
    control = fd;
}

/* RFC 1928 section 6, with where our relay is. */
static void say_reply(void)
{
    const uint8_t reply[] = {
        5, 0, 0, 1, 127, 0, 0, 1, (uint8_t)(relay_port >> 8), (uint8_t)relay_port};
    fuzz_send(control, reply, sizeof(reply));
}

/* To the socket object, as the relay or as anybody. */
static void datagram_send(struct fuzz_input *input, size_t len, int from)
{
    struct leat_net_address local = {.port = 0};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct fuzz_input bytes = fuzz_take_bytes(input, len);
    char *copy = fuzz_copy(bytes, false);
    if (udp && leat_udp_socket_get_local_address(udp, &local) == LEAT_OK) {
        to.sin_port = htons(local.port);
        (void)sendto(from, copy, bytes.len, MSG_DONTWAIT, (const struct sockaddr *)&to, sizeof(to));
    }
    free(copy);
}

static void datagram_with_header(struct fuzz_input *input, size_t len)
{
    uint8_t datagram[10 + 64] = {0, 0, 0, 1, 127, 0, 0, 1, 0, 9};
    struct fuzz_input bytes = fuzz_take_bytes(input, len);
    if (bytes.len > 0)
        memcpy(datagram + 10, bytes.data, bytes.len);
    struct fuzz_input all = {datagram, 10 + bytes.len};
    datagram_send(&all, sizeof(datagram), relay);
}

static void control_do(uint8_t what)
{
    char buf[4096];
    switch (what & 7) {
    case 0:
        fuzz_send(control, "\x05\x00", 2);
        break;
    case 1:
        fuzz_send(control, "\x05\x02\x01\x00", 4);
        break;
    case 2:
        say_reply();
        break;
    case 3:
        (void)fuzz_recv(control, buf, sizeof(buf));
        break;
    case 4:
        (void)fuzz_recv(relay, buf, sizeof(buf));
        break;
    case 5:
        fuzz_reset(control);
        control = -1;
        break;
    case 6:
        if (control >= 0)
            shutdown(control, SHUT_WR);
        break;
    default: /* nobody listens there any more: ICMP */
        if (relay >= 0)
            close(relay);
        relay = -1;
        break;
    }
}

static void step_run(struct fuzz_input *input)
{
    uint8_t what = fuzz_take(input);
    struct fuzz_input bytes;
    switch (what >> 5) {
    case 0:
        (void)fuzz_turn(loop, 1 + (what & 7));
        control_find();
        break;
    case 1:
        control_do(what);
        break;
    case 2:
        bytes = fuzz_take_bytes(input, (what & 31u) + 1);
        fuzz_send(control, bytes.data, bytes.len);
        break;
    case 3:
        datagram_send(input, (what & 31u) * 8, relay);
        break;
    case 4:
        datagram_with_header(input, what & 31u);
        break;
    case 5:
        act(fuzz_take(input));
        break;
    default:
        act((uint8_t)(what << 3 | (what >> 2 & 7)));
        break;
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void udp_make(void)
{
    const struct leat_udp_socket_callbacks callbacks = {
        .size = sizeof(callbacks),
        .listening = on_udp_plain,
        .message = on_udp_message,
        .error = on_udp_error,
        .writable = on_udp_plain,
        .closed = on_udp_closed,
    };
    FUZZ_MUST(leat_udp_socket_new(loop, &callbacks, NULL, &udp) == LEAT_OK);
    is_live = leat_udp_socket_bind(udp, "127.0.0.1", 0, config) == LEAT_OK;
    FUZZ_MUST(is_live);
}

static void tcp_make(void)
{
    const struct leat_tcp_socket_callbacks callbacks = {
        .size = sizeof(callbacks),
        .connected = on_tcp_plain,
        .message = on_tcp_message,
        .writable = on_tcp_plain,
        .error = on_tcp_error,
        .closed = on_tcp_closed,
    };
    FUZZ_MUST(leat_tcp_socket_new(loop, &callbacks, NULL, &tcp) == LEAT_OK);
    is_live = leat_tcp_socket_connect(tcp, "127.0.0.1", listener_port, config) == LEAT_OK;
    FUZZ_MUST(is_live);
}

static void config_make(uint8_t choice)
{
    char proxy[64];
    FUZZ_MUST(leat_config_new(&config) == LEAT_OK);
    FUZZ_MUST(leat_config_set_dns_servers(config, "127.0.0.1:1") == LEAT_OK);
    snprintf(proxy, sizeof(proxy), "socks5h://%s127.0.0.1:%u", choice & 4 ? "u:p@" : "",
             listener_port);
    if (choice & 2)
        FUZZ_MUST(leat_config_set_proxy(config, proxy) == LEAT_OK);
    if (choice & 8)
        FUZZ_MUST(leat_config_set_send_queue_limit(config, 1000) == LEAT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t choice = fuzz_take(&input);
    uint8_t count = fuzz_take(&input);
    if (!fuzz_network_leave())
        return 0;
    int free_descriptor = fuzz_free_descriptor();
    in_callbacks = fuzz_take_bytes(&input, count);
    FUZZ_MUST(leat_loop_new(&loop) == LEAT_OK);
    listener = fuzz_listen(&listener_port);
    relay = fuzz_bind_udp(&relay_port);
    control = -1;
    udp = NULL;
    tcp = NULL;
    config_make(choice);
    if (choice & 1)
        tcp_make();
    else
        udp_make();
    while (input.len > 0)
        step_run(&input);
    (void)fuzz_turn(loop, ROUNDS_MAX);
    control_find();
    fuzz_reset(control);
    FUZZ_MUST(fuzz_turn(loop, ROUNDS_MAX));

    leat_udp_socket_free(udp);
    leat_tcp_socket_free(tcp);
    leat_config_free(config);
    leat_loop_free(loop);
    close(listener);
    if (relay >= 0)
        close(relay);
    FUZZ_MUST(fuzz_free_descriptor() == free_descriptor);
    return 0;
}
