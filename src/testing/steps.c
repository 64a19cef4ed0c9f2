/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a connection, and what their faults do. */
#include "testing/peer.h"
#include "util/readable.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

bool leati_peer_hold(struct leati_peer *p)
{
    struct leat_testing_server *server = p->server;
    pthread_mutex_lock(&server->lock);
    while (server->releases == 0 && !server->stopping)
        pthread_cond_wait(&server->changed, &server->lock);
    server->releases -= server->releases > 0;
    bool goes_on = !server->stopping;
    pthread_mutex_unlock(&server->lock);
    return goes_on;
}

bool leati_peer_stall(struct leati_peer *p)
{
    return leati_peer_wait_fd(p, p->fd, POLLRDHUP, -1);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static struct leati_fault_set *faults_keep(struct leati_peer *p, struct leati_fault_set *set)
{
    pthread_mutex_lock(&p->server->lock);
    ++set->refs;
    pthread_mutex_unlock(&p->server->lock);
    return set;
}

/* From this step on those that the server has now. */
static void faults_refresh(struct leati_peer *p)
{
    struct leati_fault_set *former = p->faults;
    pthread_mutex_lock(&p->server->lock);
    p->faults = p->server->faults;
    ++p->faults->refs;
    pthread_mutex_unlock(&p->server->lock);
    leati_testing_faults_release(p->server, former);
}

void leati_peer_faults_done(struct leati_peer *p)
{
    leati_testing_faults_release(p->server, p->faults);
    leati_testing_faults_release(p->server, p->drop_in.faults);
    leati_testing_faults_release(p->server, p->drop_out.faults);
}

static void drop_arm(struct leati_peer *p, size_t index)
{
    const struct leat_testing_fault *fault = &p->faults->faults[index];
    bool is_out = fault->action == LEAT_TESTING_ACTION_DROP_AFTER;
    struct leati_peer_drop *drop = is_out ? &p->drop_out : &p->drop_in;
    leati_testing_faults_release(p->server, drop->faults);
    *drop = (struct leati_peer_drop){
        .armed = true,
        .at = (is_out ? p->bytes_out : p->bytes_in) + fault->number,
        .faults = faults_keep(p, p->faults),
        .fault = index,
    };
}

/* As many as can be: where size_t has 32 bits a number may be beyond it. */
static size_t bytes_of(const struct leat_testing_fault *fault)
{
    return fault->number < SIZE_MAX ? (size_t)fault->number : SIZE_MAX;
}

/* Carries out one fault. The wire is used as it is where `is_raw`. */
static bool fault_run(struct leati_peer *p, const struct leati_fault_set *set, size_t index,
                      bool is_raw)
{
    const struct leat_testing_fault *fault = &set->faults[index];
    struct leati_peer_shape *shape = &p->shape;
    switch (fault->action) {
    case LEAT_TESTING_ACTION_BYTES:
        if (p->step == LEAT_TESTING_STEP_DATAGRAM || p->step == LEAT_TESTING_STEP_QUERY) {
            shape->datagram = fault;
            return true;
        }
        shape->skip = true;
        return is_raw ? leati_peer_wire_send(p, fault->data, fault->len)
                      : leati_peer_send(p, fault->data, fault->len);
    case LEAT_TESTING_ACTION_DELAY:
        return leati_peer_sleep(p, fault->number);
    case LEAT_TESTING_ACTION_HOLD:
        return leati_peer_hold(p);
    case LEAT_TESTING_ACTION_SKIP:
        shape->skip = true;
        return true;
    case LEAT_TESTING_ACTION_REFUSE:
        shape->refuse = true;
        shape->refusal = (unsigned)fault->number;
        return true;
    case LEAT_TESTING_ACTION_SPLIT:
        shape->split = bytes_of(fault);
        shape->gap_ms = fault->gap_ms;
        return true;
    case LEAT_TESTING_ACTION_SPLIT_AT:
        shape->split_at = bytes_of(fault);
        shape->gap_ms = fault->gap_ms;
        return true;
    case LEAT_TESTING_ACTION_TRUNCATE:
        shape->truncate = bytes_of(fault);
        return true;
    case LEAT_TESTING_ACTION_RATE:
        p->rate = fault->number;
        return true;
    case LEAT_TESTING_ACTION_DROP_AFTER:
    case LEAT_TESTING_ACTION_DROP_AFTER_RECEIVED:
        drop_arm(p, index);
        return true;
    case LEAT_TESTING_ACTION_SHUTDOWN:
        shape->skip = true;
        leati_peer_ended(p, true, false);
        return shutdown(p->fd, SHUT_WR) == 0;
    case LEAT_TESTING_ACTION_STALL:
        (void)leati_peer_stall(p);
        return leati_peer_end(p, LEATI_PEER_CLOSE);
    case LEAT_TESTING_ACTION_CLOSE:
        return leati_peer_end(p, LEATI_PEER_CLOSE);
    case LEAT_TESTING_ACTION_RESET:
        return leati_peer_end(p, LEATI_PEER_RESET);
    }
    return true;
}

static bool fault_applies(const struct leati_peer *p, const struct leat_testing_fault *fault,
                          bool then)
{
    return fault->step == p->step && fault->then == then &&
           (fault->occurrence == 0 || fault->occurrence == p->reached[p->step]) &&
           (fault->first_connection == 0 || fault->first_connection <= p->number) &&
           (fault->last_connection == 0 || fault->last_connection >= p->number);
}

static bool is_drop(const struct leat_testing_fault *fault)
{
    return fault->action == LEAT_TESTING_ACTION_DROP_AFTER ||
           fault->action == LEAT_TESTING_ACTION_DROP_AFTER_RECEIVED;
}

/* The faults of the present step. What stands behind a drop-after comes when it is time. */
static bool faults_run(struct leati_peer *p, bool then)
{
    const struct leati_fault_set *set = p->faults;
    const struct leat_testing_fault *drop = NULL;
    for (size_t i = 0; i < set->count; ++i) {
        const struct leat_testing_fault *fault = &set->faults[i];
        bool is_behind_drop = drop && leati_testing_fault_same_moment(drop, fault);
        if (!fault_applies(p, fault, then) || is_behind_drop)
            continue;
        if (is_drop(fault))
            drop = fault;
        if (!fault_run(p, set, i, false))
            return false;
    }
    return true;
}

bool leati_peer_drop(struct leati_peer *p, struct leati_peer_drop *drop)
{
    const struct leati_fault_set *set = drop->faults;
    p->drop_in.armed = p->drop_out.armed = false;
    p->rate = 0;
    p->ending = LEATI_PEER_CLOSE;
    for (size_t i = drop->fault + 1; i < set->count; ++i)
        if (leati_testing_fault_same_moment(&set->faults[drop->fault], &set->faults[i]) &&
            !fault_run(p, set, i, true))
            break;
    return false;
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* Behind the text of a step: what its faults make of it, up to the answer. */
static void faults_tell(const struct leati_peer *p, char *text, size_t cap)
{
    const struct leat_testing_fault *drop = NULL;
    const char *before = "; fault: ";
    size_t pos = strlen(text);
    for (size_t i = 0; i < p->faults->count; ++i) {
        const struct leat_testing_fault *fault = &p->faults->faults[i];
        bool is_behind_drop = drop && leati_testing_fault_same_moment(drop, fault);
        if (!fault_applies(p, fault, false) || is_behind_drop)
            continue;
        if (is_drop(fault))
            drop = fault;
        leati_readable_append(text, cap, &pos, "%s", before);
        leati_testing_fault_describe(fault, text, cap, &pos);
        before = ", ";
    }
}

bool leati_peer_step(struct leati_peer *p, enum leat_testing_step step, const char *format, ...)
{
    char text[LEATI_TESTING_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    leati_readable_vformat(text, sizeof(text), format, args);
    va_end(args);
    for (char *c = text; *c != '\0'; ++c) {
        if ((uint8_t)*c < ' ' || *c == 0x7f) {
            *c = '?'; /* it comes from the client, and may go to a terminal */
        }
    }

    faults_refresh(p);
    p->step = step;
    p->reached[step]++;
    faults_tell(p, text, sizeof(text));
    p->shape = (struct leati_peer_shape){.truncate = SIZE_MAX};
    leati_capture_step(p, leat_testing_step_name(step), text);
    leati_record_step(p, leat_testing_step_name(step), text);
    leati_testing_server_reached(p->server, p, NULL, step, text);
    if (!faults_run(p, false))
        return false;
    return leati_testing_step_has_answer(step) || step == LEAT_TESTING_STEP_RELAY ||
           leati_peer_step_done(p);
}

bool leati_peer_step_done(struct leati_peer *p)
{
    bool is_refused = p->shape.refuse;
    p->shape = (struct leati_peer_shape){.truncate = SIZE_MAX};
    return faults_run(p, true) && (!is_refused || leati_peer_end(p, LEATI_PEER_CLOSE));
}

bool leati_peer_answer(struct leati_peer *p, const void *data, size_t len)
{
    size_t sent = len < p->shape.truncate ? len : p->shape.truncate;
    return (p->shape.skip || leati_peer_send(p, data, sent)) && leati_peer_step_done(p);
}

bool leati_peer_refuses(const struct leati_peer *p, unsigned otherwise, unsigned *ret_number)
{
    if (p->shape.refuse)
        *ret_number = p->shape.refusal != 0 ? p->shape.refusal : otherwise;
    return p->shape.refuse;
}

bool leati_peer_tls_step(struct leati_peer *p)
{
    char text[128];
    const struct leat_testing_tls *tls = p->server->options.tls;
    return !tls || (leati_peer_tls_accept(p, tls) && p->tls &&
                    leati_peer_step(p, LEAT_TESTING_STEP_TLS, "%s",
                                    leati_peer_tls_describe(p, text, sizeof(text))));
}
