/* SPDX-License-Identifier: Apache-2.0 */
/* The proxies with curl, with leat and with plain sockets. */
#include "testing/rig.h"

#include "support/certificates.h"
#include "support/peers.h"
#include "support/process.h"

#include <stdlib.h>
#include <sys/socket.h>

TestSuite(proxies, .fini = sandbox_done, .timeout = 60);

#define CURL_TIMEOUT "10"
#define REQUEST(s)   (s), sizeof(s) - 1

static const struct leat_testing_name names[] = {
    {"site.test", "127.0.0.1"},
    {"six.test", "::1"},
    {"gone.test", ""},
    {NULL, NULL},
};

/* A web server for one page. */
static leat_testing_server *site_start(const char *address)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND,
         LEAT_SCRIPT_BYTES(
             "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\npage")},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *site =
        script_server_new(&(struct leat_testing_options){.scripts = {script}, .address = address});
    cr_assert(site);
    return site;
}

/* Runs curl through a proxy. @return its exit status; `ret_page` is what it printed. */
static int curl_run(const char *proxy_url, const char *host, const leat_testing_server *site,
                    char **ret_page)
{
    const char *url = sandbox_format("http://%s:%u/", host, leat_testing_server_get_port(site));
    const char *const argv[] = {"curl",
                                "-sS",
                                "--max-time",
                                CURL_TIMEOUT,
                                "--noproxy",
                                "",
                                "--proxytunnel",
                                "--proxy-cacert",
                                certificate_path("ca.pem"),
                                "-x",
                                proxy_url,
                                url,
                                NULL};
    struct process *curl = process_start(&(struct process_options){.argv = argv});
    int status = process_wait(curl, RIG_WAIT_MS);
    *ret_page = file_read(curl->output_path);
    return status;
}

static void page_expect(const char *proxy_url, const char *host, const leat_testing_server *site)
{
    char *page = NULL;
    int status = curl_run(proxy_url, host, site, &page);
    cr_expect(status == 0 && strcmp(page, "page") == 0, "%s: %d %s", proxy_url, status, page);
    free(page);
}

static void refusal_expect(const char *proxy_url, const char *host, const leat_testing_server *site,
                           int status)
{
    char *page = NULL;
    int found = curl_run(proxy_url, host, site, &page);
    cr_expect(found == status, "%s %s: %d", proxy_url, host, found);
    free(page);
}

/* ---- SOCKS5 ---------------------------------------------------------------------------------- */

Test(proxies, curl_through_socks5)
{
    leat_testing_server *site = site_start(NULL), *site6 = site_start("::1");
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .names = names));
    const char *url = leat_testing_server_get_url(proxy);
    struct leat_testing_seen seen;
    page_expect(url, "site.test", site);
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(strcmp(seen.host, "site.test") == 0 && seen.address_type == 3);
    cr_expect(seen.port == leat_testing_server_get_port(site));
    page_expect(url, "127.0.0.1", site);
    page_expect(url, "localhost", site); /* the system knows it */
    page_expect(url, "SIX.test", site6);
    page_expect(url, "[::1]", site6);
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(strcmp(seen.host, "::1") == 0 && seen.address_type == 4);
    refusal_expect(url, "gone.test", site, 97);
    refusal_expect(url, "127.0.0.2", site, 97);
    cr_expect(leat_testing_server_wait_step(proxy, "reply", 7, 0));
    leat_testing_server_free(proxy);
    leat_testing_server_free(site6);
    leat_testing_server_free(site);
}

Test(proxies, curl_with_a_password)
{
    leat_testing_server *site = site_start(NULL);
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .user = "a:@/",
                                       .password = "p w%", .address = "::1"));
    uint16_t port = leat_testing_server_get_port(proxy);
    cr_expect_str_eq(leat_testing_server_get_url(proxy),
                     sandbox_format("socks5h://a%%3A%%40%%2F:p%%20w%%25@[::1]:%u", port));
    page_expect(leat_testing_server_get_url(proxy), "127.0.0.1", site);
    refusal_expect(sandbox_format("socks5h://a:b@[::1]:%u", port), "127.0.0.1", site, 97);
    refusal_expect(sandbox_format("socks5h://[::1]:%u", port), "127.0.0.1", site, 97);
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(seen.connections == 3);
    leat_testing_server_free(proxy);
    leat_testing_server_free(site);
}

Test(proxies, socks5_refuses_by_itself)
{
    static const struct {
        const char *request;
        size_t len;
        uint8_t rep;
    } cases[] = {
        {"\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x09", 10, 7}, /* BIND */
        {"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x01", 10, 5}, /* nobody listens on port 1 */
        {"\x05\x01\x00\x03\x09gone.test\x00\x09", 16, 4},
    };
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .names = names));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
        uint8_t reply[10];
        RIG_SEND(fd, "\x05\x01\x00");
        RIG_EXPECT(fd, "\x05\x00");
        cr_assert(raw_send(fd, cases[i].request, cases[i].len));
        cr_assert(recv(fd, reply, 10, MSG_WAITALL) == 10);
        cr_expect(reply[1] == cases[i].rep, "%zu: %u", i, reply[1]);
        cr_expect(raw_recv_end(fd) == 0);
        close(fd);
    }
    leat_testing_server_free(proxy);
}

/* Asks a SOCKS5 proxy, without the port, which is the greeter's or 9. @return its REP. */
static uint8_t rep_of(const leat_testing_server *proxy, const void *request, size_t len,
                      uint16_t port, uint8_t *ret_bound_type)
{
    uint8_t reply[22];
    const uint8_t port_bytes[] = {(uint8_t)(port >> 8), (uint8_t)(port & 0xff)};
    int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
    RIG_SEND(fd, "\x05\x01\x00");
    RIG_EXPECT(fd, "\x05\x00");
    cr_assert(raw_send(fd, request, len) && raw_send(fd, port_bytes, sizeof(port_bytes)));
    cr_assert_eq(recv(fd, reply, 10, MSG_WAITALL), 10);
    close(fd);
    *ret_bound_type = reply[3];
    return reply[1];
}

/* Nothing here is asked for in DNS: not what is the machine itself (RFC 6761 section 6.3), and not
 * a literal, be it one of no use. */
Test(proxies, hosts_that_are_the_proxy_s_own_affair)
{
    static const struct {
        const char *request;
        size_t len;
        uint8_t rep;
    } cases[] = {
        {REQUEST("\x05\x01\x00\x03\x0aSITE.test."), 0},
        {REQUEST("\x05\x01\x00\x03\x09localhost"), 0},
        {REQUEST("\x05\x01\x00\x03\x0e"
                 "app.LocalHost."),
         0},
        {REQUEST("\x05\x01\x00\x03\x10::ffff:127.0.0.1"), 0},
        {REQUEST("\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01"), 0},
        {REQUEST("\x05\x01\x00\x03\x0d"
                 "fe80::1%gone0"),
         4},
    };
    leat_testing_server *site = rig_greeter();
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .names = names));
    uint8_t bound_type;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        cr_expect_eq(rep_of(proxy, cases[i].request, cases[i].len,
                            leat_testing_server_get_port(site), &bound_type),
                     cases[i].rep, "%s", cases[i].request + 5);
        cr_expect_eq(bound_type, 1, "%s", cases[i].request + 5);
    }
    leat_testing_server_free(proxy);
    leat_testing_server_free(site);
}

Test(proxies, garbage_ends_only_its_own_connection)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *problem;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 18, "a SOCKS5 greeting of version 71"},
        {"\x04\x01\x00\x50\x7f\x00\x00\x01\x00", 9, "a SOCKS5 greeting of version 4"},
        {"\x05\x00", 2, "with 0 methods"},
        {"\x05\x01\x00\x05\x01\x00\x09\x00", 8, "a SOCKS5 request that begins"},
        {"\x05\x01\x00\x05\x01\x00\x03\x00", 8, "a SOCKS5 request that begins"},
        {"\x05\x01\x00\x05\x09\x00\x01\x00", 8, "a SOCKS5 request that begins"},
        {"\x05\x01\x00\x05\x01\x00\x03\x04"
         "a\0b.\x00\x50",
         14, "a NUL in the host's name"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        leat_testing_server *to = rig_greeter();
        leat_testing_server *proxy = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5));
        struct leat_testing_seen seen;
        int good = rig_socks5(proxy, leat_testing_server_get_port(to), 0);
        int bad = raw_connect(NULL, leat_testing_server_get_port(proxy));
        cr_assert(raw_send(bad, cases[i].bytes, cases[i].len));
        (void)raw_recv_end(bad);
        close(bad);
        RIG_EXPECT(good, RIG_GREETING);
        close(good);
        cr_expect(leat_testing_server_wait_idle(proxy, RIG_WAIT_MS));
        leat_testing_server_get_seen(proxy, &seen);
        cr_expect(strstr(seen.problem, cases[i].problem), "%zu: %s", i, seen.problem);
        leat_testing_server_free(proxy);
        leat_testing_server_free(to);
    }
}

/* Who says "alice", a NUL and more is not alice. */
Test(proxies, credentials_with_a_nul_are_wrong)
{
    char reply[4096];
    leat_testing_server *proxy = rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .user = "alice", .password = "secret"));
    struct leat_testing_seen seen;
    int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
    RIG_SEND(fd, "\x05\x01\x02");
    RIG_EXPECT(fd, "\x05\x02");
    RIG_SEND(fd, "\x01\x07"
                 "alice\0x\x06secret");
    (void)raw_recv_end(fd);
    close(fd);
    cr_expect(leat_testing_server_wait_idle(proxy, RIG_WAIT_MS));
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(strstr(seen.problem, "a NUL in the user's name"), "%s", seen.problem);
    leat_testing_server_free(proxy);

    proxy = rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .user = "alice", .password = "secret"));
    fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
    /* "alice:secret", a NUL, "x" */
    RIG_SEND(fd, "CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n"
                 "Proxy-Authorization: Basic YWxpY2U6c2VjcmV0AHg=\r\n\r\n");
    cr_assert(raw_recv_until(fd, "\r\n\r\n", reply, sizeof(reply)));
    cr_expect(strncmp(reply, "HTTP/1.1 407 ", 13) == 0, "%s", reply);
    close(fd);
    leat_testing_server_free(proxy);
}

Test(proxies, half_a_connection_stays_open)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("after the end")},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *to = script_server_start(script);
    leat_testing_server *proxy = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5));
    int fd = rig_socks5(proxy, leat_testing_server_get_port(to), 0);
    RIG_SEND(fd, "all that there is");
    cr_assert(shutdown(fd, SHUT_WR) == 0);
    RIG_EXPECT(fd, "after the end");
    cr_expect(raw_recv_end(fd) == 0);
    close(fd);
    struct leat_testing_seen seen;
    cr_expect(leat_testing_server_wait_idle(proxy, RIG_WAIT_MS));
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(seen.flights == 2, "%u", seen.flights);
    cr_expect(seen.bytes_in == 3 + 10 + 17 && seen.bytes_out == 2 + 10 + 13);
    leat_testing_server_free(proxy);
    leat_testing_server_free(to);
}

/* ---- CONNECT --------------------------------------------------------------------------------- */

Test(proxies, curl_through_connect)
{
    leat_testing_server *site = site_start(NULL), *site6 = site_start("::1");
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .names = names, .user = "a",
                                       .password = "b"));
    const char *url = leat_testing_server_get_url(proxy);
    struct leat_testing_seen seen;
    page_expect(url, "site.test", site);
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(strcmp(seen.host, "site.test") == 0 && strcmp(seen.user, "a") == 0 &&
              strcmp(seen.password, "b") == 0);
    page_expect(url, "six.test", site6);
    page_expect(url, "[::1]", site6);
    refusal_expect(url, "gone.test", site, 56);
    uint16_t port = leat_testing_server_get_port(proxy);
    refusal_expect(sandbox_format("http://a:c@127.0.0.1:%u", port), "site.test", site, 56);
    refusal_expect(sandbox_format("http://127.0.0.1:%u", port), "site.test", site, 56);
    leat_testing_server_free(proxy);
    leat_testing_server_free(site6);
    leat_testing_server_free(site);
}

Test(proxies, curl_through_connect_over_tls)
{
    const struct leat_testing_tls tls = {.cert_path = certificate_path("server.pem"),
                                         .key_path = certificate_path("server.key")};
    leat_testing_server *site = site_start(NULL);
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .tls = &tls, .names = names));
    cr_expect_str_eq(leat_testing_server_get_url(proxy),
                     sandbox_format("https://localhost:%u", leat_testing_server_get_port(proxy)));
    page_expect(leat_testing_server_get_url(proxy), "site.test", site);
    cr_expect(leat_testing_server_wait_step(proxy, "tls", 1, 0));
    leat_testing_server_free(proxy);
    leat_testing_server_free(site);
}

static void answer_expect(const leat_testing_server *proxy, const char *request, const char *status)
{
    static struct rig_output output;
    int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
    cr_assert(raw_send(fd, request, strlen(request)));
    cr_assert(shutdown(fd, SHUT_WR) == 0);
    rig_read(fd, &output);
    output.data[output.len] = '\0';
    cr_expect(strncmp((const char *)output.data, status, strlen(status)) == 0, "%s: %s", request,
              (const char *)output.data);
    close(fd);
}

Test(proxies, connect_refuses_by_itself)
{
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .user = "a", .names = names));
    answer_expect(proxy, "GET http://site.test/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ");
    answer_expect(proxy, "CONNECT site.test HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 ");
    answer_expect(proxy, "CONNECT :80 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 ");
    answer_expect(proxy, "CONNECT site.test:99999 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 ");
    answer_expect(proxy, "CONNECT site.test:1 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 407 ");
    answer_expect(
        proxy, "CONNECT site.test:1 HTTP/1.1\r\nHost: a\r\nProxy-Authorization: Basic ****\r\n\r\n",
        "HTTP/1.1 407 ");
    answer_expect(
        proxy,
        "CONNECT site.test:1 HTTP/1.1\r\nHost: a\r\nproxy-authorization:  basic YTo= \r\n\r\n",
        "HTTP/1.1 502 ");
    leat_testing_server_free(proxy);
}

Test(proxies, connect_may_be_asked_again_after_407)
{
    leat_testing_server *to = rig_greeter();
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .user = "a"));
    char head[1024];
    int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
    for (int i = 0; i < 2; ++i) {
        const char *request = sandbox_format("CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: a\r\n%s\r\n",
                                             leat_testing_server_get_port(to),
                                             i == 0 ? "" : "Proxy-Authorization: Basic YTo=\r\n");
        cr_assert(raw_send(fd, request, strlen(request)));
        cr_assert(raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)));
        cr_expect(strncmp(head + 9, i == 0 ? "407" : "200", 3) == 0, "%s", head);
    }
    RIG_EXPECT(fd, RIG_GREETING);
    close(fd);
    leat_testing_server_free(proxy);
    leat_testing_server_free(to);
}

/* As POST by a client that has not heard yet that it must say who it is. */
Test(proxies, a_body_may_come_before_the_407)
{
    static const char body[] = "a=1&b=2";
    leat_testing_server *proxy =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_HTTP, .user = "a", .names = names));
    char head[1024];
    int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
    for (int i = 0; i < 3; ++i) {
        const char *request =
            sandbox_format("POST http://nobody.test/ HTTP/1.1\r\nHost: "
                           "nobody.test\r\nContent-Length: 7\r\n%s\r\n%s",
                           i < 2 ? "" : "Proxy-Authorization: Basic YTo=\r\n", body);
        cr_assert(raw_send(fd, request, strlen(request)));
        cr_assert(raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)));
        cr_expect(strncmp(head + 9, i < 2 ? "407" : "502", 3) == 0, "%d: %s", i, head);
    }
    close(fd);
    answer_expect(proxy,
                  "POST http://nobody.test/ HTTP/1.1\r\nHost: nobody.test\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  "HTTP/1.1 407 Proxy Authentication Required\r\n");
    leat_testing_server_free(proxy);
}

/* ---- leat ------------------------------------------------------------------------------------ */

static void echo_through(const leat_testing_server *proxy, const char *url)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config, leat_testing_server_get_url(proxy)) == LEAT_OK);
    client_run_open(&run, url);
    client_run_echo(&run, "through");
    client_run_close(&run);
    client_run_done(&run);
}

Test(proxies, leat_through_each)
{
    const struct leat_testing_tls tls = {.cert_path = certificate_path("server.pem"),
                                         .key_path = certificate_path("server.key")};
    leat_testing_server *ws = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET));
    leat_testing_server *wss =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .tls = &tls));
    leat_testing_server *proxies[] = {
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5)),
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5, .user = "u", .password = "p")),
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT)),
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .user = "u", .password = "p")),
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .tls = &tls)),
        rig_start(LEAT_TESTING_OPTIONS(
                .kind = LEAT_TESTING_SOCKS5,
                .faults = "method=split 1;reply=split 1 1;relay=split 7;greeting=delay 1")),
    };
    for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); ++i) {
        echo_through(proxies[i], leat_testing_server_get_url(ws));
        echo_through(proxies[i], leat_testing_server_get_url(wss));
        leat_testing_server_free(proxies[i]);
    }
    leat_testing_server_free(wss);
    leat_testing_server_free(ws);
}

/* Both directions full at once: a relay that waits for one of them would never end. */
static void flood_through(const leat_testing_server *proxy, const char *url)
{
    enum { MESSAGES = 8, BYTES = 1 << 20 };
    struct client_run run;
    client_run_init(&run);
    run.drop_messages = true;
    cr_assert(leat_config_set_proxy(run.config, leat_testing_server_get_url(proxy)) == LEAT_OK);
    cr_assert(leat_config_set_send_queue_limit(run.config, 2 * MESSAGES * (size_t)BYTES) ==
              LEAT_OK);
    client_run_open(&run, url);
    char *message = calloc(1, BYTES);
    for (int i = 0; i < MESSAGES; ++i)
        cr_assert(leat_websocket_send(run.ws, LEAT_MESSAGE_BINARY, message, BYTES) == LEAT_OK);
    client_run_until_messages(&run, MESSAGES);
    cr_expect(run.message_bytes == MESSAGES * (size_t)BYTES);
    client_run_close(&run);
    client_run_done(&run);
    free(message);
}

Test(proxies, both_directions_at_once)
{
    const struct leat_testing_tls tls = {.cert_path = certificate_path("server.pem"),
                                         .key_path = certificate_path("server.key")};
    leat_testing_server *ws = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET));
    leat_testing_server *plain = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5));
    leat_testing_server *in_tls =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .tls = &tls));
    flood_through(plain, leat_testing_server_get_url(ws));
    flood_through(in_tls, leat_testing_server_get_url(ws));
    leat_testing_server_free(in_tls);
    leat_testing_server_free(plain);
    leat_testing_server_free(ws);
}

/* The faults of a TLS proxy are inside of its TLS, but for the first step. */
Test(proxies, leat_meets_faults_in_tls)
{
    const struct leat_testing_tls tls = {.cert_path = certificate_path("server.pem"),
                                         .key_path = certificate_path("server.key")};
    static const struct {
        const char *faults;
        bool opens;
    } cases[] = {
        {"accept=\"garbage\",close", false},
        {"reply=refuse 403", false},
        {"reply=split 3;tls=delay 1", true},
        {"tls=\"HTTP/1.1 200 OK\\r\\n\\r\\n\";reply=skip", true},
    };
    leat_testing_server *ws = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        leat_testing_server *proxy =
            rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_CONNECT, .tls = &tls,
                                           .faults = cases[i].faults));
        struct client_run run;
        client_run_init(&run);
        cr_assert(leat_config_set_proxy(run.config, leat_testing_server_get_url(proxy)) == LEAT_OK);
        cr_assert(client_run_connect(&run, leat_testing_server_get_url(ws)) == LEAT_OK);
        client_run_until_opened(&run);
        cr_expect((run.opened_count == 1) == cases[i].opens, "%s: %d %s", cases[i].faults,
                  run.close.error.code, run.close.error.text);
        client_run_done(&run);
        leat_testing_server_free(proxy);
    }
    leat_testing_server_free(ws);
}
