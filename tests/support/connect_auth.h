/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Credentials for a CONNECT layer or engine that stands alone.
 */
#ifndef TESTS_SUPPORT_CONNECT_AUTH_H
#define TESTS_SUPPORT_CONNECT_AUTH_H

#include "http/auth.h"

/** Those of a user name and a password, without hashes; the caller has the reference. */
static inline struct leati_http_auth *connect_auth_new(const char *user, const char *password,
                                                       bool preemptive)
{
    const struct leati_http_auth_options options = {
        .proxy = "proxy:3128",
        .way = "http://proxy:3128 ",
        .user = user,
        .password = password,
        .schemes = LEAT_PROXY_AUTH_BASIC | LEAT_PROXY_AUTH_DIGEST | LEAT_PROXY_AUTH_BEARER,
        .preemptive_basic = preemptive,
    };
    return leati_http_auth_new(&options);
}

#endif
