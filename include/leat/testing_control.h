/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Servers of libleat-testing that are made, changed and asked while they run, by any language: HTTP
 * and JSON on 127.0.0.1 or a Unix socket, as `leat serve control` offers it. Beside an interface of
 * its own it speaks that of toxiproxy 2, so that the clients which exist for toxiproxy work with it.
 *
 *     POST   /servers                    {"name":"p","kind":"socks5","faults":"reply=refuse 5"}
 *     GET    /servers                    all of them
 *     GET    /servers/p                  one: its url, address, port, faults, conditions
 *     PATCH  /servers/p                  {"faults":"","conditions":"latency=80"}; others start it again
 *     DELETE /servers/p                  removes it, with its connections
 *     POST   /servers/p/release          lets one held connection go on
 *     GET    /servers/p/seen             counts, and the last request
 *     GET    /servers/p/wait?step=reply&count=2&timeout_ms=5000      409 if it does not come
 *     GET    /servers/p/wait?idle=1&timeout_ms=5000
 *     GET    /servers/p/events           what has happened so far; ?follow=1: as it happens, a JSON
 *                                        object on each line; ?from=N: from number N on. Of older ones
 *                                        than the last LEAT_TESTING_EVENTS_MAX "lost" tells how many
 *     GET    /servers/p/diagram          what has happened as a sequence diagram of Mermaid: {"diagram":TEXT}
 *     GET    /ca                         the certificate of its CA, as {"certificate":PEM,...}
 *     POST   /certificates               {"hosts":"localhost","faults":"expired"}
 *     GET    /metrics                    the counts of all servers, for Prometheus (text format 0.0.4)
 *     GET    /version
 *     GET, POST /proxies, ...            as toxiproxy documents them; a proxy is a server of the kind
 *                                        tcp, its toxics are conditions
 *
 * The members of a server are those of leat_testing_server_new_json(), and "name" and "enabled".
 * Whoever asks with POST may do what is said for PATCH.
 *
 * What is refused is answered with {"error":TEXT,"status":NUMBER,"field":NAME,"reason":TEXT}: 400 for
 * JSON that is none, unknown and wrong fields, 401 without the token, 403 for browsers and names that
 * are not this machine's, 404, 405, 409 for a name that is taken and a step that did not come, 410
 * for a server that was removed meanwhile, 413, 500 without memory, 507 for more than
 * LEAT_TESTING_CONTROL_SERVERS_MAX, or for conditions and toxics that are more than LEAT_TESTING_CONDITIONS_MAX.
 */
#ifndef LEAT_TESTING_CONTROL_H
#define LEAT_TESTING_CONTROL_H

#include <leat/testing.h>
#include <leat/testing_certificates.h>
#include <leat/testing_conditions.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Servers of one control. */
#define LEAT_TESTING_CONTROL_SERVERS_MAX 256
/** Toxics of one proxy. */
#define LEAT_TESTING_CONTROL_TOXICS_MAX 16
/** The port that clients of toxiproxy look for. */
#define LEAT_TESTING_CONTROL_PORT 8474

/**
 * Starts a server that JSON describes: an object with the members of struct leat_testing_options
 * under their names:
 *
 *  - "kind": "socks5", "connect", "websocket" (or "echo"), "tcp" and the others that
 *    leat_testing_kind_name() knows, but no "script";
 *  - "address", "port", "faults" (text), "conditions" (text), "seed";
 *  - "user", "password", "names": {"NAME":"ADDRESS"};
 *  - "tls": true for a certificate of `ca`, {"certificate":PATH,"key":PATH} for another, in both cases
 *    with "client_ca", "min", "max" ("1.2", "1.3"), "hosts", "certificate_faults" ("expired,sha1") in
 *    an object;
 *  - "subprotocols": [TEXT], "headers", "messages": [TEXT], "close_code", "close_reason",
 *    "fragment_bytes", "no_echo";
 *  - "records" (text); "auth": "basic", "digest", "digest-md5", "negotiate", "ntlm"; "proxy_header":
 *    "none", "allowed", "required"; "session_tickets"; "deflate"; "unix_path";
 *  - "to", "to_tls": true or {"name":TEXT,"ca":PATH,"insecure":true};
 *  - "record": PATH; of the kind "replay" "replay": PATH, "match": "messages", "exact", "any", and
 *    "keep_times". The paths are of the machine that the server is on; a recording begins anew when
 *    its server is started again.
 *
 * It is changeable: leat_testing_server_set_conditions().
 *
 * @param len of `json`; SIZE_MAX = up to its NUL.
 * @param ca makes the certificates; NULL = "tls" needs files. It outlives the server.
 * @return LEAT_OK; LEAT_E_PARAMETER (`*ret_problem` begins with the name of the member that is wrong);
 *         and as leat_testing_server_new().
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_server_new_json(const char *json, size_t len,
                                                          leat_testing_ca *ca,
                                                          leat_testing_server **ret_server,
                                                          struct leat_testing_problem *ret_problem);

/** A control. Opaque. */
typedef struct leat_testing_control leat_testing_control;

/** What a control is to be. */
struct leat_testing_control_options {
    /** sizeof(struct leat_testing_control_options) */
    size_t size;
    const char *address; /**< IPv4 or IPv6 literal to listen on; NULL = 127.0.0.1 */
    uint16_t port;       /**< 0 = a free one */
    /** Path of a Unix socket to listen on instead, which is made with mode 0600 and removed at the
     * end; NULL = none. */
    const char *unix_path;
    /** What each request must show: `Authorization: Bearer TOKEN`, or Basic with it as the password.
     * NULL = nothing; then `address` must be one of this machine alone. */
    const char *token;
    /** What the connections of all its servers do goes into it: leat/testing_capture.h. It outlives the
     * control. NULL = none. */
    leat_testing_capture *capture;
};

/** Options in place, as LEAT_TESTING_OPTIONS(). */
#define LEAT_TESTING_CONTROL_OPTIONS(...)                                                          \
    (&(struct leat_testing_control_options){.size = sizeof(struct leat_testing_control_options),   \
                                            __VA_ARGS__})

/**
 * Starts a control; it answers when this returns.
 *
 * @param options NULL = 127.0.0.1, a free port.
 * @param ret_problem written only on failure; NULL = not wanted.
 * @return LEAT_OK; LEAT_E_PARAMETER (an address that others reach, without a token; a path that is too
 *         long); LEAT_E_SOCKET_BASE + errno; LEAT_E_SYSTEM_INTERNAL (no memory or thread).
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_control_new(
    const struct leat_testing_control_options *options, leat_testing_control **ret_control,
    struct leat_testing_problem *ret_problem);

/** Ends it, its servers and their connections. NULL is allowed. After a fork as
 * leat_testing_server_free(). */
LEAT_API void leat_testing_control_free(leat_testing_control *control);

/** "http://127.0.0.1:8474", "http+unix:/path". Lives as long as the control. */
LEAT_API const char *leat_testing_control_get_url(const leat_testing_control *control);

/** The port that it listens on; 0 for a Unix socket. */
LEAT_API uint16_t leat_testing_control_get_port(const leat_testing_control *control);

#ifdef __cplusplus
}
#endif

#endif
