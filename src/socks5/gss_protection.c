/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/gss_protection.h"

#include "socks5/gss_message.h"
#include "util/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct protection {
    struct leati_layer base;
    struct leati_gss *gss; /* NULL = passes through */
    bool confidential;

    struct leati_socks5_gss_message input;
    struct leati_gss_bytes plain; /* of the last message; what of it the upper layer has read */
    size_t plain_read;
    unsigned empty_count; /* messages without a byte since the last one with */

    /* The message that is being sent, and the bytes of the upper layer that are in it and that it has not
     * been told of. */
    uint8_t head[LEATI_SOCKS5_GSS_HEAD_BYTES];
    struct leati_gss_bytes output;
    size_t output_sent; /* of head and token */
    size_t taken;
};

static struct protection *protection_of(struct leati_layer *l)
{
    return (struct protection *)l;
}

static int protection_connect(struct leati_layer *l, uint64_t now_ms)
{
    (void)now_ms;
    if (l->state == LEATI_LAYER_NEW) {
        leati_layer_set_state(l, LEATI_LAYER_CONNECTING);
        leati_layer_set_state(l, LEATI_LAYER_OPEN);
    }
    return l->sticky;
}

/* ---- up ------------------------------------------------------------------------------------------ */

static int broken(struct protection *p, const char *what)
{
    return leati_layer_fail(&p->base, LEAT_E_SOCKS5_DESERIALIZE, 0, 0,
                            "the proxy's protected message %s", what);
}

static void plain_drop(struct protection *p)
{
    leati_gss_bytes_done(p->gss, &p->plain);
    p->plain_read = 0;
}

static int message_open(struct protection *p)
{
    bool opened =
        leati_gss_unwrap(p->gss, p->confidential, p->input.token, p->input.token_len, &p->plain);

    leati_socks5_gss_message_done(&p->input);
    p->empty_count = opened && p->plain.len == 0 ? p->empty_count + 1 : 0;
    if (p->empty_count > LEATI_SOCKS5_PROTECTION_MAX_EMPTY)
        return broken(p, "is empty, again and again");
    if (opened)
        return LEAT_OK;
    const struct leati_gss_failure *failure = leati_gss_failure(p->gss);
    return leati_layer_fail(&p->base, LEAT_E_SOCKS5_DESERIALIZE, 0, (int)failure->minor,
                            "a protected message of the proxy cannot be read: %s", failure->text);
}

static int message_read(struct protection *p, enum leati_socks5_gss_read result)
{
    switch (result) {
    case LEATI_SOCKS5_GSS_COMPLETE:
        return message_open(p);
    case LEATI_SOCKS5_GSS_MORE:
        break;
    case LEATI_SOCKS5_GSS_ABORTED:
        return broken(p, "says that it gives up");
    case LEATI_SOCKS5_GSS_BAD_VERSION:
    case LEATI_SOCKS5_GSS_BAD_TYPE:
        return broken(p, "has a head that is none");
    case LEATI_SOCKS5_GSS_NO_MEMORY:
        return leati_layer_fail(&p->base, LEAT_E_SYSTEM_INTERNAL, ENOMEM, 0,
                                "no memory for a protected message");
    }
    return LEAT_OK;
}

/* Reads what belongs to this message and not a byte more, so that nothing is to be kept but it. */
static int message_recv(struct protection *p)
{
    struct leati_layer *lower = p->base.lower;
    uint8_t head[LEATI_SOCKS5_GSS_HEAD_BYTES];
    size_t len;

    size_t need = leati_socks5_gss_need(&p->input);
    /* A token is read to where it belongs. */
    bool is_head = p->input.head_len < LEATI_SOCKS5_GSS_HEAD_BYTES;
    uint8_t *room = is_head ? head : p->input.token + p->input.token_len;
    int code = lower->ops->recv(lower, room, need, &len);
    if (code == LEATI_EOF && !leati_socks5_gss_is_empty(&p->input))
        return broken(p, "was cut off: the connection has ended");
    if (code != LEAT_OK)
        return code;
    return message_read(p, leati_socks5_gss_feed(&p->input, LEATI_SOCKS5_GSS_DATA, room, len));
}

static int protection_recv(struct leati_layer *l, uint8_t *buf, size_t cap, size_t *ret_len)
{
    struct protection *p = protection_of(l);

    if (!p->gss)
        return leati_layer_pass_recv(l, buf, cap, ret_len);
    if (l->sticky != LEAT_OK)
        return l->sticky;
    /* An empty message is allowed, and no data. */
    while (p->plain.len == p->plain_read) {
        plain_drop(p);
        int code = message_recv(p);
        if (code != LEAT_OK)
            return code;
    }
    size_t left = p->plain.len - p->plain_read;
    size_t len = left < cap ? left : cap;
    memcpy(buf, p->plain.data + p->plain_read, len);
    p->plain_read += len;
    if (len == left)
        plain_drop(p);
    *ret_len = len;
    return LEAT_OK;
}

static bool protection_pending(const struct leati_layer *l)
{
    const struct protection *p = (const struct protection *)l;

    return p->plain.len > p->plain_read;
}

/* ---- down ---------------------------------------------------------------------------------------- */

/* Of the first part that is not empty; there is one. */
static int output_make(struct protection *p, const struct iovec *iov)
{
    while (iov->iov_len == 0)
        iov++;
    size_t len = iov->iov_len < LEATI_SOCKS5_PROTECTION_PLAIN_BYTES
                     ? iov->iov_len
                     : LEATI_SOCKS5_PROTECTION_PLAIN_BYTES;
    if (!leati_gss_wrap(p->gss, p->confidential, iov->iov_base, len, &p->output))
        return leati_layer_fail(
            &p->base, LEAT_E_SOCKS5_SEND, 0, (int)leati_gss_failure(p->gss)->minor,
            "a message cannot be protected: %s", leati_gss_failure(p->gss)->text);
    if (p->output.len > LEATI_GSS_TOKEN_MAX_BYTES)
        return leati_layer_fail(&p->base, LEAT_E_SOCKS5_SEND, EMSGSIZE, 0,
                                "a protected message is longer than 65535 bytes");
    leati_socks5_gss_head(LEATI_SOCKS5_GSS_DATA, p->output.len, p->head);
    p->output_sent = 0;
    p->taken = len;
    return LEAT_OK;
}

static int output_send(struct protection *p)
{
    struct leati_layer *lower = p->base.lower;
    const size_t total = sizeof(p->head) + p->output.len;

    while (p->output_sent < total) {
        size_t head_sent = p->output_sent < sizeof(p->head) ? p->output_sent : sizeof(p->head);
        size_t token_sent = p->output_sent - head_sent;
        const struct iovec iov[2] = {
            {p->head + head_sent, sizeof(p->head) - head_sent},
            {p->output.data + token_sent, p->output.len - token_sent},
        };
        int first = head_sent == sizeof(p->head);
        size_t sent;
        int code = lower->ops->send(lower, iov + first, 2 - first, &sent);
        if (code != LEAT_OK)
            return code;
        p->output_sent += sent;
    }
    leati_gss_bytes_done(p->gss, &p->output);
    return LEAT_OK;
}

static size_t total_of(const struct iovec *iov, int n)
{
    size_t total = 0;

    for (int i = 0; i < n; i++)
        total += iov[i].iov_len;
    return total;
}

/* A message that was begun is sent to its end. The caller comes again with the same bytes for that, or
 * with the first of them. Of nothing no message is made: `taken` could not tell
 * that one was begun. */
static int protection_send(struct leati_layer *l, const struct iovec *iov, int n, size_t *ret_len)
{
    struct protection *p = protection_of(l);

    if (!p->gss)
        return leati_layer_pass_send(l, iov, n, ret_len);
    if (l->sticky != LEAT_OK)
        return l->sticky;
    const size_t offered = total_of(iov, n);
    if (offered == 0) {
        *ret_len = 0;
        return LEAT_OK;
    }
    int code = p->taken > 0 ? LEAT_OK : output_make(p, iov);
    if (code == LEAT_OK)
        code = output_send(p);
    if (code != LEAT_OK)
        return code;
    *ret_len = offered < p->taken ? offered : p->taken;
    p->taken -= *ret_len;
    return LEAT_OK;
}

/* ---- the layer ----------------------------------------------------------------------------------- */

static int protection_shutdown(struct leati_layer *l, uint64_t now_ms)
{
    return l->sticky != LEAT_OK ? l->sticky : leati_layer_nop_shutdown(l, now_ms);
}

static void protection_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct protection *p = (const struct protection *)l;

    snprintf(buf, cap, "%s",
             !p->gss           ? ""
             : p->confidential ? "messages with confidentiality"
                               : "messages with integrity");
}

static void protection_destroy(struct leati_layer *l)
{
    struct protection *p = protection_of(l);

    if (p->gss) {
        leati_gss_bytes_done(p->gss, &p->plain);
        leati_gss_bytes_done(p->gss, &p->output);
    }
    leati_socks5_gss_message_done(&p->input);
    leati_gss_free(p->gss);
    leati_free(p);
}

static const struct leati_layer_ops protection_ops = {
    .name = "gss-api",
    .layer = LEAT_LAYER_SOCKS5,
    .connect = protection_connect,
    .recv = protection_recv,
    .send = protection_send,
    .shutdown = protection_shutdown,
    .want = leati_layer_pass_want,
    .pending = protection_pending,
    .describe = protection_describe,
    .destroy = protection_destroy,
};

int leati_socks5_protection_layer_new(struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct protection *p = leati_calloc(1, sizeof(*p));
    if (!p)
        return leati_failure_set(
            failure,
            &(struct leati_fault){.code = LEAT_E_SYSTEM_INTERNAL, .layer = LEAT_LAYER_SOCKS5},
            "no memory for the layer of GSS-API");
    leati_layer_init(&p->base, &protection_ops);
    *ret_layer = &p->base;
    return LEAT_OK;
}

void leati_socks5_protection_begin(struct leati_layer *layer, struct leati_gss *gss,
                                   bool confidential)
{
    struct protection *p = protection_of(layer);

    p->gss = gss;
    p->confidential = confidential;
}

bool leati_socks5_protection_is_on(const struct leati_layer *layer)
{
    return ((const struct protection *)layer)->gss;
}

void leati_socks5_protection_skip(struct leati_layer *layer)
{
    layer->passthrough = true;
}

/* ---- datagrams ------------------------------------------------------------------------------------ */

int leati_socks5_protection_seal(struct leati_layer *layer, const void *data, size_t len,
                                 uint8_t *ret_datagram, size_t *ret_len)
{
    struct protection *p = protection_of(layer);
    struct leati_gss_bytes token;

    if (!leati_gss_wrap(p->gss, p->confidential, data, len, &token))
        return EPROTO;
    bool fits = token.len <= LEATI_GSS_TOKEN_MAX_BYTES;
    if (fits) {
        leati_socks5_gss_head(LEATI_SOCKS5_GSS_DATA, token.len, ret_datagram);
        memcpy(ret_datagram + LEATI_SOCKS5_GSS_HEAD_BYTES, token.data, token.len);
        *ret_len = LEATI_SOCKS5_GSS_HEAD_BYTES + token.len;
    }
    leati_gss_bytes_done(p->gss, &token);
    return fits ? 0 : EMSGSIZE;
}

bool leati_socks5_protection_open(struct leati_layer *layer, uint8_t *datagram, size_t *len)
{
    struct protection *p = protection_of(layer);
    uint8_t head[LEATI_SOCKS5_GSS_HEAD_BYTES];
    struct leati_gss_bytes plain;

    if (*len < sizeof(head) || *len - sizeof(head) > LEATI_GSS_TOKEN_MAX_BYTES)
        return false;
    leati_socks5_gss_head(LEATI_SOCKS5_GSS_DATA, *len - sizeof(head), head);
    if (memcmp(datagram, head, sizeof(head)) != 0 ||
        !leati_gss_unwrap_datagram(p->gss, p->confidential, datagram + sizeof(head),
                                   *len - sizeof(head), &plain))
        return false;
    bool fits = plain.len <= *len;
    if (fits && plain.len > 0)
        memcpy(datagram, plain.data, plain.len);
    *len = plain.len;
    leati_gss_bytes_done(p->gss, &plain);
    return fits;
}
