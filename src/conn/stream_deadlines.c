/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/stream.h"

static void stream_cut_off(struct leati_stream *stream)
{
    stream->owner->stuck(stream, stream->user);
    leati_chain_abort(stream->chain);
}

/* A peer that takes nothing for too long is cut off; moves the deadline to the next look. */
static void stream_judge_sending(struct leati_stream *stream, uint64_t now_ms)
{
    struct leati_chain *chain = stream->chain;
    uint32_t timeout_ms = stream->limits->stall_timeout_ms;
    if (stream->out.len == 0 || timeout_ms == 0 || stream->waits) {
        stream->stall_ms = 0;
        return;
    }
    if (stream->stall_ms == 0)
        stream->stall_ms = now_ms + timeout_ms;
    if (leati_chain_is_over(chain, stream->stall_ms))
        stream_cut_off(stream);
    else if (chain->owner_deadline_ms == 0 || stream->stall_ms < chain->owner_deadline_ms)
        chain->owner_deadline_ms = stream->stall_ms;
}

/* From when everything has left. */
static void stream_limit_eof_wait(struct leati_stream *stream, uint64_t now_ms)
{
    uint64_t *deadline_ms = &stream->chain->owner_deadline_ms;
    if (stream->eof_wait_ms == 0 || stream->out.len > 0)
        return;
    if (*deadline_ms == 0 || now_ms + stream->eof_wait_ms < *deadline_ms)
        *deadline_ms = now_ms + stream->eof_wait_ms;
    stream->eof_wait_ms = 0;
}

void leati_stream_check_deadlines(struct leati_stream *stream, uint64_t now_ms)
{
    const struct leati_stream_owner *owner = stream->owner;
    struct leati_chain *chain = stream->chain;
    if (stream->state == LEATI_STREAM_CLOSING) {
        stream_limit_eof_wait(stream, now_ms);
        if (!leati_chain_is_over(chain, chain->owner_deadline_ms))
            return;
        stream->awaits_eof = false;
        if (stream->out.len > 0)
            stream_cut_off(stream);
        return;
    }
    chain->owner_deadline_ms = owner->judge ? owner->judge(stream, now_ms, stream->user) : 0;
    if (chain->state == LEATI_CHAIN_OPEN)
        stream_judge_sending(stream, now_ms);
}
