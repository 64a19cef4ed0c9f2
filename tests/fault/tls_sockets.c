/* SPDX-License-Identifier: Apache-2.0 */
/* leat_tls_socket and its server: the errnos of 2303100 that the kernel or the state of the socket
 * brings, and the codes of TLS and of proxies as these objects report them. Every other errno comes
 * by the shim, in every_tls_errno.c. */
#include "fault/fault.h"
#include "fault/kernel_filter.h"
#include "fault/tls_object.h"
#include "support/certificates.h"
#include "support/patience.h"
#include "support/sandbox.h"
#include "support/still_clock.h"
#include "support/worlds.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <leat/leat.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

/** More than the kernel keeps for a peer that does not read. */
#define TOO_MUCH_BYTES (32u << 20)
/** RFC 5737: no machine has it. */
#define FOREIGN_ADDRESS "192.0.2.77"

/* What an act sees. */
struct scene {
    struct tls_object object;
    leat_testing_server *server;
    uint16_t port; /* of the server */
};

struct row {
    struct fault_report report;
    const struct leat_script_row *server, *proxy; /* NULL = none */
    const char *proxy_scheme;               /* NULL = socks5h */
    const struct dns_record *dns;           /* NULL = the system's servers are not asked */
    const char *host;                       /* NULL = 127.0.0.1 */
    void (*world)(void);
    struct fault_deadline deadline;
    uint32_t connect_timeout_ms; /* 0 = that of client_config_new() */
    /* What must fail; its detail goes to `object.error`. NULL = connect. */
    int (*act)(struct scene *scene);
};

/* ---- acts that are refused ------------------------------------------------------------------- */

static int refused(struct scene *scene, int code)
{
    leat_tls_socket_get_error(scene->object.tls, &scene->object.error);
    return code;
}

static int bind_to(struct scene *scene, const char *address, uint16_t port)
{
    return refused(scene, leat_tls_socket_bind(scene->object.tls, address, port));
}

static int listen_on(struct scene *scene, const char *address, uint16_t port)
{
    struct tls_object *object = &scene->object;
    int code = leat_tls_socket_server_listen(object->server, address, port, object->options,
                                             object->config);
    leat_tls_socket_server_get_error(object->server, &object->error);
    return code;
}

static int bind_in_use(struct scene *scene)
{
    return bind_to(scene, "127.0.0.1", scene->port);
}

static int bind_elsewhere(struct scene *scene)
{
    return bind_to(scene, FOREIGN_ADDRESS, 0);
}

static int bind_twice(struct scene *scene)
{
    cr_assert(bind_to(scene, "127.0.0.1", 0) == LEAT_OK);
    return bind_to(scene, "127.0.0.1", 0);
}

static int listen_in_use(struct scene *scene)
{
    return listen_on(scene, "127.0.0.1", scene->port);
}

static int listen_elsewhere(struct scene *scene)
{
    return listen_on(scene, FOREIGN_ADDRESS, 0);
}

static int listen_twice(struct scene *scene)
{
    cr_assert(listen_on(scene, "127.0.0.1", 0) == LEAT_OK);
    return listen_on(scene, "127.0.0.1", 0);
}

static int server_close_too_early(struct scene *scene)
{
    return leat_tls_socket_server_close(scene->object.server);
}

static int connect_twice(struct scene *scene)
{
    struct tls_object *object = &scene->object;
    tls_object_open(object, scene->port);
    return refused(scene, leat_tls_socket_connect(object->tls, "127.0.0.1", scene->port,
                                                  object->options, object->config));
}

static int send_byte(struct scene *scene)
{
    return leat_tls_socket_send(scene->object.tls, "x", 1);
}

static int close_too_early(struct scene *scene)
{
    return leat_tls_socket_close(scene->object.tls);
}

static int send_after_close(struct scene *scene)
{
    tls_object_open(&scene->object, scene->port);
    cr_assert(leat_tls_socket_close(scene->object.tls) == LEAT_OK);
    return send_byte(scene);
}

/* Where world_without_free_ports() has a listener. */
static int connect_to_port_9(struct scene *scene)
{
    return tls_object_connect(&scene->object, "127.0.0.1", 9);
}

/* ---- descriptors that somebody else has touched ---------------------------------------------- */

static int set_options(struct scene *scene)
{
    const struct leat_tcp_extra_options options = {.size = sizeof(options), .keep_alive = true};
    return refused(scene, leat_tls_socket_set_extra_options(scene->object.tls, &options));
}

static int not_a_socket(struct scene *scene)
{
    cr_assert(bind_to(scene, "127.0.0.1", 0) == LEAT_OK);
    int file = open("/dev/null", O_RDWR | O_CLOEXEC);
    cr_assert(file >= 0 && dup2(file, leat_tls_socket_get_socket_fd(scene->object.tls)) >= 0);
    close(file);
    return set_options(scene);
}

static int connect_what_is_no_socket(struct scene *scene)
{
    cr_assert(not_a_socket(scene) == LEAT_E_TLS_SOCKET_BASE + ENOTSOCK);
    return tls_object_connect(&scene->object, "127.0.0.1", scene->port);
}

static int closed_elsewhere(struct scene *scene)
{
    cr_assert(bind_to(scene, "127.0.0.1", 0) == LEAT_OK);
    int fd = leat_tls_socket_get_socket_fd(scene->object.tls);
    cr_assert(close(fd) == 0);
    int code = set_options(scene);
    cr_assert(open("/dev/null", O_RDWR | O_CLOEXEC) == fd); /* for the socket to close */
    return code;
}

/* ---- a kernel that refuses ------------------------------------------------------------------- */

static int connect_refused_by_the_kernel(struct scene *scene, long call, int sys_errno)
{
    kernel_filter_refuse(call, sys_errno);
    return tls_object_connect(&scene->object, "127.0.0.1", scene->port);
}

static int connect_interrupted(struct scene *scene)
{
    return connect_refused_by_the_kernel(scene, SYS_socket, EINTR);
}

static int connect_for_now_impossible(struct scene *scene)
{
    return connect_refused_by_the_kernel(scene, SYS_connect, EAGAIN);
}

static int connect_with_a_wrong_protocol(struct scene *scene)
{
    return connect_refused_by_the_kernel(scene, SYS_socket, EPROTOTYPE);
}

static int connect_while_the_network_is_down(struct scene *scene)
{
    return connect_refused_by_the_kernel(scene, SYS_connect, ENETDOWN);
}

/* ---- upgrading ------------------------------------------------------------------------------- */

static void tcp_connected(leat_tcp_socket *tcp, void *user)
{
    (void)tcp;
    *(bool *)user = true;
}

static const struct leat_tcp_socket_callbacks tcp_callbacks = {
    .size = sizeof(tcp_callbacks), .connected = tcp_connected};
static const struct leat_tls_socket_callbacks no_callbacks = {.size = sizeof(no_callbacks)};

static int upgrade(struct scene *scene, bool connected, bool waiting)
{
    struct tls_object *object = &scene->object;
    leat_tcp_socket *tcp;
    leat_tls_socket *tls = NULL;
    bool is_connected = false;
    cr_assert(leat_tcp_socket_new(object->loop, &tcp_callbacks, &is_connected, &tcp) == LEAT_OK);
    if (connected) {
        cr_assert(leat_tcp_socket_connect(tcp, "127.0.0.1", scene->port, object->config) ==
                  LEAT_OK);
        while (!is_connected)
            cr_assert(leat_loop_dispatch(object->loop, CLIENT_RUN_TIMEOUT_MS) == LEAT_OK);
    }
    cr_assert(!waiting || leat_tcp_socket_send(tcp, "x", 1) == LEAT_OK);
    int code = leat_tls_socket_upgrade(tcp, &no_callbacks, NULL, "127.0.0.1", object->options,
                                       object->config, &tls);
    leat_tcp_socket_get_error(tcp, &object->error);
    leat_tcp_socket_free(tcp);
    return code;
}

static int upgrade_while_bytes_wait(struct scene *scene)
{
    return upgrade(scene, true, true);
}

static int upgrade_before_connect(struct scene *scene)
{
    return upgrade(scene, false, false);
}

/* ---- the send queue -------------------------------------------------------------------------- */

static void send_too_much(struct scene *scene)
{
    void *data = calloc(1, TOO_MUCH_BYTES);
    cr_assert(data);
    cr_assert(leat_tls_socket_send(scene->object.tls, data, TOO_MUCH_BYTES) == LEAT_OK);
    free(data);
}

static int until_closed(struct scene *scene)
{
    tls_object_until(&scene->object, &scene->object.closed_count);
    cr_expect(scene->object.error_count == 1);
    return scene->object.error.code;
}

static int fill_the_queue(struct scene *scene)
{
    tls_object_open(&scene->object, scene->port);
    send_too_much(scene);
    return send_byte(scene);
}

static int peer_takes_nothing(struct scene *scene)
{
    const struct leat_tcp_extra_options options = {.size = sizeof(options),
                                                   .socket_timeout_ms = 50};
    tls_object_open(&scene->object, scene->port);
    cr_assert(leat_tls_socket_set_extra_options(scene->object.tls, &options) == LEAT_OK);
    send_too_much(scene);
    return until_closed(scene);
}

static int close_with_a_full_queue(struct scene *scene)
{
    tls_object_open(&scene->object, scene->port);
    send_too_much(scene);
    cr_assert(leat_tls_socket_close(scene->object.tls) == LEAT_OK);
    return until_closed(scene);
}

/* ---- close_notify ---------------------------------------------------------------------------- */

/* Nothing is sent before, which close_notify would find in the queue. */
static int send_after_close_notify(struct scene *scene)
{
    struct leat_socket_state state = {.is_connected = true};
    tls_object_open(&scene->object, scene->port);
    while (state.is_connected) {
        cr_assert(leat_loop_dispatch(scene->object.loop, CLIENT_RUN_TIMEOUT_MS) == LEAT_OK);
        leat_tls_socket_get_state(scene->object.tls, &state);
    }
    return send_byte(scene);
}

static int send_after_the_peers_end(struct scene *scene)
{
    tls_object_open(&scene->object, scene->port);
    tls_object_until(&scene->object, &scene->object.closed_count);
    cr_expect(scene->object.error_count == 0, "%s", scene->object.error.text);
    return send_byte(scene);
}

static int close_notify_comes_while_bytes_wait(struct scene *scene)
{
    tls_object_open(&scene->object, scene->port);
    send_too_much(scene);
    cr_assert(leat_loop_dispatch(scene->object.loop, 0) == LEAT_OK);
    leat_testing_server_release(scene->server);
    return until_closed(scene);
}

static int close_notify_cannot_be_written(struct scene *scene)
{
    const struct shim_fault full = {.call = SHIM_SENDMSG, .sys_errno = EAGAIN};
    tls_object_open(&scene->object, scene->port);
    shim_arm(&full);
    cr_assert(leat_tls_socket_close(scene->object.tls) == LEAT_OK);
    int code = until_closed(scene);
    cr_expect(shim_hits() > 0);
    shim_arm(NULL);
    return code;
}

/* ---- peers ----------------------------------------------------------------------------------- */

#define SCRIPT static const struct leat_script_row

static const struct leat_testing_tls tls_good = {.cert_path = "server.pem", .key_path = "server.key"};
static const struct leat_testing_tls tls_expired = {
    .cert_path = "expired.pem", .key_path = "server.key", .may_fail = true};

SCRIPT listens[] = {{LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
SCRIPT opens_and_stalls[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT opens_and_ends[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, {LEAT_SCRIPT_CLOSE}};
SCRIPT opens_and_resets[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, {LEAT_SCRIPT_RESET}};
SCRIPT says_goodbye[] = {
    {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, {LEAT_SCRIPT_TLS_CLOSE_NOTIFY}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT says_goodbye_later[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_good}, {LEAT_SCRIPT_WAIT},
                               {LEAT_SCRIPT_TLS_CLOSE_NOTIFY}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT expired[] = {{LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls_expired}, {LEAT_SCRIPT_CLOSE}};
SCRIPT speaks_http[] = {
    {LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 400 Bad Request\r\n\r\n")},
    {LEAT_SCRIPT_CLOSE}};
SCRIPT silent[] = {{LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT ends[] = {{LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_CLOSE}};
SCRIPT socks5_refuses[] = {
    {LEAT_SCRIPT_READ_SOCKS5_GREETING}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")}, {LEAT_SCRIPT_READ_SOCKS5_REQUEST},
    {LEAT_SCRIPT_SEND_SOCKS5_REPLY, .number = 5}, {LEAT_SCRIPT_CLOSE}};
SCRIPT http_refuses[] = {
    {LEAT_SCRIPT_READ_HTTP_HEAD},
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")}, {LEAT_SCRIPT_CLOSE}};

static const struct dns_record no_names[] = {{NULL}};

/* ---- the table ------------------------------------------------------------------------------- */

#define TLS_ERRNO(name_, errno_, layer_)                                                           \
    .report = {.name = (name_), .code = LEAT_E_TLS_SOCKET_BASE + (errno_),                         \
               .layer = LEAT_LAYER_##layer_, .sys_errno = (errno_)}
/* Only the code. */
#define STATE(name_, errno_, act_)                                                                 \
    {                                                                                              \
        .report = {.name = (name_), .code = LEAT_E_TLS_SOCKET_BASE + (errno_)},                    \
        .server = opens_and_stalls, .act = (act_)                                                  \
    }
#define REPORT(name_, code_, layer_, ...)                                                          \
    .report = {                                                                                    \
        .name = (name_), .code = LEAT_E_##code_, .layer = LEAT_LAYER_##layer_, __VA_ARGS__}

static const struct row rows[] = {
    /* 2303100 + errno, by the kernel */
    {TLS_ERRNO("bind to a port in use", EADDRINUSE, TCP), .server = listens, .act = bind_in_use},
    {TLS_ERRNO("listen on a port in use", EADDRINUSE, TCP), .server = listens,
     .act = listen_in_use},
    {TLS_ERRNO("bind to a foreign address", EADDRNOTAVAIL, TCP), .act = bind_elsewhere},
    {TLS_ERRNO("listen on a foreign address", EADDRNOTAVAIL, TCP), .act = listen_elsewhere},
    {TLS_ERRNO("no local port is left", EADDRNOTAVAIL, TCP), .world = world_without_free_ports,
     .act = connect_to_port_9},
    {TLS_ERRNO("no answer within the deadline of TCP", ETIMEDOUT, TCP),
     .server = peer_unanswering, .deadline = {LEAT_PHASE_TCP, 50}},
    {TLS_ERRNO("no answer within the whole deadline", ETIMEDOUT, TCP), .server = peer_unanswering,
     .connect_timeout_ms = 50},
    {TLS_ERRNO("the descriptor is a file", ENOTSOCK, TCP), .act = not_a_socket},
    {TLS_ERRNO("connect with a file", ENOTSOCK, TCP), .server = listens,
     .act = connect_what_is_no_socket},
    {TLS_ERRNO("the descriptor was closed elsewhere", EBADF, TCP), .act = closed_elsewhere},
    {TLS_ERRNO("interrupted", EINTR, TCP), .server = listens, .act = connect_interrupted},
    {TLS_ERRNO("impossible for now", EAGAIN, TCP), .server = listens,
     .act = connect_for_now_impossible},
    {TLS_ERRNO("a wrong protocol", EPROTOTYPE, TCP), .server = listens,
     .act = connect_with_a_wrong_protocol},
    {TLS_ERRNO("the network is down", ENETDOWN, TCP), .server = listens,
     .act = connect_while_the_network_is_down},
    {TLS_ERRNO("refused", ECONNREFUSED, TCP), .server = peer_refusing},
    {TLS_ERRNO("there is no route", ENETUNREACH, TCP), .world = world_without_route,
     .host = WORLD_ELSEWHERE},
    {TLS_ERRNO("the route prohibits", EACCES, TCP), .world = world_with_prohibited_route,
     .host = WORLD_ELSEWHERE},
    {TLS_ERRNO("no such name", EHOSTUNREACH, DNS), .report.native_code = 4, .dns = no_names,
     .host = "missing.test"},
    /* 2303100 + errno, by the state of the socket */
    {TLS_ERRNO("bind twice", EINVAL, TCP), .act = bind_twice},
    {TLS_ERRNO("listen twice", EINVAL, TCP), .act = listen_twice},
    {TLS_ERRNO("connect twice", EISCONN, TCP), .server = opens_and_stalls, .act = connect_twice},
    {TLS_ERRNO("upgrade while bytes wait", EAGAIN, TCP), .server = listens,
     .act = upgrade_while_bytes_wait},
    {TLS_ERRNO("upgrade before connect", ENOTCONN, TCP), .act = upgrade_before_connect},
    STATE("send before connect", ENOTCONN, send_byte),
    STATE("close before connect", ENOTCONN, close_too_early),
    STATE("send after close", EBADF, send_after_close),
    STATE("close a server that does not listen", EBADF, server_close_too_early),
    /* 2303501 to 2303505 */
    {REPORT("HTTP instead of TLS", TLS_ENGINE, TLS, .any_native = true, .text = "HTTP/"),
     .server = speaks_http},
    {REPORT("no answer to the ClientHello", TLS_READ, TLS, .sys_errno = ETIMEDOUT,
            .any_native = true),
     .server = silent, .deadline = {LEAT_PHASE_TLS, 50}},
    {.report = {.name = "the send queue is full", .code = LEAT_E_TLS_WRITE},
     .server = opens_and_stalls, .act = fill_the_queue},
    {REPORT("the peer takes nothing", TLS_WRITE, TCP, .sys_errno = ETIMEDOUT),
     .server = opens_and_stalls, .act = peer_takes_nothing},
    {REPORT("the peer does not take what is queued before the end", TLS_WRITE, TCP,
            .sys_errno = ETIMEDOUT),
     .server = opens_and_stalls, .act = close_with_a_full_queue},
    {REPORT("expired", TLS_VERIFY, TLS, .any_native = true, .text = "expired"), .server = expired},
    {REPORT("closed instead of a ServerHello", TLS_SYSCALL, TLS, .any_native = true),
     .server = ends},
    {REPORT("closed without close_notify", TLS_SYSCALL, TLS, .any_native = true,
            .text = "close_notify"),
     .server = opens_and_ends},
    {REPORT("reset", TLS_SYSCALL, TLS, .sys_errno = ECONNRESET), .server = opens_and_resets},
    /* 2303506 */
    {.report = {.name = "send after the peer's close_notify", .code = LEAT_E_TLS_CLOSED},
     .server = says_goodbye, .deadline = {LEAT_PHASE_CLOSE, PATIENCE_MS(5000)},
     .act = send_after_close_notify},
    {.report = {.name = "send after the peer's end", .code = LEAT_E_TLS_CLOSED},
     .server = says_goodbye, .deadline = {LEAT_PHASE_CLOSE, PATIENCE_MS(5000)},
     .act = send_after_the_peers_end},
    /* They would still be sent; but nobody takes them. */
    {REPORT("close_notify comes while bytes wait to be sent", TLS_CLOSED, TLS, .sys_errno = ETIMEDOUT,
            .text = "close_notify"),
     .server = says_goodbye_later, .deadline = {LEAT_PHASE_CLOSE, 200},
     .act = close_notify_comes_while_bytes_wait},
    {REPORT("the own close_notify cannot be written", TLS_CLOSED, TLS, .any_native = true,
            .text = "in time"),
     .server = opens_and_stalls, .act = close_notify_cannot_be_written},
    /* proxies */
    {REPORT("the SOCKS5 proxy refuses", SOCKS5_CONNECT_PROXY, SOCKS5, .sys_errno = ECONNREFUSED),
     .proxy = peer_refusing},
    {REPORT("REP 5", SOCKS5_CONNECT_REMOTE, SOCKS5, .native_code = 5), .proxy = socks5_refuses},
    {REPORT("the HTTP proxy says 403", WS_CONNECT, HTTP_PROXY, .native_code = 403),
     .proxy = http_refuses, .proxy_scheme = "http"},
};

/* clang-format on */

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- the driver ------------------------------------------------------------------------------ */

static void scene_configure(struct scene *scene, const struct row *row, uint16_t proxy_port,
                            const struct dns_server *dns)
{
    leat_config *config = scene->object.config;
    if (row->proxy) {
        const char *scheme = row->proxy_scheme ? row->proxy_scheme : "socks5h";
        cr_assert(leat_config_set_proxy(
                      config, sandbox_format("%s://127.0.0.1:%u", scheme, proxy_port)) == LEAT_OK);
    }
    if (dns)
        cr_assert(leat_config_set_dns_servers(config, dns_server_address(dns)) == LEAT_OK);
    if (row->deadline.ms != 0) {
        cr_assert(leat_config_set_phase_timeout(config, row->deadline.phase, row->deadline.ms) ==
                  LEAT_OK);
    }
    if (row->connect_timeout_ms != 0)
        cr_assert(leat_config_set_connect_timeout(config, row->connect_timeout_ms) == LEAT_OK);
}

static void peer_end(leat_testing_server *peer, const struct row *row)
{
    struct leat_testing_seen seen;
    if (peer) {
        leat_testing_server_get_seen(peer, &seen);
        cr_expect(seen.problem[0] == '\0', "%s: %s", row->report.name, seen.problem);
        leat_testing_server_free(peer);
    }
}

/* Static, because parameters are read in another process. */
static size_t indices[ROWS];

ParameterizedTestParameters(fault, tls_socket)
{
    for (size_t i = 0; i < ROWS; ++i)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, ROWS);
}

ParameterizedTest(size_t *index, fault, tls_socket, .timeout = 60, .fini = sandbox_done)
{
    const struct row *row = &rows[*index];
    struct scene scene = {0};
    leat_testing_server *proxy = NULL;
    cr_assert(chdir(certificates_dir()) == 0); /* so that the table can name the files */
    if (row->world)
        row->world();
    struct dns_server *dns = row->dns ? dns_server_start(row->dns) : NULL;
    scene.port = fault_peer_start(row->server, &scene.server);
    uint16_t proxy_port = fault_peer_start(row->proxy, &proxy);
    tls_object_init(&scene.object);
    scene_configure(&scene, row, proxy_port, dns);
    if (row->connect_timeout_ms != 0 ||
        (row->deadline.ms != 0 && row->deadline.phase != LEAT_PHASE_CLOSE)) {
        still_clock_start();
    }
    const char *host = row->host ? row->host : "127.0.0.1";
    int code = row->act ? row->act(&scene) : tls_object_connect(&scene.object, host, scene.port);
    fault_report_expect(&row->report, code, &scene.object.error);
    tls_object_done(&scene.object);
    peer_end(scene.server, row);
    peer_end(proxy, row);
    dns_server_free(dns);
}
