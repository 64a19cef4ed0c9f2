/* SPDX-License-Identifier: Apache-2.0 */
/* leat_udp_socket: 2301000 + errno of its own calls and of datagrams that did not arrive, and the
 * codes of SOCKS5 when its proxy does not relay. */
#include "fault/fault.h"
#include "support/sandbox.h"
#include "support/still_clock.h"
#include "support/worlds.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <leat/udp_socket.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

/** RFC 5737: no machine has it. */
#define FOREIGN_ADDRESS "192.0.2.77"
/** What no datagram can carry. */
#define TOO_LONG_BYTES 65508

/* What an act sees. */
struct scene {
    leat_loop *loop;
    leat_config *config;
    leat_udp_socket *udp;
    leat_testing_server *proxy;
    unsigned listening_count, error_count;
    struct leat_error error; /* the first one of the callback, or of the act */
};

struct row {
    struct fault_report report;
    const struct leat_script_row *proxy; /* NULL = none */
    const char *proxy_user;        /* with its '@'; NULL = nobody */
    const struct dns_record *dns;
    void (*world)(void);
    struct shim_fault shim;
    struct fault_deadline deadline;
    /* What must fail; its detail goes to `error`. NULL = bind, and wait for the error. */
    int (*act)(struct scene *scene);
};

/* ---- acts ------------------------------------------------------------------------------------ */

static int refused(struct scene *scene, int code)
{
    leat_udp_socket_get_error(scene->udp, &scene->error);
    return code;
}

static int bind_to(struct scene *scene, const char *address, uint16_t port)
{
    return refused(scene, leat_udp_socket_bind(scene->udp, address, port, scene->config));
}

static void bind_well(struct scene *scene)
{
    cr_assert(bind_to(scene, "127.0.0.1", 0) == LEAT_OK, "%s", scene->error.text);
}

/* On a socket that is bound. */
static int send_to(struct scene *scene, const void *data, size_t len, const char *address)
{
    bind_well(scene);
    return refused(scene, leat_udp_socket_send(scene->udp, data, len, address, 9));
}

static int until_error(struct scene *scene)
{
    while (scene->error_count == 0)
        cr_assert(leat_loop_dispatch(scene->loop, CLIENT_RUN_TIMEOUT_MS) == LEAT_OK);
    return scene->error.code;
}

static int bind_and_wait(struct scene *scene)
{
    bind_well(scene);
    return until_error(scene);
}

static int bind_alone(struct scene *scene)
{
    return bind_to(scene, "127.0.0.1", 0);
}

static int bind_in_use(struct scene *scene)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(other, (struct sockaddr *)&address, size) == 0 &&
              getsockname(other, (struct sockaddr *)&address, &size) == 0);
    int code = bind_to(scene, "127.0.0.1", ntohs(address.sin_port));
    close(other);
    return code;
}

static int bind_elsewhere(struct scene *scene)
{
    return bind_to(scene, FOREIGN_ADDRESS, 0);
}

static int bind_twice(struct scene *scene)
{
    bind_well(scene);
    return bind_to(scene, "127.0.0.1", 0);
}

static int send_before_bind(struct scene *scene)
{
    return refused(scene, leat_udp_socket_send(scene->udp, "x", 1, "127.0.0.1", 9));
}

static int send_a_byte(struct scene *scene)
{
    return send_to(scene, "x", 1, "127.0.0.1");
}

static int send_too_long(struct scene *scene)
{
    static const uint8_t data[TOO_LONG_BYTES];
    return send_to(scene, data, sizeof(data), "127.0.0.1");
}

static int send_to_another_family(struct scene *scene)
{
    return send_to(scene, "x", 1, "::1");
}

static int send_to_broadcast(struct scene *scene)
{
    cr_assert(bind_to(scene, "0.0.0.0", 0) == LEAT_OK);
    return refused(scene, leat_udp_socket_send(scene->udp, "x", 1, "255.255.255.255", 9));
}

static int send_elsewhere(struct scene *scene)
{
    cr_assert(bind_to(scene, "0.0.0.0", 0) == LEAT_OK);
    return refused(scene, leat_udp_socket_send(scene->udp, "x", 1, WORLD_ELSEWHERE, 9));
}

static int send_to_a_denied_host(struct scene *scene)
{
    cr_assert(leat_config_add_denied_domain(scene->config, "*.denied.test") == LEAT_OK);
    return send_to(scene, "x", 1, "a.denied.test");
}

static int send_to_nobody(struct scene *scene)
{
    bind_well(scene);
    uint16_t port = refusing_port(); /* of TCP: of UDP it is as free */
    cr_assert(leat_udp_socket_send(scene->udp, "x", 1, "127.0.0.1", port) == LEAT_OK);
    return until_error(scene);
}

static int send_to_a_name(struct scene *scene)
{
    cr_assert(send_to(scene, "x", 1, "missing.test") == LEAT_OK);
    return until_error(scene);
}

static int send_for_50_ms(struct scene *scene)
{
    const struct leat_udp_extra_options options = {.size = sizeof(options),
                                                   .socket_timeout_ms = 50};
    cr_assert(leat_udp_socket_set_extra_options(scene->udp, &options) == LEAT_OK);
    cr_assert(send_to(scene, "x", 1, "silent.test") == LEAT_OK);
    return until_error(scene);
}

static int send_to_port_0(struct scene *scene)
{
    bind_well(scene);
    return refused(scene, leat_udp_socket_send(scene->udp, "x", 1, "127.0.0.1", 0));
}

/* The association stands, and then its control connection ends. */
static int control_connection_ends(struct scene *scene)
{
    bind_well(scene);
    while (scene->listening_count == 0)
        cr_assert(leat_loop_dispatch(scene->loop, CLIENT_RUN_TIMEOUT_MS) == LEAT_OK);
    leat_testing_server_release(scene->proxy);
    return until_error(scene);
}

/* ---- proxies --------------------------------------------------------------------------------- */

#define SCRIPT static const struct leat_script_row
#define GREETED                                                                                    \
    {LEAT_SCRIPT_READ_SOCKS5_GREETING},                                                                   \
    {                                                                                              \
        LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")                                                          \
    }
#define ASKED                                                                                      \
    GREETED,                                                                                       \
    {                                                                                              \
        LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES("\x05\x03\x00\x01\0\0\0\0\0\0")                                    \
    }
#define RELAY                                                                                      \
    {                                                                                              \
        LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\0\0\x01\x7f\0\0\x01\0\x09")                                    \
    }

SCRIPT refuses_relay[] = {
    ASKED, {LEAT_SCRIPT_SEND_SOCKS5_REPLY, .number = 7},
     {LEAT_SCRIPT_CLOSE                     }
};
SCRIPT relay_without_port[] = {
    ASKED, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\0\0\x01\x7f\0\0\x01\0\0")},
     {LEAT_SCRIPT_CLOSE        }
};
SCRIPT relay_of_other_family[] = {
    ASKED,
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\0\0\x04\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x09")},
    {LEAT_SCRIPT_CLOSE        }
};
SCRIPT wrong_password[] = {
    {LEAT_SCRIPT_READ_SOCKS5_GREETING},
    {LEAT_SCRIPT_SEND,                 LEAT_SCRIPT_BYTES("\x05\x02")},
    {LEAT_SCRIPT_READ_SOCKS5_AUTH                        },
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x01\x01")},
    {LEAT_SCRIPT_CLOSE  }
};
SCRIPT no_method[] = {
    {LEAT_SCRIPT_READ_SOCKS5_GREETING},
    {LEAT_SCRIPT_SEND,                 LEAT_SCRIPT_BYTES("\x05\xff")},
    {LEAT_SCRIPT_CLOSE                        }
};
SCRIPT stalls[] = {ASKED, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT takes_nothing[] = {{LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
SCRIPT relays_and_ends[] = {ASKED, RELAY, {LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_CLOSE}};
SCRIPT relays_and_resets[] = {ASKED, RELAY, {LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_RESET}};

static const struct dns_record names[] = {
    {"silent.test", DNS_SILENCE},
    {NULL            }
};

/* ---- the table ------------------------------------------------------------------------------- */

#define ERRNO(name_, errno_, layer_, ...)                                                          \
    .report = {.name = (name_),                                                                    \
               .code = LEAT_E_SOCKET_BASE + (errno_),                                              \
               .layer = LEAT_LAYER_##layer_,                                                       \
               .sys_errno = (errno_),                                                              \
               __VA_ARGS__}
#define SOCKS5(name_, code_, ...)                                                                  \
    .report = {                                                                                    \
        .name = (name_), .code = LEAT_E_SOCKS5_##code_, .layer = LEAT_LAYER_SOCKS5, __VA_ARGS__}

static const struct row rows[] = {
  /* its own calls */
    {ERRNO("no socket",                 EMFILE,                UDP),                        .shim = {SHIM_SOCKET, EMFILE},                          .act = bind_alone},
    {ERRNO("an option is refused",                                 ENOPROTOOPT,                           UDP),           .shim = {SHIM_SETSOCKOPT, ENOPROTOOPT},
     .act = bind_alone},
    {ERRNO("a port in use",                 EADDRINUSE,                                      UDP),                                             .act = bind_in_use                                                                        },
    {ERRNO("a foreign address",               EADDRNOTAVAIL,                                    UDP),.act = bind_elsewhere},
    {ERRNO("bind twice",            EINVAL,                                 UDP),                                                 .act = bind_twice                                                                                                                                        },
    {ERRNO("send before bind",                EBADF,                                     UDP),.act = send_before_bind},
    {ERRNO("a datagram that is too long",          EMSGSIZE,                               UDP),                                .act = send_too_long                                                                                                                                                                                  },
    {ERRNO("an address of another family",             EAFNOSUPPORT,                                  UDP),.act = send_to_another_family},
    {ERRNO("a broadcast that was not asked for",    EACCES,                         UDP),                 .act = send_to_broadcast                                                                                                                                                                                                                       },
    {ERRNO("there is no route",         ENETUNREACH,                              UDP),                 .world = world_without_route,
     .act = send_elsewhere},
    {ERRNO("the network is down",     ENETDOWN,                                    UDP),                                                               .shim = {SHIM_SENDMSG, ENETDOWN},
     .act = send_a_byte},
 /* later */
    {ERRNO("nobody listens there",                             ECONNREFUSED,UDP),                                                                    .act = send_to_nobody                                                                                                                         },
    {ERRNO("no such name",EHOSTUNREACH,                            DNS,.native_code = 4),.dns = names,
     .act = send_to_a_name},
    {ERRNO("no address in time",                             ETIMEDOUT,                    UDP),                                                                .dns = names,                                                                                                                                                                                                               .act = send_for_50_ms},
    {.report = {.name = "a denied host",
                .code = LEAT_E_WS_DOMAIN,
                .layer = LEAT_LAYER_UDP,
                .text = "a.denied.test"},
     .dns = names,
     .act = send_to_a_denied_host                  },
 /* UDP ASSOCIATE */
    {SOCKS5("the proxy refuses",            CONNECT_PROXY,                                 .sys_errno = ECONNREFUSED),                     .proxy = peer_refusing                                                 },
    {SOCKS5("the proxy does not answer",                                 CONNECT_PROXY,                             .sys_errno = ETIMEDOUT),
     .proxy = peer_unanswering,                                                                                                                                  .deadline = {LEAT_PHASE_TCP, 50}},
    {SOCKS5("wrong password",                                 AUTH,                     .native_code = 1),   .proxy = wrong_password,
     .proxy_user = "alice:secret@"},
    {SOCKS5("the proxy does not relay", CONNECT_REMOTE,                      .native_code = 7,                           .text = "relay"),
     .proxy = refuses_relay},
    {SOCKS5("no acceptable method",          METHOD,                            .native_code = 0xff),                                                       .proxy = no_method},
    {SOCKS5("sending the greeting fails",                 SEND, .sys_errno = EPIPE),                                                                .proxy = takes_nothing,
     .shim = {SHIM_SENDMSG, EPIPE}},
    {SOCKS5("no answer to the request",                  RECV,.sys_errno = ETIMEDOUT),.proxy = stalls,
     .deadline = {LEAT_PHASE_PROXY, 50}},
    {SOCKS5("the control connection ends",             RECV,               .text = "control connection"),
     .proxy = relays_and_ends,                                                                                      .act = control_connection_ends},
    {SOCKS5("the control connection is reset", RECV, .sys_errno = ECONNRESET,
     .text = "control connection"),
     .proxy = relays_and_resets, .act = control_connection_ends},
    {SOCKS5("a datagram to port 0",                                 SERIALIZE,                   .text = "port"),                              .proxy = stalls,
     .act = send_to_port_0},
    {SOCKS5("a relay of another family",   SERIALIZE,                        .text = "fd00::1"),
     .proxy = relay_of_other_family                                        },
    {SOCKS5("a relay without a port",     DESERIALIZE,                               .text = "port 0"),                            .proxy = relay_without_port},
};

/* clang-format on */

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- the driver ------------------------------------------------------------------------------ */

static void scene_listening(leat_udp_socket *udp, void *user)
{
    struct scene *scene = user;
    (void)udp;
    ++scene->listening_count;
}

static void scene_error(leat_udp_socket *udp, const struct leat_error *error, void *user)
{
    struct scene *scene = user;
    (void)udp;
    if (scene->error_count++ == 0)
        scene->error = *error;
}

static void scene_init(struct scene *scene, const struct row *row, const struct dns_server *dns)
{
    static const struct leat_udp_socket_callbacks callbacks = {
        .size = sizeof(callbacks), .listening = scene_listening, .error = scene_error};
    uint16_t port = fault_peer_start(row->proxy, &scene->proxy);
    scene->config = client_config_new();
    cr_assert(leat_loop_new(&scene->loop) == LEAT_OK);
    cr_assert(leat_udp_socket_new(scene->loop, &callbacks, scene, &scene->udp) == LEAT_OK);
    if (row->proxy) {
        const char *user = row->proxy_user ? row->proxy_user : "";
        cr_assert(leat_config_set_proxy(scene->config, sandbox_format("socks5h://%s127.0.0.1:%u",
                                                                      user, port)) == LEAT_OK);
    }
    if (dns)
        cr_assert(leat_config_set_dns_servers(scene->config, dns_server_address(dns)) == LEAT_OK);
    if (row->deadline.ms != 0) {
        cr_assert(leat_config_set_phase_timeout(scene->config, row->deadline.phase,
                                                row->deadline.ms) == LEAT_OK);
    }
}

static void scene_done(struct scene *scene, const struct row *row)
{
    struct leat_testing_seen seen;
    leat_udp_socket_free(scene->udp);
    leat_loop_free(scene->loop);
    leat_config_free(scene->config);
    if (scene->proxy) {
        leat_testing_server_get_seen(scene->proxy, &seen);
        /* Before the association stands a datagram may be refused. */
        cr_expect(row->act || seen.problem[0] == '\0', "%s: %s", row->report.name, seen.problem);
        leat_testing_server_free(scene->proxy);
    }
}

/* Static, because parameters are read in another process. */
static size_t indices[ROWS];

ParameterizedTestParameters(fault, udp_socket)
{
    for (size_t i = 0; i < ROWS; ++i)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, ROWS);
}

ParameterizedTest(size_t *index, fault, udp_socket, .timeout = 60, .fini = sandbox_done)
{
    const struct row *row = &rows[*index];
    struct scene scene = {0};
    if (row->world)
        row->world();
    struct dns_server *dns = row->dns ? dns_server_start(row->dns) : NULL;
    scene_init(&scene, row, dns);
    if (row->deadline.ms != 0)
        still_clock_start();
    shim_arm(&row->shim);
    int code = row->act ? row->act(&scene) : bind_and_wait(&scene);
    cr_expect(row->shim.call == SHIM_NONE || shim_hits() > 0, "%s: the shim was not hit",
              row->report.name);
    shim_arm(NULL);
    fault_report_expect(&row->report, code, &scene.error);
    scene_done(&scene, row);
    dns_server_free(dns);
}
