/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/peer.h"
#include "util/alloc.h"
#include "util/fork.h"
#include "util/readable.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* OpenSSL never sees the socket: it reads and writes these two buffers, so that the server can
 * split records as it likes. */
struct leati_peer_tls {
    SSL_CTX *context;
    SSL *ssl;
    BIO *from_wire, *to_wire;
};

/* A program may fork while a server of ours computes: libcrypto's locks are free then. */
static int ssl_handshake(SSL *ssl)
{
    leati_fork_hold();
    int result = SSL_do_handshake(ssl);
    leati_fork_let();
    return result;
}

static int ssl_read(SSL *ssl, void *buf, size_t cap)
{
    leati_fork_hold();
    int result = SSL_read(ssl, buf, (int)cap);
    leati_fork_let();
    return result;
}

static bool ssl_write(SSL *ssl, const void *data, size_t len)
{
    leati_fork_hold();
    int result = SSL_write(ssl, data, (int)len);
    leati_fork_let();
    return result == (int)len;
}

void leati_peer_tls_free(struct leati_peer_tls *tls)
{
    if (tls) {
        leati_fork_hold();
        SSL_free(tls->ssl); /* and the two buffers */
        SSL_CTX_free(tls->context);
        leati_fork_let();
        leati_free(tls);
    }
}

/* RFC 9325 section 4.2: what servers should have. Before TLS 1.2 there is none of it. */
static const char *cipher_list_of(const struct leat_testing_tls *options)
{
    bool is_older = options->max_version != 0 && options->max_version < TLS1_2_VERSION;
    const char *unless_chosen = is_older ? "DEFAULT" : "ECDHE+AESGCM:ECDHE+CHACHA20";
    return options->cipher_list ? options->cipher_list : unless_chosen;
}

/* OpenSSL opens by path, and would wait for whoever writes to a FIFO. */
static bool file_is_regular(const char *path)
{
    struct stat st;
    return !path || stat(path, &st) != 0 || S_ISREG(st.st_mode);
}

static bool files_are_regular(const struct leat_testing_tls *options)
{
    return file_is_regular(options->client_ca_path) && file_is_regular(options->cert_path) &&
           file_is_regular(options->key_path);
}

/* Sessions that another connection of the server has begun can be gone on with. */
static bool tickets_configure(SSL_CTX *context, struct leat_testing_server *server)
{
    static const unsigned char id[] = "leat-testing";
    if (!server->options.session_tickets)
        return true;
    return SSL_CTX_set_session_id_context(context, id, sizeof(id) - 1) == 1 &&
           SSL_CTX_set_tlsext_ticket_keys(context, server->ticket_keys,
                                          sizeof(server->ticket_keys)) == 1;
}

static bool context_configure(SSL_CTX *context, const struct leat_testing_tls *options)
{
    if (!files_are_regular(options))
        return false;
    if (options->client_ca_path) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        if (SSL_CTX_load_verify_locations(context, options->client_ca_path, NULL) != 1)
            return false;
    }
    SSL_CTX_set_security_level(context, 0); /* weak keys are among the faults */
    return SSL_CTX_set_min_proto_version(context, options->min_version) == 1 &&
           SSL_CTX_set_max_proto_version(context, options->max_version) == 1 &&
           SSL_CTX_set_cipher_list(context, cipher_list_of(options)) == 1 &&
           SSL_CTX_use_certificate_chain_file(context, options->cert_path) == 1 &&
           SSL_CTX_use_PrivateKey_file(context, options->key_path, SSL_FILETYPE_PEM) == 1;
}

bool leati_peer_tls_check(const struct leat_testing_tls *options, char *ret_reason, size_t cap)
{
    leati_fork_hold();
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    bool is_good =
        context && options->cert_path && options->key_path && context_configure(context, options);
    if (!is_good) {
        const char *reason = files_are_regular(options) ? ERR_reason_error_string(ERR_peek_error())
                                                        : "not a regular file";
        leati_readable_format(ret_reason, cap, "TLS cannot be set up with %s and %s: %s",
                              options->cert_path ? options->cert_path : "no certificate",
                              options->key_path ? options->key_path : "no key",
                              reason ? reason : "no reason");
    }
    ERR_clear_error();
    SSL_CTX_free(context);
    leati_fork_let();
    return is_good;
}

/* What opens the connection, for who captures it. */
static void secret_note(const SSL *ssl, const char *line)
{
    leati_capture_secret(SSL_get_app_data(ssl), line);
}

static struct leati_peer_tls *tls_new(struct leati_peer *p, const struct leat_testing_tls *options)
{
    struct leati_peer_tls *tls = leati_calloc(1, sizeof(*tls));
    if (!tls)
        return NULL;
    tls->context = SSL_CTX_new(TLS_server_method());
    if (tls->context && context_configure(tls->context, options) &&
        tickets_configure(tls->context, p->server))
        tls->ssl = SSL_new(tls->context);
    tls->from_wire = BIO_new(BIO_s_mem());
    tls->to_wire = BIO_new(BIO_s_mem());
    if (!tls->ssl || !tls->from_wire || !tls->to_wire) {
        BIO_free(tls->from_wire);
        BIO_free(tls->to_wire);
        leati_peer_tls_free(tls);
        return NULL;
    }
    SSL_set_bio(tls->ssl, tls->from_wire, tls->to_wire);
    SSL_set_accept_state(tls->ssl);
    SSL_set_app_data(tls->ssl, p);
    if (p->flow.capture)
        SSL_CTX_set_keylog_callback(tls->context, secret_note);
    return tls;
}

/* Puts what OpenSSL has written onto the wire. */
static bool wire_flush(struct leati_peer *p, struct leati_peer_tls *tls)
{
    uint8_t buf[LEATI_TESTING_WIRE_BYTES];
    for (int len; (len = BIO_read(tls->to_wire, buf, sizeof(buf))) > 0;)
        if (!leati_peer_wire_send(p, buf, (size_t)len))
            return false;
    return true;
}

/* After a call that OpenSSL could not finish: does the I/O that it waits for. false = it failed, or
 * the connection is over. */
static bool wire_move(struct leati_peer *p, struct leati_peer_tls *tls, int result)
{
    uint8_t buf[LEATI_TESTING_WIRE_BYTES];
    size_t len = 0;
    int error = SSL_get_error(tls->ssl, result);
    if (!wire_flush(p, tls) || error != SSL_ERROR_WANT_READ ||
        !leati_peer_wire_recv(p, buf, sizeof(buf), &len))
        return false;
    return BIO_write(tls->from_wire, buf, (int)len) == (int)len;
}

bool leati_peer_tls_accept(struct leati_peer *p, const struct leat_testing_tls *options)
{
    leati_fork_hold();
    struct leati_peer_tls *tls = tls_new(p, options);
    leati_fork_let();
    if (!tls)
        return leati_peer_problem(p, "the TLS server cannot be set up");
    bool moved = p->in_len == 0 || BIO_write(tls->from_wire, p->in, (int)p->in_len) > 0;
    leati_peer_consume(p, p->in_len);
    int result = 0;
    leati_capture_hold(p, true);
    p->in_tls = true;
    while (moved && (result = ssl_handshake(tls->ssl)) != 1)
        moved = wire_move(p, tls, result);
    bool is_open = result == 1 && wire_flush(p, tls);
    leati_capture_hold(p, false);
    if (is_open) {
        p->tls = tls;
        return true;
    }
    p->in_tls = false;
    char reason[160];
    ERR_error_string_n(ERR_peek_error(), reason, sizeof(reason));
    ERR_clear_error();
    leati_peer_tls_free(tls);
    return options->may_fail || leati_peer_problem(p, "the TLS handshake failed: %s", reason);
}

const char *leati_peer_tls_describe(const struct leati_peer *p, char *buf, size_t cap)
{
    snprintf(buf, cap, "%s %s%s", SSL_get_version(p->tls->ssl), SSL_get_cipher_name(p->tls->ssl),
             SSL_session_reused(p->tls->ssl) ? " resumed" : "");
    return buf;
}

bool leati_peer_tls_recv(struct leati_peer *p, uint8_t *buf, size_t cap, size_t *ret_len)
{
    int len;
    while ((len = ssl_read(p->tls->ssl, buf, cap)) <= 0) {
        if (!wire_move(p, p->tls, len)) {
            ERR_clear_error();
            return false;
        }
    }
    *ret_len = (size_t)len;
    leati_record_bytes(p, false, buf, *ret_len);
    return true;
}

bool leati_peer_tls_feed(struct leati_peer *p, const uint8_t *wire, size_t wire_len)
{
    return BIO_write(p->tls->from_wire, wire, (int)wire_len) == (int)wire_len;
}

size_t leati_peer_tls_take(struct leati_peer *p, uint8_t *buf, size_t cap)
{
    int len = ssl_read(p->tls->ssl, buf, cap);
    ERR_clear_error();
    if (len <= 0)
        return 0;
    leati_record_bytes(p, false, buf, (size_t)len);
    return (size_t)len;
}

size_t leati_peer_tls_wrap(struct leati_peer *p, const void *data, size_t len,
                           uint8_t ret_wire[LEATI_TESTING_WIRE_BYTES])
{
    if (!ssl_write(p->tls->ssl, data, len)) {
        ERR_clear_error();
        return 0;
    }
    leati_record_bytes(p, true, data, len);
    int wire_len = BIO_read(p->tls->to_wire, ret_wire, (int)LEATI_TESTING_WIRE_BYTES);
    return wire_len > 0 ? (size_t)wire_len : 0;
}

bool leati_peer_tls_send(struct leati_peer *p, const void *data, size_t len)
{
    if (len == 0)
        return true;
    if (!ssl_write(p->tls->ssl, data, len))
        return false;
    leati_record_bytes(p, true, data, len);
    return wire_flush(p, p->tls);
}

bool leati_peer_tls_close_notify(struct leati_peer *p)
{
    leati_fork_hold();
    int result = SSL_shutdown(p->tls->ssl);
    leati_fork_let();
    return result >= 0 && wire_flush(p, p->tls);
}

/* ---- what else OpenSSL is good for ----------------------------------------------------------- */

void leati_peer_websocket_accept(const char *key, size_t key_len, char ret_accept[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[128] = "";
    unsigned char digest[20];
    size_t len = key_len < 64 ? key_len : 64;
    memcpy(text, key, len);
    memcpy(text + len, guid, sizeof(guid));
    leati_fork_hold();
    EVP_Digest(text, len + sizeof(guid) - 1, digest, NULL, EVP_sha1(), NULL);
    leati_fork_let();
    EVP_EncodeBlock((unsigned char *)ret_accept, digest, sizeof(digest));
}

bool leati_peer_base64_decode(const char *text, char ret_data[1024])
{
    size_t len = strlen(text);
    if (len == 0 || len > 1024 || len % 4 != 0)
        return false;
    size_t padding = (size_t)(text[len - 1] == '=') + (size_t)(text[len - 2] == '=');
    int decoded = EVP_DecodeBlock((unsigned char *)ret_data, (const unsigned char *)text, (int)len);
    if (decoded < 0) {
        ERR_clear_error();
        return false;
    }
    size_t decoded_len = (size_t)decoded - padding;
    ret_data[decoded_len] = '\0';
    return strlen(ret_data) == decoded_len;
}
