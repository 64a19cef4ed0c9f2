/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How a program shows proxies who it is: those of HTTP (RFC 9110 section 11.7), and those of SOCKS5 by
 * GSS-API (RFC 1961).
 *
 * The first request has no credentials. If the proxy asks for some (407), it is asked again with the
 * strongest scheme that it offers and the program allows, on the same connection, or on another one
 * where the proxy closes it. What a proxy has let in is remembered by the configuration and its
 * copies, so the next connection to it answers at once: with Digest by the same nonce. Each proxy of
 * a chain gets its own credentials only, and one that refuses them is not asked again with a weaker
 * scheme.
 *
 * User names and passwords: leat_config_set_proxy(), leat_config_set_proxy_credentials(). A header
 * Proxy-Authorization of the program's own (leat_config_add_proxy_header()) takes the place of all of
 * this.
 */
#ifndef LEAT_PROXY_AUTH_H
#define LEAT_PROXY_AUTH_H

#include <leat/config.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Schemes of authentication to proxies. Without a further word they are those of HTTP, of which the
 * strongest is taken: Negotiate, Bearer, Digest, NTLM, Basic. */
enum leat_proxy_auth {
    /** RFC 7617: user name and password, readable for whoever listens between here and the proxy. */
    LEAT_PROXY_AUTH_BASIC = 1 << 0,
    /** RFC 7616: SHA-512-256, SHA-256 and MD5. The password does not leave the machine. */
    LEAT_PROXY_AUTH_DIGEST = 1 << 1,
    /** RFC 6750: a token that leat_config_set_proxy_token_callback() gets. */
    LEAT_PROXY_AUTH_BEARER = 1 << 2,
    /** NTLM by GSS-API ([MS-NLMP]), also within Negotiate where that is allowed: with user (DOMAIN\\user)
     * and password of the proxy. Not among the defaults: who has heard the answer can try out
     * passwords. Needs gss-ntlmssp beside MIT's library. */
    LEAT_PROXY_AUTH_NTLM = 1 << 3,
    /**
     * Kerberos by GSS-API: Negotiate at HTTP proxies (RFC 4559), method 0x01 at SOCKS5 proxies
     * (RFC 1961). With the user and password of the proxy, or, where it has none, with the tickets of
     * whoever runs the program (`kinit`); credentials are never delegated. The service that is asked
     * for is leat_config_set_proxy_service_name() at the proxy's host, as the program names it. Not
     * among the defaults: tickets are shown only to proxies of which the program says so.
     *
     * Needs MIT's libgssapi_krb5.so.2, which is loaded when a proxy has asked. It may wait for a KDC,
     * and does so on threads of its own.
     */
    LEAT_PROXY_AUTH_NEGOTIATE = 1 << 4,
};

/** How what goes through a SOCKS5 proxy is protected between here and the proxy, once GSS-API has been
 * spoken (RFC 1961 section 4). TLS to the destination is neither replaced nor touched by it. */
enum leat_socks5_protection {
    /** The most that both can, which may be none, and without GSS-API is none (default). */
    LEAT_SOCKS5_PROTECTION_ANY,
    /** None is asked for; what the proxy demands is done. */
    LEAT_SOCKS5_PROTECTION_NONE,
    /** At least that nobody changes it. No method but GSS-API is offered, and a proxy that grants less
     * is refused: LEAT_E_SOCKS5_METHOD. */
    LEAT_SOCKS5_PROTECTION_INTEGRITY,
    /** Likewise, that nobody reads it. */
    LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY,
};

/**
 * Which schemes may be used, LEAT_PROXY_AUTH_* together; by default Basic, Digest and Bearer. 0: none,
 * an HTTP proxy that asks for credentials has refused.
 *
 * @return LEAT_OK; LEAT_E_PARAMETER: a flag that is none; LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_proxy_auth_schemes(leat_config *config,
                                                                unsigned schemes);

/**
 * Whether Basic goes with the first request, before the proxy has asked for it. Saves a round trip,
 * and shows the password to whatever answers at the proxy's address. Default false. Without Basic
 * among the schemes that are allowed it does nothing.
 *
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_proxy_basic_preemptive(leat_config *config,
                                                                    bool preemptive);

/**
 * The protection that SOCKS5 proxies must grant. It counts where LEAT_PROXY_AUTH_NEGOTIATE is allowed;
 * from LEAT_SOCKS5_PROTECTION_INTEGRITY on, connecting without it is LEAT_E_PARAMETER. Datagrams of UDP
 * sockets are protected likewise, each for itself (RFC 1961 section 5).
 *
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_socks5_protection(
    leat_config *config, enum leat_socks5_protection protection);

/**
 * The service that proxies are in Kerberos, without "@host": NULL = "HTTP" for HTTP proxies and "rcmd"
 * for SOCKS5 proxies (default), as others have it.
 *
 * @return LEAT_OK; LEAT_E_PARAMETER: empty, longer than 255 bytes, or with '@', '/', a space or a
 *         control character; LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_proxy_service_name(leat_config *config,
                                                                const char *service);

/**
 * Keeps connections apart in Tor: each one shows the SOCKS5 proxies on its way a user name and a
 * password that are made for it alone, by which Tor gives it a circuit of its own (IsolateSOCKSAuth of
 * tor(1), its default). Each connection: also the next one of the same object, and where a redirect
 * leads. Other proxies than Tor may refuse them. Default false.
 *
 * Never in silence: without a SOCKS5 proxy on the way, or if one has credentials already, connecting
 * is refused with LEAT_E_PARAMETER; a proxy that asks nobody who it is (PreferSOCKSNoAuth of tor(1)) is
 * LEAT_E_SOCKS5_METHOD. Names ending in ".onion" are for the proxy to resolve (socks5h://);
 * DNS is never asked for them (RFC 7686).
 *
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_tor_isolation(leat_config *config, bool isolation);

/** A proxy that asks for a token. */
typedef struct leat_proxy_challenge leat_proxy_challenge;

/**
 * A proxy asks for a token. Called from dispatch; the program answers by
 * leat_proxy_challenge_answer(), now or later, once. While it does not, the connection waits, for as
 * long as connecting may take in total.
 *
 * The connection may be gone before the answer; then that does nothing, but is to be given all the
 * same, because it frees `challenge`.
 */
typedef void (*leat_proxy_token_fn)(leat_proxy_challenge *challenge, void *user);

/**
 * Whom to ask for tokens (Bearer). `fn` NULL = nobody (default): another scheme is taken, if the
 * proxy offers one.
 *
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL.
 */
LEAT_API LEAT_MUST_CHECK int leat_config_set_proxy_token_callback(leat_config *config,
                                                                  leat_proxy_token_fn fn,
                                                                  void *user);

/** "host:port" of the proxy. Never NULL; lives as long as the challenge. */
LEAT_API const char *leat_proxy_challenge_get_proxy(const leat_proxy_challenge *challenge);
/** How often this connection has asked before: above 0, the last token was refused. */
LEAT_API unsigned leat_proxy_challenge_get_attempt(const leat_proxy_challenge *challenge);
/** A parameter of the challenge, without quotes: "realm", "scope", "error" (RFC 6750 section 3).
 * NULL = there is none. Lives as long as the challenge. The proxy's words: not for a terminal as they
 * are. */
LEAT_API const char *leat_proxy_challenge_get_parameter(const leat_proxy_challenge *challenge,
                                                        const char *name);

/**
 * Answers, and frees `challenge`. On the loop's thread.
 *
 * @param token as in RFC 6750 section 2.1, at most 16,384 bytes, copied; NULL = there is none: another
 *              scheme is taken, if the proxy offers one
 * @return LEAT_OK; LEAT_E_PARAMETER: `challenge` is NULL, or no token looks like that, then it is
 *         still to be answered; LEAT_E_SYSTEM_INTERNAL: the connection fails with it.
 */
LEAT_API int leat_proxy_challenge_answer(leat_proxy_challenge *challenge, const char *token);

#ifdef __cplusplus
}
#endif

#endif
