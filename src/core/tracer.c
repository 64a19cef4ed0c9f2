/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tracer.h"

#include "util/clock.h"
#include "util/readable.h"

#include <stdio.h>

static const char *text_or_empty(const char *s)
{
    return s ? s : "";
}

void leati_trace_event(const struct leati_tracer *tracer, const struct leat_trace_event *event)
{
    if (leati_tracer_listens(tracer))
        tracer->fn(event, tracer->user);
}

void leati_trace_state(const struct leati_tracer *tracer, enum leat_layer layer, const char *name,
                       const char *hop, const char *from, const char *to)
{
    if (!leati_tracer_listens(tracer))
        return;

    char text[128];
    snprintf(text, sizeof(text), "%s > %s", from, to);
    uint64_t now_us = leati_clock_us();
    struct leat_trace_event event = {
        .kind = LEAT_TRACE_STATE,
        .layer = layer,
        .name = name,
        .hop = text_or_empty(hop),
        .start_us = now_us,
        .end_us = now_us,
        .text = text,
    };
    tracer->fn(&event, tracer->user);
}

void leati_trace_phase_start(const struct leati_tracer *tracer, enum leat_layer layer,
                             const char *name, const char *hop, uint64_t start_us)
{
    if (!leati_tracer_listens(tracer))
        return;

    struct leat_trace_event event = {
        .kind = LEAT_TRACE_PHASE_START,
        .layer = layer,
        .name = name,
        .hop = text_or_empty(hop),
        .start_us = start_us,
        .text = "",
    };
    tracer->fn(&event, tracer->user);
}

void leati_trace_phase_end(const struct leati_tracer *tracer, enum leat_layer layer,
                           const char *name, const char *hop, uint64_t start_us, int result,
                           const char *text)
{
    if (!leati_tracer_listens(tracer))
        return;

    char shown[LEAT_ERROR_TEXT_SIZE];
    leati_readable_format(shown, sizeof(shown), "%s", text_or_empty(text));
    struct leat_trace_event event = {
        .kind = LEAT_TRACE_PHASE_END,
        .layer = layer,
        .name = name,
        .hop = text_or_empty(hop),
        .start_us = start_us,
        .end_us = leati_clock_us(),
        .result = result,
        .text = shown,
    };
    tracer->fn(&event, tracer->user);
}

void leati_trace_frame(const struct leati_tracer *tracer, const char *hop, const char *opcode_name,
                       const struct leat_trace_frame *frame)
{
    if (!leati_tracer_listens(tracer))
        return;

    uint64_t now_us = leati_clock_us();
    struct leat_trace_event event = {
        .kind = LEAT_TRACE_FRAME,
        .layer = LEAT_LAYER_WEBSOCKET,
        .name = "frame",
        .hop = text_or_empty(hop),
        .start_us = now_us,
        .end_us = now_us,
        .text = opcode_name,
        .frame = frame,
    };
    tracer->fn(&event, tracer->user);
}
