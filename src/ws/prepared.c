/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/prepared.h"

#include "util/alloc.h"
#include "util/fork.h"
#include "util/shared_bytes.h"
#include "ws/session_private.h"

#include <pthread.h>
#include <string.h>

/* The frame for all who compress in the same way. */
struct packed_form {
    struct packed_form *next;
    struct leati_deflater_options options;
    struct leati_shared_bytes *frame;
};

struct leati_ws_prepared {
    atomic_size_t refs;
    enum leat_message_type type;
    size_t header_len;
    struct leati_shared_bytes *frame; /* not compressed */
    pthread_mutex_t mutex;            /* of the list; what is in it stays */
    struct packed_form *packed;
};

/* ---- life ----------------------------------------------------------------------------------- */

static uint8_t first_byte_of(enum leat_message_type type)
{
    return LEATI_WS_FIN |
           (type == LEAT_MESSAGE_TEXT ? (uint8_t)LEATI_WS_OP_TEXT : (uint8_t)LEATI_WS_OP_BINARY);
}

/* The whole of a queue, which is emptied; NULL without memory. */
static struct leati_shared_bytes *bytes_of(struct leati_byte_queue *queue)
{
    struct leati_shared_bytes *bytes = leati_shared_bytes_new(queue->len);
    struct iovec part;
    size_t len = 0;
    while (bytes && leati_byte_queue_peek(queue, &part, 1) == 1) {
        memcpy(bytes->data + len, part.iov_base, part.iov_len);
        len += part.iov_len;
        leati_byte_queue_consume(queue, part.iov_len);
    }
    return bytes;
}

static struct leati_shared_bytes *frame_of(uint8_t first_byte, const void *payload, size_t len)
{
    static const struct leati_ws_drain nowhere = {NULL, NULL};
    struct leati_shared_bytes *frame = NULL;
    struct leati_byte_queue queue;
    leati_byte_queue_init(&queue, NULL);
    if (leati_ws_frame_write(&queue, NULL, first_byte, payload, len, &nowhere))
        frame = bytes_of(&queue);
    leati_byte_queue_clear(&queue);
    return frame;
}

struct leati_ws_prepared *leati_ws_prepared_new(enum leat_message_type type, const void *data,
                                                size_t len)
{
    struct leati_ws_prepared *message = leati_calloc(1, sizeof(*message));
    if (!message)
        return NULL;
    message->type = type;
    message->frame = frame_of(first_byte_of(type), data, len);
    if (!message->frame) {
        leati_free(message);
        return NULL;
    }
    message->header_len = message->frame->len - len;
    atomic_init(&message->refs, 1);
    pthread_mutex_init(&message->mutex, NULL);
    return message;
}

struct leati_ws_prepared *leati_ws_prepared_ref(struct leati_ws_prepared *message)
{
    atomic_fetch_add_explicit(&message->refs, 1, memory_order_relaxed);
    return message;
}

void leati_ws_prepared_unref(struct leati_ws_prepared *message)
{
    if (!message || atomic_fetch_sub_explicit(&message->refs, 1, memory_order_acq_rel) != 1)
        return;
    while (message->packed) {
        struct packed_form *form = message->packed;
        message->packed = form->next;
        leati_shared_bytes_unref(form->frame);
        leati_free(form);
    }
    leati_shared_bytes_unref(message->frame);
    pthread_mutex_destroy(&message->mutex);
    leati_free(message);
}

static const uint8_t *payload_of(const struct leati_ws_prepared *message)
{
    return message->frame->data + message->header_len;
}

bool leati_ws_prepared_queue_rest(struct leati_ws_prepared *message, size_t sent,
                                  struct leati_byte_queue *out)
{
    return leati_byte_queue_append_shared(out, message->frame, sent);
}

const uint8_t *leati_ws_prepared_frame(const struct leati_ws_prepared *message, size_t *ret_len)
{
    *ret_len = message->frame->len;
    return message->frame->data;
}

size_t leati_ws_prepared_len(const struct leati_ws_prepared *message)
{
    return message->frame->len - message->header_len;
}

/* ---- compressing ---------------------------------------------------------------------------- */

static bool options_are_same(const struct leati_deflater_options *a,
                             const struct leati_deflater_options *b)
{
    return a->window_bits == b->window_bits && a->level == b->level && a->mem_level == b->mem_level;
}

/* A payload that lies in a queue, as one frame; NULL without memory. */
static struct leati_shared_bytes *frame_of_queue(uint8_t first_byte,
                                                 struct leati_byte_queue *payload)
{
    struct leati_shared_bytes *frame = NULL;
    struct leati_byte_queue queue;
    leati_byte_queue_init(&queue, NULL);
    if (leati_ws_frame_write_queue(&queue, NULL, first_byte, payload))
        frame = bytes_of(&queue);
    leati_byte_queue_clear(&queue);
    return frame;
}

/* The compressed frame, or the other one again if it would not be shorter; a reference. NULL without
 * memory. */
static struct leati_shared_bytes *message_pack(const struct leati_ws_prepared *message,
                                               const struct leati_deflater_options *options)
{
    struct leati_shared_bytes *frame = NULL;
    struct leati_deflater deflater;
    struct leati_byte_queue packed;
    size_t len = leati_ws_prepared_len(message);
    leati_deflater_init(&deflater, options);
    leati_byte_queue_init(&packed, NULL);
    if (leati_ws_deflate_payload(&deflater, payload_of(message), len, true, &packed))
        frame = packed.len >= len
                    ? leati_shared_bytes_ref(message->frame)
                    : frame_of_queue(first_byte_of(message->type) | LEATI_WS_RSV1, &packed);
    leati_byte_queue_clear(&packed);
    leati_deflater_done(&deflater);
    return frame;
}

static struct packed_form *form_new(const struct leati_ws_prepared *message,
                                    const struct leati_deflater_options *options)
{
    struct packed_form *form = leati_malloc(sizeof(*form));
    if (!form)
        return NULL;
    *form = (struct packed_form){.options = *options, .frame = message_pack(message, options)};
    if (form->frame)
        return form;
    leati_free(form);
    return NULL;
}

/* Lives as long as the message. NULL without memory. */
static struct leati_shared_bytes *message_packed(struct leati_ws_prepared *message,
                                                 const struct leati_deflater_options *options)
{
    leati_lock(&message->mutex);
    struct packed_form *form = message->packed;
    while (form && !options_are_same(&form->options, options))
        form = form->next;
    if (!form && (form = form_new(message, options))) {
        form->next = message->packed;
        message->packed = form;
    }
    leati_unlock(&message->mutex);
    return form ? form->frame : NULL;
}

/* What stands behind the header, by its length field. */
static size_t frame_payload_len(const struct leati_shared_bytes *frame)
{
    uint8_t field = frame->data[1];
    return frame->len - (field < 126 ? 2u : field == 126 ? 4u : 10u);
}

/* ---- sending -------------------------------------------------------------------------------- */

int leati_ws_session_write_prepared(struct leati_ws_session *session,
                                    struct leati_ws_prepared *message, struct leati_byte_queue *out)
{
    size_t len = leati_ws_prepared_len(message);
    struct leati_shared_bytes *frame = message->frame;
    int code = leati_ws_session_may_write(session);
    if (code != LEAT_OK)
        return code;
    if (!session->is_server)
        return leati_ws_session_write(
            session, message->type == LEAT_MESSAGE_TEXT ? LEATI_WS_OP_TEXT : LEATI_WS_OP_BINARY,
            payload_of(message), len, out);
    bool compresses = leati_ws_session_compresses(session, len);
    if (compresses)
        frame = message_packed(message, &session->compression->deflater.options);
    if (!frame || !leati_byte_queue_append_shared(out, frame, 0))
        return LEAT_E_SYSTEM_INTERNAL;
    if (compresses && frame != message->frame)
        leati_ws_deflater_restart(&session->compression->deflater);
    if (session->tracer)
        leati_ws_session_trace_sent(session, frame->data[0], frame_payload_len(frame));
    return LEAT_OK;
}
