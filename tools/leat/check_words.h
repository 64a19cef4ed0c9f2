/* SPDX-License-Identifier: Apache-2.0 */
/** @file The words of `leat check`, in both languages. Names of protocols stay what they are. */
#ifndef LEAT_TOOL_CHECK_WORDS_H
#define LEAT_TOOL_CHECK_WORDS_H

#include <leat/catalogue.h>

enum check_word {
    CHECK_WORD_DNS,
    CHECK_WORD_TCP,
    CHECK_WORD_SOCKS4,
    CHECK_WORD_SOCKS5,
    CHECK_WORD_HTTP_PROXY,
    CHECK_WORD_PROXY_AUTH,
    CHECK_WORD_PROXY,
    CHECK_WORD_TLS,
    CHECK_WORD_WEBSOCKET,
    CHECK_WORD_ECHO,
    CHECK_WORD_CLOSE,
    CHECK_WORD_TOTAL, /* until it is open */
    CHECK_WORD_FAILED,
    CHECK_WORD_NOT_REACHED,
    CHECK_WORD_ECHO_RETURNED,
    CHECK_WORD_ECHO_PONG_ONLY,
    CHECK_WORD_ADDRESSES,
    CHECK_WORD_ADDRESS_USED,
    CHECK_WORD_ADDRESS_SLOWER,
    CHECK_WORD_CERTIFICATES,
    CHECK_WORD_NOT_VERIFIED,
    CHECK_WORD_NAMES,
    CHECK_WORD_ISSUER,
    CHECK_WORD_FULL_HANDSHAKE,
    CHECK_WORD_RESUMED,
    CHECK_WORD_SUBPROTOCOL,
    CHECK_WORD_COMPRESSED,
    CHECK_WORD_DAY_LEFT,         /* 1 */
    CHECK_WORD_DAYS_LEFT,        /* format: days */
    CHECK_WORD_EXPIRED_JUST_NOW, /* 0 */
    CHECK_WORD_EXPIRED_DAY_AGO,  /* 1 */
    CHECK_WORD_EXPIRED_DAYS_AGO, /* format: days */
    CHECK_WORD_EXPIRES_SOON,
    CHECK_WORD_REPEATED, /* format: connections, resumed, failed */
    CHECK_WORD_MEDIAN,
    CHECK_WORD_P99,
    CHECK_WORD_MIN,
    CHECK_WORD_MAX,
    CHECK_WORD_COUNT,
    CHECK_WORD_DIRECT,
    CHECK_WORD_PROXIED,
    CHECK_WORD_DIFFERENCE,
    CHECK_WORD_LIBRARY,
    CHECK_WORD_HEADERS,
    CHECK_WORD_FAILED_AT,
    CHECK_WORD_MEANING,
    CHECK_WORD_DETAIL,
    CHECK_WORD_SYS_ERRNO,
    CHECK_WORD_NATIVE,
    CHECK_WORD_CAUSE,
    CHECK_WORD_REMEDY,
};

/** Static, UTF-8. */
const char *check_word(enum check_word word, enum leat_language language);

/** What a phase is called: "dns", "TLS 握手"; the name itself if it has no word. */
const char *check_phase_word(const char *name, enum leat_language language);

/** Whether the phase of that name is a proxy's handshake. */
bool check_phase_is_proxy(const char *name);

#endif
