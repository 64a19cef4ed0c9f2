/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Where trace events go.
 */
#ifndef LEATI_CORE_TRACER_H
#define LEATI_CORE_TRACER_H

#include <leat/trace.h>

/** Copied freely; `fn` NULL = nobody listens. */
struct leati_tracer {
    leat_trace_fn fn;
    void *user;
};

/** Whether anybody does: what only a trace needs is not computed otherwise. NULL = nobody. */
static inline bool leati_tracer_listens(const struct leati_tracer *tracer)
{
    return tracer && tracer->fn;
}

/** Reports what the typed events of struct leat_trace_event say; times, strings and the phase are
 * the caller's. */
void leati_trace_event(const struct leati_tracer *tracer, const struct leat_trace_event *event);

/** Reports that a state machine moved from one named state to another. */
void leati_trace_state(const struct leati_tracer *tracer, enum leat_layer layer, const char *name,
                       const char *hop, const char *from, const char *to);

/** Reports the start of a phase. `start_us` is the time of now. */
void leati_trace_phase_start(const struct leati_tracer *tracer, enum leat_layer layer,
                             const char *name, const char *hop, uint64_t start_us);

/** Reports the end of a phase; `text` may be NULL. The end is now. */
void leati_trace_phase_end(const struct leati_tracer *tracer, enum leat_layer layer,
                           const char *name, const char *hop, uint64_t start_us, int result,
                           const char *text);

/** Reports a WebSocket frame. */
void leati_trace_frame(const struct leati_tracer *tracer, const char *hop, const char *opcode_name,
                       const struct leat_trace_frame *frame);

#endif
