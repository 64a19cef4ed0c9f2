/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a client sends ends at most its own connection: damaged sessions, each cut anywhere, the
 * same ones on every run. */
#include "testing/rig.h"

#include "support/mutation.h"

#include <leat/testing_certificates.h>

#include <stdlib.h>
#include <sys/socket.h>

TestSuite(garbage, .fini = sandbox_done, .timeout = 120);

#define SESSIONS 400

/* Nothing that a changed request names is dialled. */
#define NO_DIALLING "connect=close"

static void garbage_send(leat_testing_server *server, const char *session, size_t len)
{
    static struct mutation mutation;
    mutation_init(&mutation, 1);
    for (unsigned n = 1; n <= SESSIONS; ++n) {
        size_t all = mutation_next(&mutation, session, len);
        size_t cut = mutation_below(&mutation, all + 1);
        int fd = raw_connect(NULL, leat_testing_server_get_port(server));
        if (raw_send(fd, mutation.bytes, cut))
            (void)raw_send(fd, mutation.bytes + cut, all - cut);
        (void)shutdown(fd, SHUT_WR);
        int end = raw_recv_end(fd);
        cr_expect(end == 0 || end == ECONNRESET, "session %u: %d", n, end);
        close(fd);
        if (n % 50 == 0)
            cr_expect(leat_testing_server_wait_idle(server, RIG_WAIT_MS), "session %u", n);
    }
}

Test(garbage, for_a_socks5_proxy)
{
    static const char session[] = "\x05\x02\x00\x02\x01\x01"
                                  "a\x01"
                                  "b\x05\x01\x00\x03\x09"
                                  "site.test\x00\x50"
                                  "and what follows";
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .user = "a", .password = "b",
                                       .faults = NO_DIALLING));
    garbage_send(server, session, sizeof(session) - 1);
    int fd = raw_connect(NULL, leat_testing_server_get_port(server));
    RIG_SEND(fd, "\x05\x01\x02");
    RIG_EXPECT(fd, "\x05\x02");
    close(fd);
    leat_testing_server_free(server);
}

Test(garbage, for_a_connect_proxy)
{
    static const char session[] = "CONNECT site.test:80 HTTP/1.1\r\nHost: site.test:80\r\n"
                                  "Proxy-Authorization: Basic YTpi\r\n\r\nand what follows";
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .user = "a", .password = "b",
                                       .faults = NO_DIALLING));
    garbage_send(server, session, sizeof(session) - 1);
    char head[1024];
    int fd = raw_connect(NULL, leat_testing_server_get_port(server));
    RIG_SEND(fd, "CONNECT site.test:80 HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert(raw_recv_until(fd, "HTTP/1.1 407 ", head, sizeof(head)));
    close(fd);
    leat_testing_server_free(server);
}

Test(garbage, for_a_websocket_server)
{
    static const char session[] =
        RAW_UPGRADE_WITH("/x", "Sec-WebSocket-Protocol: a, b\r\n") "\x81\x84\x01\x02\x03\x04"
                                                                   "ABCD"
                                                                   "\x01\x81\x00\x00\x00\x00"
                                                                   "A"
                                                                   "\x89\x82\x00\x00\x00\x00pp"
                                                                   "\x80\x81\x00\x00\x00\x00"
                                                                   "B"
                                                                   "\x88\x82\x00\x00\x00\x00\x03"
                                                                   "\xe8";
    static const char *const protocols[] = {"b", NULL};
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .subprotocols = protocols));
    garbage_send(server, session, sizeof(session) - 1);
    int fd = -1;
    cr_expect(raw_upgrade(NULL, leat_testing_server_get_port(server), &fd) == 101);
    close(fd);
    leat_testing_server_free(server);
}

/* In place of a TLS handshake. */
Test(garbage, instead_of_tls)
{
    static const char hello[] = "\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03"
                                "0123456789012345678901234567890123456789012345678901234567890";
    leat_testing_ca *ca = NULL;
    const struct leat_testing_certificate *made = NULL;
    cr_assert(leat_testing_ca_new(NULL, &ca, NULL) == LEAT_OK);
    cr_assert(leat_testing_ca_issue(ca, NULL, &made, NULL) == LEAT_OK);
    const struct leat_testing_tls tls = {.cert_path = made->cert_path, .key_path = made->key_path};
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .tls = &tls));
    garbage_send(server, hello, sizeof(hello) - 1);
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(server, &seen);
    cr_expect(strstr(seen.problem, "the TLS handshake failed"), "%s", seen.problem);
    leat_testing_server_free(server);
    leat_testing_ca_free(ca);
}
