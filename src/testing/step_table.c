/* SPDX-License-Identifier: Apache-2.0 */
/* The steps and kinds by name, which belongs to which, and what may be done where. */
#include "testing/server.h"
#include "util/readable.h"

#include <string.h>

#define SOCKS5    (1u << LEAT_TESTING_SOCKS5)
#define CONNECT   (1u << LEAT_TESTING_CONNECT)
#define WEBSOCKET (1u << LEAT_TESTING_WEBSOCKET)
#define SCRIPT    (1u << LEAT_TESTING_SCRIPT)
#define TCP       (1u << LEAT_TESTING_TCP)
#define UDP       (1u << LEAT_TESTING_UDP)
#define DNS       (1u << LEAT_TESTING_DNS)
#define HTTP      (1u << LEAT_TESTING_HTTP)
#define SOCKS4    (1u << LEAT_TESTING_SOCKS4)
#define REPLAY    (1u << LEAT_TESTING_REPLAY)
#define DIALS     (SOCKS5 | CONNECT | TCP | HTTP | SOCKS4)
#define STREAMS   (DIALS | WEBSOCKET | SCRIPT | DNS | REPLAY)

static const char *const kinds[] = {"socks5", "connect", "websocket", "script", "tcp",
                                    "udp",    "dns",     "http",      "socks4", "replay"};

/* Whether the server says something of its own at a step, and can refuse instead. */
enum answer { NO_ANSWER, ANSWER, REFUSABLE };

static const struct {
    const char *name;
    unsigned kinds;
    enum answer answer;
} steps[LEATI_TESTING_STEPS] = {
    [LEAT_TESTING_STEP_ACCEPT] = {"accept", STREAMS | UDP, NO_ANSWER},
    [LEAT_TESTING_STEP_TLS] = {"tls", CONNECT | WEBSOCKET | TCP | HTTP | REPLAY, NO_ANSWER},
    [LEAT_TESTING_STEP_GREETING] = {"greeting", SOCKS5 | REPLAY, NO_ANSWER},
    [LEAT_TESTING_STEP_METHOD] = {"method", SOCKS5 | REPLAY, REFUSABLE},
    [LEAT_TESTING_STEP_AUTH] = {"auth", SOCKS5 | REPLAY, NO_ANSWER},
    [LEAT_TESTING_STEP_AUTH_REPLY] = {"auth-reply", SOCKS5 | REPLAY, REFUSABLE},
    [LEAT_TESTING_STEP_REQUEST] = {"request", SOCKS5 | SOCKS4 | REPLAY, NO_ANSWER},
    [LEAT_TESTING_STEP_HEAD] = {"head", CONNECT | WEBSOCKET | HTTP | REPLAY, NO_ANSWER},
    [LEAT_TESTING_STEP_CONNECT] = {"connect", DIALS | UDP | REPLAY, NO_ANSWER},
    [LEAT_TESTING_STEP_REPLY] = {"reply", SOCKS5 | CONNECT | HTTP | SOCKS4 | REPLAY, REFUSABLE},
    [LEAT_TESTING_STEP_RELAY] = {"relay", DIALS | REPLAY, NO_ANSWER},
    [LEAT_TESTING_STEP_DATAGRAM] = {"datagram", SOCKS5 | UDP, ANSWER},
    [LEAT_TESTING_STEP_UPGRADE] = {"upgrade", WEBSOCKET | REPLAY, REFUSABLE},
    [LEAT_TESTING_STEP_MESSAGE] = {"message", WEBSOCKET | REPLAY, REFUSABLE},
    [LEAT_TESTING_STEP_PING] = {"ping", WEBSOCKET | REPLAY, REFUSABLE},
    [LEAT_TESTING_STEP_SEND] = {"send", WEBSOCKET | REPLAY, REFUSABLE},
    [LEAT_TESTING_STEP_CLOSE] = {"close", WEBSOCKET | REPLAY, ANSWER},
    [LEAT_TESTING_STEP_PROXY] = {"proxy", STREAMS, NO_ANSWER},
    [LEAT_TESTING_STEP_QUERY] = {"query", DNS, ANSWER},
    [LEAT_TESTING_STEP_END] = {"end", STREAMS | UDP, NO_ANSWER},
};

const struct leati_testing_action leati_testing_actions[LEATI_TESTING_ACTIONS] = {
    [LEAT_TESTING_ACTION_DELAY] = {"delay", 1, 1},
    [LEAT_TESTING_ACTION_HOLD] = {"hold", 0, 0},
    [LEAT_TESTING_ACTION_SKIP] = {"skip", 0, 0},
    [LEAT_TESTING_ACTION_REFUSE] = {"refuse", 0, 1},
    [LEAT_TESTING_ACTION_SPLIT] = {"split", 1, 2},
    [LEAT_TESTING_ACTION_SPLIT_AT] = {"split-at", 1, 2},
    [LEAT_TESTING_ACTION_TRUNCATE] = {"truncate", 1, 1},
    [LEAT_TESTING_ACTION_RATE] = {"rate", 1, 1},
    [LEAT_TESTING_ACTION_DROP_AFTER] = {"drop-after", 1, 1},
    [LEAT_TESTING_ACTION_DROP_AFTER_RECEIVED] = {"drop-after-received", 1, 1},
    [LEAT_TESTING_ACTION_SHUTDOWN] = {"shutdown", 0, 0},
    [LEAT_TESTING_ACTION_STALL] = {"stall", 0, 0},
    [LEAT_TESTING_ACTION_CLOSE] = {"close", 0, 0},
    [LEAT_TESTING_ACTION_RESET] = {"reset", 0, 0},
};

const char *leat_testing_kind_name(enum leat_testing_kind kind)
{
    return (size_t)kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[kind] : NULL;
}

bool leat_testing_kind_has_step(enum leat_testing_kind kind, enum leat_testing_step step)
{
    return (size_t)kind < sizeof(kinds) / sizeof(kinds[0]) && (size_t)step < LEATI_TESTING_STEPS &&
           (steps[step].kinds & 1u << kind) != 0;
}

const char *leat_testing_step_name(enum leat_testing_step step)
{
    return (size_t)step < LEATI_TESTING_STEPS ? steps[step].name : NULL;
}

bool leati_testing_step_has_answer(enum leat_testing_step step)
{
    return steps[step].answer != NO_ANSWER;
}

bool leati_testing_step_find(const char *name, size_t len, enum leat_testing_step *ret_step)
{
    for (size_t i = 0; i < LEATI_TESTING_STEPS; ++i) {
        if (strlen(steps[i].name) == len && memcmp(steps[i].name, name, len) == 0) {
            *ret_step = (enum leat_testing_step)i;
            return true;
        }
    }
    return false;
}

/* ---- which fault may stand where ------------------------------------------------------------- */

bool leati_testing_fault_same_moment(const struct leat_testing_fault *a,
                                     const struct leat_testing_fault *b)
{
    return a->step == b->step && a->then == b->then && a->occurrence == b->occurrence &&
           a->first_connection == b->first_connection && a->last_connection == b->last_connection;
}

static bool action_is_last(enum leat_testing_action action)
{
    return action == LEAT_TESTING_ACTION_STALL || action == LEAT_TESTING_ACTION_CLOSE ||
           action == LEAT_TESTING_ACTION_RESET;
}

static bool action_is_drop(enum leat_testing_action action)
{
    return action == LEAT_TESTING_ACTION_DROP_AFTER ||
           action == LEAT_TESTING_ACTION_DROP_AFTER_RECEIVED;
}

static bool action_may_follow_drop(enum leat_testing_action action)
{
    return action_is_last(action) || action == LEAT_TESTING_ACTION_BYTES ||
           action == LEAT_TESTING_ACTION_DELAY || action == LEAT_TESTING_ACTION_HOLD ||
           action == LEAT_TESTING_ACTION_SHUTDOWN;
}

/* Whose answer is one datagram. */
static bool is_datagram(enum leat_testing_step step)
{
    return step == LEAT_TESTING_STEP_DATAGRAM || step == LEAT_TESTING_STEP_QUERY;
}

/* What an action wants of its step and of its number. */
static const char *action_problem(const struct leat_testing_fault *fault)
{
    bool shapes = leati_testing_step_has_answer(fault->step) && !fault->then;
    switch (fault->action) {
    case LEAT_TESTING_ACTION_BYTES:
        if (is_datagram(fault->step) && fault->then)
            return "nothing can be sent after a datagram";
        return fault->data || fault->len == 0 ? NULL : "bytes without data";
    case LEAT_TESTING_ACTION_DELAY:
        return fault->number <= LEAT_TESTING_TIME_MS_MAX ? NULL : "a delay of more than an hour";
    case LEAT_TESTING_ACTION_SKIP:
    case LEAT_TESTING_ACTION_TRUNCATE:
        return shapes ? NULL : "this step has no answer that could be left out or cut";
    case LEAT_TESTING_ACTION_REFUSE:
        return fault->number <= 4999 && steps[fault->step].answer == REFUSABLE && !fault->then
                   ? NULL
                   : "the server cannot refuse so at this step";
    case LEAT_TESTING_ACTION_SPLIT:
    case LEAT_TESTING_ACTION_SPLIT_AT:
        if (fault->number == 0 || fault->gap_ms > LEAT_TESTING_TIME_MS_MAX)
            return "pieces need at least 1 byte, and at most an hour between them";
        if (is_datagram(fault->step))
            return "a datagram cannot be split";
        return shapes || (fault->step == LEAT_TESTING_STEP_RELAY && !fault->then)
                   ? NULL
                   : "this step has no answer that could be split";
    case LEAT_TESTING_ACTION_RATE:
        return fault->number != 0 ? NULL : "a rate of 0 bytes per second";
    case LEAT_TESTING_ACTION_DROP_AFTER:
    case LEAT_TESTING_ACTION_DROP_AFTER_RECEIVED:
        return fault->number != 0 ? NULL : "a drop after 0 bytes is a close or a reset";
    case LEAT_TESTING_ACTION_HOLD:
    case LEAT_TESTING_ACTION_SHUTDOWN:
    case LEAT_TESTING_ACTION_STALL:
    case LEAT_TESTING_ACTION_CLOSE:
    case LEAT_TESTING_ACTION_RESET:
        return NULL;
    }
    return "no such action";
}

/* Bytes as the language has them; many are not all told. */
static void bytes_describe(const struct leat_testing_fault *fault, char *text, size_t cap,
                           size_t *pos)
{
    enum { SHOWN = 16 };
    const uint8_t *bytes = fault->data;
    for (size_t i = 0; i < fault->len && i < SHOWN; ++i)
        leati_readable_append(text, cap, pos, "%s%02x", i > 0 ? "," : "", bytes[i]);
    if (fault->len > SHOWN || fault->len == 0)
        leati_readable_append(text, cap, pos, "%s(%zu bytes)", fault->len > 0 ? ",..." : "",
                              fault->len);
}

void leati_testing_fault_describe(const struct leat_testing_fault *fault, char *text, size_t cap,
                                  size_t *pos)
{
    if (fault->action == LEAT_TESTING_ACTION_BYTES) {
        bytes_describe(fault, text, cap, pos);
        return;
    }
    leati_readable_append(text, cap, pos, "%s", leati_testing_actions[fault->action].word);
    if (fault->number != 0)
        leati_readable_append(text, cap, pos, " %llu", (unsigned long long)fault->number);
}

const char *leati_testing_fault_problem(const struct leat_testing_fault *faults, size_t index)
{
    const struct leat_testing_fault *fault = &faults[index];
    if ((size_t)fault->step >= LEATI_TESTING_STEPS)
        return "no such step";
    if (fault->step == LEAT_TESTING_STEP_END)
        return "nothing can be done at the step end";
    bool is_behind_drop = false;
    for (size_t i = 0; i < index; ++i) {
        if (leati_testing_fault_same_moment(&faults[i], fault)) {
            if (action_is_last(faults[i].action))
                return "nothing can come after stall, close and reset";
            is_behind_drop = is_behind_drop || action_is_drop(faults[i].action);
        }
    }
    if (is_behind_drop && !action_may_follow_drop(fault->action))
        return "behind a drop there can be only bytes, delay, hold, shutdown, stall, close and "
               "reset";
    return action_problem(fault);
}
