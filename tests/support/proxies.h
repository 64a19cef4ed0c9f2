/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * HTTP proxies that others wrote, each on a free port of 127.0.0.1, ended by sandbox_done(). One
 * that is not installed fails the test.
 */
#ifndef LEAT_TESTS_SUPPORT_PROXIES_H
#define LEAT_TESTS_SUPPORT_PROXIES_H

#include "support/process.h"

#include <stdint.h>

/** HTTP CONNECT by tinyproxy. NULL, NULL = no password; otherwise Basic. @return its port. */
uint16_t tinyproxy_start(const char *user, const char *password);

/** HTTP CONNECT by squid, without a cache. NULL = everybody; otherwise Basic, where only this user
 * may pass, with any password. `ret_tls_port` (may be NULL): the same reached over TLS. */
uint16_t squid_start(const char *user, uint16_t *ret_tls_port);

/** What a proxy asks for. The user is alice, the password s3cret. */
enum {
    PROXY_BASIC = 1 << 0,
    PROXY_DIGEST = 1 << 1,       /**< with MD5 */
    PROXY_DIGEST_SHORT = 1 << 2, /**< a nonce is taken three times */
};

/** HTTP CONNECT by squid with these schemes. `ret_tls_port` as above. */
uint16_t squid_auth_start(unsigned schemes, uint16_t *ret_tls_port);

/** HTTP CONNECT by apache2 with one scheme, Basic or Digest. */
uint16_t apache_start(unsigned scheme);

/** The same, which asks for Negotiate by Kerberos: behind kdc_start() with the service
 * "HTTP/localhost". */
uint16_t squid_negotiate_start(void);
/** The same, which asks for NTLM: by peers/ntlm_helper.py, which knows one user, "DOMAIN:name:password". */
uint16_t squid_ntlm_start(const char *user);
/** The same by squid's own ntlm_fake_auth, which takes any password: `user` ("DOMAIN\\name") may pass.
 * `is_mended`: its challenge is put right on the way, by peers/ntlm_fake_mended.py, which says what is
 * wrong with it. */
uint16_t squid_ntlm_fake_start(bool is_mended, const char *user);

/** TLS with server.pem in front of a port, by socat. @return its port. */
uint16_t socat_tls_start(uint16_t behind);

#endif
