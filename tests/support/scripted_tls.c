/* SPDX-License-Identifier: Apache-2.0 */
#include "support/scripted_internal.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_BYTES 32768u

/* OpenSSL never sees the socket: it reads and writes these two buffers, so that the peer can split
 * records as it likes. */
struct scripted_tls {
    SSL_CTX *context;
    SSL *ssl;
    BIO *from_wire, *to_wire;
};

void scripted_tls_free(struct scripted_tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl); /* and the two buffers */
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

static bool context_configure(SSL_CTX *context, const struct peer_tls *options)
{
    if (options->client_ca_path != NULL) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        if (SSL_CTX_load_verify_locations(context, options->client_ca_path, NULL) != 1) {
            return false;
        }
    }
    SSL_CTX_set_security_level(context, 0); /* weak keys are among the faults */
    return SSL_CTX_set_min_proto_version(context, options->min_version) == 1 &&
           SSL_CTX_set_max_proto_version(context, options->max_version) == 1 &&
           (options->cipher_list == NULL ||
            SSL_CTX_set_cipher_list(context, options->cipher_list) == 1) &&
           SSL_CTX_use_certificate_chain_file(context, options->cert_path) == 1 &&
           SSL_CTX_use_PrivateKey_file(context, options->key_path, SSL_FILETYPE_PEM) == 1;
}

static struct scripted_tls *tls_new(const struct peer_tls *options)
{
    struct scripted_tls *tls = calloc(1, sizeof(*tls));
    if (tls == NULL) {
        return NULL;
    }
    tls->context = SSL_CTX_new(TLS_server_method());
    if (tls->context != NULL && context_configure(tls->context, options)) {
        tls->ssl = SSL_new(tls->context);
    }
    tls->from_wire = BIO_new(BIO_s_mem());
    tls->to_wire = BIO_new(BIO_s_mem());
    if (tls->ssl == NULL || tls->from_wire == NULL || tls->to_wire == NULL) {
        BIO_free(tls->from_wire);
        BIO_free(tls->to_wire);
        scripted_tls_free(tls);
        return NULL;
    }
    SSL_set_bio(tls->ssl, tls->from_wire, tls->to_wire);
    SSL_set_accept_state(tls->ssl);
    return tls;
}

/* Puts what OpenSSL has written onto the wire. */
static bool wire_flush(struct scripted_connection *c, struct scripted_tls *tls, size_t split)
{
    uint8_t buf[WIRE_BYTES];
    for (int len; (len = BIO_read(tls->to_wire, buf, sizeof(buf))) > 0;) {
        if (!scripted_raw_send(c, buf, (size_t)len, split)) {
            return false;
        }
    }
    return true;
}

/* After a call that OpenSSL could not finish: does the I/O that it waits for. false = it failed, or
 * the connection is over. */
static bool wire_move(struct scripted_connection *c, struct scripted_tls *tls, int result)
{
    uint8_t buf[WIRE_BYTES];
    size_t len = 0;
    int error = SSL_get_error(tls->ssl, result);
    if (!wire_flush(c, tls, 0) || error != SSL_ERROR_WANT_READ ||
        !scripted_raw_recv(c, buf, sizeof(buf), &len)) {
        return false;
    }
    return BIO_write(tls->from_wire, buf, (int)len) == (int)len;
}

bool scripted_tls_accept(struct scripted_connection *c, const struct peer_tls *options)
{
    struct scripted_tls *tls = tls_new(options);
    if (tls == NULL) {
        return scripted_problem(c, "the TLS server cannot be set up");
    }
    bool moved = BIO_write(tls->from_wire, c->in, (int)c->in_len) >= 0 || c->in_len == 0;
    c->in_len = 0;
    int result = 0;
    while (moved && (result = SSL_do_handshake(tls->ssl)) != 1) {
        moved = wire_move(c, tls, result);
    }
    if (result == 1 && wire_flush(c, tls, 0)) {
        c->tls = tls;
        return true;
    }
    char reason[160];
    ERR_error_string_n(ERR_peek_error(), reason, sizeof(reason));
    scripted_tls_free(tls);
    return options->may_fail || scripted_problem(c, "the TLS handshake failed: %s", reason);
}

bool scripted_tls_recv(struct scripted_connection *c, uint8_t *buf, size_t cap, size_t *ret_len)
{
    int len;
    while ((len = SSL_read(c->tls->ssl, buf, (int)cap)) <= 0) {
        if (!wire_move(c, c->tls, len)) {
            return false;
        }
    }
    *ret_len = (size_t)len;
    return true;
}

bool scripted_tls_send(struct scripted_connection *c, const void *data, size_t len, size_t split)
{
    return len == 0 ||
           (SSL_write(c->tls->ssl, data, (int)len) == (int)len && wire_flush(c, c->tls, split));
}

bool scripted_tls_close_notify(struct scripted_connection *c)
{
    if (c->tls == NULL) {
        return scripted_problem(c, "a close_notify without TLS");
    }
    return SSL_shutdown(c->tls->ssl) >= 0 && wire_flush(c, c->tls, 0);
}

void scripted_websocket_accept(const char *key, size_t key_len, char ret_accept[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[128] = "";
    unsigned char digest[20];
    size_t len = key_len < 64 ? key_len : 64;
    memcpy(text, key, len);
    memcpy(text + len, guid, sizeof(guid));
    EVP_Digest(text, len + sizeof(guid) - 1, digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)ret_accept, digest, sizeof(digest));
}
