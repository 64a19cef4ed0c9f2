/* SPDX-License-Identifier: Apache-2.0 */
/* Which failures of a proxy lead to the next address: of what it was asked for, if that was
 * resolved here, and of the proxy itself. Two proxies stand at two addresses of one name, and play
 * scripts. */
#include "integration/common.h"
#include "support/still_clock.h"

INTEGRATION_SUITE(next_address);

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

static const struct dns_record records[] = {
    {.name = "two.test",   .v4 = {"192.0.2.1", "192.0.2.2"}},
    {.name = "one.test",   .v4 = {"192.0.2.1"}},
    {.name = "proxy.test", .v4 = {"127.0.0.1", "127.0.0.2"}},
    {NULL}
};

#define SCRIPT static const struct leat_script_row
#define SEND(literal)  {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES(literal)}
#define GREETED        {LEAT_SCRIPT_READ_SOCKS5_GREETING}, SEND("\x05\x00")
#define ASKED          GREETED, {LEAT_SCRIPT_READ_SOCKS5_REQUEST}
#define SERVES         LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}
#define HTTP_ASKED     {LEAT_SCRIPT_READ_HTTP_HEAD}

/* ---- SOCKS5 ---- */
SCRIPT socks_works[] = {LEAT_SCRIPT_SOCKS5_OPEN, SERVES};
SCRIPT socks_relays[] = {LEAT_SCRIPT_SOCKS5_OPEN, {LEAT_SCRIPT_RELAY}, {LEAT_SCRIPT_CLOSE}};
SCRIPT greeting_closes[] = {{LEAT_SCRIPT_READ_SOCKS5_GREETING}, {LEAT_SCRIPT_CLOSE}};
SCRIPT greeting_resets[] = {{LEAT_SCRIPT_READ_SOCKS5_GREETING}, {LEAT_SCRIPT_RESET}};
SCRIPT greeting_stalls[] = {{LEAT_SCRIPT_READ_SOCKS5_GREETING}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT greeting_refuses[] = {{LEAT_SCRIPT_READ_SOCKS5_GREETING}, SEND("\x05\xff"), {LEAT_SCRIPT_CLOSE}};
SCRIPT greeting_of_http[] = {{LEAT_SCRIPT_READ_SOCKS5_GREETING}, SEND("HTTP/1.1 400 x\r\n\r\n"), {LEAT_SCRIPT_CLOSE}};
SCRIPT password_refused[] = {
    {LEAT_SCRIPT_READ_SOCKS5_GREETING}, SEND("\x05\x02"), {LEAT_SCRIPT_READ_SOCKS5_AUTH}, SEND("\x01\x01"), {LEAT_SCRIPT_CLOSE}};
SCRIPT password_closes[] = {
    {LEAT_SCRIPT_READ_SOCKS5_GREETING}, SEND("\x05\x02"), {LEAT_SCRIPT_READ_SOCKS5_AUTH}, {LEAT_SCRIPT_CLOSE}};
SCRIPT request_closes[] = {ASKED, {LEAT_SCRIPT_CLOSE}};
SCRIPT request_resets[] = {ASKED, {LEAT_SCRIPT_RESET}};
SCRIPT request_stalls[] = {ASKED, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT request_half[] = {ASKED, SEND("\x05"), {LEAT_SCRIPT_CLOSE}};
SCRIPT request_malformed[] = {ASKED, SEND("\x05\x00\x00\x09"), {LEAT_SCRIPT_CLOSE}};
SCRIPT request_version[] = {ASKED, SEND("\x04\x5b\x00\x00"), {LEAT_SCRIPT_CLOSE}};
#define REFUSES(rep_) SCRIPT refuses_##rep_[] = {ASKED, {LEAT_SCRIPT_SEND_SOCKS5_REPLY, .number = 0x##rep_}, {LEAT_SCRIPT_CLOSE}}
REFUSES(01); REFUSES(02); REFUSES(03); REFUSES(04); REFUSES(05); REFUSES(06); REFUSES(07); REFUSES(08); REFUSES(42); REFUSES(f0);

/* ---- CONNECT ---- */
SCRIPT http_works[] = {HTTP_ASKED, SEND("HTTP/1.1 200 OK\r\n\r\n"), SERVES};
#define ANSWERS(status_) SCRIPT answers_##status_[] = { \
    HTTP_ASKED, SEND("HTTP/1.1 " #status_ " no\r\nVia: first\r\nContent-Length: 5\r\n\r\nsorry"), {LEAT_SCRIPT_CLOSE}}
ANSWERS(400); ANSWERS(403); ANSWERS(407); ANSWERS(500); ANSWERS(502); ANSWERS(503); ANSWERS(504);
SCRIPT http_closes[] = {HTTP_ASKED, {LEAT_SCRIPT_CLOSE}};
SCRIPT http_resets[] = {HTTP_ASKED, {LEAT_SCRIPT_RESET}};
SCRIPT http_stalls[] = {HTTP_ASKED, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
SCRIPT http_half[] = {HTTP_ASKED, SEND("HTTP/1.1 20"), {LEAT_SCRIPT_CLOSE}};
SCRIPT http_malformed[] = {HTTP_ASKED, SEND("SSH-2.0-x\r\n"), {LEAT_SCRIPT_CLOSE}};
SCRIPT tls_closes[] = {{LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_CLOSE}};
SCRIPT tls_resets[] = {{LEAT_SCRIPT_READ_TLS_RECORD}, {LEAT_SCRIPT_RESET}};
SCRIPT tls_refuses[] = {{LEAT_SCRIPT_READ_TLS_RECORD}, SEND("\x15\x03\x03\x00\x02\x02\x28"), {LEAT_SCRIPT_CLOSE}};

struct next_case {
    const char *name;
    const char *proxy; /* "%u" is the port of both */
    const char *host;
    const struct leat_script_row *first[3]; /* the scripts of the proxy at 127.0.0.1 */
    const struct leat_script_row *second[3]; /* and at 127.0.0.2; none = it is not there */
    int code;                               /* LEAT_OK = it opens */
    int native_code;
    unsigned first_count, second_count; /* how often each was asked */
    const char *text;
    enum leat_socks5_pipelining pipelining;
    uint32_t step_timeout_ms;
};

#define SOCKS "socks5://127.0.0.1:%u"
#define TARGETS(name_, ...) {.name = name_, .proxy = SOCKS, .host = "two.test", __VA_ARGS__}
#define OPENS_AT_SECOND(script_) \
    TARGETS(#script_ ", then the second address", .first = {script_, socks_works}, .first_count = 2), \
    TARGETS(#script_ " of both", .first = {script_, script_}, .first_count = 2, .code = -1, .text = "(tried before: 192.0.2.1:80: 2301"), \
    TARGETS(#script_ ", pipelined", .first = {script_, socks_works}, .first_count = 2, .pipelining = LEAT_SOCKS5_PIPELINED), \
    TARGETS(#script_ ", optimistic", .first = {script_, socks_works}, .first_count = 2, .pipelining = LEAT_SOCKS5_PIPELINED_WITH_DATA)

static const struct next_case target_cases[] = {
    OPENS_AT_SECOND(request_closes), OPENS_AT_SECOND(request_resets), OPENS_AT_SECOND(request_half),
    OPENS_AT_SECOND(refuses_01), OPENS_AT_SECOND(refuses_02), OPENS_AT_SECOND(refuses_03),
    OPENS_AT_SECOND(refuses_04), OPENS_AT_SECOND(refuses_05), OPENS_AT_SECOND(refuses_06),
    OPENS_AT_SECOND(refuses_07), OPENS_AT_SECOND(refuses_08), OPENS_AT_SECOND(refuses_42), OPENS_AT_SECOND(refuses_f0),
    TARGETS("no answer to the request, then the second address", .first = {request_stalls, socks_works},
            .first_count = 2, .step_timeout_ms = 1500),
    TARGETS("the last one counts: REP 4, then closed", .first = {refuses_04, request_closes}, .first_count = 2,
            .code = LEAT_E_SOCKS5_RECV, .text = "the target 192.0.2.2:80 may be what failed"),
    TARGETS("the last one counts: closed, then REP 5", .first = {request_closes, refuses_05}, .first_count = 2,
            .code = LEAT_E_SOCKS5_CONNECT_REMOTE, .native_code = 5, .text = "(tried before: 192.0.2.1:80: 2301211)"),
    /* these are not about the address */
    TARGETS("closed at the greeting", .first = {greeting_closes}, .first_count = 1, .code = LEAT_E_SOCKS5_RECV, .text = "greeting"),
    TARGETS("reset at the greeting", .first = {greeting_resets}, .first_count = 1, .code = LEAT_E_SOCKS5_RECV, .text = "greeting"),
    TARGETS("no method", .first = {greeting_refuses}, .first_count = 1, .code = LEAT_E_SOCKS5_METHOD, .native_code = 0xff),
    TARGETS("not SOCKS5", .first = {greeting_of_http}, .first_count = 1, .code = LEAT_E_SOCKS5_DESERIALIZE),
    TARGETS("a reply that breaks the protocol", .first = {request_malformed}, .first_count = 1, .code = LEAT_E_SOCKS5_DESERIALIZE),
    TARGETS("a reply of SOCKS4", .first = {request_version}, .first_count = 1, .code = LEAT_E_SOCKS5_DESERIALIZE),
    {"wrong password", "socks5://u:p@127.0.0.1:%u", "two.test", .first = {password_refused}, .first_count = 1,
     .code = LEAT_E_SOCKS5_AUTH, .native_code = 1},
    {"closed at the password", "socks5://u:p@127.0.0.1:%u", "two.test", .first = {password_closes}, .first_count = 1,
     .code = LEAT_E_SOCKS5_RECV, .text = "user name and password"},
    /* there is no other address */
    {"one address", SOCKS, "one.test", .first = {request_closes}, .first_count = 1, .code = LEAT_E_SOCKS5_RECV,
     .text = "the target 192.0.2.1:80 may be what failed"},
    {"a literal", SOCKS, "192.0.2.9", .first = {request_closes}, .first_count = 1, .code = LEAT_E_SOCKS5_RECV,
     .text = "the target 192.0.2.9:80 may be what failed"},
    {"the proxy resolves", "socks5h://127.0.0.1:%u", "two.test", .first = {request_closes}, .first_count = 1,
     .code = LEAT_E_SOCKS5_RECV, .text = "the target two.test:80 may be what failed"},
};

#define BOTH(name_, ...)  {.name = name_, .proxy = "socks5h://proxy.test:%u", .host = "two.test", __VA_ARGS__}
#define HTTP(name_, ...)  {.name = name_, .proxy = "http://proxy.test:%u", .host = "two.test", __VA_ARGS__}
#define HTTPS(name_, ...) {.name = name_, .proxy = "https://proxy.test:%u", .host = "two.test", __VA_ARGS__}
#define ONLY_FIRST(script_) .first = {script_}, .second = {http_works}, .first_count = 1

static const struct next_case proxy_cases[] = {
    BOTH("the proxy closes at the greeting", .first = {greeting_closes}, .second = {socks_works}, .first_count = 1, .second_count = 1),
    BOTH("the proxy resets at the greeting", .first = {greeting_resets}, .second = {socks_works}, .first_count = 1, .second_count = 1),
    BOTH("the proxy is silent", .first = {greeting_stalls}, .second = {socks_works}, .first_count = 1, .second_count = 1,
         .step_timeout_ms = 1500),
    BOTH("the proxy closes at the request", .first = {request_closes}, .second = {socks_works}, .first_count = 1, .second_count = 1),
    BOTH("the same, optimistic", .first = {request_closes}, .second = {socks_works}, .first_count = 1, .second_count = 1,
         .pipelining = LEAT_SOCKS5_PIPELINED_WITH_DATA),
    BOTH("the proxy knows no way", .first = {refuses_03}, .second = {socks_works}, .first_count = 1, .second_count = 1),
    BOTH("the target refuses", .first = {refuses_05}, .second = {socks_works}, .first_count = 1,
         .code = LEAT_E_SOCKS5_CONNECT_REMOTE, .native_code = 5),
    BOTH("a rule forbids", .first = {refuses_02}, .second = {socks_works}, .first_count = 1,
         .code = LEAT_E_SOCKS5_CONNECT_REMOTE, .native_code = 2),
    BOTH("no method", .first = {greeting_refuses}, .second = {socks_works}, .first_count = 1,
         .code = LEAT_E_SOCKS5_METHOD, .native_code = 0xff),
    BOTH("the other address is not there", .first = {refuses_04}, .first_count = 1,
         .code = LEAT_E_SOCKS5_CONNECT_REMOTE, .native_code = 4, .text = "two.test:80"),
    BOTH("both close", .first = {greeting_closes}, .second = {greeting_closes}, .first_count = 1, .second_count = 1,
         .code = LEAT_E_SOCKS5_RECV, .text = "(tried before: 127.0.0.1:"),
    {"all addresses of the target, then the other proxy", "socks5://proxy.test:%u", "two.test",
     .first = {refuses_04, refuses_01}, .second = {request_closes, socks_works}, .first_count = 2, .second_count = 2},
    {"all of all", "socks5://proxy.test:%u", "two.test",
     .first = {refuses_04, refuses_01}, .second = {request_closes, refuses_06}, .first_count = 2, .second_count = 2,
     .code = LEAT_E_SOCKS5_CONNECT_REMOTE, .native_code = 6, .text = "192.0.2.2"},
    HTTP("500", .first = {answers_500}, .second = {http_works}, .first_count = 1, .second_count = 1),
    HTTP("502", .first = {answers_502}, .second = {http_works}, .first_count = 1, .second_count = 1),
    HTTP("503", .first = {answers_503}, .second = {http_works}, .first_count = 1, .second_count = 1),
    HTTP("504", .first = {answers_504}, .second = {http_works}, .first_count = 1, .second_count = 1),
    HTTP("closes", .first = {http_closes}, .second = {http_works}, .first_count = 1, .second_count = 1),
    HTTP("resets", .first = {http_resets}, .second = {http_works}, .first_count = 1, .second_count = 1),
    HTTP("closes in the middle", .first = {http_half}, .second = {http_works}, .first_count = 1, .second_count = 1),
    HTTP("is silent", .first = {http_stalls}, .second = {http_works}, .first_count = 1, .second_count = 1, .step_timeout_ms = 1500),
    HTTP("400", ONLY_FIRST(answers_400), .code = LEAT_E_WS_CONNECT, .native_code = 400),
    HTTP("403", ONLY_FIRST(answers_403), .code = LEAT_E_WS_CONNECT, .native_code = 403),
    HTTP("407", ONLY_FIRST(answers_407), .code = LEAT_E_WS_CONNECT, .native_code = 407),
    HTTP("not HTTP", ONLY_FIRST(http_malformed), .code = LEAT_E_WS_CONNECT),
    HTTP("502, and the other address is not there", .first = {answers_502}, .first_count = 1,
         .code = LEAT_E_WS_CONNECT, .native_code = 502, .text = "502"),
    HTTP("502, and the other closes", .first = {answers_502}, .second = {http_closes}, .first_count = 1, .second_count = 1,
         .code = LEAT_E_WS_CONNECT, .text = "the target may be what failed"),
    HTTP("closes, and the other says 504", .first = {http_closes}, .second = {answers_504}, .first_count = 1, .second_count = 1,
         .code = LEAT_E_WS_CONNECT, .native_code = 504),
    HTTPS("TLS with the proxy is closed", .first = {tls_closes}, .second = {tls_resets}, .first_count = 1, .second_count = 1,
          .code = LEAT_E_TLS_SYSCALL, .text = "(tried before: 127.0.0.1:"),
    HTTPS("TLS with the proxy is refused", .first = {tls_refuses}, .second = {tls_resets}, .first_count = 1,
          .code = LEAT_E_TLS_ENGINE, .native_code = -1),
};

/* A proxy at 127.0.0.1 that stands before the two, and is asked for their addresses. */
struct row_case {
    const struct leat_script_row *front[3];
    unsigned front_count;
    struct next_case behind;
};

static const struct row_case row_cases[] = {
    {{refuses_04, socks_relays}, 2, {"the second proxy has another address", "socks5h://proxy.test:%u", "two.test",
      .first = {socks_works}, .second = {socks_works}, .second_count = 1}},
    {{request_closes, socks_relays}, 2, {"the same by closing", "socks5h://proxy.test:%u", "two.test",
      .first = {socks_works}, .second = {socks_works}, .second_count = 1}},
    {{socks_relays}, 2, {"the second proxy closes at the greeting", "socks5h://proxy.test:%u", "two.test",
      .first = {greeting_closes}, .second = {socks_works}, .first_count = 1, .second_count = 1}},
    {{socks_relays}, 2, {"the second proxy does not reach one address of the target", "socks5://proxy.test:%u", "two.test",
      .first = {refuses_05, socks_works}, .second = {socks_works}, .first_count = 2}},
    {{socks_relays}, 2, {"the second proxy says 502", "http://proxy.test:%u", "two.test",
      .first = {answers_502}, .second = {http_works}, .first_count = 1, .second_count = 1}},
    {{socks_relays}, 1, {"the second proxy says 403", "http://proxy.test:%u", "two.test",
      .first = {answers_403}, .second = {http_works}, .first_count = 1, .code = LEAT_E_WS_CONNECT, .native_code = 403}},
    {{refuses_04}, 2, {"neither is reached", "http://proxy.test:%u", "two.test",
      .first = {answers_403}, .second = {http_works}, .code = LEAT_E_SOCKS5_CONNECT_REMOTE, .native_code = 4, .text = "127.0.0.2"}},
};
/* clang-format on */

static leat_testing_server *proxy_start(const struct leat_script_row *const *scripts,
                                        const char *address, uint16_t port)
{
    struct leat_testing_options options = {.address = address, .port = port};
    for (size_t i = 0; i < 3 && scripts[i]; ++i)
        options.scripts[i] = scripts[i];
    return script_server_new(&options);
}

/* Both have one port, which must be free at both addresses. */
static void proxies_start(const struct next_case *c, leat_testing_server *proxies[2])
{
    proxies[1] = NULL;
    for (int tries = 0; tries < 20; ++tries) {
        proxies[0] = proxy_start(c->first, "127.0.0.1", 0);
        cr_assert(proxies[0]);
        if (!c->second[0])
            return;
        proxies[1] = proxy_start(c->second, "127.0.0.2", leat_testing_server_get_port(proxies[0]));
        if (proxies[1])
            return;
        leat_testing_server_free(proxies[0]);
    }
    cr_assert_fail("no port is free at both addresses");
}

static void proxy_finish(const struct next_case *c, leat_testing_server *proxy, unsigned count)
{
    struct leat_testing_seen seen;
    if (!proxy)
        return;
    cr_expect(count == 0 || leat_testing_server_wait_idle(proxy, STEP_WAIT_MS));
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect(seen.connections == count, "%s: %u connections instead of %u", c->name,
              seen.connections, count);
    leat_testing_server_free(proxy);
}

static void refusal_expect(const struct next_case *c, const struct client_run *run)
{
    const struct leat_error *error = &run->close.error;
    cr_expect(run->opened_count == 0, "%s: it opened", c->name);
    cr_expect(c->code == -1 || error->code == c->code, "%s: %d, %s", c->name, error->code,
              error->text);
    cr_expect(c->code == -1 || c->native_code == -1 || error->native_code == c->native_code,
              "%s: native %d, %s", c->name, error->native_code, error->text);
    cr_expect(!c->text || strstr(error->text, c->text), "%s: %s", c->name, error->text);
    /* What is reported is what can be read. */
    const char *via = leat_websocket_get_http_header(run->ws, "Via");
    bool has_answer = c->code == LEAT_E_WS_CONNECT && error->native_code != 0;
    cr_expect(has_answer == (via != NULL), "%s: Via is %s", c->name, via ? via : "not there");
}

static void case_run(const struct next_case *c, const struct dns_server *dns, uint16_t front)
{
    leat_testing_server *proxies[2];
    struct client_run run;
    client_run_init(&run);
    run.name = c->name;
    proxies_start(c, proxies);
    cr_assert_eq(leat_config_set_dns_servers(run.config, dns_server_address(dns)), LEAT_OK);
    cr_assert_eq(leat_config_set_socks5_pipelining(run.config, c->pipelining), LEAT_OK);
    if (c->step_timeout_ms > 0) {
        cr_assert_eq(
            leat_config_set_phase_timeout(run.config, LEAT_PHASE_PROXY, c->step_timeout_ms),
            LEAT_OK);
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    const char *url = sandbox_format(c->proxy, leat_testing_server_get_port(proxies[0]));
#pragma GCC diagnostic pop
    if (front != 0) {
        const char *front_url = sandbox_format("socks5://127.0.0.1:%u", front);
        cr_assert_eq(leat_config_add_proxy(run.config, front_url), LEAT_OK);
    }
    cr_assert_eq(leat_config_add_proxy(run.config, url), LEAT_OK);
    if (c->code == LEAT_OK) {
        client_run_open(&run, sandbox_format("ws://%s/", c->host));
        client_run_echo(&run, "by the next address");
        client_run_close(&run);
    } else {
        client_run_refused(&run, sandbox_format("ws://%s/", c->host));
        refusal_expect(c, &run);
    }
    still_clock_stop();
    proxy_finish(c, proxies[0], c->first_count);
    proxy_finish(c, proxies[1], c->second_count);
    client_run_done(&run);
}

static void cases_run(const struct next_case *cases, size_t count)
{
    struct dns_server *dns = dns_server_start(records);
    cr_assert(dns);
    for (size_t i = 0; i < count; ++i)
        case_run(&cases[i], dns, 0);
    dns_server_free(dns);
}

Test(next_address, of_the_target)
{
    cases_run(target_cases, sizeof(target_cases) / sizeof(target_cases[0]));
}

Test(next_address, of_the_proxy)
{
    cases_run(proxy_cases, sizeof(proxy_cases) / sizeof(proxy_cases[0]));
}

Test(next_address, behind_another_proxy)
{
    struct dns_server *dns = dns_server_start(records);
    cr_assert(dns);
    for (size_t i = 0; i < sizeof(row_cases) / sizeof(row_cases[0]); ++i) {
        leat_testing_server *front = proxy_start(row_cases[i].front, "127.0.0.1", 0);
        case_run(&row_cases[i].behind, dns, leat_testing_server_get_port(front));
        proxy_finish(&row_cases[i].behind, front, row_cases[i].front_count);
    }
    dns_server_free(dns);
}

/* What the first address was refused with is kept for the case that nothing better comes. */
Test(next_address, freed_while_the_next_one_is_tried)
{
    SCRIPT stalls[] = {{LEAT_SCRIPT_READ_HTTP_HEAD, .label = "second"}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    leat_testing_server *proxy =
        script_server_new(&(struct leat_testing_options){.scripts = {answers_502, stalls}});
    cr_assert(proxy);
    client_run_init(&run);
    cr_assert(leat_config_set_proxy(run.config, sandbox_format("http://127.0.0.1:%u",
                                                               leat_testing_server_get_port(proxy))) == LEAT_OK);
    cr_assert(leat_config_add_resolve(run.config, "two.test", 0, "192.0.2.1,192.0.2.2") == LEAT_OK);
    cr_assert(client_run_connect(&run, "ws://two.test/") == LEAT_OK);
    while (!leat_testing_server_wait_step(proxy, "second", 1, 0))
        cr_assert(leat_loop_dispatch(run.loop, 10) == LEAT_OK);
    cr_expect(run.closed_count == 0);
    client_run_done(&run); /* AddressSanitizer sees what is lost */
    leat_testing_server_free(proxy);
}
