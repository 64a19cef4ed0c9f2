/* SPDX-License-Identifier: Apache-2.0 */
#include "websocket/mailbox.h"

#include "websocket/websocket.h"
#include "loop/loop.h"
#include "util/alloc.h"
#include "util/fork.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

struct letter {
    struct letter *next;
    enum leat_message_type type;
    size_t len;
    uint8_t data[];
};

struct leati_letters {
    pthread_mutex_t mutex;
    leat_websocket *ws; /* used by the loop's thread only */
    bool posted;        /* a task is on its way */
    size_t bytes;
    struct letter *first, **last;
};

void leati_mailbox_init(struct leati_mailbox *mailbox)
{
    atomic_init(&mailbox->letters, NULL);
}

static void letters_drop(struct leati_letters *letters)
{
    if (letters)
        pthread_mutex_destroy(&letters->mutex);
    leati_free(letters);
}

/* Several threads may write the first letter at the same time. NULL without memory. */
static struct leati_letters *mailbox_letters(struct leat_websocket *ws)
{
    struct leati_letters *letters = atomic_load(&ws->mailbox.letters);
    if (letters)
        return letters;
    struct leati_letters *fresh = leati_calloc(1, sizeof(*fresh));
    if (!fresh)
        return NULL;
    pthread_mutex_init(&fresh->mutex, NULL);
    fresh->ws = ws;
    fresh->last = &fresh->first;
    if (atomic_compare_exchange_strong(&ws->mailbox.letters, &letters, fresh))
        return fresh;
    letters_drop(fresh);
    return letters;
}

static void letters_free(struct letter *letter)
{
    while (letter) {
        struct letter *next = letter->next;
        leati_free(letter);
        letter = next;
    }
}

static void mailbox_task(leat_loop *loop, void *user)
{
    struct leati_letters *letters = user;
    (void)loop;
    leati_lock(&letters->mutex);
    letters->posted = false;
    leati_unlock(&letters->mutex);
    leati_mailbox_deliver(&letters->ws->mailbox);
}

void leati_mailbox_done(struct leati_mailbox *mailbox)
{
    struct leati_letters *letters = atomic_load(&mailbox->letters);
    if (!letters)
        return;
    leati_loop_post_cancel(letters->ws->stream.loop, mailbox_task, letters);
    letters_free(letters->first);
    letters_drop(letters);
    atomic_store(&mailbox->letters, NULL);
}

/* Called with the lock held. */
static int letters_append(struct leati_letters *letters, struct letter *letter)
{
    size_t limit_bytes = atomic_load(&letters->ws->terms->letters_bytes);
    if (letters->bytes > 0 &&
        (letter->len > limit_bytes || letters->bytes > limit_bytes - letter->len))
        return LEAT_E_SOCKET_BASE + EAGAIN;
    if (!letters->posted) {
        int code = leat_loop_post(letters->ws->stream.loop, mailbox_task, letters);
        if (code != LEAT_OK)
            return code;
        letters->posted = true;
    }
    *letters->last = letter;
    letters->last = &letter->next;
    letters->bytes += letter->len;
    return LEAT_OK;
}

int leati_mailbox_put(struct leat_websocket *ws, enum leat_message_type type, const void *data,
                      size_t len)
{
    struct leati_letters *letters = mailbox_letters(ws);
    struct letter *letter = letters ? leati_malloc(sizeof(*letter) + len) : NULL;
    if (!letter)
        return LEAT_E_SYSTEM_INTERNAL;
    *letter = (struct letter){.type = type, .len = len};
    if (len > 0)
        memcpy(letter->data, data, len);
    leati_lock(&letters->mutex);
    int code = letters_append(letters, letter);
    leati_unlock(&letters->mutex);
    if (code != LEAT_OK)
        leati_free(letter);
    return code;
}

static struct letter *letters_take_first(struct leati_letters *letters)
{
    leati_lock(&letters->mutex);
    struct letter *letter = letters->first;
    if (letter) {
        letters->first = letter->next;
        if (!letters->first)
            letters->last = &letters->first;
        letters->bytes -= letter->len;
    }
    leati_unlock(&letters->mutex);
    return letter;
}

static void letters_put_back(struct leati_letters *letters, struct letter *letter)
{
    leati_lock(&letters->mutex);
    letter->next = letters->first;
    if (!letters->first)
        letters->last = &letter->next;
    letters->first = letter;
    letters->bytes += letter->len;
    leati_unlock(&letters->mutex);
}

void leati_mailbox_deliver(struct leati_mailbox *mailbox)
{
    struct leati_letters *letters = atomic_load(&mailbox->letters);
    struct letter *letter;
    if (!letters)
        return;
    while ((letter = letters_take_first(letters))) {
        int code = leat_websocket_send(letters->ws, letter->type, letter->data, letter->len);
        bool full = leat_is_queue_full(code);
        bool not_yet = code == LEAT_E_SOCKET_BASE + ENOTCONN;
        /* The letter itself was checked when it was put in. */
        bool in_parts = code == LEAT_E_PARAMETER;
        if (full || not_yet || in_parts) {
            letters_put_back(letters, letter);
            return;
        }
        leati_free(letter);
        /* Its sender was told that it would be sent. */
        if (code == LEAT_E_SYSTEM_INTERNAL) {
            leati_websocket_break(letters->ws, code, 0, "out of memory");
            return;
        }
        if (code == LEAT_E_SOCKET_BASE + ENOBUFS) {
            leati_websocket_break(letters->ws, code, ENOBUFS,
                                  "a letter found no room in the queues of the server");
            return;
        }
    }
}

void leati_mailbox_clear(struct leati_mailbox *mailbox)
{
    struct leati_letters *letters = atomic_load(&mailbox->letters);
    if (!letters)
        return;
    leati_lock(&letters->mutex);
    struct letter *first = letters->first;
    letters->first = NULL;
    letters->last = &letters->first;
    letters->bytes = 0;
    leati_unlock(&letters->mutex);
    letters_free(first);
}
