/* SPDX-License-Identifier: Apache-2.0 */
/* The relay for UDP, DNS, the forward proxy, SOCKS4, challenges, the PROXY protocol, Unix sockets. */
#include "testing/rig.h"

#include "support/peers.h"
#include "support/process.h"
#include "testing/dns_table.h"

#include <leat/testing_conditions.h>
#include <leat/testing_control.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

TestSuite(kinds, .fini = sandbox_done, .timeout = 120);

static uint64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int udp_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = RIG_WAIT_MS / 1000 + 1};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
    cr_assert(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

/* ---- the relay for UDP ----------------------------------------------------------------------- */

/* A socket that the test answers from. */
static int udp_listen(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    struct timeval patience = {.tv_sec = RIG_WAIT_MS / 1000 + 1};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
    cr_assert(bind(fd, (struct sockaddr *)&address, size) == 0);
    cr_assert(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static leat_testing_server *udp_relay(uint16_t to, const char *conditions, const char *faults)
{
    return rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_UDP, .to = sandbox_format("127.0.0.1:%u", to),
                             .faults = faults, .conditions = conditions, .is_changeable = true));
}

/* Receives one and sends it back. */
static void udp_echo(int fd)
{
    char buf[64];
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    ssize_t len = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &size);
    cr_assert(len >= 0, "%s", strerror(errno));
    cr_assert(sendto(fd, buf, (size_t)len, 0, (struct sockaddr *)&from, size) == len);
}

static void udp_expect(int fd, const char *text)
{
    char buf[64];
    ssize_t len = recv(fd, buf, sizeof(buf), 0);
    cr_assert(len == (ssize_t)strlen(text), "%zd %s", len, strerror(errno));
    cr_expect(memcmp(buf, text, strlen(text)) == 0);
}

Test(kinds, udp_is_carried_for_each_client)
{
    uint16_t port = 0;
    int echo = udp_listen(&port);
    leat_testing_server *relay = udp_relay(port, NULL, NULL);
    cr_expect_str_eq(leat_testing_server_get_url(relay),
                     sandbox_format("udp://127.0.0.1:%u", leat_testing_server_get_port(relay)));
    int a = udp_connect(leat_testing_server_get_port(relay));
    int b = udp_connect(leat_testing_server_get_port(relay));
    cr_assert(send(a, "one", 3, 0) == 3);
    udp_echo(echo);
    udp_expect(a, "one");
    cr_assert(send(b, "two", 3, 0) == 3);
    udp_echo(echo);
    udp_expect(b, "two");
    cr_assert(send(a, "", 0, 0) == 0);
    udp_echo(echo);
    udp_expect(a, "");
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(relay, &seen);
    cr_expect(seen.connections == 2 && seen.datagrams_in == 3 && seen.datagrams_out == 3 &&
              seen.bytes_in == 6 && seen.bytes_out == 6);
    close(a);
    close(b);
    close(echo);
    leat_testing_server_free(relay);
}

Test(kinds, udp_meets_conditions_and_faults)
{
    static const struct {
        const char *conditions, *faults;
        unsigned came; /* of three */
        uint64_t least_us;
    } cases[] = {
        {"both:latency=40", NULL, 3, 80000}, {"up:duplicate=100%", NULL, 6, 0},
        {"up:loss=100%", NULL, 0, 0},        {"up:limit=6", NULL, 2, 0},
        {NULL, "datagram#1=skip", 2, 0},     {NULL, "accept=drop-after-received 6", 1, 0},
        {NULL, "accept=rate 100", 3, 40000}, {"loss=100% @0%", NULL, 3, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        uint16_t port = 0;
        int echo = udp_listen(&port);
        leat_testing_server *relay = udp_relay(port, cases[i].conditions, cases[i].faults);
        int fd = udp_connect(leat_testing_server_get_port(relay));
        uint64_t start_us = clock_us();
        for (int n = 0; n < 3; ++n)
            cr_assert(send(fd, "abc", 3, 0) == 3);
        if (cases[i].came == 3) {
            for (int n = 0; n < 3; ++n) {
                udp_echo(echo);
                udp_expect(fd, "abc");
            }
            cr_expect(clock_us() - start_us >= cases[i].least_us, "%zu", i);
        } else {
            unsigned came = 0;
            char buf[8];
            cr_assert(leat_testing_server_wait_step(relay, "accept", 1, RIG_WAIT_MS));
            while (came < cases[i].came && recv(echo, buf, sizeof(buf), 0) == 3)
                ++came;
            cr_expect(came == cases[i].came, "%zu: %u", i, came);
        }
        close(fd);
        close(echo);
        leat_testing_server_free(relay);
    }
}

/* ---- DNS ------------------------------------------------------------------------------------- */

/* A query for a name of one or two labels. @return its length. */
static size_t query_write(const char *name, unsigned type, uint8_t query[64])
{
    size_t len = 12;
    memset(query, 0, 64);
    query[0] = 0x12;
    query[1] = 0x34;
    query[2] = 1; /* RD */
    query[5] = 1;
    for (const char *label = name; *label != '\0';) {
        size_t label_len = strcspn(label, ".");
        query[len++] = (uint8_t)label_len;
        memcpy(query + len, label, label_len);
        len += label_len;
        label += label_len + (label[label_len] == '.');
    }
    query[len + 2] = (uint8_t)type;
    query[len + 4] = 1;
    return len + 5;
}

static struct leati_dns_table *table_of(const char *text)
{
    struct leati_dns_table *table = NULL;
    struct leat_testing_problem problem = {0};
    cr_assert(leati_dns_table_new(text, &table, &problem) == LEAT_OK, "%s: %s", text, problem.text);
    return table;
}

Test(kinds, dns_answers_from_its_table)
{
    static const struct {
        const char *name;
        unsigned type, rcode, answers, delay_ms;
        bool silent, truncated;
    } cases[] = {
        {"a.test", 1, 0, 2, 0, false, false},     {"A.TEST", 1, 0, 2, 0, false, false},
        {"a.test", 28, 0, 1, 3000, false, false}, {"a.test", 16, 0, 0, 0, false, false},
        {"c.test", 1, 0, 1, 0, false, false},     {"t.test", 16, 0, 1, 0, false, false},
        {"n.test", 1, 3, 0, 0, false, false},     {"s.test", 28, 2, 0, 0, false, false},
        {"r.test", 1, 5, 0, 0, false, false},     {"e.test", 1, 0, 0, 0, false, false},
        {"q.test", 1, 0, 0, 7, true, false},      {"x.test", 1, 0, 0, 0, false, true},
        {"o.test", 1, 3, 0, 0, false, false},
    };
    struct leati_dns_table *table =
        table_of("a.test A 127.0.0.1; a.test. A 127.0.0.2 ttl 1;a.test AAAA ::1 delay 3000\n"
                 "c.test CNAME a.test;t.test TXT \"x; y\";n.test * nxdomain;s.test AAAA servfail;"
                 "r.test * refused;e.test A empty;q.test A silence delay 7;x.test A truncate");
    static uint8_t answer[LEATI_DNS_BYTES_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        uint8_t query[64];
        struct leati_dns_verdict verdict;
        size_t len = query_write(cases[i].name, cases[i].type, query);
        leati_dns_answer(table, query, len, true, answer, &verdict);
        cr_expect(verdict.is_silent == cases[i].silent && verdict.delay_ms == cases[i].delay_ms,
                  "%s", cases[i].name);
        if (cases[i].silent)
            continue;
        cr_assert(verdict.len >= len && memcmp(answer, query, 2) == 0, "%s", cases[i].name);
        cr_expect((answer[3] & 15u) == cases[i].rcode && answer[7] == cases[i].answers &&
                      ((answer[2] & 2) != 0) == cases[i].truncated,
                  "%s %u: %u %u", cases[i].name, cases[i].type, answer[3] & 15u, answer[7]);
    }
    leati_dns_table_free(table);
}

Test(kinds, dns_records_that_are_none_are_refused)
{
    static const char *const bad[] = {
        "a.test",
        "a.test A",
        "a.test A ::1",
        "a.test MX b.test",
        "a..test A 1.2.3.4",
        "a.test TXT x",
        "a.test A 1.2.3.4 x",
        "a.test A 1.2.3.4 ttl",
        "a.test * 1.2.3.4",
        "a.test A 1.2.3.4 delay 3600001",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        leat_testing_server *server = NULL;
        struct leat_testing_problem problem = {0};
        int code = leat_testing_server_new(
            LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_DNS, .records = bad[i]), &server, &problem);
        cr_expect(code == LEAT_E_PARAMETER && strncmp(problem.text, "records, character", 18) == 0,
                  "%s: %s", bad[i], problem.text);
    }
}

Test(kinds, dns_speaks_udp_and_tcp_on_one_port)
{
    uint8_t query[64], answer[600];
    leat_testing_server *server = rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_DNS,
                             .records =
                                 "a.test A 127.0.0.1 delay 60;b.test A truncate;b.test A 127.0.0.2",
                             .faults = "query#4=\"junk\""));
    int udp = udp_connect(leat_testing_server_get_port(server));
    int tcp = raw_connect(NULL, leat_testing_server_get_port(server));
    /* The late answer does not hold up the other one. */
    size_t len = query_write("a.test", 1, query);
    cr_assert(send(udp, query, len, 0) == (ssize_t)len);
    len = query_write("b.test", 1, query);
    cr_assert(send(udp, query, len, 0) == (ssize_t)len);
    cr_expect(recv(udp, answer, sizeof(answer), 0) == (ssize_t)len && (answer[2] & 2) != 0);
    cr_expect(recv(udp, answer, sizeof(answer), 0) == (ssize_t)len + 16 && answer[7] == 1);
    for (int i = 0; i < 4; ++i) {
        uint8_t framed[66] = {0, (uint8_t)len};
        memcpy(framed + 2, query, len);
        cr_assert(raw_send(tcp, framed, len + 2));
        cr_assert(recv(tcp, answer, 2, MSG_WAITALL) == 2);
        size_t answer_len = (size_t)(answer[0] << 8 | answer[1]);
        cr_assert(answer_len == (i == 3 ? 4 : len + 16), "%zu", answer_len);
        cr_assert(recv(tcp, answer, answer_len, MSG_WAITALL) == (ssize_t)answer_len);
        cr_expect(i < 3 ? answer[7] == 1 : memcmp(answer, "junk", 4) == 0);
    }
    RIG_SEND(tcp, "\0\x05hello");
    cr_expect(raw_recv_end(tcp) == 0);
    cr_assert(send(udp, "hello", 5, 0) == 5);
    cr_expect(leat_testing_server_wait_step(server, "query", 6, RIG_WAIT_MS));
    close(tcp);
    close(udp);
    leat_testing_server_free(server);
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

/* A site that says what it was asked. */
static leat_testing_server *site_start(void)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                                             "Connection: close\r\n\r\nhello")},
        {LEAT_SCRIPT_CLOSE},
    };
    return script_server_start(script);
}

static const char *proxy_ask(const leat_testing_server *proxy, const char *request)
{
    static struct rig_output output;
    int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
    cr_assert(raw_send(fd, request, strlen(request)));
    rig_read(fd, &output);
    output.data[output.len] = '\0';
    close(fd);
    return (const char *)output.data;
}

Test(kinds, http_forwards_in_origin_form)
{
    static const struct leat_testing_name names[] = {{"site.test", "127.0.0.1"}, {NULL, NULL}};
    struct leat_testing_seen seen;
    leat_testing_server *site = site_start();
    unsigned port = leat_testing_server_get_port(site);
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_HTTP, .names = names,
                                       .faults = "connection=3;reply=refuse 503"));
    const char *request = sandbox_format("GET http://site.test:%u/a?b HTTP/1.1\r\nHost: other\r\n"
                                         "X: y\r\nProxy-Connection: keep-alive\r\n\r\n",
                                         port);
    cr_expect(strstr(proxy_ask(proxy, request), "\r\n\r\nhello"));
    leat_testing_server_get_seen(site, &seen);
    cr_expect_str_eq(seen.http_head,
                     sandbox_format("GET /a?b HTTP/1.1\r\nHost: site.test:%u\r\nConnection: "
                                    "close\r\nX: y\r\n\r\n",
                                    port));
    request = sandbox_format("GET http://site.test:%u?q HTTP/1.1\r\nHost: a\r\n\r\n", port);
    cr_expect(strstr(proxy_ask(proxy, request), "\r\n\r\nhello"));
    leat_testing_server_get_seen(site, &seen);
    cr_expect(strncmp(seen.http_head, "GET /?q HTTP/1.1\r\n", 18) == 0, "%s", seen.http_head);
    cr_expect(strncmp(proxy_ask(proxy, request), "HTTP/1.1 503 ", 13) == 0);
    cr_expect(
        strncmp(proxy_ask(proxy, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 400 ", 13) == 0);
    cr_expect(strncmp(proxy_ask(proxy, "GET http://:1/ HTTP/1.1\r\nHost: a\r\n\r\n"),
                      "HTTP/1.1 400 ", 13) == 0);
    cr_expect(strncmp(proxy_ask(proxy, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 400 ",
                      13) == 0);
    request = sandbox_format(
        "CONNECT site.test:%u HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", port);
    cr_expect(strstr(proxy_ask(proxy, request), "\r\n\r\nhello"));
    leat_testing_server_free(proxy);
    leat_testing_server_free(site);
}

/* What curl gets through a proxy that asks. */
static void auth_expect(enum leat_testing_kind kind, enum leat_testing_auth auth,
                        const char *option, const char *credentials, bool works)
{
    leat_testing_server *site = site_start();
    leat_testing_server *proxy = rig_start(
        LEAT_TESTING_OPTIONS(.kind = kind, .auth = auth, .user = "alice", .password = "s3cret: x"));
    const char *url = sandbox_format("http://127.0.0.1:%u/x?y", leat_testing_server_get_port(site));
    const char *through =
        sandbox_format("http://127.0.0.1:%u", leat_testing_server_get_port(proxy));
    const char *const argv[] = {"curl",
                                "-sf",
                                "--noproxy",
                                "",
                                option,
                                "--proxy-user",
                                credentials,
                                "-x",
                                through,
                                url,
                                kind == LEAT_TESTING_CONNECT ? "-p" : NULL,
                                NULL};
    struct process *curl = process_start(&(struct process_options){.argv = argv});
    int status = process_wait(curl, RIG_WAIT_MS);
    char *output = file_read(curl->output_path);
    bool worked = status == 0 && strcmp(output, "hello") == 0;
    free(output);
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(worked == works, "%s %s: %d %s", option, credentials, status, seen.http_head);
    leat_testing_server_free(proxy);
    leat_testing_server_free(site);
}

Test(kinds, proxies_ask_by_digest_basic_and_ntlm)
{
    static const enum leat_testing_kind kinds_of[] = {LEAT_TESTING_HTTP, LEAT_TESTING_CONNECT};
    for (size_t i = 0; i < 2; ++i) {
        auth_expect(kinds_of[i], LEAT_TESTING_AUTH_BASIC, "--proxy-basic", "alice:s3cret: x", true);
        auth_expect(kinds_of[i], LEAT_TESTING_AUTH_DIGEST, "--proxy-digest", "alice:s3cret: x",
                    true);
        auth_expect(kinds_of[i], LEAT_TESTING_AUTH_DIGEST_MD5, "--proxy-digest", "alice:s3cret: x",
                    true);
        auth_expect(kinds_of[i], LEAT_TESTING_AUTH_DIGEST, "--proxy-digest", "alice:s3cret", false);
        auth_expect(kinds_of[i], LEAT_TESTING_AUTH_DIGEST, "--proxy-digest", "bob:s3cret: x",
                    false);
        auth_expect(kinds_of[i], LEAT_TESTING_AUTH_DIGEST, "--proxy-basic", "alice:s3cret: x",
                    false);
        auth_expect(kinds_of[i], LEAT_TESTING_AUTH_NTLM, "--proxy-ntlm", "alice:any", true);
    }
}

Test(kinds, negotiate_takes_any_token)
{
    leat_testing_server *site = site_start();
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_HTTP,
                                       .auth = LEAT_TESTING_AUTH_NEGOTIATE, .user = "x"));
    unsigned port = leat_testing_server_get_port(site);
    int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
    char head[512];
    const char *request = sandbox_format("GET http://127.0.0.1:%u/ HTTP/1.1\r\nHost: a\r\n", port);
    cr_assert(raw_send(fd, request, strlen(request)));
    RIG_SEND(fd, "\r\n");
    cr_assert(raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)));
    cr_expect(strstr(head, "407") && strstr(head, "Proxy-Authenticate: Negotiate\r\n"));
    cr_assert(raw_send(fd, request, strlen(request)));
    RIG_SEND(fd, "Proxy-Authorization: Negotiate AAAA\r\n\r\n");
    cr_assert(raw_recv_until(fd, "hello", head, sizeof(head)));
    close(fd);
    leat_testing_server_free(proxy);
    leat_testing_server_free(site);
}

static void answer_expect(int fd, const char *request, const char *credentials, const char *answer)
{
    char head[512];
    cr_assert(raw_send(fd, request, strlen(request)));
    cr_assert(raw_send(fd, credentials, strlen(credentials)));
    RIG_SEND(fd, "\r\n");
    cr_expect(raw_recv_until(fd, answer, head, sizeof(head)), "%s", head);
}

Test(kinds, bearer_takes_its_token)
{
    static const enum leat_testing_kind kinds_of[] = {LEAT_TESTING_HTTP, LEAT_TESTING_CONNECT};
    static const char wrong[] =
        "Proxy-Authenticate: Bearer realm=\"leat-testing\", error=\"invalid_token\"\r\n";
    leat_testing_server *site = site_start();
    unsigned port = leat_testing_server_get_port(site);
    for (size_t i = 0; i < 2; ++i) {
        struct leat_testing_seen seen;
        leat_testing_server *proxy =
            rig_start(LEAT_TESTING_OPTIONS(.kind = kinds_of[i], .auth = LEAT_TESTING_AUTH_BEARER,
                                           .user = "t0ken=="));
        int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
        const char *request = sandbox_format("CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: a\r\n", port);
        answer_expect(fd, request, "", "Proxy-Authenticate: Bearer realm=\"leat-testing\"\r\n");
        answer_expect(fd, request, "Proxy-Authorization: Bearer t0ken=\r\n", wrong);
        answer_expect(fd, request, "Proxy-Authorization: Bearer t0ken===\r\n", wrong);
        answer_expect(fd, request, "Proxy-Authorization: Bearer \r\n", "Proxy-Authenticate");
        answer_expect(fd, request, "Proxy-Authorization: Basic dDBrZW49PQ==\r\n",
                      "Bearer realm=\"leat-testing\"\r\n");
        answer_expect(fd, request, "Proxy-Authorization: bearer  t0ken==\r\n", "HTTP/1.1 200");
        leat_testing_server_get_seen(proxy, &seen);
        cr_expect_str_eq(seen.user, "t0ken==");
        close(fd);
        leat_testing_server_free(proxy);
    }
    leat_testing_server_free(site);
}

/* ---- SOCKS4 ---------------------------------------------------------------------------------- */

Test(kinds, socks4_grants_and_rejects)
{
    static const struct leat_testing_name names[] = {{"site.test", "127.0.0.1"}, {NULL, NULL}};
    leat_testing_server *greeter = rig_greeter();
    uint16_t port = leat_testing_server_get_port(greeter);
    uint8_t high = (uint8_t)(port >> 8), low = (uint8_t)port;
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS4, .names = names, .user = "al",
                                       .faults = "connection=5;reply=refuse 92"));
    cr_expect_str_eq(
        leat_testing_server_get_url(proxy),
        sandbox_format("socks4a://al@127.0.0.1:%u", leat_testing_server_get_port(proxy)));
    const struct {
        uint8_t bytes[32];
        size_t len;
        uint8_t reply;
    } cases[] = {
        {{4, 1, high, low, 127, 0, 0, 1, 'a', 'l', 0}, 11, 90},
        {{4, 1, high, low, 0, 0, 0, 7, 'a', 'l', 0, 's', 'i', 't', 'e', '.', 't', 'e', 's', 't', 0},
         21,
         90},
        {{4, 1, high, low, 127, 0, 0, 1, 'e', 'v', 0}, 11, 93},
        {{4, 1, 0, 1, 127, 0, 0, 1, 'a', 'l', 0}, 11, 91},
        {{4, 1, high, low, 127, 0, 0, 1, 'a', 'l', 0}, 11, 92},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        uint8_t reply[8];
        int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
        cr_assert(raw_send(fd, cases[i].bytes, cases[i].len));
        cr_assert(recv(fd, reply, sizeof(reply), MSG_WAITALL) == sizeof(reply));
        cr_expect(reply[0] == 0 && reply[1] == cases[i].reply, "%zu: %u", i, reply[1]);
        if (cases[i].reply == 90)
            RIG_EXPECT(fd, RIG_GREETING);
        cr_expect(raw_recv_end(fd) == 0);
        close(fd);
    }
    int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
    RIG_SEND(fd, "\x04\x02\x00\x50\x7f\x00\x00\x01\x00");
    (void)raw_recv_end(fd); /* BIND is not known: FIN, or RST for what was not read */
    close(fd);
    struct leat_testing_seen seen;
    cr_expect(leat_testing_server_wait_idle(proxy, RIG_WAIT_MS));
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(strstr(seen.problem, "command 2"), "%s", seen.problem);
    leat_testing_server_free(proxy);
    leat_testing_server_free(greeter);
}

/* ---- the PROXY protocol ---------------------------------------------------------------------- */

static const char v2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\1\x7f\0\0\1\0\1\0\2";

Test(kinds, a_proxy_header_is_taken_away_or_missed)
{
    static const char v1[] = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5,
                                       .proxy_header = LEAT_TESTING_PROXY_HEADER_ALLOWED));
    for (int i = 0; i < 3; ++i) {
        int fd = raw_connect(NULL, leat_testing_server_get_port(server));
        if (i > 0)
            cr_assert(raw_send(fd, i == 1 ? v1 : v2, i == 1 ? sizeof(v1) - 1 : sizeof(v2) - 1));
        RIG_SEND(fd, "\x05\x01\x00");
        RIG_EXPECT(fd, "\x05\x00");
        close(fd);
    }
    struct leat_testing_event event;
    bool found = false;
    for (size_t i = 0; leat_testing_server_get_event(server, i, &event); ++i)
        found = found || (strcmp(event.step, "proxy") == 0 && strstr(event.text, "192.0.2.1"));
    cr_expect(found && leat_testing_server_wait_step(server, "proxy", 2, 0));
    leat_testing_server_free(server);

    server = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5,
                                            .proxy_header = LEAT_TESTING_PROXY_HEADER_REQUIRED));
    static const char *const bad[] = {"\x05\x01\x00", "PROXY\r\n", "PRI * HTTP/2.0\r\n",
                                      "\r\n\r\nx"};
    for (size_t i = 0; i < 4; ++i) {
        int fd = raw_connect(NULL, leat_testing_server_get_port(server));
        cr_assert(raw_send(fd, bad[i], i == 0 ? 3 : strlen(bad[i])));
        cr_expect(raw_recv_end(fd) == 0, "%zu", i);
        close(fd);
    }
    cr_expect(!leat_testing_server_wait_step(server, "greeting", 1, 0));
    leat_testing_server_free(server);
}

/* ---- Unix sockets ---------------------------------------------------------------------------- */

Test(kinds, socks5_listens_on_a_unix_socket)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = sandbox_path("proxy");
    leat_testing_server *greeter = rig_greeter();
    uint16_t port = leat_testing_server_get_port(greeter);
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .unix_path = path,
                                       .conditions = "latency=1"));
    cr_expect_str_eq(leat_testing_server_get_url(proxy), sandbox_format("socks5h+unix:%s", path));
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    uint8_t request[] = {5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, (uint8_t)(port >> 8), (uint8_t)port};
    uint8_t reply[12];
    cr_assert(raw_send(fd, request, sizeof(request)));
    cr_assert(recv(fd, reply, 12, MSG_WAITALL) == 12 && reply[3] == 0);
    RIG_EXPECT(fd, RIG_GREETING);
    close(fd);
    leat_testing_server_free(proxy);
    /* What a server that died has left is replaced, what lives or is no socket is not. */
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(dead, (struct sockaddr *)&address, sizeof(address)) == 0);
    close(dead);
    proxy = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .unix_path = path));
    leat_testing_server *other = NULL;
    cr_expect(leat_testing_server_new(
                  LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .unix_path = path), &other,
                  NULL) == LEAT_E_SOCKET_BASE + EADDRINUSE);
    leat_testing_server_free(proxy);
    leat_testing_server_free(greeter);
}
