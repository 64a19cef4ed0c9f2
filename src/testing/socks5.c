/* SPDX-License-Identifier: Apache-2.0 */
/* A SOCKS5 proxy: RFC 1928, RFC 1929. */
#include "testing/peer.h"
#include "testing/resolve.h"
#include "testing/socks5.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { METHOD_NONE = 0x00, METHOD_PASSWORD = 0x02, METHOD_REFUSED = 0xff };
enum { COMMAND_CONNECT = 1, COMMAND_BIND = 2, COMMAND_ASSOCIATE = 3 };

static const char *const reply_names[] = {
    "succeeded",           "general failure",       "not allowed",
    "network unreachable", "host unreachable",      "connection refused",
    "TTL expired",         "command not supported", "address type not supported",
};

static const char *reply_name(unsigned rep)
{
    return rep < sizeof(reply_names) / sizeof(reply_names[0]) ? reply_names[rep] : "unassigned";
}

/* The REP for an errno of connect(2). */
static uint8_t rep_of(int sys_errno)
{
    switch (sys_errno) {
    case 0:
        return 0;
    case ENETUNREACH:
        return 3;
    case EHOSTUNREACH:
    case ETIMEDOUT:
        return 4;
    case ECONNREFUSED:
        return 5;
    default:
        return 1;
    }
}

size_t leati_testing_socks5_address_write(const struct sockaddr_storage *address,
                                          uint8_t ret_bytes[19])
{
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)address;
        ret_bytes[0] = 4;
        memcpy(ret_bytes + 1, &v6->sin6_addr, 16);
        memcpy(ret_bytes + 17, &v6->sin6_port, 2);
        return 19;
    }
    const struct sockaddr_in *v4 = (const void *)address;
    ret_bytes[0] = 1;
    memcpy(ret_bytes + 1, &v4->sin_addr, 4);
    memcpy(ret_bytes + 5, &v4->sin_port, 2);
    return 7;
}

/* ---- the method and the password ------------------------------------------------------------- */

static uint8_t method_choose(struct leati_peer *p)
{
    uint8_t wanted = p->server->options.user ? METHOD_PASSWORD : METHOD_NONE;
    bool is_offered = memchr(p->request.methods, wanted, p->request.method_count);
    return is_offered ? wanted : METHOD_REFUSED;
}

static bool method_negotiate(struct leati_peer *p, uint8_t *ret_method)
{
    unsigned refusal = METHOD_REFUSED;
    if (!leati_peer_read_socks5_greeting(p) ||
        !leati_peer_step(p, LEAT_TESTING_STEP_GREETING, "%zu methods", p->request.method_count))
        return false;
    uint8_t method = method_choose(p);
    if (!leati_peer_step(p, LEAT_TESTING_STEP_METHOD, "%02x", method))
        return false;
    if (leati_peer_refuses(p, METHOD_REFUSED, &refusal))
        method = (uint8_t)refusal;
    *ret_method = method;
    return leati_peer_answer(p, (uint8_t[]){5, method}, 2) &&
           (method != METHOD_REFUSED || leati_peer_end(p, LEATI_PEER_CLOSE));
}

static bool credentials_are_right(const struct leati_peer *p)
{
    const struct leat_testing_options *options = &p->server->options;
    return !options->user ||
           (strcmp(options->user, p->request.user) == 0 &&
            strcmp(options->password ? options->password : "", p->request.password) == 0);
}

static bool password_check(struct leati_peer *p)
{
    if (!leati_peer_read_socks5_auth(p))
        return false;
    unsigned status = credentials_are_right(p) ? 0 : 1;
    if (!leati_peer_step(p, LEAT_TESTING_STEP_AUTH, "%s", p->request.user) ||
        !leati_peer_step(p, LEAT_TESTING_STEP_AUTH_REPLY, "%02x", status))
        return false;
    (void)leati_peer_refuses(p, 1, &status);
    return leati_peer_answer(p, (uint8_t[]){1, (uint8_t)status}, 2) &&
           (status == 0 || leati_peer_end(p, LEATI_PEER_CLOSE));
}

/* ---- the request ----------------------------------------------------------------------------- */

bool leati_testing_socks5_reply(struct leati_peer *p, unsigned rep,
                                const struct sockaddr_storage *bound)
{
    static const struct sockaddr_storage nowhere = {.ss_family = AF_INET};
    uint8_t reply[22] = {5};
    if (!leati_peer_step(p, LEAT_TESTING_STEP_REPLY, "%02x %s", rep, reply_name(rep)))
        return false;
    bool is_refused = leati_peer_refuses(p, 1, &rep);
    reply[1] = (uint8_t)rep;
    size_t len = 3 + leati_testing_socks5_address_write(is_refused || rep != 0 ? &nowhere : bound,
                                                        reply + 3);
    return leati_peer_answer(p, reply, len) && (rep == 0 || leati_peer_end(p, LEATI_PEER_CLOSE));
}

static bool connect_serve(struct leati_peer *p, const char *host, uint16_t port)
{
    struct sockaddr_storage bound = {.ss_family = AF_INET};
    socklen_t size = sizeof(bound);
    int reason = 0;
    if (!leati_peer_step(p, LEAT_TESTING_STEP_CONNECT, "%s:%u", host, port))
        return false;
    int upstream = leati_peer_dial(p, host, port, &reason);
    if (upstream < 0)
        return leati_testing_socks5_reply(p, rep_of(reason), NULL);
    (void)getsockname(upstream, (struct sockaddr *)&bound, &size);
    leati_testing_address_unmap(&bound);
    if (!leati_testing_socks5_reply(p, 0, &bound) ||
        !leati_peer_step(p, LEAT_TESTING_STEP_RELAY, "%s:%u", host, port)) {
        close(upstream);
        return false;
    }
    return leati_peer_relay(p, upstream) && leati_peer_step_done(p);
}

static bool request_serve(struct leati_peer *p)
{
    static const char *const commands[] = {"", "connect", "bind", "udp-associate"};
    uint8_t command = 0;
    if (!leati_peer_read_socks5_request(p, &command))
        return false;
    const char *host = p->request.host;
    uint16_t port = p->request.port;
    if (!leati_peer_step(p, LEAT_TESTING_STEP_REQUEST, "%s %s:%u", commands[command], host, port))
        return false;
    switch (command) {
    case COMMAND_CONNECT:
        return connect_serve(p, host, port);
    case COMMAND_ASSOCIATE:
        return leati_peer_associate(p);
    default:
        return leati_testing_socks5_reply(p, 7, NULL);
    }
}

void leati_testing_serve_socks5(struct leati_peer *p)
{
    uint8_t method = METHOD_REFUSED;
    if (method_negotiate(p, &method) && (method != METHOD_PASSWORD || password_check(p)) &&
        request_serve(p))
        (void)leati_peer_end(p, LEATI_PEER_CLOSE);
}
