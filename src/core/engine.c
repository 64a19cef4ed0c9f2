/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine.h"

#include "util/readable.h"

#include <stdarg.h>

void leati_engine_init(struct leati_engine *e, const struct leati_engine_ops *ops, char *text,
                       size_t text_size)
{
    *e = (struct leati_engine){.ops = ops, .text = text, .text_size = text_size};
}

void leati_engine_done(struct leati_engine *e)
{
    if (e->ops && e->ops->done) /* none of one that could not be made */
        e->ops->done(e);
}

static const char *state_name(const struct leati_engine *e)
{
    return e->ops->states[e->state].name;
}

void leati_engine_set_state(struct leati_engine *e, int state)
{
    const char *from = state_name(e);

    e->state = state;
    if (e->ops->name)
        leati_trace_state(e->tracer, e->ops->layer.layer, e->ops->name, e->hop, from,
                          state_name(e));
}

void leati_engine_set_output(struct leati_engine *e, int state, const void *data, size_t len)
{
    e->output = data;
    e->output_len = len;
    leati_engine_set_state(e, state);
}

int leati_engine_fail(struct leati_engine *e, int code, int native_code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    leati_readable_vformat(e->text, e->text_size, format, args);
    va_end(args);
    e->code = code;
    e->native_code = native_code;
    e->output_len = 0;
    leati_engine_set_state(e, e->ops->failed);
    return code;
}

/* ---- whoever speaks ----------------------------------------------------------------------- */

static struct leati_engine *speaker_of(struct leati_engine *e)
{
    return e->speaker ? e->speaker : e;
}

const struct leati_engine *leati_engine_speaker(const struct leati_engine *e)
{
    return e->speaker ? e->speaker : e;
}

enum leati_exchange_turn leati_engine_turn(const struct leati_engine *e)
{
    const struct leati_engine *speaker = leati_engine_speaker(e);

    return speaker->ops->turn ? speaker->ops->turn(speaker)
                              : speaker->ops->states[speaker->state].turn;
}

/* Behind whatever may have moved it. */
static int speaker_follow(struct leati_engine *e)
{
    if (e->speaker && leati_engine_turn(e) == LEATI_EXCHANGE_DONE) {
        e->speaker = NULL;
        e->ops->spoken(e);
    }
    return leati_engine_speaker(e)->code;
}

size_t leati_engine_output(const struct leati_engine *e, const uint8_t **ret_data)
{
    const struct leati_engine *speaker = leati_engine_speaker(e);

    *ret_data = speaker->output;
    return speaker->output_len;
}

void leati_engine_sent(struct leati_engine *e, size_t len)
{
    struct leati_engine *speaker = speaker_of(e);

    speaker->output += len;
    speaker->output_len -= len;
    if (speaker->output_len == 0 && speaker->ops->sent)
        speaker->ops->sent(speaker);
}

size_t leati_engine_need(const struct leati_engine *e)
{
    const struct leati_engine *speaker = leati_engine_speaker(e);

    if (leati_engine_turn(e) != LEATI_EXCHANGE_THEIRS)
        return 0;
    return speaker->ops->need ? speaker->ops->need(speaker) : SIZE_MAX;
}

int leati_engine_feed(struct leati_engine *e, const uint8_t *data, size_t len, size_t *ret_used)
{
    struct leati_engine *speaker = speaker_of(e);

    *ret_used = speaker->ops->feed(speaker, data, len);
    return speaker_follow(e);
}

int leati_engine_end(struct leati_engine *e)
{
    struct leati_engine *speaker = speaker_of(e);

    speaker->ops->end(speaker);
    return speaker_follow(e);
}

int leati_engine_expire(struct leati_engine *e, uint64_t waited_ms)
{
    struct leati_engine *speaker = speaker_of(e);

    speaker->output_len = 0;
    speaker->ops->expire(speaker, waited_ms);
    return speaker->code;
}

bool leati_engine_resume(struct leati_engine *e)
{
    struct leati_engine *speaker = speaker_of(e);
    bool had_ended = speaker->ops->resume && speaker->ops->resume(speaker);

    (void)speaker_follow(e);
    return had_ended;
}
