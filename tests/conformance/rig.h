/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * One layer under test over one scripted wire, with everything that the driver gives a layer.
 */
#ifndef TESTS_CONFORMANCE_RIG_H
#define TESTS_CONFORMANCE_RIG_H

#include "conformance/conformance.h"

/** The time of every rig's first connect. */
#define RIG_START_MS 50000

/** How often a rig may get LEATI_AGAIN in one go before it counts as stuck. */
#define RIG_PATIENCE 400000

struct rig {
    const struct conformance_layer *under_test;
    struct leati_failure failure;
    struct leati_tracer tracer;
    struct scripted_layer wire;
    struct leati_layer *layer;
    void *peer;
    bool traced_wrong; /**< a state change that is not NEW > CONNECTING > OPEN > CLOSING > CLOSED */
    size_t traced;
    bool decided; /**< the last connect waited for the owner and not for the wire */
};

/** @return what `create` returned; rig_done() is due in any case. */
int rig_init(struct rig *rig, const struct conformance_layer *under_test,
             const struct scripted_script *script);
void rig_done(struct rig *rig);

/** Calls connect once; the owner decides what it has to. */
int rig_connect_step(struct rig *rig, uint64_t now_ms);
/** Calls connect until it gives something else than LEATI_AGAIN, which must come without a wait for
 * time; checks want() at each LEATI_AGAIN. */
int rig_connect(struct rig *rig);

/** One recv with the checks of rule 3. */
int rig_recv(struct rig *rig, uint8_t *buf, size_t cap, size_t *ret_len);
/** Reads exactly `len` bytes, at most `piece` a call. Anything but bytes is returned. */
int rig_recv_all(struct rig *rig, uint8_t *buf, size_t len, size_t piece);
/** Sends everything; after each LEATI_AGAIN from another address. */
int rig_send_all(struct rig *rig, const uint8_t *data, size_t len);

/** Reads CONFORMANCE_EARLY. */
int rig_recv_early(struct rig *rig, size_t piece);
/** Connects, reads the early words, and has `len` bytes echoed. */
int rig_run(struct rig *rig, size_t len, size_t piece);

/** How many bytes the layer reads and sends in its handshake. */
void rig_measure(const struct conformance_layer *under_test, size_t *ret_read, size_t *ret_sent);

/** Whether `code` is one of `codes`. */
bool rig_is_one_of(const conformance_codes codes, int code);

/** That the layer has failed for good with `code`, recorded as its own, and says so in every slot
 * without touching the wire. */
void rig_check_failed(struct rig *rig, int code);

#endif
