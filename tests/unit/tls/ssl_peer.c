/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tls/ssl_peer.h"

#include "support/certificates.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define PUMP_BYTES 4096

static FILE *key_log;

static void key_log_line(const SSL *ssl, const char *line)
{
    (void)ssl;
    fprintf(key_log, "%s\n", line);
    fflush(key_log);
}

static int alpn_choose(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *protocol)
{
    unsigned char wanted[256];
    size_t len = strlen(protocol);

    (void)ssl;
    wanted[0] = (unsigned char)len;
    memcpy(wanted + 1, protocol, len);
    /* What it gives points into the first list, which outlives us. */
    return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, in, in_len, wanted,
                                 (unsigned)len + 1) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static const char cookie_text[] = "a cookie of 31 bytes, no secret";

static int cookie_make(SSL *ssl, unsigned char *cookie, size_t *ret_len)
{
    (void)ssl;
    *ret_len = sizeof(cookie_text);
    memcpy(cookie, cookie_text, sizeof(cookie_text));
    return 1;
}

static int cookie_check(SSL *ssl, const unsigned char *cookie, size_t len)
{
    (void)ssl;
    return len == sizeof(cookie_text) && memcmp(cookie, cookie_text, len) == 0;
}

static void client_configure(SSL_CTX *context, const struct ssl_peer_options *options)
{
    unsigned char offer[256];

    cr_assert(SSL_CTX_load_verify_locations(context, certificate_path("ca.pem"), NULL) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (!options->alpn)
        return;
    size_t len = strlen(options->alpn);
    offer[0] = (unsigned char)len;
    memcpy(offer + 1, options->alpn, len);
    cr_assert(SSL_CTX_set_alpn_protos(context, offer, (unsigned)len + 1) == 0);
}

static void context_configure(SSL_CTX *context, const struct ssl_peer_options *options)
{
    const char *cert = options->cert_path ? options->cert_path : certificate_path("server.pem");
    const char *key = options->key_path ? options->key_path : certificate_path("server.key");

    SSL_CTX_set_security_level(context, 0); /* weak keys are among the faults */
    if (!options->is_client || options->cert_path) {
        cr_assert(SSL_CTX_use_certificate_chain_file(context, cert) == 1, "%s", cert);
        cr_assert(SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1, "%s", key);
    }
    cr_assert(SSL_CTX_set_min_proto_version(context, options->min_version) == 1);
    cr_assert(SSL_CTX_set_max_proto_version(context, options->max_version) == 1);
    if (options->ciphers)
        cr_assert(SSL_CTX_set_cipher_list(context, options->ciphers) == 1);
    if (options->ciphersuites)
        cr_assert(SSL_CTX_set_ciphersuites(context, options->ciphersuites) == 1);
    if (options->client_ca_path) {
        cr_assert(SSL_CTX_load_verify_locations(context, options->client_ca_path, NULL) == 1);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    if (options->is_client)
        client_configure(context, options);
    else if (options->alpn)
        SSL_CTX_set_alpn_select_cb(context, alpn_choose, (void *)(uintptr_t)options->alpn);
    if (options->key_log_path) {
        key_log = fopen(options->key_log_path, "we");
        cr_assert(key_log);
        SSL_CTX_set_keylog_callback(context, key_log_line);
    }
    if (options->own_preference)
        SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (options->no_tickets) {
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(context, 0);
    }
    if (options->sigalgs)
        cr_assert(SSL_CTX_set1_sigalgs_list(context, options->sigalgs) == 1);
    SSL_CTX_set_stateless_cookie_generate_cb(context, cookie_make);
    SSL_CTX_set_stateless_cookie_verify_cb(context, cookie_check);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"leat", 4);
}

void ssl_peer_init(struct ssl_peer *peer, const struct ssl_peer_options *options)
{
    memset(peer, 0, sizeof(*peer));
    peer->echo = options->echo;
    peer->greeting = options->greeting;
    peer->is_client = options->is_client;
    peer->session = options->session;
    peer->stateless = options->stateless;
    peer->context = SSL_CTX_new(options->is_client ? TLS_client_method() : TLS_server_method());
    cr_assert(peer->context);
    context_configure(peer->context, options);
}

void ssl_peer_done(struct ssl_peer *peer)
{
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->context);
    free(peer->received.data);
    if (key_log)
        fclose(key_log);
    key_log = NULL;
}

void ssl_peer_hang_up(struct ssl_peer *peer)
{
    /* OpenSSL drops the session of a connection that it has not closed itself. */
    if (peer->ssl)
        SSL_set_shutdown(peer->ssl, SSL_SENT_SHUTDOWN);
    SSL_free(peer->ssl);
    peer->ssl = NULL;
}

void ssl_peer_accept(struct ssl_peer *peer, struct scripted_layer *wire)
{
    ssl_peer_hang_up(peer);
    peer->ssl = SSL_new(peer->context);
    peer->from_wire = BIO_new(BIO_s_mem());
    peer->to_wire = BIO_new(BIO_s_mem());
    cr_assert(peer->ssl && peer->from_wire && peer->to_wire);
    BIO_set_mem_eof_return(peer->from_wire, -1);
    SSL_set_bio(peer->ssl, peer->from_wire, peer->to_wire);
    if (peer->is_client) {
        SSL_set_connect_state(peer->ssl);
        cr_assert(SSL_set1_host(peer->ssl, "localhost") == 1);
        cr_assert(SSL_set_tlsext_host_name(peer->ssl, "localhost") == 1);
        if (peer->session)
            cr_assert(SSL_set_session(peer->ssl, peer->session) == 1);
    } else {
        SSL_set_accept_state(peer->ssl);
    }
    SSL_set_app_data(peer->ssl, peer->editor);
    peer->fed = 0;
    peer->last_error = 0;
    peer->got_close_notify = false;
    peer->received.len = 0;
    peer->has_greeted = false;
    wire->peer = peer;
    wire->react = ssl_peer_pump;
    if (peer->is_client)
        ssl_peer_pump(peer, wire);
}

static void output_drain(struct ssl_peer *peer, struct scripted_layer *wire)
{
    char buf[PUMP_BYTES];
    int n;

    if (peer->held)
        return;
    while ((n = BIO_read(peer->to_wire, buf, sizeof(buf))) > 0)
        if (peer->edit)
            peer->edit(peer, buf, (size_t)n);
        else
            scripted_layer_reply(wire, buf, (size_t)n);
}

/* It takes a record in each call, and goes on with a ClientHello that has the cookie. */
static bool cookie_came(struct ssl_peer *peer)
{
    int result = -1;

    while (result < 0 && BIO_pending(peer->from_wire) > 0)
        result = SSL_stateless(peer->ssl);
    return result == 1;
}

void ssl_peer_pump(void *user, struct scripted_layer *wire)
{
    struct ssl_peer *peer = user;
    char buf[PUMP_BYTES];
    int n;

    if (wire->sent.len > peer->fed)
        BIO_write(peer->from_wire, wire->sent.data + peer->fed, (int)(wire->sent.len - peer->fed));
    peer->fed = wire->sent.len;
    ERR_clear_error();
    if (peer->stateless && !cookie_came(peer)) {
        output_drain(peer, wire);
        return;
    }
    peer->stateless = false;
    while ((n = SSL_read(peer->ssl, buf, sizeof(buf))) > 0) {
        scripted_bytes_append(&peer->received, buf, (size_t)n);
        if (peer->echo)
            cr_assert(SSL_write(peer->ssl, buf, n) == n);
    }
    peer->last_error = SSL_get_error(peer->ssl, n);
    if (peer->greeting && !peer->has_greeted && SSL_is_init_finished(peer->ssl)) {
        int len = (int)strlen(peer->greeting);
        cr_assert(SSL_write(peer->ssl, peer->greeting, len) == len);
        peer->has_greeted = true;
    }
    if (peer->last_error == SSL_ERROR_ZERO_RETURN)
        peer->got_close_notify = true;
    output_drain(peer, wire);
}

void ssl_peer_write(struct ssl_peer *peer, struct scripted_layer *wire, const void *data,
                    size_t len)
{
    cr_assert(SSL_write(peer->ssl, data, (int)len) == (int)len);
    output_drain(peer, wire);
}

void ssl_peer_close(struct ssl_peer *peer, struct scripted_layer *wire)
{
    SSL_shutdown(peer->ssl);
    output_drain(peer, wire);
}
