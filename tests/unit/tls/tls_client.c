/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/tls/tls_client.h"

#include "support/certificates.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Calls without any byte moved after which nothing will move: again_every_other refuses one in two.
 */
#define IDLE_CALLS_MAX 8

static int credentials_make(struct tls_client *client, const struct tls_client_options *options,
                            struct leati_tls_credentials **ret_credentials)
{
    if (options->credentials) {
        *ret_credentials = leati_tls_credentials_ref(options->credentials);
        return LEAT_OK;
    }
    struct leati_tls_credentials_options credentials = {
        .ca_path = options->ca_path ? options->ca_path : certificate_path("ca.pem"),
        .cert_path = options->cert_path,
        .key_path = options->key_path,
        .key_password = options->key_password,
        .need_ca = !options->skip_verify,
    };
    return leati_tls_credentials_new(&credentials, &client->failure, ret_credentials);
}

int tls_client_try(struct tls_client *client, const struct tls_client_options *options,
                   const struct scripted_script *script)
{
    struct scripted_script plain = scripted_script_plain();
    struct leati_tls_credentials *credentials;

    memset(client, 0, sizeof(*client));
    leati_failure_init(&client->failure);
    scripted_layer_init(&client->wire, script ? script : &plain, &client->failure);
    int code = credentials_make(client, options, &credentials);
    if (code != LEAT_OK)
        return code;

    struct leati_tls_options tls = {
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
        .key_log_path = options->key_log_path,
        .timeout_ms = options->timeout_ms,
        .close_timeout_ms = options->close_timeout_ms,
    };
    code = leati_tls_layer_new(&tls, &client->failure, &client->tls);
    leati_tls_credentials_unref(credentials);
    if (code != LEAT_OK)
        return code;
    client->tls->lower = &client->wire.base;
    client->tls->failure = &client->failure;
    client->tls->tracer = &client->tracer;
    client->tls->hop = "wire:443";
    client->wire.base.tracer = &client->tracer;
    return LEAT_OK;
}

void tls_client_init(struct tls_client *client, const struct tls_client_options *options,
                     const struct scripted_script *script)
{
    int code = tls_client_try(client, options, script);

    cr_assert(code == LEAT_OK, "%d: %s", code, client->failure.text);
}

void tls_client_done(struct tls_client *client)
{
    if (client->tls) {
        size_t calls = client->wire.send_calls;
        client->tls->ops->destroy(client->tls);
        cr_assert(client->wire.send_calls == calls, "destroy says nothing on the wire");
    }
    cr_assert(client->wire.other_calls == 0, "only recv and send call the lower layer");
    scripted_layer_done(&client->wire);
    leati_failure_done(&client->failure);
}

/* Counts calls in which the wire moved no byte. */
struct idle {
    size_t sent, read;
    int calls;
};

static bool idle_for_good(struct idle *idle, const struct tls_client *client)
{
    bool moved = client->wire.sent.len != idle->sent || client->wire.read != idle->read;

    idle->sent = client->wire.sent.len;
    idle->read = client->wire.read;
    idle->calls = moved ? 0 : idle->calls + 1;
    return idle->calls >= IDLE_CALLS_MAX;
}

int tls_client_connect(struct tls_client *client)
{
    struct idle idle = {0};
    int result;

    do {
        result = client->tls->ops->connect(client->tls, 1000);
        if (result == LEATI_AGAIN) {
            unsigned want = client->tls->ops->want(client->tls, 0);
            cr_assert(want != 0, "waits for nothing");
            /* More output may be queued than the call that was refused; never less. */
            if (client->wire.last_again == LEATI_WANT_WRITE)
                cr_assert(want & LEATI_WANT_WRITE || client->wire.recv_calls > 0);
        }
    } while (result == LEATI_AGAIN && !idle_for_good(&idle, client));
    return result;
}

void tls_client_open(struct tls_client *client, struct ssl_peer *peer)
{
    ssl_peer_accept(peer, &client->wire);
    int result = tls_client_connect(client);
    cr_assert(result == LEAT_OK, "%d: %s", result, client->failure.text);
    cr_assert(client->tls->state == LEATI_LAYER_OPEN);
    cr_assert(client->tls->deadline_ms == 0);
    cr_assert(client->failure.code == LEAT_OK);
}

void tls_client_refuse(struct tls_client *client, struct ssl_peer *peer, int code)
{
    if (peer)
        ssl_peer_accept(peer, &client->wire);
    int result = tls_client_connect(client);
    cr_assert(result == code, "%d, wanted %d: %s", result, code, client->failure.text);
    cr_assert(client->failure.code == code);
    cr_assert(client->failure.layer == LEAT_LAYER_TLS);
    cr_assert(client->tls->state == LEATI_LAYER_CLOSED);
    cr_assert(client->tls->ops->want(client->tls, 0) == 0);
    cr_assert(client->tls->ops->connect(client->tls, 1000) == code, "errors are sticky");
}

void tls_client_expect_text(const struct tls_client *client, const char *part)
{
    cr_assert(client->failure.text && strstr(client->failure.text, part), "\"%s\" is not in \"%s\"",
              part, client->failure.text);
}

int tls_client_read(struct tls_client *client, void *buf, size_t len, size_t *ret_len)
{
    struct idle idle = {0};
    int result = LEAT_OK;
    size_t got = 0;

    while (got < len) {
        size_t n = 0;
        result = client->tls->ops->recv(client->tls, (uint8_t *)buf + got, len - got, &n);
        if (result == LEAT_OK) {
            cr_assert(n > 0 && n <= len - got);
            got += n;
            idle.calls = 0;
            continue;
        }
        cr_assert(!client->tls->ops->pending(client->tls), "pending, yet recv gave %d", result);
        if (result != LEATI_AGAIN || idle_for_good(&idle, client))
            break;
    }
    *ret_len = got;
    return result;
}

int tls_client_write(struct tls_client *client, const void *data, size_t len)
{
    const uint8_t *pos = data;
    struct idle idle = {0};

    while (len > 0) {
        /* Rule 4: after LEATI_AGAIN the bytes may be somewhere else and have more behind them. */
        uint8_t *copy = malloc(len);
        cr_assert(copy);
        memcpy(copy, pos, len);
        struct iovec iov[3] = {
            {copy,                 0            },
            {copy,                 (len + 1) / 2},
            {copy + (len + 1) / 2, len / 2      }
        };
        size_t n = 0;
        int result = client->tls->ops->send(client->tls, iov, 3, &n);
        memset(copy, '!', len);
        free(copy);
        if (result == LEAT_OK) {
            cr_assert(n > 0 && n <= len);
            pos += n;
            len -= n;
            idle.calls = 0;
            continue;
        }
        if (result != LEATI_AGAIN || idle_for_good(&idle, client))
            return result;
        cr_assert(client->tls->ops->want(client->tls, LEATI_WANT_WRITE) & LEATI_WANT_WRITE);
    }
    return LEAT_OK;
}

int tls_client_shutdown(struct tls_client *client, uint64_t now_ms)
{
    struct idle idle = {0};
    int result;

    do {
        result = client->tls->ops->shutdown(client->tls, now_ms);
    } while (result == LEATI_AGAIN && !idle_for_good(&idle, client));
    return result;
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
