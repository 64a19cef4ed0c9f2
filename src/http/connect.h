/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A tunnel through an HTTP proxy by CONNECT (RFC 9110 section 9.3.6), as a layer. The proxy itself
 * may be reached over plain TCP, over TLS, or through another proxy: that is the lower layers'.
 */
#ifndef LEATI_HTTP_CONNECT_H
#define LEATI_HTTP_CONNECT_H

#include "core/layer.h"
#include "http/head.h"
#include "http/response.h"

/** The longest request, with everything that `headers` add. */
#define LEATI_HTTP_CONNECT_REQUEST_MAX_BYTES 32768u
/** How many interim responses (RFC 9110 section 15.2) may precede the final one. */
#define LEATI_HTTP_CONNECT_MAX_INTERIM 16u
/** How long the body of a refusal is waited for, from the end of its head; see below. */
#define LEATI_HTTP_CONNECT_BODY_WAIT_MS 5000u

struct leati_http_auth;

struct leati_http_connect_options {
    /** The destination: a name in A-labels for the proxy to resolve, or an IPv4/IPv6 literal, with
     * or without brackets. The zone of an IPv6 literal and one final dot are not sent. */
    const char *host;
    uint16_t port;
    /** What answers a 407, http/auth.h; a reference is taken. NULL = nobody. */
    struct leati_http_auth *auth;
    /** RFC 9110 section 10.1.5; NULL = "leat/VERSION", because there are proxies that let nobody
     * through without one; "" = none. */
    const char *user_agent;
    /** Sent behind our own, in their order. A User-Agent takes the place of ours. */
    const struct leati_http_field *headers;
    size_t header_count;
    /** From the first byte of the request to the end of the response head, of each round; 0 = none
     * but limit_ms. */
    uint32_t step_timeout_ms;
    /** Called when a layer that has waited for an answer to a 407 can go on. May be NULL. */
    void (*ready)(void *user);
    void *ready_user;
};

/**
 * Makes the layer; nothing of `options` is needed afterwards.
 *
 * The request leaves in one write. Interim responses are skipped; any 2xx opens the tunnel whatever
 * its Content-Length or Transfer-Encoding says (RFC 9110 section 9.3.6), and the bytes behind its
 * head are the upper layer's. What connect records when it fails:
 *  - LEAT_E_WS_CONNECT, native code = the HTTP status as far as it is known: any other status (for
 *    407 and 401 the text has the schemes that the proxy asks for, and whether credentials were
 * sent), a malformed or too large head, the end of the connection before the head is complete, the
 *    deadline (errno ETIMEDOUT);
 *  - LEAT_E_SYSTEM_INTERNAL: no memory;
 *  - the lower layer's failure, as it is.
 *
 * A 407 that auth can answer is answered, after its body, on the same connection. Where the proxy
 * closes that, connect fails with LEATI_RETRY_AGAIN in `retry`: the same layers over a new
 * connection, with the same auth, go on. While somebody is asked (a program for a token), connect is
 * LEATI_AGAIN and it is the owner's turn.
 *
 * A refusal is recorded as soon as its head is complete. connect then stays LEATI_AGAIN until the
 * body is complete, is longer than is kept, breaks off, or LEATI_HTTP_CONNECT_BODY_WAIT_MS or the
 * deadline are over, so a proxy that announces a body and does not send it costs that time and
 * nothing else; whatever happens in it, the refusal is what is reported.
 *
 * @return LEAT_OK; recorded in `failure`: LEAT_E_PARAMETER (host, port, user name or a header that
 *         cannot stand in a request: nothing can be injected by them), LEAT_E_SYSTEM_INTERNAL.
 */
int leati_http_connect_layer_new(const struct leati_http_connect_options *options,
                                 struct leati_failure *failure, struct leati_layer **ret_layer);

/** leati_http_auth_credentials_problem(). @return LEAT_OK or LEAT_E_PARAMETER, recorded. */
int leati_http_check_credentials(const char *user, const char *password,
                                 struct leati_failure *failure);

/** Whether the program is to be asked for this layer: leati_http_auth_ask() of the result, to which
 * the caller holds a reference meanwhile. NULL = no. */
struct leati_http_auth *leati_http_connect_question(const struct leati_layer *connect);

/** Moves the refusal's head and body out, so that they outlive the layer; the caller frees. NULL if
 * there is none, and without memory. */
struct leati_http_response *leati_http_connect_take_response(struct leati_layer *connect);

#endif
