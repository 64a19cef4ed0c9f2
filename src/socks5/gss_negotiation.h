/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What follows when a SOCKS5 proxy has chosen GSS-API (RFC 1961): tokens to and fro until both know
 * each other, then which protection the messages get. No I/O, no clock; the library is asked by
 * src/gss, which says when it is ready.
 *
 * It is an engine that speaks in place of that of SOCKS5, from leati_socks5_gss_begin() on.
 */
#ifndef LEATI_SOCKS5_GSS_NEGOTIATION_H
#define LEATI_SOCKS5_GSS_NEGOTIATION_H

#include "core/engine.h"
#include "gss/gss.h"
#include "socks5/gss_message.h"
#include "socks5/socks5.h"

enum leati_socks5_gss_state {
    LEATI_SOCKS5_GSS_MAKE_TOKEN, /**< the library is at work */
    LEATI_SOCKS5_GSS_SEND_TOKEN,
    LEATI_SOCKS5_GSS_RECV_TOKEN,
    LEATI_SOCKS5_GSS_SEND_LEVEL,
    LEATI_SOCKS5_GSS_RECV_LEVEL,
    LEATI_SOCKS5_GSS_DONE,
    LEATI_SOCKS5_GSS_FAILED,
};

/** The most tokens of ours: no mechanism needs more than a few. */
#define LEATI_SOCKS5_GSS_MAX_ROUNDS 8u

enum { LEATI_SOCKS5_GSS_TEXT_SIZE = LEATI_GSS_TEXT_SIZE + 160 };

struct leati_socks5_gss_negotiation {
    struct leati_engine base; /**< native_code: the library's minor status, or the level that the
                                 proxy grants */
    struct leati_gss *gss;    /**< owned */
    enum leat_socks5_protection wanted;
    bool can_protect;
    enum leat_socks5_protection granted; /**< of DONE: NONE, INTEGRITY or CONFIDENTIALITY */
    bool library_done;                   /**< its context is complete */
    unsigned rounds;
    uint8_t *output; /**< a whole message; NULL = none */
    struct leati_socks5_gss_message input;
    char text[LEATI_SOCKS5_GSS_TEXT_SIZE];
};

/** Takes `gss`, which is new. `can_protect`: somebody will wrap messages, if that is agreed on. */
void leati_socks5_gss_init(struct leati_socks5_gss_negotiation *negotiation, struct leati_gss *gss,
                           enum leat_socks5_protection wanted, bool can_protect);
/** Wipes, and frees what leati_socks5_gss_take() has left. */
void leati_socks5_gss_done(struct leati_socks5_gss_negotiation *negotiation);

/** Begins. The context is MAKE_TOKEN, or FAILED. */
void leati_socks5_gss_begin(struct leati_socks5_gss_negotiation *negotiation);
/** "GSS-API token", "protection level": what it is at, for texts. */
const char *leati_socks5_gss_step(const struct leati_socks5_gss_negotiation *negotiation);

/** Of DONE: the context, for messages. The caller's from now on. */
struct leati_gss *leati_socks5_gss_take(struct leati_socks5_gss_negotiation *negotiation);

#endif
