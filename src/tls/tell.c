/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tell.h"

#include "tls/certificate_info.h"
#include "tls/mbedtls_private.h"
#include "util/clock.h"

#include <stdio.h>

/* HandshakeType, RFC 8446 section 4 and RFC 5246 section 7.4. */
enum {
    SERVER_HELLO = 2,
    SERVER_KEY_EXCHANGE = 12,
    CERTIFICATE_VERIFY = 15,
};

#define EXTENSION_KEY_SHARE 51u
#define CURVE_TYPE_NAMED    3u

/* ---- the messages, which mbedTLS has already accepted ---------------------------------------- */

struct reader {
    const uint8_t *at;
    size_t left;
};

static bool reader_skip(struct reader *reader, size_t len)
{
    if (len > reader->left)
        return false;
    reader->at += len;
    reader->left -= len;
    return true;
}

static bool reader_u8(struct reader *reader, uint8_t *ret_value)
{
    if (reader->left < 1)
        return false;
    *ret_value = reader->at[0];
    return reader_skip(reader, 1);
}

static bool reader_u16(struct reader *reader, uint16_t *ret_value)
{
    if (reader->left < 2)
        return false;
    *ret_value = (uint16_t)(reader->at[0] << 8 | reader->at[1]);
    return reader_skip(reader, 2);
}

static bool reader_skip_vector8(struct reader *reader)
{
    uint8_t len;
    return reader_u8(reader, &len) && reader_skip(reader, len);
}

/* RFC 8446 section 4.1.3; that of TLS 1.2 has no such extension. */
static void note_server_hello(struct leati_tls_layer *tls, struct reader reader)
{
    enum { VERSION_AND_RANDOM = 34, SUITE_AND_COMPRESSION = 3 };
    uint16_t len, type;

    if (!reader_skip(&reader, VERSION_AND_RANDOM) || !reader_skip_vector8(&reader) ||
        !reader_skip(&reader, SUITE_AND_COMPRESSION) || !reader_u16(&reader, &len))
        return;
    while (reader_u16(&reader, &type) && reader_u16(&reader, &len)) {
        struct reader extension = reader;
        uint16_t group;
        if (type == EXTENSION_KEY_SHARE && reader_u16(&extension, &group))
            tls->group = group;
        if (!reader_skip(&reader, len))
            return;
    }
}

/* RFC 8422 section 5.4. Groups of DHE have no names in TLS 1.2. */
static void note_server_key_exchange(struct leati_tls_layer *tls, struct reader reader)
{
    uint8_t curve_type;
    uint16_t group, signature;

    if (!reader_u8(&reader, &curve_type) || curve_type != CURVE_TYPE_NAMED ||
        !reader_u16(&reader, &group) || !reader_skip_vector8(&reader) ||
        !reader_u16(&reader, &signature))
        return;
    tls->group = group;
    tls->signature = signature;
}

void leati_tls_note_step(struct leati_tls_layer *tls, int state)
{
    struct reader reader;
    uint16_t signature;
    uint8_t type = leati_mbedtls_handshake_message(&tls->ssl, &reader.at, &reader.left);

    if (tls->is_server)
        return;
    if (state == MBEDTLS_SSL_SERVER_HELLO && type == SERVER_HELLO)
        note_server_hello(tls, reader);
    else if (state == MBEDTLS_SSL_SERVER_KEY_EXCHANGE && type == SERVER_KEY_EXCHANGE)
        note_server_key_exchange(tls, reader);
    else if (state == MBEDTLS_SSL_CERTIFICATE_VERIFY && type == CERTIFICATE_VERIFY &&
             reader_u16(&reader, &signature))
        tls->signature = signature;
}

/* ---- events ---------------------------------------------------------------------------------- */

static struct leat_trace_event event_of(const struct leati_tls_layer *tls,
                                        enum leat_trace_kind kind)
{
    uint64_t now_us = leati_clock_us();

    return (struct leat_trace_event){
        .kind = kind,
        .layer = LEAT_LAYER_TLS,
        .name = tls->base.ops->name,
        .hop = tls->base.hop ? tls->base.hop : "",
        .start_us = now_us,
        .end_us = now_us,
        .text = "",
    };
}

static void certificate_tell(const struct leati_tls_layer *tls, const mbedtls_x509_crt *cert,
                             size_t depth, bool verified, const char *problem)
{
    struct leati_tls_certificate_texts texts;
    struct leat_certificate_info info;
    struct leat_trace_event event = event_of(tls, LEAT_TRACE_CERTIFICATE);

    leati_tls_certificate_info(cert, &texts, &info);
    info.depth = depth;
    info.verified = verified;
    info.problem = problem;
    event.certificate = &info;
    leati_trace_event(tls->base.tracer, &event);
}

void leati_tls_tell_verified(const struct leati_tls_layer *tls, const mbedtls_x509_crt *cert,
                             int depth, const struct leati_tls_reasons *problem)
{
    char text[LEAT_ERROR_TEXT_SIZE];

    snprintf(text, sizeof(text), "%.*s", problem->len, problem->text);
    /* An empty list of certificates comes here as one that has nothing in it. */
    if (cert->raw.len > 0)
        certificate_tell(tls, cert, (size_t)depth, true, text);
}

void leati_tls_tell_unverified(const struct leati_tls_layer *tls)
{
    const mbedtls_x509_crt *chain = mbedtls_ssl_get_peer_cert(&tls->ssl);
    size_t count = 0;

    for (const mbedtls_x509_crt *cert = chain; cert && cert->raw.p; cert = cert->next)
        count++;
    for (size_t depth = count; depth-- > 0;) {
        const mbedtls_x509_crt *cert = chain;
        for (size_t i = 0; i < depth; i++)
            cert = cert->next;
        certificate_tell(tls, cert, depth, false, "");
    }
}

void leati_tls_tell_agreed(const struct leati_tls_layer *tls)
{
    struct leat_tls_info info;
    struct leat_trace_event event = event_of(tls, LEAT_TRACE_TLS);

    leati_tls_layer_info(&tls->base, &info);
    event.tls = &info;
    leati_trace_event(tls->base.tracer, &event);
}
