/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tls/record_editor.h"

#include "support/certificates.h"

#include <criterion/criterion.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES     5u
#define TAG_BYTES        16u
#define RECORD_MAX_BYTES 16384u

enum { KEY_UPDATE = 24 };

/* RFC 8446 section 7.1, for outputs that are no longer than the hash. */
static void expand_label(const EVP_MD *md, const uint8_t *secret, const char *label, uint8_t *ret,
                         size_t len)
{
    uint8_t info[64], out[EVP_MAX_MD_SIZE];
    int n = snprintf((char *)info + 3, sizeof(info) - 5, "tls13 %s", label);

    info[0] = 0;
    info[1] = (uint8_t)len;
    info[2] = (uint8_t)n;
    info[3 + n] = 0; /* no context */
    info[4 + n] = 1; /* the first block */
    cr_assert(HMAC(md, secret, EVP_MD_get_size(md), info, (size_t)n + 5, out, NULL));
    memcpy(ret, out, len);
}

static const EVP_CIPHER *cipher_of(const struct record_editor *editor, const EVP_MD **ret_md)
{
    const SSL_CIPHER *suite = SSL_get_current_cipher(editor->peer->ssl);

    cr_assert(suite);
    *ret_md = SSL_CIPHER_get_handshake_digest(suite);
    switch (SSL_CIPHER_get_protocol_id(suite)) {
    case 0x1301:
        return EVP_aes_128_gcm();
    case 0x1302:
        return EVP_aes_256_gcm();
    default:
        return EVP_chacha20_poly1305();
    }
}

static void keys_make(const struct record_editor *editor, struct record_keys *keys)
{
    const EVP_MD *md;
    const EVP_CIPHER *cipher = cipher_of(editor, &md);

    expand_label(md, keys->secret, "key", keys->key, (size_t)EVP_CIPHER_get_key_length(cipher));
    expand_label(md, keys->secret, "iv", keys->iv, sizeof(keys->iv));
    keys->number = 0;
}

/* RFC 8446 section 7.2. */
static void keys_next(const struct record_editor *editor, struct record_keys *keys)
{
    const EVP_MD *md;

    cipher_of(editor, &md);
    expand_label(md, keys->secret, "traffic upd", keys->secret, (size_t)EVP_MD_get_size(md));
    keys_make(editor, keys);
}

static void nonce_make(const struct record_keys *keys, uint64_t number, uint8_t nonce[12])
{
    memcpy(nonce, keys->iv, 12);
    for (int i = 0; i < 8; i++)
        nonce[11 - i] ^= (uint8_t)(number >> 8 * i);
}

/* Takes a record apart; returns the content's length, and its type. */
static size_t record_open(struct record_editor *editor, struct record_keys *keys,
                          const uint8_t *record, size_t len, uint8_t *content, int *ret_type)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    size_t body = len - HEADER_BYTES - TAG_BYTES;
    const EVP_MD *md;
    uint8_t nonce[12];
    int n;

    nonce_make(keys, keys->number++, nonce);
    cr_assert(EVP_DecryptInit_ex(ctx, cipher_of(editor, &md), NULL, keys->key, nonce) == 1);
    cr_assert(EVP_DecryptUpdate(ctx, NULL, &n, record, HEADER_BYTES) == 1);
    cr_assert(EVP_DecryptUpdate(ctx, content, &n, record + HEADER_BYTES, (int)body) == 1);
    cr_assert(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES,
                                  (void *)(uintptr_t)(record + len - TAG_BYTES)) == 1);
    cr_assert(EVP_DecryptFinal_ex(ctx, content + n, &n) == 1,
              "the editor has not the keys of OpenSSL");
    EVP_CIPHER_CTX_free(ctx);
    while (body > 0 && content[body - 1] == 0)
        body--;
    cr_assert(body > 0);
    *ret_type = content[body - 1];
    return body - 1;
}

static void record_seal(struct record_editor *editor, struct record_keys *keys, int type,
                        const uint8_t *data, size_t len)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *record = malloc(HEADER_BYTES + len + 1 + TAG_BYTES);
    size_t body = len + 1 + TAG_BYTES;
    uint8_t header[] = {RECORD_DATA, 3, 3, (uint8_t)(body >> 8), (uint8_t)body};
    const EVP_MD *md;
    uint8_t nonce[12];
    int n;

    cr_assert(record && ctx);
    memcpy(record, header, HEADER_BYTES);
    if (len > 0)
        memcpy(record + HEADER_BYTES, data, len);
    record[HEADER_BYTES + len] = (uint8_t)type;
    nonce_make(keys, keys->number++, nonce);
    cr_assert(EVP_EncryptInit_ex(ctx, cipher_of(editor, &md), NULL, keys->key, nonce) == 1);
    cr_assert(EVP_EncryptUpdate(ctx, NULL, &n, header, HEADER_BYTES) == 1);
    cr_assert(EVP_EncryptUpdate(ctx, record + HEADER_BYTES, &n, record + HEADER_BYTES,
                                (int)len + 1) == 1);
    cr_assert(EVP_EncryptFinal_ex(ctx, record + HEADER_BYTES + n, &n) == 1);
    cr_assert(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES,
                                  record + HEADER_BYTES + len + 1) == 1);
    EVP_CIPHER_CTX_free(ctx);
    scripted_layer_reply(editor->wire, record, HEADER_BYTES + body);
    free(record);
}

void record_editor_send(struct record_editor *editor, int type, const void *data, size_t len)
{
    uint8_t header[] = {(uint8_t)type, 3, 3, (uint8_t)(len >> 8), (uint8_t)len};

    if (editor->is_over && type != RECORD_CCS) {
        record_seal(editor, &editor->seal_data, type, data, len);
    } else if (editor->is_encrypted && type != RECORD_CCS) {
        record_seal(editor, &editor->seal_handshake, type, data, len);
    } else {
        scripted_layer_reply(editor->wire, header, HEADER_BYTES);
        scripted_layer_reply(editor->wire, data, len);
    }
}

void record_editor_message(struct record_editor *editor, int message_type, const void *data,
                           size_t len)
{
    struct scripted_bytes message = {0};
    uint8_t header[] = {(uint8_t)message_type, (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                        (uint8_t)len};
    size_t piece = editor->piece ? editor->piece : RECORD_MAX_BYTES;

    scripted_bytes_append(&message, header, sizeof(header));
    scripted_bytes_append(&message, data, len);
    for (size_t at = 0; at < message.len; at += piece)
        record_editor_send(editor, RECORD_HANDSHAKE, message.data + at,
                           message.len - at < piece ? message.len - at : piece);
    free(message.data);
}

size_t record_message_length(const uint8_t *data)
{
    return 4 + ((size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3]);
}

uint8_t *record_message_find(struct scripted_bytes *messages, int message_type)
{
    for (size_t at = 0; at + 4 <= messages->len; at += record_message_length(messages->data + at))
        if (messages->data[at] == message_type)
            return messages->data + at;
    return NULL;
}

static void messages_flush(struct record_editor *editor)
{
    struct scripted_bytes *messages = &editor->messages;
    size_t piece = editor->piece ? editor->piece : RECORD_MAX_BYTES;
    size_t at = 0;

    if (messages->len > 0 && editor->change)
        editor->change(editor, messages);
    if (editor->first > 0 && editor->first < messages->len && editor->is_encrypted) {
        record_editor_send(editor, RECORD_HANDSHAKE, messages->data, editor->first);
        at = editor->first;
    }
    for (; at < messages->len; at += piece)
        record_editor_send(editor, RECORD_HANDSHAKE, messages->data + at,
                           messages->len - at < piece ? messages->len - at : piece);
    bool updates =
        editor->is_over && messages->len > 0 && record_message_find(messages, KEY_UPDATE);
    messages->len = 0;
    if (updates)
        keys_next(editor, &editor->seal_data);
}

/* The handshake's last message of this side: what follows has other keys. */
static bool has_finished(struct scripted_bytes *messages)
{
    enum { FINISHED = 20 };

    return record_message_find(messages, FINISHED);
}

static void record_take(struct record_editor *editor, const uint8_t *record, size_t len)
{
    bool is_tls_1_3 = SSL_version(editor->peer->ssl) == TLS1_3_VERSION;
    uint8_t *content = malloc(len);
    int type = record[0];
    size_t content_len = len - HEADER_BYTES;

    cr_assert(content);
    memcpy(content, record + HEADER_BYTES, content_len);
    if (is_tls_1_3 && type == RECORD_DATA) {
        struct record_keys *keys = editor->is_over ? &editor->open_data : &editor->open_handshake;
        if (!editor->is_encrypted)
            messages_flush(editor);
        editor->is_encrypted = true;
        content_len = record_open(editor, keys, record, len, content, &type);
    }
    if (type == RECORD_HANDSHAKE && (is_tls_1_3 || !editor->is_over)) {
        scripted_bytes_append(&editor->messages, content, content_len);
        if (editor->is_over && content[0] == KEY_UPDATE)
            keys_next(editor, &editor->open_data);
        if (editor->is_encrypted && !editor->is_over && has_finished(&editor->messages)) {
            messages_flush(editor);
            editor->is_over = true;
        }
    } else {
        messages_flush(editor);
        if (is_tls_1_3)
            record_editor_send(editor, type, content, content_len);
        else
            scripted_layer_reply(editor->wire, record, len);
        /* In TLS 1.2 the next handshake message is encrypted. */
        editor->is_over = editor->is_over || (!is_tls_1_3 && type == RECORD_CCS);
    }
    free(content);
}

static void output_edit(struct ssl_peer *peer, const void *data, size_t len)
{
    struct record_editor *editor = peer->editor;
    struct scripted_bytes *input = &editor->input;
    size_t at = 0;

    scripted_bytes_append(input, data, len);
    while (input->len - at >= HEADER_BYTES) {
        size_t record = HEADER_BYTES + (size_t)(input->data[at + 3] << 8 | input->data[at + 4]);
        if (input->len - at < record)
            break;
        record_take(editor, input->data + at, record);
        at += record;
    }
    memmove(input->data, input->data + at, input->len - at);
    input->len -= at;
    if (input->len == 0)
        messages_flush(editor);
}

static void secret_read(struct record_editor *editor, const char *line, const char *label,
                        struct record_keys *open, struct record_keys *seal)
{
    size_t len = strlen(label);

    if (strncmp(line, label, len) != 0 || line[len] != ' ')
        return;
    const char *hex = strrchr(line, ' ') + 1;
    for (size_t i = 0; hex[2 * i] != '\0'; i++) {
        unsigned byte;
        cr_assert(sscanf(hex + 2 * i, "%2x", &byte) == 1);
        open->secret[i] = (uint8_t)byte;
    }
    keys_make(editor, open);
    *seal = *open;
}

static void secret_seen(const SSL *ssl, const char *line)
{
    struct record_editor *editor = SSL_get_app_data(ssl);
    bool is_client = editor->peer->is_client;

    secret_read(editor, line,
                is_client ? "CLIENT_HANDSHAKE_TRAFFIC_SECRET" : "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                &editor->open_handshake, &editor->seal_handshake);
    secret_read(editor, line, is_client ? "CLIENT_TRAFFIC_SECRET_0" : "SERVER_TRAFFIC_SECRET_0",
                &editor->open_data, &editor->seal_data);
}

void record_editor_key_update(struct record_editor *editor, int request)
{
    const uint8_t body = (uint8_t)request;

    record_editor_message(editor, KEY_UPDATE, &body, 1);
    keys_next(editor, &editor->seal_data);
}

void record_editor_init(struct record_editor *editor, struct ssl_peer *peer,
                        struct scripted_layer *wire)
{
    memset(editor, 0, sizeof(*editor));
    editor->peer = peer;
    editor->wire = wire;
    peer->editor = editor;
    peer->edit = output_edit;
    SSL_CTX_set_keylog_callback(peer->context, secret_seen);
}

void record_editor_done(struct record_editor *editor)
{
    editor->peer->edit = NULL;
    free(editor->input.data);
    free(editor->messages.data);
}

void record_chain_lengthen(SSL_CTX *context, size_t bytes)
{
    FILE *file = fopen(certificate_path("intermediate.pem"), "re");
    cr_assert(file);
    X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
    cr_assert(cert);
    /* With its length, and in TLS 1.3 that of its extensions. */
    size_t each = (size_t)i2d_X509(cert, NULL) + 5;

    fclose(file);
    for (size_t total = 0; total < bytes; total += each)
        cr_assert(SSL_CTX_add1_chain_cert(context, cert) == 1);
    X509_free(cert);
}
