/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the tests of GSS-API within SOCKS5 share: a loop, contexts on it, sealed messages. */
#ifndef TEST_GSS_RIG_H
#define TEST_GSS_RIG_H

#include "gss/gss.h"
#include "socks5/gss_message.h"
#include "support/fake_gss.h"

/** The longest content of gss_rig_seal(). */
#define GSS_RIG_SEALED_MAX_BYTES 200u
#define GSS_RIG_MESSAGE_MAX_BYTES                                                                  \
    (LEATI_SOCKS5_GSS_HEAD_BYTES + GSS_RIG_SEALED_MAX_BYTES + FAKE_GSS_OVERHEAD)

void gss_rig_setup(void);
/** Nothing of the library's is given out any more, and no memory is lost. */
void gss_rig_teardown(void);

/** For rcmd@proxy.example; the caller's. NULL without memory. */
struct leati_gss *gss_rig_context(void);
/** Waits until the helper has done its step. */
void gss_rig_await(const struct leati_gss *gss);

/** A message with a sealed token. @return its length */
size_t gss_rig_seal(enum leati_socks5_gss_type type, bool confidential, const void *data,
                    size_t len, uint8_t message[GSS_RIG_MESSAGE_MAX_BYTES]);

#endif
