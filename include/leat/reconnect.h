/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * When to connect again. Beside the WebSocket, not inside it: the program keeps the decision, this
 * knows the two things that are easily got wrong, which failures are worth another attempt, and how
 * long to wait so that a thousand clients do not come back at the same moment.
 *
 *     static void opened(leat_websocket *ws, void *user)
 *     {
 *         struct app *app = user;
 *         leat_reconnect_opened(app->reconnect);
 *     }
 *
 *     static void closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
 *     {
 *         struct app *app = user;
 *         uint32_t delay_ms;
 *         if (leat_reconnect_is_advised(event) &&
 *             leat_reconnect_next_delay_ms(app->reconnect, &delay_ms))
 *             leat_timer_start(app->timer, delay_ms); // it calls leat_websocket_connect()
 *     }
 *
 * Subscriptions, tokens and what was not sent are the program's to renew in `opened`.
 * An object belongs to one connection; all functions belong to its thread.
 */
#ifndef LEAT_RECONNECT_H
#define LEAT_RECONNECT_H

#include <leat/websocket.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The attempts of one connection. Opaque. */
typedef struct leat_reconnect leat_reconnect;

/** Which part of the delay is left to chance. */
enum leat_jitter {
    LEAT_JITTER_FULL,  /**< all of it, 0 to the limit: spreads best */
    LEAT_JITTER_EQUAL, /**< half of it: never at once */
    LEAT_JITTER_NONE,  /**< nothing: for tests, and for programs that are alone */
};

/** All zero but `size` = the defaults. */
struct leat_reconnect_options {
    /** sizeof(struct leat_reconnect_options) */
    size_t size;
    /** The limit of the first delay; it doubles with each attempt. 0 = 1,000 ms. */
    uint32_t initial_delay_ms;
    /** The most that the limit grows to. 0 = 60,000 ms. */
    uint32_t max_delay_ms;
    /** A connection that was open for so long has held: after it delays start from the beginning.
     * One that breaks sooner counts as another failed attempt. 0 = 30,000 ms. */
    uint32_t stable_ms;
    /** How many attempts in a row without a connection that held; 0 = no limit. */
    uint32_t max_attempts;
    enum leat_jitter jitter; /**< LEAT_JITTER_FULL = 0, the default */
};

/** Makes one.
 * @param options copied; NULL = the defaults.
 * @return LEAT_OK; LEAT_E_PARAMETER (a `size` of 0, an unknown jitter, initial_delay_ms above
 *         max_delay_ms); LEAT_E_SYSTEM_INTERNAL (no memory). */
LEAT_API LEAT_MUST_CHECK int leat_reconnect_new(const struct leat_reconnect_options *options,
                                                leat_reconnect **ret_reconnect);
/** NULL is allowed. */
LEAT_API void leat_reconnect_free(leat_reconnect *reconnect);

/** To be called from `opened`: the time from here on tells whether the connection has held. */
LEAT_API void leat_reconnect_opened(leat_reconnect *reconnect);

/**
 * To be called when a connection has ended and another one is wanted: how long to wait before it.
 *
 * @return true; false: there were max_attempts already, nothing is written.
 */
LEAT_API LEAT_MUST_CHECK bool leat_reconnect_next_delay_ms(leat_reconnect *reconnect,
                                                           uint32_t *ret_delay_ms);

/** How many attempts leat_reconnect_next_delay_ms() has given since the last connection that held.
 */
LEAT_API uint32_t leat_reconnect_get_attempts(const leat_reconnect *reconnect);

/** Starts from the beginning, because the network is there again, say. */
LEAT_API void leat_reconnect_reset(leat_reconnect *reconnect);

/**
 * Whether the same attempt again may end better. A program that knows more about its server (what
 * its close codes from 3000 up mean, say) asks itself first.
 *
 * Yes: the connection was lost; the server closed with 1001, 1005, 1011, 1012, 1013 or 1014; it did
 * not answer in HTTP, refused TCP, or answered HTTP 408, 425, 429 or 5xx; the proxy is away or cannot reach
 * the server (SOCKS5 replies 1 and 3 to 6, SOCKS4 reply 91, and Tor's F0, F2, F3 and F7); this machine has no network, memory or descriptors now (classes RETRY, CLOSED,
 * LOCAL).
 *
 * No: the program closed it or cancelled; the server closed with any other code; either end broke
 * the protocol; wrong URL, certificate, password or permission (classes CONFIGURATION, CERTIFICATE,
 * BUG); any other HTTP status; TLS could not be agreed on in the first place. @thread any.
 */
LEAT_API bool leat_reconnect_is_advised(const struct leat_close_event *event);

#ifdef __cplusplus
}
#endif

#endif
