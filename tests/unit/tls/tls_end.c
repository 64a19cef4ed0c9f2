/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tls/tls_end.h"

#include "support/certificates.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Calls without any byte moved after which nothing will move: again_every_other refuses one in two.
 */
#define IDLE_CALLS_MAX 8

static int credentials_make(struct tls_end *end, const struct tls_end_options *options,
                            struct leati_tls_credentials **ret_credentials)
{
    if (options->credentials) {
        *ret_credentials = leati_tls_credentials_ref(options->credentials);
        return LEAT_OK;
    }
    struct leati_tls_credentials_options credentials = {0};
    if (options->more)
        credentials = *options->more;
    credentials.ca_path = options->ca_path ? options->ca_path : certificate_path("ca.pem");
    credentials.cert_path = options->cert_path;
    credentials.key_path = options->key_path;
    credentials.key_password = options->key_password;
    credentials.need_ca = !options->skip_verify;
    credentials.is_server = options->is_server;
    if (options->is_server && !options->cert_path) {
        credentials.cert_path = certificate_path("server.pem");
        credentials.key_path = certificate_path("server.key");
    }
    return leati_tls_credentials_new(&credentials, &end->failure, ret_credentials);
}

int tls_end_try(struct tls_end *end, const struct tls_end_options *options,
                const struct scripted_script *script)
{
    struct scripted_script plain = scripted_script_plain();
    struct leati_tls_credentials *credentials;

    memset(end, 0, sizeof(*end));
    leati_failure_init(&end->failure);
    scripted_layer_init(&end->wire, script ? script : &plain, &end->failure);
    int code = credentials_make(end, options, &credentials);
    if (code != LEAT_OK)
        return code;

    struct leati_tls_layer_options tls = {
        .is_server = options->is_server,
        .client_verification = options->client_verification,
        .tickets = options->tickets,
        .prefer_remote_ciphers = options->prefer_remote_ciphers,
        .server_name = options->server_name ? options->server_name : "localhost",
        .server_port = 443,
        .credentials = credentials,
        .sessions = options->sessions,
        .verify = !options->skip_verify,
        .min_protocol =
            options->min_protocol ? (enum leat_tls_protocol)options->min_protocol : LEAT_TLS_V12,
        .max_protocol =
            options->max_protocol ? (enum leat_tls_protocol)options->max_protocol : LEAT_TLS_V13,
        .alpn = options->alpn,
        .keep_peer_certificate = options->keep_peer_certificate,
        .key_log_path = options->key_log_path,
        .timeout_ms = options->timeout_ms,
        .key_records_max = options->key_records_max,
        .verify_fn = options->verify_fn,
        .close_timeout_ms = options->close_timeout_ms,
    };
    code = leati_tls_layer_new(&tls, &end->failure, &end->tls);
    leati_tls_credentials_unref(credentials);
    if (code != LEAT_OK)
        return code;
    end->tls->lower = &end->wire.base;
    end->tls->failure = &end->failure;
    end->tls->tracer = &end->tracer;
    end->tls->hop = "wire:443";
    end->wire.base.tracer = &end->tracer;
    return LEAT_OK;
}

void tls_end_init(struct tls_end *end, const struct tls_end_options *options,
                  const struct scripted_script *script)
{
    int code = tls_end_try(end, options, script);

    cr_assert(code == LEAT_OK, "%d: %s", code, end->failure.text);
}

void tls_end_done(struct tls_end *end)
{
    if (end->tls) {
        size_t calls = end->wire.send_calls;
        end->tls->ops->destroy(end->tls);
        cr_assert(end->wire.send_calls == calls, "destroy says nothing on the wire");
    }
    cr_assert(end->wire.other_calls == 0, "only recv and send call the lower layer");
    scripted_layer_done(&end->wire);
    leati_failure_done(&end->failure);
}

/* Counts calls in which the wire moved no byte. */
struct idle {
    size_t sent, read;
    int calls;
};

static bool idle_for_good(struct idle *idle, const struct tls_end *end)
{
    bool moved = end->wire.sent.len != idle->sent || end->wire.read != idle->read;

    idle->sent = end->wire.sent.len;
    idle->read = end->wire.read;
    idle->calls = moved ? 0 : idle->calls + 1;
    return idle->calls >= IDLE_CALLS_MAX;
}

int tls_end_connect(struct tls_end *end)
{
    struct idle idle = {0};
    int result;

    do {
        result = end->tls->ops->connect(end->tls, 1000);
        if (result == LEATI_AGAIN) {
            unsigned want = end->tls->ops->want(end->tls, 0);
            cr_assert(want != 0, "waits for nothing");
            /* More output may be queued than the call that was refused; never less. */
            if (end->wire.last_again == LEATI_WANT_WRITE)
                cr_assert(want & LEATI_WANT_WRITE || end->wire.recv_calls > 0);
        }
    } while (result == LEATI_AGAIN && !idle_for_good(&idle, end));
    return result;
}

void tls_end_open(struct tls_end *end, struct ssl_peer *peer)
{
    ssl_peer_accept(peer, &end->wire);
    int result = tls_end_connect(end);
    cr_assert(result == LEAT_OK, "%d: %s", result, end->failure.text);
    cr_assert(end->tls->state == LEATI_LAYER_OPEN);
    cr_assert(end->tls->deadline_ms == 0);
    cr_assert(end->failure.code == LEAT_OK);
}

void tls_end_refuse(struct tls_end *end, struct ssl_peer *peer, int code)
{
    if (peer)
        ssl_peer_accept(peer, &end->wire);
    int result = tls_end_connect(end);
    cr_assert(result == code, "%d, wanted %d: %s", result, code, end->failure.text);
    cr_assert(end->failure.code == code);
    cr_assert(end->failure.layer == LEAT_LAYER_TLS);
    cr_assert(end->tls->state == LEATI_LAYER_CLOSED);
    cr_assert(end->tls->ops->want(end->tls, 0) == 0);
    cr_assert(end->tls->ops->connect(end->tls, 1000) == code, "errors are sticky");
}

void tls_end_expect_text(const struct tls_end *end, const char *part)
{
    cr_assert(end->failure.text && strstr(end->failure.text, part), "\"%s\" is not in \"%s\"", part,
              end->failure.text);
}

int tls_end_read(struct tls_end *end, void *buf, size_t len, size_t *ret_len)
{
    struct idle idle = {0};
    int result = LEAT_OK;
    size_t got = 0;

    while (got < len) {
        size_t n = 0;
        result = end->tls->ops->recv(end->tls, (uint8_t *)buf + got, len - got, &n);
        if (result == LEAT_OK) {
            cr_assert(n > 0 && n <= len - got);
            got += n;
            idle.calls = 0;
            continue;
        }
        cr_assert(!end->tls->ops->pending(end->tls), "pending, yet recv gave %d", result);
        if (result != LEATI_AGAIN || idle_for_good(&idle, end))
            break;
    }
    *ret_len = got;
    return result;
}

int tls_end_write(struct tls_end *end, const void *data, size_t len)
{
    const uint8_t *pos = data;
    struct idle idle = {0};

    while (len > 0) {
        /* Rule 4: after LEATI_AGAIN the bytes may be somewhere else and have more behind them. */
        uint8_t *copy = malloc(len);
        cr_assert(copy);
        memcpy(copy, pos, len);
        struct iovec iov[3] = {{copy, 0}, {copy, (len + 1) / 2}, {copy + (len + 1) / 2, len / 2}};
        size_t n = 0;
        int result = end->tls->ops->send(end->tls, iov, 3, &n);
        memset(copy, '!', len);
        free(copy);
        if (result == LEAT_OK) {
            cr_assert(n > 0 && n <= len);
            pos += n;
            len -= n;
            idle.calls = 0;
            continue;
        }
        if (result != LEATI_AGAIN || idle_for_good(&idle, end))
            return result;
        cr_assert(end->tls->ops->want(end->tls, LEATI_WANT_WRITE) & LEATI_WANT_WRITE);
    }
    return LEAT_OK;
}

int tls_end_shutdown(struct tls_end *end, uint64_t now_ms)
{
    struct idle idle = {0};
    int result;

    do {
        result = end->tls->ops->shutdown(end->tls, now_ms);
    } while (result == LEATI_AGAIN && !idle_for_good(&idle, end));
    return result;
}

static void wire_pass_on(void *user, struct scripted_layer *wire)
{
    struct tls_end *other = user;

    scripted_layer_reply(&other->wire, wire->sent.data + other->linked,
                         wire->sent.len - other->linked);
    other->linked = wire->sent.len;
}

void tls_end_link(struct tls_end *a, struct tls_end *b)
{
    a->wire.peer = b;
    b->wire.peer = a;
    a->wire.react = b->wire.react = wire_pass_on;
}

void tls_end_connect_both(struct tls_end *a, struct tls_end *b, int *ret_a, int *ret_b)
{
    struct idle idle_a = {0}, idle_b = {0};
    bool stuck = false;

    *ret_a = *ret_b = LEATI_AGAIN;
    while (!stuck && (*ret_a == LEATI_AGAIN || *ret_b == LEATI_AGAIN)) {
        if (*ret_a == LEATI_AGAIN)
            *ret_a = a->tls->ops->connect(a->tls, 1000);
        if (*ret_b == LEATI_AGAIN)
            *ret_b = b->tls->ops->connect(b->tls, 1000);
        bool a_idle = idle_for_good(&idle_a, a);
        stuck = idle_for_good(&idle_b, b) && a_idle;
    }
}

uint8_t *pattern_new(size_t len)
{
    uint8_t *data = malloc(len);
    uint32_t state = 1;

    cr_assert(data);
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (uint8_t)(state >> 24);
    }
    return data;
}
