/* SPDX-License-Identifier: Apache-2.0 */
#include <leat/catalogue.h>
#include <leat/reconnect.h>

#include "websocket/backoff.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/known.h"
#include "util/random.h"

#include <errno.h>

#define DEFAULT_INITIAL_MS 1000u
#define DEFAULT_MAX_MS     60000u
#define DEFAULT_STABLE_MS  30000u

struct leat_reconnect {
    struct leati_backoff backoff;
    uint32_t max_attempts;
};

int leat_reconnect_new(const struct leat_reconnect_options *options, leat_reconnect **ret_reconnect)
{
    struct leat_reconnect_options o = {.size = sizeof(o)};

    if (!ret_reconnect || (options && options->size == 0))
        return LEAT_E_PARAMETER;
    /* A program that was built with an older header has a shorter struct. */
    if (options)
        leati_copy_known(&o, sizeof(o), options, options->size);
    /* A default gives way to what the program has said. */
    if (o.initial_delay_ms == 0)
        o.initial_delay_ms = o.max_delay_ms > 0 && o.max_delay_ms < DEFAULT_INITIAL_MS
                                 ? o.max_delay_ms
                                 : DEFAULT_INITIAL_MS;
    if (o.max_delay_ms == 0)
        o.max_delay_ms = o.initial_delay_ms > DEFAULT_MAX_MS ? o.initial_delay_ms : DEFAULT_MAX_MS;
    if (o.initial_delay_ms > o.max_delay_ms || (unsigned)o.jitter > LEAT_JITTER_NONE)
        return LEAT_E_PARAMETER;

    leat_reconnect *reconnect = leati_malloc(sizeof(*reconnect));
    if (!reconnect)
        return LEAT_E_SYSTEM_INTERNAL;
    *reconnect = (leat_reconnect){
        .backoff =
            {
                .initial_ms = o.initial_delay_ms,
                .max_ms = o.max_delay_ms,
                .stable_ms = o.stable_ms > 0 ? o.stable_ms : DEFAULT_STABLE_MS,
                .jitter = o.jitter,
            },
        .max_attempts = o.max_attempts,
    };
    *ret_reconnect = reconnect;
    return LEAT_OK;
}

void leat_reconnect_free(leat_reconnect *reconnect)
{
    leati_free(reconnect);
}

void leat_reconnect_opened(leat_reconnect *reconnect)
{
    if (reconnect)
        leati_backoff_opened(&reconnect->backoff, leati_clock_ms());
}

bool leat_reconnect_next_delay_ms(leat_reconnect *reconnect, uint32_t *ret_delay_ms)
{
    uint32_t random;

    if (!reconnect || !ret_delay_ms)
        return false;
    struct leati_backoff *backoff = &reconnect->backoff;
    leati_backoff_ended(backoff, leati_clock_ms());
    if (reconnect->max_attempts > 0 && backoff->attempts >= reconnect->max_attempts)
        return false;
    /* A kernel without randomness is no reason not to connect: then without jitter. */
    if (!leati_random_bytes(&random, sizeof(random)))
        random = UINT32_MAX;
    *ret_delay_ms = leati_backoff_next_ms(backoff, random);
    return true;
}

uint32_t leat_reconnect_get_attempts(const leat_reconnect *reconnect)
{
    return reconnect ? reconnect->backoff.attempts : 0;
}

void leat_reconnect_reset(leat_reconnect *reconnect)
{
    if (reconnect)
        reconnect->backoff.attempts = 0;
}

/* ---- whether ----------------------------------------------------------------------------- */

/* RFC 6455 section 7.4.1 and the registry of IANA. */
static bool close_code_is_passing(uint16_t code)
{
    switch (code) {
    case 1001: /* going away */
    case 1005: /* none was given */
    case 1006: /* lost */
    case 1011: /* unexpected condition */
    case 1012: /* service restart */
    case 1013: /* try again later */
    case 1014: /* bad gateway */
        return true;
    default:
        return false;
    }
}

/* RFC 9110 section 15, RFC 8470 section 5.2, RFC 6585 section 4. */
static bool http_status_is_passing(int status)
{
    switch (status) {
    case 0: /* no answer, or the end of the connection before it */
    case 408:
    case 425:
    case 429:
        return true;
    case 501: /* not implemented */
    case 505: /* HTTP version not supported */
    case 511: /* network authentication required */
        return false;
    default:
        return status >= 500 && status <= 599;
    }
}

/* RFC 1928 section 6, and Tor's (its proposal 304): of an onion service those that tell of a
 * circuit, or of a descriptor that is being published, not those of an address or an authorization.
 */
static bool socks_reply_is_passing(int rep)
{
    switch (rep) {
    case 0x01: /* general failure */
    case 0x03: /* network unreachable */
    case 0x04: /* host unreachable */
    case 0x05: /* refused */
    case 0x06: /* TTL expired */
    case 0x5b: /* of SOCKS4: rejected or failed */
    case 0xf0: /* descriptor cannot be found */
    case 0xf2: /* introduction failed */
    case 0xf3: /* rendezvous failed */
    case 0xf7: /* introduction timed out */
        return true;
    default:
        return false;
    }
}

/* Of a connection that was never open. */
static bool attempt_is_advised(const struct leat_error *error)
{
    switch (error->code) {
    case LEAT_E_WS_CONNECT:
        return http_status_is_passing(error->native_code);
    case LEAT_E_SOCKS5_CONNECT_REMOTE:
        return socks_reply_is_passing(error->native_code);
    case LEAT_E_SOCKS5_CONNECT_PROXY:
    case LEAT_E_SOCKS5_SEND:
    case LEAT_E_SOCKS5_RECV:
        return true;
    case LEAT_E_TLS_ENGINE:
    case LEAT_E_SOCKET_BASE + ECANCELED:
        return false;
    default:
        break;
    }
    switch (leat_error_class(error->code)) {
    case LEAT_CLASS_RETRY:
    case LEAT_CLASS_CLOSED:
    case LEAT_CLASS_LOCAL:
    case LEAT_CLASS_PEER:
        return true;
    case LEAT_CLASS_NONE:
    case LEAT_CLASS_CONFIGURATION:
    case LEAT_CLASS_PROXY:
    case LEAT_CLASS_CERTIFICATE:
    case LEAT_CLASS_BUG:
        break;
    }
    return false;
}

bool leat_reconnect_is_advised(const struct leat_close_event *event)
{
    if (!event)
        return false;
    if (event->closed_by == LEAT_CLOSED_BY_LOCAL)
        return false;
    if (event->close_code != 0)
        return close_code_is_passing(event->close_code);
    return attempt_is_advised(&event->error);
}
