/* SPDX-License-Identifier: Apache-2.0 */
/* The control: servers made, changed, asked and removed by HTTP while they run. */
#include "testing/rig.h"

#include <leat/testing_control.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

TestSuite(control, .fini = sandbox_done, .timeout = 120);

static leat_testing_control *control;

static void control_start(void)
{
    struct leat_testing_problem problem = {0};
    int code = leat_testing_control_new(NULL, &control, &problem);
    cr_assert(code == LEAT_OK, "%d %s", code, problem.text);
}

/* Says something and reads until the end. @return the status. */
static int ask_raw(int fd, const char *request, char *ret_answer, size_t cap)
{
    size_t len = 0;
    ssize_t got;
    cr_assert(raw_send(fd, request, strlen(request)));
    while ((got = recv(fd, ret_answer + len, cap - 1 - len, 0)) > 0)
        len += (size_t)got;
    ret_answer[len] = '\0';
    close(fd);
    int status = 0;
    return sscanf(ret_answer, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

static char answer[65536];

/* A request of its own. `answer` is what came. */
static int ask(const char *method, const char *path, const char *body)
{
    const char *request =
        sandbox_format("%s %s HTTP/1.1\r\nHost: 127.0.0.1:8474\r\nConnection: close\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       method, path, body ? strlen(body) : 0, body ? body : "");
    return ask_raw(raw_connect(NULL, leat_testing_control_get_port(control)), request, answer,
                   sizeof(answer));
}

#define EXPECT(status, method, path, body)                                                         \
    do {                                                                                           \
        const char *sent = body;                                                                   \
        int found = ask(method, path, sent);                                                       \
        cr_expect(found == (status), "%s %s %s: %s", method, path, sent ? sent : "", answer);      \
    } while (0)
#define EXPECT_TEXT(text) cr_expect(strstr(answer, text), "%s is not in %s", text, answer)

static uint16_t answer_port(void)
{
    const char *port = strstr(answer, "\"port\":");
    cr_assert(port, "%s", answer);
    return (uint16_t)strtoul(port + 7, NULL, 10); /* NOLINT */
}

/* ---- servers --------------------------------------------------------------------------------- */

Test(control, a_server_is_made_changed_asked_and_removed)
{
    control_start();
    cr_expect_str_eq(leat_testing_control_get_url(control),
                     sandbox_format("http://127.0.0.1:%u", leat_testing_control_get_port(control)));
    EXPECT(200, "GET", "/servers", NULL);
    EXPECT_TEXT("{\"servers\":[]}");
    EXPECT(201, "POST", "/servers",
           "{\"name\":\"a b\",\"kind\":\"socks5\",\"faults\":\"greeting=hold\"}");
    EXPECT_TEXT("\"url\":\"socks5h://127.0.0.1:");
    uint16_t port = answer_port();
    int fd = raw_connect(NULL, port);
    RIG_SEND(fd, "\x05\x01\x00");
    EXPECT(200, "GET", "/servers/a%20b/wait?step=greeting&timeout_ms=60000", NULL);
    EXPECT_TEXT("{\"met\":true,\"count\":1}");
    EXPECT(409, "GET", "/servers/a%20b/wait?step=method&count=2&timeout_ms=1", NULL);
    EXPECT_TEXT("method was reached 0 times within 1 ms, not 2");
    EXPECT(204, "POST", "/servers/a%20b/release", NULL);
    RIG_EXPECT(fd, "\x05\x00");
    EXPECT(200, "PATCH", "/servers/a%20b", "{\"faults\":\"method=05,ff;then=close\"}");
    int other = raw_connect(NULL, port);
    RIG_SEND(other, "\x05\x01\x00");
    RIG_EXPECT(other, "\x05\xff");
    close(other);
    EXPECT(200, "GET", "/servers/a%20b/seen", NULL);
    EXPECT_TEXT("\"connections\":2");
    EXPECT_TEXT("\"greeting\":2");
    EXPECT(200, "GET", "/servers/a%20b/events?from=1", NULL);
    EXPECT_TEXT("\"number\":1,");
    EXPECT_TEXT("\"step\":\"greeting\",\"text\":\"1 methods\"");
    EXPECT(204, "DELETE", "/servers/a%20b", NULL);
    cr_expect(raw_recv_end(fd) == 0, "its connections end with it");
    close(fd);
    EXPECT(404, "GET", "/servers/a%20b", NULL);
    leat_testing_control_free(control);
}

static void refused_expect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_expect(connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 &&
              errno == ECONNREFUSED);
    close(fd);
}

Test(control, hard_changes_start_it_again_where_it_was)
{
    leat_testing_server *greeter = rig_greeter(), *other = rig_greeter();
    control_start();
    EXPECT(201, "POST", "/servers",
           sandbox_format("{\"name\":\"r\",\"kind\":\"tcp\",\"to\":\"%s\"}",
                          leat_testing_server_get_address(greeter)));
    uint16_t port = answer_port();
    EXPECT(200, "PATCH", "/servers/r",
           sandbox_format("{\"to\":\"%s\",\"conditions\":\"limit=3\"}",
                          leat_testing_server_get_address(other)));
    cr_expect(answer_port() == port);
    int fd = raw_connect(NULL, port);
    RIG_EXPECT(fd, "hel");
    cr_expect(raw_recv_end(fd) == 0);
    close(fd);
    cr_expect(leat_testing_server_wait_step(other, "accept", 1, RIG_WAIT_MS));
    EXPECT(200, "PATCH", "/servers/r", "{\"enabled\":false}");
    EXPECT_TEXT("\"enabled\":false");
    refused_expect(port);
    EXPECT(409, "GET", "/servers/r/seen", NULL);
    EXPECT(200, "PATCH", "/servers/r", "{\"enabled\":true,\"conditions\":null}");
    cr_expect(answer_port() == port);
    fd = raw_connect(NULL, port);
    RIG_EXPECT(fd, RIG_GREETING);
    close(fd);
    leat_testing_control_free(control);
    leat_testing_server_free(other);
    leat_testing_server_free(greeter);
}

static const struct {
    int status;
    const char *method, *path, *body, *says;
} mistakes[] = {
    {400, "POST", "/servers", "", "JSON, byte 1"},
    {400, "POST", "/servers", "{\"name\":\"x\",}", "JSON, byte 13"},
    {400, "POST", "/servers", "[]", "a JSON object"},
    {400, "POST", "/servers", "{\"name\":\"x\"}", "\"field\":\"kind\""},
    {400, "POST", "/servers", "{\"kind\":\"tcp\",\"to\":\"a:1\"}", "\"field\":\"name\""},
    {400, "POST", "/servers", "{\"name\":\"\",\"kind\":\"echo\"}", "\"field\":\"name\""},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"ftp\"}", "named ftp"},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"script\"}", "named script"},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"echo\",\"prot\":1}",
     "\"field\":\"prot\""},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"echo\",\"port\":65536}",
     "\"field\":\"port\""},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"echo\",\"port\":1.5}",
     "\"field\":\"port\""},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"echo\",\"port\":\"1\"}",
     "\"field\":\"port\""},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"echo\",\"faults\":\"reply=skip\"}",
     "no step reply"},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"echo\",\"faults\":\"message=jump\"}",
     "\"field\":\"faults\""},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"echo\",\"conditions\":\"late=1\"}",
     "\"field\":\"conditions\""},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"tcp\",\"to\":\"nowhere\"}",
     "\"field\":\"to\""},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"echo\",\"tls\":{\"cert\":\"a\"}}",
     "\"field\":\"cert\""},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"echo\",\"tls\":{\"key\":\"a\"}}",
     "go together"},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"echo\",\"address\":\"here\"}",
     "here is not"},
    {400, "POST", "/servers", "{\"name\":\"x\",\"kind\":\"echo\",\"name\":\"y\"}", "there already"},
    {409, "POST", "/servers", "{\"name\":\"there\",\"kind\":\"echo\"}", "already exists"},
    {400, "PATCH", "/servers/there", "{\"name\":\"other\"}", "a name stays"},
    {400, "PATCH", "/servers/there", "{\"faults\":\"reply=skip\"}", "\"field\":\"faults\""},
    {400, "PATCH", "/servers/there", "{\"conditions\":\"loss=1%\"}", "\"field\":\"conditions\""},
    {404, "PATCH", "/servers/nobody", "{}", "no such server"},
    {404, "DELETE", "/servers/nobody", NULL, "no such server"},
    {400, "GET", "/servers/there/wait", NULL, "\"field\":\"step\""},
    {400, "GET", "/servers/there/wait?step=reply", NULL, "no step reply"},
    {400, "GET", "/servers/there/wait?step=accept&count=x", NULL, "\"field\":\"count\""},
    {400, "GET", "/servers/there/wait?step=accept&timeout_ms=99999999", NULL,
     "\"field\":\"timeout_ms\""},
    {409, "GET", "/servers/there/wait?idle=1&timeout_ms=1", NULL, "not idle"},
    {404, "GET", "/", NULL, "no such path"},
    {404, "GET", "/a/b/c/d/e/f", NULL, "no such path"},
    {404, "GET", "/server", NULL, "no such path"},
    {400, "GET", "/servers/%4", NULL, "escape"},
    {400, "GET", "/servers/%00", NULL, "escape"},
    {405, "DELETE", "/servers", NULL, "method"},
    {400, "POST", "/certificates", "{\"fault\":\"expired\"}", "\"field\":\"fault\""},
    {400, "POST", "/certificates", "{\"faults\":\"stale\"}", "certificate_faults"},
    {400, "POST", "/certificates", "{\"hosts\":1}", "\"field\":\"hosts\""},
};

Test(control, what_is_wrong_is_told_with_its_field)
{
    control_start();
    EXPECT(201, "POST", "/servers", "{\"name\":\"there\",\"kind\":\"echo\"}");
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); ++i) {
        EXPECT(mistakes[i].status, mistakes[i].method, mistakes[i].path, mistakes[i].body);
        EXPECT_TEXT(mistakes[i].says);
        EXPECT_TEXT("\"error\":");
        EXPECT_TEXT(sandbox_format("\"status\":%d", mistakes[i].status));
    }
    EXPECT(200, "GET", "/servers/there", NULL);
    leat_testing_control_free(control);
}

Test(control, certificates_are_made)
{
    control_start();
    EXPECT(200, "GET", "/ca", NULL);
    EXPECT_TEXT("-----BEGIN CERTIFICATE-----\\n");
    EXPECT(201, "POST", "/certificates", "{\"hosts\":\"x.test\",\"faults\":\"expired\"}");
    EXPECT_TEXT("-----BEGIN PRIVATE KEY-----");
    EXPECT(201, "POST", "/servers",
           "{\"name\":\"w\",\"kind\":\"websocket\",\"tls\":true,\"subprotocols\":[\"chat\"]}");
    EXPECT_TEXT("\"url\":\"wss://localhost:");
    EXPECT_TEXT("\"ca\":\"/");
    leat_testing_control_free(control);
}

/* ---- who may ask ----------------------------------------------------------------------------- */

static int ask_with(const char *lines)
{
    return ask_raw(raw_connect(NULL, leat_testing_control_get_port(control)),
                   sandbox_format("GET /version HTTP/1.1\r\nConnection: close\r\n%s\r\n", lines),
                   answer, sizeof(answer));
}

Test(control, pages_and_foreign_names_are_kept_out)
{
    control_start();
    cr_expect(ask_with("Host: localhost:1\r\n") == 200);
    cr_expect(ask_with("Host: [::1]\r\n") == 200);
    cr_expect(ask_with("") == 200);
    cr_expect(ask_with("Host: evil.test\r\n") == 403);
    cr_expect(ask_with("Host: localhost\r\nOrigin: http://evil.test\r\n") == 403);
    cr_expect(ask_with("Host: localhost\r\nUser-Agent: Mozilla/5.0\r\n") == 403);
    leat_testing_control_free(control);
}

/* A page may send any body without asking: it must not be taken for the next request. */
Test(control, a_refused_request_hides_no_other_one)
{
    static const char *const refused[] = {
        "POST /servers HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.test\r\n",
        "POST /servers HTTP/1.1\r\nHost: evil.test\r\n",
        "POST servers HTTP/1.1\r\nHost: localhost\r\n",
        "POST /servers HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n",
        "POST /servers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n",
    };
    const char *json = "{\"name\":\"evil\",\"kind\":\"echo\"}";
    const char *hidden = sandbox_format("POST /servers HTTP/1.1\r\nHost: localhost\r\n"
                                        "Content-Length: %zu\r\n\r\n%s",
                                        strlen(json), json);
    control_start();
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        int status = ask_raw(
            raw_connect(NULL, leat_testing_control_get_port(control)),
            sandbox_format("%sContent-Length: %zu\r\n\r\n%s", refused[i], strlen(hidden), hidden),
            answer, sizeof(answer));
        cr_expect(status >= 400, "%zu: %s", i, answer);
        EXPECT_TEXT("Connection: close\r\n");
        cr_expect(!strstr(answer + 1, "HTTP/1.1"), "a second answer: %s", answer);
        EXPECT(200, "GET", "/servers", NULL);
        cr_expect(!strstr(answer, "evil"), "%zu: %s", i, answer);
    }
    leat_testing_control_free(control);
}

Test(control, others_need_a_token)
{
    struct leat_testing_problem problem = {0};
    cr_expect(leat_testing_control_new(LEAT_TESTING_CONTROL_OPTIONS(.address = "0.0.0.0"), &control,
                                       &problem) == LEAT_E_PARAMETER &&
                  strstr(problem.text, "token"),
              "%s", problem.text);
    cr_assert(leat_testing_control_new(
                  LEAT_TESTING_CONTROL_OPTIONS(.address = "0.0.0.0", .token = "secret"), &control,
                  &problem) == LEAT_OK,
              "%s", problem.text);
    cr_expect(ask_with("Host: somewhere.test\r\nAuthorization: Bearer secret\r\n") == 200);
    cr_expect(ask_with("Authorization: Basic eDpzZWNyZXQ=\r\n") == 200, "x:secret");
    cr_expect(ask_with("Authorization: Bearer secrets\r\n") == 401);
    cr_expect(ask_with("Authorization: Bearer \r\n") == 401);
    cr_expect(ask_with("Authorization: Basic c2VjcmV0\r\n") == 401);
    cr_expect(ask_with("") == 401);
    leat_testing_control_free(control);
}

Test(control, it_listens_on_a_unix_socket)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = sandbox_path("control");
    struct stat st;
    cr_assert(leat_testing_control_new(LEAT_TESTING_CONTROL_OPTIONS(.unix_path = path), &control,
                                       NULL) == LEAT_OK);
    cr_expect_str_eq(leat_testing_control_get_url(control), sandbox_format("http+unix:%s", path));
    cr_expect(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    cr_assert(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    cr_expect(ask_raw(fd, "GET /version HTTP/1.0\r\nHost: any.test\r\n\r\n", answer,
                      sizeof(answer)) == 200);
    leat_testing_control *other = NULL;
    cr_expect(leat_testing_control_new(LEAT_TESTING_CONTROL_OPTIONS(.unix_path = path), &other,
                                       NULL) == LEAT_E_SOCKET_BASE + EADDRINUSE);
    cr_expect(stat(path, &st) == 0, "it is still there");
    leat_testing_control_free(control);
    cr_expect(stat(path, &st) != 0, "and goes with it");
}

/* ---- bad HTTP, and races --------------------------------------------------------------------- */

Test(control, bad_requests_end_or_are_answered)
{
    static const struct {
        int status;
        const char *request;
    } cases[] = {
        {400, "GET /version\r\n\r\n"},
        {400, "GET version HTTP/1.1\r\n\r\n"},
        {400, "AVERYLONGMETHODTHATISNONE / HTTP/1.1\r\n\r\n"},
        {411, "POST /servers HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {413, "POST /servers HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n"},
        {400, "POST /servers HTTP/1.1\r\nContent-Length: -1\r\n\r\n"},
        {400, "POST /servers HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"},
    };
    control_start();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        int fd = raw_connect(NULL, leat_testing_control_get_port(control));
        cr_assert(raw_send(fd, cases[i].request, strlen(cases[i].request)));
        cr_assert(shutdown(fd, SHUT_WR) == 0);
        int status = ask_raw(fd, "", answer, sizeof(answer));
        cr_expect(status == cases[i].status, "%s: %s", cases[i].request, answer);
    }
    int fd = raw_connect(NULL, leat_testing_control_get_port(control)); /* two on one connection */
    cr_expect(ask_raw(fd,
                      "GET /version HTTP/1.1\r\n\r\nGET /servers HTTP/1.1\r\nConnection: "
                      "close\r\n\r\n",
                      answer, sizeof(answer)) == 200);
    EXPECT_TEXT("{\"servers\":[]}");
    leat_testing_control_free(control);
}

static void *wait_in_thread(void *user)
{
    static char text[4096];
    int fd = raw_connect(NULL, leat_testing_control_get_port(control));
    *(int *)user = ask_raw(fd,
                           "GET /servers/w/wait?step=accept&timeout_ms=600000 HTTP/1.1\r\n"
                           "Connection: close\r\n\r\n",
                           text, sizeof(text));
    return NULL;
}

static void *follow_in_thread(void *user)
{
    static char text[65536];
    int fd = raw_connect(NULL, leat_testing_control_get_port(control));
    *(int *)user =
        ask_raw(fd, "GET /servers/w/events?follow=1 HTTP/1.1\r\n\r\n", text, sizeof(text));
    cr_expect(*(int *)user != 200 || strstr(text, "\r\n0\r\n\r\n"), "%s", text);
    return NULL;
}

Test(control, a_server_is_removed_while_it_is_in_use)
{
    pthread_t threads[2];
    int statuses[2] = {0, 0};
    control_start();
    EXPECT(201, "POST", "/servers", "{\"name\":\"w\",\"kind\":\"echo\"}");
    uint16_t port = answer_port();
    cr_assert(pthread_create(&threads[0], NULL, wait_in_thread, &statuses[0]) == 0);
    EXPECT(200, "GET", "/servers/w/wait?step=accept&count=0", NULL);
    EXPECT(204, "DELETE", "/servers/w", NULL);
    pthread_join(threads[0], NULL);
    cr_expect(statuses[0] == 410 || statuses[0] == 404, "%d", statuses[0]);

    EXPECT(201, "POST", "/servers",
           sandbox_format("{\"name\":\"w\",\"kind\":\"echo\",\"port\":%u}", port));
    int fd = raw_connect(NULL, port);
    cr_assert(pthread_create(&threads[1], NULL, follow_in_thread, &statuses[1]) == 0);
    cr_assert(pthread_create(&threads[0], NULL, wait_in_thread, &statuses[0]) == 0);
    pthread_join(threads[0], NULL);
    cr_expect(statuses[0] == 200, "%d", statuses[0]);
    EXPECT(200, "GET", "/servers/w/wait?step=accept", NULL);
    EXPECT(204, "DELETE", "/servers/w", NULL);
    pthread_join(threads[1], NULL);
    cr_expect(statuses[1] == 200 || statuses[1] == 404, "%d", statuses[1]);
    close(fd);
    leat_testing_control_free(control);
}

/* ---- toxics ---------------------------------------------------------------------------------- */

Test(control, a_toxic_for_which_there_is_no_room_is_refused)
{
    static const char latency[] = "latency=1;";
    enum { LATENCY_LEN = sizeof(latency) - 1, LATENCIES = LEAT_TESTING_CONDITIONS_MAX - 1 };
    char conditions[LATENCIES * LATENCY_LEN + 1] = "";
    control_start();
    for (size_t i = 0; i < LATENCIES; ++i)
        memcpy(conditions + i * LATENCY_LEN, latency, sizeof(latency));
    EXPECT(201, "POST", "/servers",
           sandbox_format("{\"name\":\"p\",\"kind\":\"tcp\",\"to\":\"127.0.0.1:9\",\"conditions\":"
                          "\"%s\"}",
                          conditions));
    EXPECT(200, "POST", "/proxies/p/toxics", "{\"type\":\"latency\",\"name\":\"fits\"}");
    EXPECT(507, "POST", "/proxies/p/toxics", "{\"type\":\"latency\",\"name\":\"more\"}");
    EXPECT_TEXT("at most 32 conditions");
    EXPECT(200, "POST", "/proxies/p/toxics",
           "{\"type\":\"bandwidth\",\"name\":\"none\",\"attributes\":{\"rate\":0}}");
    EXPECT(507, "POST", "/proxies/p/toxics/none", "{\"attributes\":{\"rate\":1}}");
    EXPECT(507, "PATCH", "/servers/p",
           sandbox_format("{\"conditions\":\"%slatency=1\"}", conditions));
    EXPECT(200, "GET", "/proxies/p/toxics", NULL);
    EXPECT_TEXT("\"rate\":0");
    cr_expect(!strstr(answer, "\"more\""), "%s", answer);
    EXPECT(200, "GET", "/servers/p", NULL);
    EXPECT_TEXT(sandbox_format("\"conditions\":\"%s\"", conditions));
    EXPECT(204, "DELETE", "/proxies/p/toxics/fits", NULL);
    EXPECT(200, "POST", "/proxies/p/toxics/none", "{\"attributes\":{\"rate\":1}}");
    leat_testing_control_free(control);
}

/* ---- the twins in C -------------------------------------------------------------------------- */

Test(control, json_makes_a_server_in_c)
{
    leat_testing_server *server = NULL;
    struct leat_testing_problem problem = {0};
    int code = leat_testing_server_new_json("{\"kind\":\"socks5\",\"user\":\"a\",\"password\":"
                                            "\"b\",\"names\":{\"x.test\":\"127.0.0.1\"}"
                                            ",\"conditions\":\"latency=1\",\"seed\":7}",
                                            SIZE_MAX, NULL, &server, &problem);
    cr_assert(code == LEAT_OK, "%s", problem.text);
    cr_expect(strncmp(leat_testing_server_get_url(server), "socks5h://a:b@127.0.0.1:", 24) == 0);
    leat_testing_server_free(server);
    code = leat_testing_server_new_json("{\"kind\":\"echo\",\"tls\":true}", SIZE_MAX, NULL, &server,
                                        &problem);
    cr_expect(code == LEAT_E_PARAMETER && strstr(problem.text, "tls: there is no CA"), "%s",
              problem.text);
    code = leat_testing_server_new_json("{", 1, NULL, &server, &problem);
    cr_expect(code == LEAT_E_PARAMETER && strstr(problem.text, "JSON, byte 2"), "%s", problem.text);
    code = leat_testing_server_new_json("{\"knid\":1}", SIZE_MAX, NULL, &server, &problem);
    cr_expect(code == LEAT_E_PARAMETER && strncmp(problem.text, "knid: ", 6) == 0, "%s",
              problem.text);
}

Test(control, faults_are_replaced_while_connections_are_open)
{
    struct leat_testing_problem problem = {0};
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5,
                                       .faults = "greeting=drop-after 2,\"x\";method=hold"));
    int fd = raw_connect(NULL, leat_testing_server_get_port(server));
    RIG_SEND(fd, "\x05\x01\x00");
    cr_assert(leat_testing_server_wait_step(server, "method", 1, RIG_WAIT_MS));
    cr_expect(leat_testing_server_set_faults(server, "upgrade=skip", &problem) == LEAT_E_PARAMETER);
    cr_expect(leat_testing_server_set_faults(server, "method=", &problem) == LEAT_E_PARAMETER);
    cr_assert(leat_testing_server_set_faults(server, "method=05,ff;then=close", &problem) ==
              LEAT_OK);
    int other = raw_connect(NULL, leat_testing_server_get_port(server));
    RIG_SEND(other, "\x05\x01\x00");
    RIG_EXPECT(other, "\x05\xff");
    cr_expect(raw_recv_end(other) == 0);
    close(other);
    cr_assert(leat_testing_server_set_faults(server, NULL, NULL) == LEAT_OK);
    leat_testing_server_release(server);
    RIG_EXPECT(fd, "\x05\x00x"); /* the drop that had begun is carried out as it was meant */
    cr_expect(raw_recv_end(fd) == 0);
    close(fd);
    leat_testing_server_free(server);
}
