/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The proxy that the environment names for a destination, by the rules that curl made common. Only
 * for programs that ask for it; a pure function over a lookup, so that nothing here touches the
 * process.
 *
 * Variables, the first that is set and not empty counts:
 *   wss://   wss_proxy, WSS_PROXY, https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY
 *   ws://    ws_proxy,  WS_PROXY,  http_proxy,  HTTP_PROXY,  all_proxy, ALL_PROXY
 *   others   all_proxy, ALL_PROXY
 * HTTP_PROXY in capitals does not count where REQUEST_METHOD is set: in a CGI program it is a
 * header "Proxy:" that any client can send (CVE-2016-5385 and its kin).
 *
 * no_proxy, else NO_PROXY, is a list of destinations that are reached directly, separated by commas
 * or white space:
 *   *                       all
 *   example.com             it and every name below it; so do .example.com and *.example.com
 *   10.0.0.1, ::1, [::1]    that address, when the URL has it as a literal: no name is resolved
 *   10.0.0.0/8, fd00::/8    those addresses
 *   any of them:port        only that port; IPv6 needs its brackets then
 * Names are compared without regard to case and as A-labels. What is none of this matches nothing.
 */
#ifndef LEATI_URL_PROXY_ENV_H
#define LEATI_URL_PROXY_ENV_H

#include "url/url.h"

/** getenv(3), or a test's table. NULL = not set. */
typedef const char *(*leati_getenv_fn)(const char *name, void *user);

struct leati_proxy_env {
    /** A proxy URL, with "http://" in front if the variable had no scheme; not checked. It may hold
     * a password. NULL = none: a direct connection is what the environment wants. */
    char *url;
    /** The variable that it is from, or that says "directly"; "" if none is set. Static. */
    const char *variable;
};

/** @param origin of leati_url_parse_websocket(). @return LEAT_OK; LEAT_E_SYSTEM_INTERNAL (no
 * memory). */
int leati_proxy_env_select(leati_getenv_fn getenv_fn, void *user, const struct leati_url *origin,
                           struct leati_proxy_env *ret_choice);
/** Wipes and frees. */
void leati_proxy_env_done(struct leati_proxy_env *choice);

/** Whether a list in the form of no_proxy has this destination. `host` is in the form of struct
 * leati_url. @return LEAT_OK; LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_no_proxy_matches(const char *list, const char *host, uint16_t port, bool *ret_matches);

/** Whether it is one entry of such a list: something that could match. @return LEAT_OK,
 * LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_no_proxy_check(const char *entry);

#endif
