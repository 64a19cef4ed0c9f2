/* SPDX-License-Identifier: Apache-2.0 */
#include "websocket/mailbox.h"

#include "config/settings.h"
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

struct leati_mailbox {
    pthread_mutex_t mutex;
    leat_websocket *ws; /* used by the loop's thread only */
    leat_loop *loop;
    bool posted; /* a task is on its way */
    size_t limit_bytes;
    size_t bytes;
    struct letter *first, **last;
};

struct leati_mailbox *leati_mailbox_new(leat_websocket *ws, leat_loop *loop)
{
    struct leati_mailbox *mailbox = leati_calloc(1, sizeof(*mailbox));
    if (!mailbox)
        return NULL;
    pthread_mutex_init(&mailbox->mutex, NULL);
    mailbox->ws = ws;
    mailbox->loop = loop;
    mailbox->limit_bytes = LEATI_CONFIG_DEFAULT_SEND_QUEUE_BYTES;
    mailbox->last = &mailbox->first;
    return mailbox;
}

static void letters_free(struct letter *letter)
{
    while (letter) {
        struct letter *next = letter->next;
        leati_free(letter);
        letter = next;
    }
}

void leati_mailbox_set_limit(struct leati_mailbox *mailbox, size_t limit_bytes)
{
    leati_lock(&mailbox->mutex);
    mailbox->limit_bytes = limit_bytes;
    leati_unlock(&mailbox->mutex);
}

static void mailbox_task(leat_loop *loop, void *user)
{
    struct leati_mailbox *mailbox = user;
    (void)loop;
    leati_lock(&mailbox->mutex);
    mailbox->posted = false;
    leati_unlock(&mailbox->mutex);
    leati_mailbox_deliver(mailbox);
}

void leati_mailbox_free(struct leati_mailbox *mailbox)
{
    if (!mailbox)
        return;
    leati_loop_post_cancel(mailbox->loop, mailbox_task, mailbox);
    letters_free(mailbox->first);
    pthread_mutex_destroy(&mailbox->mutex);
    leati_free(mailbox);
}

/* Called with the lock held. */
static int mailbox_append(struct leati_mailbox *mailbox, struct letter *letter)
{
    if (mailbox->bytes > 0 &&
        (letter->len > mailbox->limit_bytes || mailbox->bytes > mailbox->limit_bytes - letter->len))
        return LEAT_E_SOCKET_BASE + EAGAIN;
    if (!mailbox->posted) {
        int code = leat_loop_post(mailbox->loop, mailbox_task, mailbox);
        if (code != LEAT_OK)
            return code;
        mailbox->posted = true;
    }
    *mailbox->last = letter;
    mailbox->last = &letter->next;
    mailbox->bytes += letter->len;
    return LEAT_OK;
}

int leati_mailbox_put(struct leati_mailbox *mailbox, enum leat_message_type type, const void *data,
                      size_t len)
{
    struct letter *letter = leati_malloc(sizeof(*letter) + len);
    if (!letter)
        return LEAT_E_SYSTEM_INTERNAL;
    *letter = (struct letter){.type = type, .len = len};
    if (len > 0)
        memcpy(letter->data, data, len);
    leati_lock(&mailbox->mutex);
    int code = mailbox_append(mailbox, letter);
    leati_unlock(&mailbox->mutex);
    if (code != LEAT_OK)
        leati_free(letter);
    return code;
}

static struct letter *mailbox_take_first(struct leati_mailbox *mailbox)
{
    leati_lock(&mailbox->mutex);
    struct letter *letter = mailbox->first;
    if (letter) {
        mailbox->first = letter->next;
        if (!mailbox->first)
            mailbox->last = &mailbox->first;
        mailbox->bytes -= letter->len;
    }
    leati_unlock(&mailbox->mutex);
    return letter;
}

static void mailbox_put_back(struct leati_mailbox *mailbox, struct letter *letter)
{
    leati_lock(&mailbox->mutex);
    letter->next = mailbox->first;
    if (!mailbox->first)
        mailbox->last = &letter->next;
    mailbox->first = letter;
    mailbox->bytes += letter->len;
    leati_unlock(&mailbox->mutex);
}

void leati_mailbox_deliver(struct leati_mailbox *mailbox)
{
    struct letter *letter;
    while ((letter = mailbox_take_first(mailbox))) {
        int code = leat_websocket_send(mailbox->ws, letter->type, letter->data, letter->len);
        bool full = leat_is_queue_full(code);
        bool not_yet = code == LEAT_E_SOCKET_BASE + ENOTCONN;
        /* The letter itself was checked when it was put in. */
        bool in_parts = code == LEAT_E_PARAMETER;
        if (full || not_yet || in_parts) {
            mailbox_put_back(mailbox, letter);
            return;
        }
        leati_free(letter);
        /* Its sender was told that it would be sent. */
        if (code == LEAT_E_SYSTEM_INTERNAL) {
            leati_websocket_break(mailbox->ws, code, 0, "out of memory");
            return;
        }
    }
}

void leati_mailbox_clear(struct leati_mailbox *mailbox)
{
    leati_lock(&mailbox->mutex);
    struct letter *first = mailbox->first;
    mailbox->first = NULL;
    mailbox->last = &mailbox->first;
    mailbox->bytes = 0;
    leati_unlock(&mailbox->mutex);
    letters_free(first);
}
