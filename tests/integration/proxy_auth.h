/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * HTTP proxies that ask for credentials by scripts. The destination is one.test:80, the user alice.
 */
#ifndef LEAT_TESTS_INTEGRATION_PROXY_AUTH_H
#define LEAT_TESTS_INTEGRATION_PROXY_AUTH_H

#include "integration/common.h"

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

#define SCRIPT static const struct leat_script_row
#define SEND(literal) {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES(literal)}
#define ASKED         {LEAT_SCRIPT_READ_HTTP_HEAD}
#define CLOSE         {LEAT_SCRIPT_CLOSE}
#define DRAINED       {LEAT_SCRIPT_DRAIN}, CLOSE

#define REQUEST(fields_) "CONNECT one.test:80 HTTP/1.1\r\nHost: one.test:80\r\n" fields_ "\r\n"
#define BASIC_FIELD      "Proxy-Authorization: Basic YWxpY2U6czNjcmV0\r\n"
/* Exactly this comes: without credentials, with Basic, with a token. */
#define BARE   {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES(REQUEST(""))}
#define BASIC  {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES(REQUEST(BASIC_FIELD))}
#define BEARER {LEAT_SCRIPT_EXPECT, LEAT_SCRIPT_BYTES(REQUEST("Proxy-Authorization: Bearer t0ken\r\n"))}

#define ASKS_BASIC  "Proxy-Authenticate: Basic realm=\"lab\"\r\n"
#define ASKS_DIGEST "Proxy-Authenticate: Digest realm=\"lab\", nonce=\"n1\", qop=\"auth\"\r\n"
#define STALE(n_)   "Proxy-Authenticate: Digest realm=\"lab\", nonce=\"" n_ "\", qop=\"auth\", stale=true\r\n"
#define ASKS_BEARER "Proxy-Authenticate: Bearer realm=\"lab\", scope=\"a b\"\r\n"
#define WANTS(fields_)     SEND("HTTP/1.1 407 Who\r\n" fields_ "Content-Length: 5\r\n\r\nwho?\n")
#define WANTS_RAW(fields_) SEND("HTTP/1.1 407 Who\r\n" fields_)
#define OPENS SEND("HTTP/1.1 200 OK\r\n\r\n"), LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, CLOSE
/* clang-format on */

static inline leat_testing_server *proxy_start(const struct leat_script_row *const scripts[3])
{
    struct leat_testing_options options = {.scripts = {scripts[0], scripts[1], scripts[2]}};
    leat_testing_server *proxy = script_server_new(&options);
    cr_assert(proxy);
    return proxy;
}

static inline const char *proxy_url(leat_testing_server *proxy, const char *credentials)
{
    return sandbox_format("http://%s127.0.0.1:%u", credentials,
                          leat_testing_server_get_port(proxy));
}

static inline void run_init(struct client_run *run, const char *url)
{
    client_run_init(run);
    cr_assert(leat_config_set_proxy(run->config, url) == LEAT_OK);
    cr_assert(leat_config_set_user_agent(run->config, "") == LEAT_OK);
}

static inline void refusal_expect(const struct client_run *run, int status, const char *text)
{
    const struct leat_error *error = &run->close.error;
    cr_expect(error->code == LEAT_E_WS_CONNECT, "%s: %d: %s", run->name, error->code, error->text);
    cr_expect(error->layer == LEAT_LAYER_HTTP_PROXY, "%s: %s", run->name,
              leat_layer_name(error->layer));
    cr_expect(error->native_code == status, "%s: %d", run->name, error->native_code);
    cr_expect(strstr(error->text, text), "%s: %s", run->name, error->text);
    cr_expect(!strstr(error->text, "s3cret"), "%s: the password is in the text", run->name);
}

#endif
