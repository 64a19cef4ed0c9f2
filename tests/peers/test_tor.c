/* SPDX-License-Identifier: Apache-2.0 */
/* A real Tor in a network of its own, which leads nowhere: what it says of names that it cannot
 * reach, and how it tells connections apart. Its controller's events are the witness. */
#include "peers/common.h"
#include "support/net_namespace.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

PEERS_SUITE(tor);

#define EVENTS_SIZE ((size_t)1 << 17)

static struct {
    uint16_t port;
    int control;
    char events[EVENTS_SIZE];
    size_t len;
} tor;

/* ---- Tor, and its controller ----------------------------------------------------------------- */

static void tor_arguments(const char *port, const void *user, const char **argv)
{
    const char *dir = user;
    const char *config = sandbox_write("torrc",
                                       "DataDirectory %s/data\n"
                                       "ControlPort 127.0.0.1:%s\n"
                                       "SocksPort auto ExtendedErrors\n"
                                       "SocksPort unix:%s/socks ExtendedErrors\n"
                                       "CookieAuthentication 0\n"
                                       "SocksTimeout 2\n"
                                       "ClientOnly 1\n",
                                       dir, port, dir);
    const char *const fixed[] = {"tor",  "--quiet", "--defaults-torrc", "/dev/null", "-f",
                                 config, NULL};
    for (size_t i = 0; fixed[i]; ++i)
        argv[i] = fixed[i];
}

static void control_ask(const char *commands)
{
    cr_assert_eq(write(tor.control, commands, strlen(commands)), (ssize_t)strlen(commands));
}

/* Reads until the text stands there; the suite's time is the limit. */
static void control_until(const char *text)
{
    while (!strstr(tor.events, text)) {
        cr_assert_lt(tor.len, EVENTS_SIZE - 1);
        ssize_t len = read(tor.control, tor.events + tor.len, EVENTS_SIZE - 1 - tor.len);
        cr_assert_gt(len, 0, "%s", tor.events);
        tor.len += (size_t)len;
        tor.events[tor.len] = '\0';
    }
}

/* The controller is answered when everything listens, and knows where. */
static void tor_start(void)
{
    static const char listeners[] = "net/listeners/socks=\"127.0.0.1:";
    struct sockaddr_in address = {.sin_family = AF_INET};
    uint16_t port;
    if (!net_alone())
        cr_skip_test("left out: tor: no network namespace of its own");
    const char *dir = sandbox_path("tor");
    cr_assert_eq(mkdir(dir, 0700), 0); /* Tor wants its sockets private */
    peer_start_listening(tor_arguments, dir, &port);
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tor.control = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(tor.control, (struct sockaddr *)&address, sizeof(address)), 0);
    control_ask("AUTHENTICATE\r\nGETINFO net/listeners/socks\r\nSETEVENTS STREAM\r\n");
    control_until("250 OK\r\n250 OK\r\n");
    const char *listening = strstr(tor.events, listeners);
    cr_assert(listening, "%s", tor.events);
    tor.port = (uint16_t)strtoul(listening + strlen(listeners), NULL, 10);
}

static const char *tor_url(const char *scheme)
{
    return sandbox_format("%s://127.0.0.1:%u", scheme, tor.port);
}

/* ---- what it says ---------------------------------------------------------------------------- */

static void refused(struct client_run *run, const char *proxy, const char *url, int code)
{
    client_run_init(run);
    cr_assert_eq(leat_config_set_proxy(run->config, proxy), LEAT_OK);
    cr_expect_eq(client_run_refused(run, url), code, "%d: %s", run->close.error.code,
                 run->close.error.text);
}

/* Addresses are checked without a network. */
Test(tor, an_onion_address_that_is_none)
{
    struct client_run run;
    tor_start();
    const char *const proxies[] = {
        tor_url("socks5h"),
        sandbox_format("socks5h+unix:%s/socks", sandbox_path("tor")),
    };
    for (size_t i = 0; i < 2; ++i) {
        refused(&run, proxies[i], "ws://nowhere.onion/", LEAT_E_SOCKS5_CONNECT_REMOTE);
        cr_expect_eq(run.close.error.native_code, 0xf6);
        cr_expect(strstr(run.close.error.text, "onion service address is invalid"), "%s",
                  run.close.error.text);
        client_run_done(&run);
    }
    /* SOCKS4A has one word for all of it. */
    refused(&run, tor_url("socks4a"), "ws://nowhere.onion/", LEAT_E_SOCKS5_CONNECT_REMOTE);
    cr_expect_eq(run.close.error.native_code, 91);
    client_run_done(&run);
    close(tor.control);
}

/* There is no way anywhere: Tor waits for one as long as it is told to. */
Test(tor, a_host_that_cannot_be_reached)
{
    struct client_run run;
    tor_start();
    refused(&run, tor_url("socks5h"), "ws://host.example/", LEAT_E_SOCKS5_CONNECT_REMOTE);
    cr_expect(run.close.error.native_code > 0, "%s", run.close.error.text);
    client_run_done(&run);
    control_until("host.example:80 SOURCE_ADDR"); /* the name itself was for Tor to resolve */
    close(tor.control);
}

/* It is for Tor alone to resolve: nobody else is asked, and nobody is connected to. */
Test(tor, onion_names_are_never_resolved_here)
{
    struct client_run run;
    tor_start();
    refused(&run, tor_url("socks5"), "ws://here.onion/", LEAT_E_SOCKET_BASE + EHOSTUNREACH);
    cr_expect(strstr(run.close.error.text, "which DNS is not asked for") &&
                  strstr(run.close.error.text, "socks5h://"),
              "%s", run.close.error.text);
    client_run_done(&run);
    refused(&run, tor_url("socks5h"), "ws://there.onion/", LEAT_E_SOCKS5_CONNECT_REMOTE);
    client_run_done(&run);
    control_until("CLOSED 0 there.onion:80");
    cr_expect_null(strstr(tor.events, " here.onion:80"), "%s", tor.events);
    close(tor.control);
}

/* ---- isolation ------------------------------------------------------------------------------- */

/* What stands between the quotes behind `key` in the line of a new stream to `host`. */
static void shown(const char *host, const char *key, char ret_value[64])
{
    const char *line = strstr(tor.events, sandbox_format("%s:80 SOURCE_ADDR", host));
    cr_assert(line, "%s", tor.events);
    const char *value = strstr(line, key);
    cr_assert(value && value < strchr(line, '\n'), "%s", line);
    value += strlen(key);
    cr_assert_eq(strcspn(value, "\""), 32, "%s", line);
    snprintf(ret_value, 64, "%.32s", value);
}

Test(tor, each_connection_has_credentials_of_its_own)
{
    static const char *const hosts[] = {"one.onion", "two.onion"};
    char users[2][64], passwords[2][64];
    struct client_run run;
    tor_start();
    for (size_t i = 0; i < 2; ++i) {
        client_run_init(&run);
        cr_assert_eq(leat_config_set_proxy(run.config, tor_url("socks5h")), LEAT_OK);
        cr_assert_eq(leat_config_set_tor_isolation(run.config, true), LEAT_OK);
        int code = client_run_refused(&run, sandbox_format("ws://%s/", hosts[i]));
        cr_expect_eq(code, LEAT_E_SOCKS5_CONNECT_REMOTE);
        control_until(sandbox_format("CLOSED 0 %s:80", hosts[i]));
        shown(hosts[i], "SOCKS_USERNAME=\"", users[i]);
        shown(hosts[i], "SOCKS_PASSWORD=\"", passwords[i]);
        cr_expect(!strstr(run.trace, users[i]) && !strstr(run.trace, passwords[i]));
        client_run_done(&run);
    }
    cr_expect_str_neq(users[0], users[1]);
    cr_expect_str_neq(passwords[0], passwords[1]);
    cr_expect_str_neq(users[0], passwords[0]);
    close(tor.control);
}

static void isolation_refused(const char *proxy, bool has_credentials, const char *text)
{
    struct leat_error error;
    struct client_run run;
    client_run_init(&run);
    cr_assert_eq(leat_config_set_proxy(run.config, proxy), LEAT_OK);
    cr_assert_eq(leat_config_set_tor_isolation(run.config, true), LEAT_OK);
    if (has_credentials)
        cr_assert_eq(leat_config_set_proxy_credentials(run.config, "me", "secret"), LEAT_OK);
    cr_expect_eq(client_run_connect(&run, "ws://host.example/"), LEAT_E_PARAMETER);
    leat_websocket_get_error(run.ws, &error);
    cr_expect(strstr(error.text, text), "%s", error.text);
    client_run_done(&run);
}

/* Rather no connection than one that is not apart. */
Test(tor, isolation_that_cannot_be)
{
    const char *none = "there is no SOCKS5 proxy on the way";
    isolation_refused("", false, none);
    isolation_refused("http://127.0.0.1:1", false, none);
    isolation_refused("socks4a://127.0.0.1:1", false, none);
    isolation_refused("socks5h://a:b@127.0.0.1:1", false, "there are some already");
    isolation_refused("socks5h://127.0.0.1:1", true, "there are some already");
}

/* Such a proxy, and a Tor with PreferSOCKSNoAuth, would have all of them on one circuit. */
Test(tor, isolation_where_nobody_asks_who_it_is)
{
    static const uint8_t password_only[] = {0x02};
    struct leat_testing_seen seen;
    struct client_run run;
    leat_testing_server *proxy;
    const struct leat_testing_options options = {
        .size = sizeof(options), .kind = LEAT_TESTING_SOCKS5, .faults = "method=05,00"};
    cr_assert_eq(leat_testing_server_new(&options, &proxy, NULL), LEAT_OK);
    client_run_init(&run);
    cr_assert_eq(
        leat_config_set_proxy(run.config, sandbox_format("socks5h://127.0.0.1:%u",
                                                         leat_testing_server_get_port(proxy))),
        LEAT_OK);
    cr_assert_eq(leat_config_set_tor_isolation(run.config, true), LEAT_OK);
    cr_expect_eq(client_run_refused(&run, "ws://host.example/"), LEAT_E_SOCKS5_METHOD);
    leat_testing_server_get_seen(proxy, &seen);
    cr_expect_arr_eq(seen.methods, password_only, sizeof(password_only));
    cr_expect_eq(seen.method_count, sizeof(password_only));
    client_run_done(&run);
    leat_testing_server_free(proxy);
}
