/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A GSS-API of the test's own instead of the library: it takes as long as the test says, fails where
 * it says, and counts what it has given out. Its tokens are words: the initiator says "initiator 1",
 * wants to hear "acceptor 1", and so on. A wrapped message is a head, the bytes, changed if that is
 * to be secret, and a sum.
 */
#ifndef TESTS_SUPPORT_FAKE_GSS_H
#define TESTS_SUPPORT_FAKE_GSS_H

#include "gss/gss_api.h"

#include <stdatomic.h>
#include <stdbool.h>

/** What a wrapped message is longer than its content. */
#define FAKE_GSS_OVERHEAD 6

struct fake_gss {
    unsigned rounds;       /**< tokens of the acceptor until it is done; 0 counts as 1 */
    unsigned fails_at;     /**< the call of init_sec_context that fails, from 1 on; 0 = none */
    bool protects_nothing; /**< wrap and unwrap fail */
    uint32_t major, minor; /**< of what fails */
    uint32_t flags;        /**< of the context; 0 = all that were asked for */
    bool last_token;       /**< ours: there is one when the context is done */
    bool trusts;           /**< the sums of messages are not looked at */
    size_t token_bytes;    /**< length of our tokens; 0 = that of the words */
    /** While it is set, init_sec_context does not return. */
    atomic_bool blocks;
    atomic_int inside;           /**< calls of init_sec_context that have not returned */
    atomic_uint calls;           /**< of it */
    atomic_int handles;          /**< names, credentials, contexts and buffers that are given out */
    char user[64], password[64]; /**< of the last acquire_cred_with_password */
    char target[64];
    unsigned restricted; /**< calls of set_neg_mechs */
};

extern struct fake_gss fake_gss;

/** Waits until nothing of it is given out any more, and no thread is inside of it; aborts if that does
 * not come. */
void fake_gss_await_rest(int patience_ms);
/** From now on; `with` is what it does. */
void fake_gss_use(const struct fake_gss *with);

/** The other end's side of a message: `token` has room for `len` + FAKE_GSS_OVERHEAD. */
void fake_gss_seal(bool confidential, const void *data, size_t len, uint8_t *token);
/** @return whether it is whole; `data` has room for `len` - FAKE_GSS_OVERHEAD. */
bool fake_gss_open(const uint8_t *token, size_t len, uint8_t *data, bool *ret_confidential);

#endif
