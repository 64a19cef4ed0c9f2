/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of leat/testing_conformance.h, with leat at the other end: it passes. */
#include "support/client_run.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"
#include "support/server_run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <leat/tcp_socket.h>
#include <leat/testing_conformance.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(conformance, .fini = sandbox_done, .timeout = 240);

static void configure(leat_config *config)
{
    const struct leat_compression compression = {.size = sizeof(compression), .threshold_bytes = 1};
    cr_assert(leat_config_set_compression(config, &compression) == LEAT_OK);
    cr_assert(leat_config_set_max_message_bytes(config, 1 << 20) == LEAT_OK);
}

/* Every case has run and is well. @return how many. */
static size_t expect_well(const leat_testing_conformance *judge)
{
    size_t count = leat_testing_conformance_get_count(judge);
    for (size_t i = 0; i < count; ++i) {
        struct leat_testing_case now = {.size = sizeof(now)};
        cr_assert(leat_testing_conformance_get_case(judge, i, &now) == LEAT_OK);
        cr_expect(now.verdict == LEAT_TESTING_VERDICT_PASS ||
                      now.verdict == LEAT_TESTING_VERDICT_INFORMATIONAL,
                  "%s: %s: expected %s; seen: %s", now.id, now.title, now.expected, now.seen);
    }
    return count;
}

Test(conformance, websocket_server)
{
    struct server_run *server =
        server_run_start(&(struct server_run_options){.configure = configure});
    leat_testing_conformance *judge = NULL;
    char url[64];
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/echo", server_run_port(server));
    cr_assert(leat_testing_conformance_new(
                  LEAT_TESTING_CONFORMANCE_OPTIONS(.subject = LEAT_TESTING_SUBJECT_WEBSOCKET_SERVER,
                                                   .url = url, .patience_ms = 30000),
                  &judge, NULL) == LEAT_OK);
    cr_assert(leat_testing_conformance_run(judge) == LEAT_OK);
    cr_expect(expect_well(judge) > 600);
    cr_expect(leat_testing_conformance_run(judge) == LEAT_E_PARAMETER, "once");
    leat_testing_conformance_free(judge);
    server_run_free(server);
}

/* ---- a client ------------------------------------------------------------------------------- */

struct client {
    leat_loop *loop;
    leat_websocket *ws;
    leat_config *config;
    const char *url;
    size_t left;
};

static void client_connect(struct client *client)
{
    if (client->left-- == 0)
        leat_loop_stop(client->loop);
    else
        cr_assert(leat_websocket_connect(client->ws, client->url, client->config) == LEAT_OK);
}

static void client_echo(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                        size_t len, void *user)
{
    (void)user;
    int code = leat_websocket_send(ws, type, data, len);
    cr_expect(code == LEAT_OK, "%d", code);
}

static void client_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    (void)ws;
    (void)event;
    client_connect(user);
}

static void *judge_run(void *user)
{
    static int code;
    code = leat_testing_conformance_run(user);
    return &code;
}

Test(conformance, websocket_client)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks), .message = client_echo, .closed = client_closed};
    struct client client = {.config = client_config_new()};
    leat_testing_conformance *judge = NULL;
    pthread_t thread;
    void *result = NULL;
    cr_assert(leat_testing_conformance_new(
                  LEAT_TESTING_CONFORMANCE_OPTIONS(.subject = LEAT_TESTING_SUBJECT_WEBSOCKET_CLIENT,
                                                   .patience_ms = 30000),
                  &judge, NULL) == LEAT_OK);
    client.url = leat_testing_conformance_get_url(judge);
    client.left = leat_testing_conformance_get_count(judge);
    configure(client.config);
    cr_assert(pthread_create(&thread, NULL, judge_run, judge) == 0);
    cr_assert(leat_loop_new(&client.loop) == LEAT_OK);
    cr_assert(leat_websocket_new(client.loop, &callbacks, &client, &client.ws) == LEAT_OK);
    client_connect(&client);
    cr_expect(leat_loop_run(client.loop) == LEAT_OK);
    leat_websocket_free(client.ws);
    pthread_join(thread, &result);
    cr_expect(*(int *)result == LEAT_OK);
    cr_expect(expect_well(judge) > 600);
    leat_testing_conformance_free(judge);
    leat_loop_free(client.loop);
    leat_config_free(client.config);
}

/* ---- a client of proxies --------------------------------------------------------------------- */

struct proxied {
    leat_loop *loop;
    leat_tcp_socket *tcp;
    leat_config *config;
    size_t left;
};

static void proxied_connect(struct proxied *client)
{
    if (client->left-- == 0)
        leat_loop_stop(client->loop);
    else
        cr_assert(leat_tcp_socket_connect(client->tcp, "leat.test", 80, client->config) == LEAT_OK);
}

static void proxied_echo(leat_tcp_socket *tcp, const uint8_t *data, size_t len,
                         const struct leat_remote_info *remote, void *user)
{
    (void)remote;
    (void)user;
    int code = leat_tcp_socket_send(tcp, data, len);
    cr_expect(code == LEAT_OK, "%d", code);
}

static void proxied_closed(leat_tcp_socket *tcp, void *user)
{
    (void)tcp;
    proxied_connect(user);
}

static void expect_proxied_well(enum leat_testing_subject subject)
{
    static const struct leat_tcp_socket_callbacks callbacks = {
        .size = sizeof(callbacks), .message = proxied_echo, .closed = proxied_closed};
    struct proxied client = {.config = client_config_new()};
    leat_testing_conformance *judge = NULL;
    pthread_t thread;
    void *result = NULL;
    cr_assert(leat_testing_conformance_new(LEAT_TESTING_CONFORMANCE_OPTIONS(.subject = subject,
                                                                            .patience_ms = 30000,
                                                                            .cases = "!*.reset"),
                                           &judge, NULL) == LEAT_OK);
    cr_assert(leat_config_set_proxy(client.config, leat_testing_conformance_get_url(judge)) ==
              LEAT_OK);
    client.left = leat_testing_conformance_get_count(judge);
    cr_assert(pthread_create(&thread, NULL, judge_run, judge) == 0);
    cr_assert(leat_loop_new(&client.loop) == LEAT_OK);
    cr_assert(leat_tcp_socket_new(client.loop, &callbacks, &client, &client.tcp) == LEAT_OK);
    proxied_connect(&client);
    cr_expect(leat_loop_run(client.loop) == LEAT_OK);
    leat_tcp_socket_free(client.tcp);
    leat_testing_conformance_stop(judge);
    pthread_join(thread, &result);
    cr_expect(*(int *)result == LEAT_OK);
    cr_expect(expect_well(judge) > 40);
    leat_testing_conformance_free(judge);
    leat_loop_free(client.loop);
    leat_config_free(client.config);
}

Test(conformance, socks5_client)
{
    expect_proxied_well(LEAT_TESTING_SUBJECT_SOCKS5_CLIENT);
}

Test(conformance, connect_client)
{
    expect_proxied_well(LEAT_TESTING_SUBJECT_CONNECT_CLIENT);
}

/* Nobody comes; or whoever comes says nothing, or nonsense: it ends with a verdict. */
Test(conformance, clients_that_are_none)
{
    static const char *const words[] = {NULL, "", "\x16\x03\x01\x00", "GET / HTTP/1.1\r\n\r\n",
                                        "GET /runCase?case=1&agent=%ff%00 HTTP/1.1\r\n\r\n"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        leat_testing_conformance *judge = NULL;
        struct leat_testing_case now = {.size = sizeof(now)};
        pthread_t thread;
        void *result = NULL;
        char rest[256];
        cr_assert(
            leat_testing_conformance_new(
                LEAT_TESTING_CONFORMANCE_OPTIONS(.subject = LEAT_TESTING_SUBJECT_WEBSOCKET_CLIENT,
                                                 .cases =
                                                     "request.key,answer.plain,utf8.fast.frame",
                                                 .patience_ms = 100, .idle_ms = 1000),
                &judge, NULL) == LEAT_OK);
        const char *port = strrchr(leat_testing_conformance_get_url(judge), ':');
        cr_assert(pthread_create(&thread, NULL, judge_run, judge) == 0);
        if (words[i]) {
            int fd = raw_connect(NULL, (uint16_t)strtoul(port + 1, NULL, 10));
            (void)raw_send(fd, words[i], strlen(words[i]));
            while (recv(fd, rest, sizeof(rest), 0) > 0) {
            }
            close(fd);
        }
        pthread_join(thread, &result);
        cr_expect(*(int *)result == LEAT_OK);
        for (size_t j = 0; j < leat_testing_conformance_get_count(judge); ++j) {
            cr_assert(leat_testing_conformance_get_case(judge, j, &now) == LEAT_OK);
            cr_expect(now.verdict == LEAT_TESTING_VERDICT_NOT_RUN ||
                          now.verdict == LEAT_TESTING_VERDICT_FAIL,
                      "%s", now.id);
        }
        leat_testing_conformance_free(judge);
    }
}

/* ---- the list, and what cannot be ------------------------------------------------------------ */

static const enum leat_testing_subject subjects[] = {
    LEAT_TESTING_SUBJECT_WEBSOCKET_SERVER, LEAT_TESTING_SUBJECT_WEBSOCKET_CLIENT,
    LEAT_TESTING_SUBJECT_SOCKS5_PROXY,     LEAT_TESTING_SUBJECT_SOCKS5_CLIENT,
    LEAT_TESTING_SUBJECT_CONNECT_PROXY,    LEAT_TESTING_SUBJECT_CONNECT_CLIENT,
};

Test(conformance, each_case_has_an_id_of_its_own)
{
    for (size_t s = 0; s < sizeof(subjects) / sizeof(subjects[0]); ++s) {
        leat_testing_conformance *judge = NULL;
        cr_assert(
            leat_testing_conformance_new(LEAT_TESTING_CONFORMANCE_OPTIONS(.subject = subjects[s]),
                                         &judge, NULL) == LEAT_OK);
        size_t count = leat_testing_conformance_get_count(judge);
        cr_expect(count > 20);
        for (size_t i = 0; i < count; ++i) {
            struct leat_testing_case now = {.size = sizeof(now)}, other = now;
            cr_assert(leat_testing_conformance_get_case(judge, i, &now) == LEAT_OK);
            cr_expect(now.id[0] && now.title[0] && now.expected[0] && strchr(now.section, ' '),
                      "%s", now.id);
            cr_expect(now.verdict == LEAT_TESTING_VERDICT_NOT_RUN && now.seen[0]);
            cr_expect(!strpbrk(now.id, " ,!*?[]"), "%s", now.id);
            for (size_t j = 0; j < i; ++j) {
                cr_assert(leat_testing_conformance_get_case(judge, j, &other) == LEAT_OK);
                cr_expect(strcmp(now.id, other.id) != 0, "%s", now.id);
            }
        }
        struct leat_testing_case none = {.size = sizeof(none)};
        cr_expect(leat_testing_conformance_get_case(judge, count, &none) == LEAT_E_PARAMETER);
        leat_testing_conformance_free(judge);
    }
}

Test(conformance, what_cannot_be_judged)
{
    static const struct {
        const char *url, *cases, *text;
    } rows[] = {
        {"127.0.0.1", NULL, "no URL"},
        {"http://127.0.0.1/", NULL, "scheme"},
        {"ws://127.0.0.1:0/", NULL, "host and port"},
        {"ws://127.0.0.1:70000/", NULL, "host and port"},
        {"ws://[::1/", NULL, "host and port"},
        {"ws:///", NULL, "host and port"},
        {"ws://127.0.0.1/a b", NULL, "path"},
        {"ws://127.0.0.1/", "nothing.*", "nothing.*"},
        {"ws://127.0.0.1/", "", "no case"},
        {"ws://127.0.0.1/", "utf8.valid.1,!utf8.*", "no case is left"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        leat_testing_conformance *judge = NULL;
        struct leat_testing_problem problem = {.text = ""};
        int code = leat_testing_conformance_new(
            LEAT_TESTING_CONFORMANCE_OPTIONS(.subject = LEAT_TESTING_SUBJECT_WEBSOCKET_SERVER,
                                             .url = rows[i].url, .cases = rows[i].cases),
            &judge, &problem);
        cr_expect(code == LEAT_E_PARAMETER && !judge && strstr(problem.text, rows[i].text),
                  "%s: %d %s", rows[i].url, code, problem.text);
    }
}

Test(conformance, nobody_there)
{
    leat_testing_conformance *judge = NULL;
    uint16_t port;
    char url[64];
    int listener = raw_listen(&port);
    close(listener);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/", port);
    cr_assert(leat_testing_conformance_new(
                  LEAT_TESTING_CONFORMANCE_OPTIONS(.subject = LEAT_TESTING_SUBJECT_WEBSOCKET_SERVER,
                                                   .url = url),
                  &judge, NULL) == LEAT_OK);
    cr_expect(leat_testing_conformance_run(judge) == LEAT_E_SOCKET_BASE + ECONNREFUSED);
    leat_testing_conformance_free(judge);
}

/* It takes connections and says nothing: after some cases it is taken for gone. */
Test(conformance, a_server_that_is_silent)
{
    leat_testing_conformance *judge = NULL;
    size_t counts[LEAT_TESTING_VERDICT_FAIL + 1] = {0};
    uint16_t port;
    char url[64];
    int listener = raw_listen(&port);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/", port);
    cr_assert(leat_testing_conformance_new(
                  LEAT_TESTING_CONFORMANCE_OPTIONS(.subject = LEAT_TESTING_SUBJECT_WEBSOCKET_SERVER,
                                                   .url = url, .patience_ms = 50),
                  &judge, NULL) == LEAT_OK);
    cr_expect(leat_testing_conformance_run(judge) == LEAT_OK);
    for (size_t i = 0; i < leat_testing_conformance_get_count(judge); ++i) {
        struct leat_testing_case now = {.size = sizeof(now)};
        cr_assert(leat_testing_conformance_get_case(judge, i, &now) == LEAT_OK);
        ++counts[now.verdict];
    }
    cr_expect(counts[LEAT_TESTING_VERDICT_PASS] == 0 && counts[LEAT_TESTING_VERDICT_FAIL] > 0 &&
              counts[LEAT_TESTING_VERDICT_NOT_RUN] > 500);
    leat_testing_conformance_free(judge);
    close(listener);
}

static void stop_soon(const struct leat_testing_case *now, void *user)
{
    leat_testing_conformance **judge = user;
    (void)now;
    leat_testing_conformance_stop(*judge);
}

Test(conformance, stopped)
{
    leat_testing_conformance *judge = NULL;
    struct leat_testing_case last = {.size = sizeof(last)};
    struct server_run *server =
        server_run_start(&(struct server_run_options){.configure = configure});
    char url[64];
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/echo", server_run_port(server));
    cr_assert(leat_testing_conformance_new(
                  LEAT_TESTING_CONFORMANCE_OPTIONS(.subject = LEAT_TESTING_SUBJECT_WEBSOCKET_SERVER,
                                                   .url = url, .judged = stop_soon, .user = &judge),
                  &judge, NULL) == LEAT_OK);
    cr_expect(leat_testing_conformance_run(judge) == LEAT_OK);
    cr_assert(leat_testing_conformance_get_case(
                  judge, leat_testing_conformance_get_count(judge) - 1, &last) == LEAT_OK);
    cr_expect(last.verdict == LEAT_TESTING_VERDICT_NOT_RUN);
    leat_testing_conformance_free(judge);
    server_run_free(server);
}
