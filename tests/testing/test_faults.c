/* SPDX-License-Identifier: Apache-2.0 */
/* Every fault at every step of every kind of server, as a client sees it. A client sends all that
 * it has to say at once; what it gets is then the answers of the steps, one behind the other, as
 * the fault has changed them. */
#include "testing/rig.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

TestSuite(faults, .fini = sandbox_done, .timeout = 120);

/* ---- what a session is without faults -------------------------------------------------------- */

/* One step and its answer. */
struct answer {
    const char *step;
    const char *bytes; /* NULL = the step has none */
    size_t len;
    size_t known_len; /* how many of them are always the same; 0 = all */
    bool is_relay;
    const char *refusal; /* how the server's own one begins; NULL = there is none */
    size_t refusal_len;
};

#define ANSWER(literal)  .bytes = (literal), .len = sizeof(literal) - 1
#define REFUSAL(literal) .refusal = (literal), .refusal_len = sizeof(literal) - 1
#define ANSWERS_MAX      12

struct session {
    enum leat_testing_kind kind;
    const char *request; /* %s: port */
    struct answer answers[ANSWERS_MAX];
};

static const struct session socks5 = {
    .kind = LEAT_TESTING_SOCKS5,
    .answers =
        {
            {"accept"},
            {"greeting"},
            {"method", ANSWER("\x05\x02"), REFUSAL("\x05\xff")},
            {"auth"},
            {"auth-reply", ANSWER("\x01\x00"), REFUSAL("\x01\x01")},
            {"request"},
            {"connect"},
            {"reply", ANSWER("\x05\x00\x00\x01\x7f\x00\x00\x01??"), .known_len = 8,
             REFUSAL("\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00")},
            {"relay", ANSWER(RIG_GREETING), .is_relay = true},
        },
};

static const struct session http_connect = {
    .kind = LEAT_TESTING_CONNECT,
    .answers =
        {
            {"accept"},
            {"head"},
            {"connect"},
            {"reply", ANSWER("HTTP/1.1 200 Connection established\r\n\r\n"),
             REFUSAL("HTTP/1.1 502 Bad Gateway\r\n")},
            {"relay", ANSWER(RIG_GREETING), .is_relay = true},
        },
};

#define REFUSED_SESSION REFUSAL("\x88\x02\x03\xf3")

static const struct session websocket = {
    .kind = LEAT_TESTING_WEBSOCKET,
    .answers =
        {
            {"accept"},
            {"head"},
            {"upgrade",
             ANSWER(
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
             REFUSAL("HTTP/1.1 403 Forbidden\r\n")},
            {"send", ANSWER("\x81\x02hi"), REFUSED_SESSION},
            {"message",
             ANSWER("\x81\x04"
                    "ABCD"),
             REFUSED_SESSION},
            {"ping", ANSWER("\x8a\x02pp"), REFUSED_SESSION},
            {"close", ANSWER("\x88\x02\x03\xe8")},
        },
};

static const struct session *const sessions[] = {&socks5, &http_connect, &websocket};

static leat_testing_server *destination;

/* All that the client says. */
static size_t request_write(const struct session *session, char buf[512])
{
    unsigned port = leat_testing_server_get_port(destination);
    int len = 0;
    switch (session->kind) {
    case LEAT_TESTING_SOCKS5:
        memcpy(buf,
               "\x05\x01\x02\x01\x01"
               "a\x01"
               "b\x05\x01\x00\x01\x7f\x00\x00\x01",
               16);
        buf[16] = (char)(port >> 8);
        buf[17] = (char)port;
        return 18;
    case LEAT_TESTING_CONNECT:
        len = snprintf(buf, 512,
                       "CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                       "Proxy-Authorization: Basic YTpi\r\n\r\n",
                       port, port);
        return (size_t)len;
    default:
        len = snprintf(buf, 512, "%s", RAW_UPGRADE("/"));
        memcpy(buf + len,
               "\x81\x84\x00\x00\x00\x00"
               "ABCD"
               "\x89\x82\x00\x00\x00\x00pp"
               "\x88\x82\x00\x00\x00\x00\x03\xe8",
               26);
        return (size_t)len + 26;
    }
}

static leat_testing_server *session_server(const struct session *session, const char *faults)
{
    static const struct leat_testing_message hi = {LEAT_TESTING_MESSAGE_TEXT, "hi", 2};
    bool is_websocket = session->kind == LEAT_TESTING_WEBSOCKET;
    return rig_start(LEAT_TESTING_OPTIONS(.kind = session->kind, .faults = faults,
                                          .user = is_websocket ? NULL : "a", .password = "b",
                                          .messages = &hi, .message_count = is_websocket ? 1 : 0));
}

/* The kernel tells a reset once: here, if it came before the client had said all. */
static bool was_reset;

static int session_begin(const struct session *session, const leat_testing_server *server)
{
    char request[512];
    size_t len = request_write(session, request);
    int fd = raw_connect(NULL, leat_testing_server_get_port(server));
    cr_assert(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == 0);
    was_reset = !raw_send(fd, request, len) && errno == ECONNRESET;
    return fd;
}

/* ---- what comes of it ------------------------------------------------------------------------ */

struct expected {
    uint8_t bytes[1024];
    bool known[1024];
    size_t len;
    int end;
};

static void expect_append(struct expected *expected, const void *bytes, size_t len,
                          size_t known_len)
{
    memcpy(expected->bytes + expected->len, bytes, len);
    for (size_t i = 0; i < len; ++i)
        expected->known[expected->len + i] = i < known_len;
    expected->len += len;
}

static void expect_answer(struct expected *expected, const struct answer *answer, size_t len)
{
    if (answer->bytes && len > 0) {
        expect_append(expected, answer->bytes, len,
                      answer->known_len ? answer->known_len : answer->len);
    }
}

static void output_check(const char *faults, const struct rig_output *output,
                         const struct expected *expected)
{
    cr_expect(output->len == expected->len, "%s: %zu bytes came, not %zu", faults, output->len,
              expected->len);
    for (size_t i = 0; i < output->len && i < expected->len; ++i) {
        cr_assert(!expected->known[i] || output->data[i] == expected->bytes[i],
                  "%s: byte %zu is %02x, not %02x", faults, i, output->data[i], expected->bytes[i]);
    }
    cr_expect(output->end == expected->end, "%s: the end is %d, not %d", faults, output->end,
              expected->end);
}

/* What one action makes of the answer of a step, and whether the session goes on. */
struct action {
    const char *text; /* in the language */
    bool on_relay;    /* also at relay */
    bool only_answers;
    bool only_refusable;
    bool (*expect)(struct expected *expected, const struct answer *answer);
};

static bool expect_same(struct expected *expected, const struct answer *answer)
{
    expect_answer(expected, answer, answer->len);
    return true;
}

static bool expect_bytes(struct expected *expected, const struct answer *answer)
{
    expect_append(expected, "XY", 2, 2);
    if (answer->is_relay)
        expect_answer(expected, answer, answer->len);
    return true;
}

static bool expect_skip(struct expected *expected, const struct answer *answer)
{
    (void)expected;
    (void)answer;
    return true;
}

static bool expect_one_byte(struct expected *expected, const struct answer *answer)
{
    expect_answer(expected, answer, 1);
    return true;
}

static bool expect_fin(struct expected *expected, const struct answer *answer)
{
    (void)expected;
    (void)answer;
    return false;
}

static bool expect_reset(struct expected *expected, const struct answer *answer)
{
    (void)answer;
    expected->end = ECONNRESET;
    return false;
}

static bool expect_bytes_reset(struct expected *expected, const struct answer *answer)
{
    expect_append(expected, "XY", 2, 2);
    return expect_reset(expected, answer);
}

static bool expect_answer_fin(struct expected *expected, const struct answer *answer)
{
    expect_answer(expected, answer, answer->len);
    return false;
}

static bool expect_refusal(struct expected *expected, const struct answer *answer)
{
    expect_append(expected, answer->refusal, answer->refusal_len, answer->refusal_len);
    return false;
}

static const struct action actions[] = {
    {"%s=\"XY\"", true, false, false, expect_bytes},
    {"%s=58,delay 1,59", true, false, false, expect_bytes},
    {"%s=delay 1", true, false, false, expect_same},
    {"%s=rate 1000000", true, false, false, expect_same},
    {"%s=close", true, false, false, expect_fin},
    {"%s=shutdown", true, false, false, expect_fin},
    {"%s=reset", true, false, false, expect_reset},
    {"%s=\"XY\",reset", true, false, false, expect_bytes_reset},
    {"%s#1=close", true, false, false, expect_fin},
    {"%s#2=close", true, false, false, expect_same},
    {"connection=2;%s=close", true, false, false, expect_same},
    {"connection=1;%s=close", true, false, false, expect_fin},
    {"%s=split 1 1", true, true, false, expect_same},
    {"%s=split-at 1 1", true, true, false, expect_same},
    {"%s=skip", false, true, false, expect_skip},
    {"%s=truncate 0", false, true, false, expect_skip},
    {"%s=truncate 1", false, true, false, expect_one_byte},
    {"%s=delay 1;then=close", true, false, false, expect_answer_fin},
    {"%s=refuse", false, true, true, expect_refusal},
};

static bool action_fits(const struct action *action, const struct answer *answer)
{
    return (!action->only_answers || answer->bytes) && (action->on_relay || !answer->is_relay) &&
           (!action->only_refusable || answer->refusal);
}

static void expect_session(const struct session *session, const struct action *action,
                           const struct answer *at, struct expected *ret_expected)
{
    *ret_expected = (struct expected){.end = 0};
    bool goes_on = true;
    for (const struct answer *answer = session->answers; answer->step && goes_on; ++answer) {
        goes_on =
            answer == at ? action->expect(ret_expected, answer) : expect_same(ret_expected, answer);
    }
}

static void refusal_cut(const struct action *action, const struct expected *expected,
                        struct rig_output *output)
{
    if (action->only_refusable && output->len > expected->len) {
        output->len = expected->len; /* only its beginning is looked at */
    }
}

static unsigned session_check(const struct session *session)
{
    static struct rig_output output;
    static struct expected expected;
    unsigned count = 0;
    for (const struct answer *at = session->answers; at->step; ++at) {
        for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); ++i) {
            char faults[64];
            if (!action_fits(&actions[i], at))
                continue;
            const char *format = actions[i].text;
            const char *place = strstr(format, "%s");
            snprintf(faults, sizeof(faults), "%.*s%s%s", (int)(place - format), format, at->step,
                     place + 2);
            leat_testing_server *server = session_server(session, faults);
            int fd = session_begin(session, server);
            expect_session(session, &actions[i], at, &expected);
            rig_read(fd, &output);
            output.end = was_reset ? ECONNRESET : output.end;
            refusal_cut(&actions[i], &expected, &output);
            output_check(faults, &output, &expected);
            cr_expect(leat_testing_server_wait_step(server, at->step, 1, 0), "%s", faults);
            close(fd);
            leat_testing_server_free(server);
            ++count;
        }
    }
    return count;
}

Test(faults, of_a_socks5_proxy)
{
    destination = rig_greeter();
    unsigned count = session_check(&socks5);
    cr_expect(count > 130, "%u", count);
    leat_testing_server_free(destination);
}

Test(faults, of_a_connect_proxy)
{
    destination = rig_greeter();
    unsigned count = session_check(&http_connect);
    cr_expect(count > 70, "%u", count);
    leat_testing_server_free(destination);
}

Test(faults, of_a_websocket_server)
{
    destination = rig_greeter();
    unsigned count = session_check(&websocket);
    cr_expect(count > 110, "%u", count);
    leat_testing_server_free(destination);
}

/* ---- what a client can only see in the middle of it ------------------------------------------ */

/* The session up to a step, without faults. */
static void expect_before(const struct session *session, const struct answer *at,
                          struct expected *ret_expected)
{
    *ret_expected = (struct expected){.end = 0};
    for (const struct answer *answer = session->answers; answer != at; ++answer)
        expect_answer(ret_expected, answer, answer->len);
}

static bool is_silent(int fd)
{
    struct pollfd events = {.fd = fd, .events = POLLIN};
    return poll(&events, 1, 0) == 0;
}

static void prefix_expect(int fd, const char *faults, const struct expected *expected)
{
    uint8_t buf[1024];
    ssize_t got = expected->len ? recv(fd, buf, expected->len, MSG_WAITALL) : 0;
    cr_assert(got == (ssize_t)expected->len, "%s: %zd of %zu bytes", faults, got, expected->len);
}

typedef void check_fn(leat_testing_server *server, int fd, const char *faults,
                      const struct session *session, const struct answer *at);

static void each_step(const char *action, check_fn *check)
{
    destination = rig_greeter();
    for (size_t i = 0; i < 3; ++i) {
        for (const struct answer *at = sessions[i]->answers; at->step; ++at) {
            char faults[64];
            struct expected before;
            snprintf(faults, sizeof(faults), "%s=%s", at->step, action);
            leat_testing_server *server = session_server(sessions[i], faults);
            int fd = session_begin(sessions[i], server);
            expect_before(sessions[i], at, &before);
            cr_assert(leat_testing_server_wait_step(server, at->step, 1, RIG_WAIT_MS), "%s",
                      faults);
            prefix_expect(fd, faults, &before);
            check(server, fd, faults, sessions[i], at);
            close(fd);
            leat_testing_server_free(server);
        }
    }
    leat_testing_server_free(destination);
}

static void stalls(leat_testing_server *server, int fd, const char *faults,
                   const struct session *session, const struct answer *at)
{
    static struct rig_output output;
    (void)session;
    (void)at;
    cr_expect(is_silent(fd), "%s", faults);
    cr_assert(shutdown(fd, SHUT_WR) == 0);
    rig_read(fd, &output);
    cr_expect(output.len == 0 && output.end == 0, "%s: %zu bytes, end %d", faults, output.len,
              output.end);
    cr_expect(leat_testing_server_wait_idle(server, RIG_WAIT_MS));
}

Test(faults, stall_says_nothing_until_the_client_ends)
{
    each_step("stall", stalls);
}

static void holds(leat_testing_server *server, int fd, const char *faults,
                  const struct session *session, const struct answer *at)
{
    static struct rig_output output;
    struct expected before, all;
    expect_before(session, at, &before);
    expect_session(session, &actions[2], at, &all);
    cr_expect(is_silent(fd), "%s", faults);
    leat_testing_server_release(server);
    rig_read(fd, &output);
    cr_expect(output.end == 0 && output.len == all.len - before.len, "%s: %zu bytes, end %d",
              faults, output.len, output.end);
}

Test(faults, hold_waits_for_the_release)
{
    each_step("hold", holds);
}

static void is_freed(leat_testing_server *server, int fd, const char *faults,
                     const struct session *session, const struct answer *at)
{
    (void)server;
    (void)session;
    (void)at;
    cr_expect(is_silent(fd), "%s", faults); /* and the caller frees the server */
}

Test(faults, a_server_is_freed_while_it_waits)
{
    each_step("hold", is_freed);
    each_step("delay 3600000", is_freed);
    each_step("stall", is_freed);
}
