/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS in both roles over wires of memory, and somebody in between who changes what he likes: bits,
 * lengths, order, records of his own. Whatever he does, what comes out at one end is what went in
 * at the other, up to where the connection failed; failures stay, and say why.
 *
 * The first byte: bits 0 and 1 = the versions (both, 1.2, 1.3, one each), bit 2 = the client
 * verifies, bit 3 = the server wants a certificate, bit 4 = sessions are resumed, bit 5 = the
 * server is only this input, bit 6 = the client is. Then what happens, one after the other: see
 * step_run().
 */
#include "fuzz/fuzz.h"
#include "support/scripted_layer.h"
#include "tls/tls.h"

#include <leat/testing_certificates.h>

#define DATA_MAX 40000u

struct end {
    struct leati_failure failure;
    struct leati_tracer tracer;
    struct scripted_layer wire;
    struct leati_layer *tls; /* NULL = played by the input */
    size_t passed;           /* bytes of wire.sent that have been given on */
    size_t sent;             /* data that was taken */
    size_t offered;          /* data that may be on its way, though it must be repeated */
    size_t got;              /* data that has come */
    int result;              /* of the last call */
    bool ended;
};

static struct leati_tls_credentials *client_credentials, *server_credentials;
static struct end client, server;
static uint8_t pattern[DATA_MAX];

/* ---- ends ----------------------------------------------------------------------------------- */

static struct leati_tls_credentials *credentials_new(const struct leat_testing_certificate *ca,
                                                     const struct leat_testing_certificate *own,
                                                     bool is_server)
{
    const struct leati_tls_credentials_options options = {
        .ca_texts = &ca->cert_pem,
        .ca_text_count = 1,
        .cert_texts = &own->cert_pem,
        .cert_text_count = 1,
        .key_text = own->key_pem,
        .need_ca = true,
        .is_server = is_server,
    };
    struct leati_tls_credentials *credentials;
    struct leati_failure failure;
    leati_failure_init(&failure);
    FUZZ_MUST(leati_tls_credentials_new(&options, &failure, &credentials) == LEAT_OK);
    return credentials;
}

static void credentials_make(void)
{
    const struct leat_testing_certificate *at_server, *at_client;
    leat_testing_ca *ca;
    if (client_credentials)
        return;
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)(i * 31 + i / 256);
    FUZZ_MUST(leat_testing_ca_new(NULL, &ca, NULL) == LEAT_OK);
    FUZZ_MUST(leat_testing_ca_issue(ca, NULL, &at_server, NULL) == LEAT_OK);
    FUZZ_MUST(leat_testing_ca_issue(ca, LEAT_TESTING_CERTIFICATE(.use = LEAT_TESTING_USE_CLIENT),
                                    &at_client, NULL) == LEAT_OK);
    server_credentials = credentials_new(leat_testing_ca_get_certificate(ca), at_server, true);
    client_credentials = credentials_new(leat_testing_ca_get_certificate(ca), at_client, false);
    leat_testing_ca_free(ca);
}

static void on_trace(const struct leat_trace_event *event, void *user)
{
    (void)user;
    FUZZ_MUST(event->text && event->name && event->hop);
    FUZZ_MUST(fuzz_is_printable(event->text));
}

static void end_init(struct end *end, const struct leati_tls_layer_options *options, bool is_played)
{
    const struct scripted_script plain = scripted_script_plain();
    *end = (struct end){.tracer = {.fn = on_trace}, .result = LEATI_AGAIN};
    leati_failure_init(&end->failure);
    scripted_layer_init(&end->wire, &plain, &end->failure);
    if (is_played)
        return;
    FUZZ_MUST(leati_tls_layer_new(options, &end->failure, &end->tls) == LEAT_OK);
    end->tls->lower = &end->wire.base;
    end->tls->failure = &end->failure;
    end->tls->tracer = &end->tracer;
    end->tls->hop = "wire:443";
}

static void end_done(struct end *end)
{
    if (end->tls)
        end->tls->ops->destroy(end->tls);
    scripted_layer_done(&end->wire);
    leati_failure_done(&end->failure);
}

/* ---- what the ends do ----------------------------------------------------------------------- */

static void result_note(struct end *end, int code)
{
    if (end->tls->sticky != LEAT_OK) {
        FUZZ_MUST(code == end->tls->sticky);
        FUZZ_MUST(end->failure.code != LEAT_OK && end->failure.text && end->failure.text[0]);
        FUZZ_MUST(fuzz_is_printable(end->failure.text));
        FUZZ_MUST(code == LEAT_E_TLS_ENGINE || code == LEAT_E_TLS_VERIFY ||
                  code == LEAT_E_TLS_SYSCALL || code == LEAT_E_TLS_CLOSED ||
                  code == LEAT_E_TLS_WRITE || code == LEAT_E_TLS_READ);
    } else {
        FUZZ_MUST(code == LEAT_OK || code == LEATI_AGAIN || code == LEATI_EOF);
    }
    end->result = code;
}

static void end_connect(struct end *end)
{
    if (end->tls && end->tls->state <= LEATI_LAYER_CONNECTING)
        result_note(end, end->tls->ops->connect(end->tls, 1));
}

static void end_send(struct end *end, size_t len)
{
    size_t taken = 0;
    if (!end->tls || end->tls->state != LEATI_LAYER_OPEN || end->sent + len > DATA_MAX || len == 0)
        return;
    const struct iovec iov = {pattern + end->sent, len};
    if (end->offered < end->sent + len)
        end->offered = end->sent + len;
    int code = end->tls->ops->send(end->tls, &iov, 1, &taken);
    result_note(end, code);
    if (code == LEAT_OK) {
        FUZZ_MUST(taken > 0 && taken <= len);
        end->sent += taken;
    }
}

static void end_read(struct end *end, const struct end *from)
{
    uint8_t buf[2000];
    while (end->tls && end->tls->state == LEATI_LAYER_OPEN && !end->ended) {
        size_t len = 0;
        int code = end->tls->ops->recv(end->tls, buf, sizeof(buf), &len);
        result_note(end, code);
        end->ended = code == LEATI_EOF;
        if (code != LEAT_OK)
            return;
        FUZZ_MUST(len > 0 && len <= sizeof(buf));
        FUZZ_MUST(from->tls && end->got + len <= from->offered);
        FUZZ_MUST(memcmp(buf, pattern + end->got, len) == 0);
        end->got += len;
    }
}

static void end_shutdown(struct end *end)
{
    if (end->tls && end->tls->state >= LEATI_LAYER_OPEN)
        result_note(end, end->tls->ops->shutdown(end->tls, 1));
}

/* ---- what is in between --------------------------------------------------------------------- */

static void pass(struct end *from, struct end *to, size_t most)
{
    size_t len = from->wire.sent.len - from->passed;
    len = len < most ? len : most;
    if (len == 0)
        return;
    scripted_layer_reply(&to->wire, from->wire.sent.data + from->passed, len);
    from->passed += len;
}

/* Changes what is on its way, before it is given on. */
static void tamper(struct end *from, struct fuzz_input *input, uint8_t how)
{
    size_t len = from->wire.sent.len - from->passed;
    size_t at = (size_t)(fuzz_take(input) << 8 | fuzz_take(input));
    if (len == 0)
        return;
    uint8_t *data = from->wire.sent.data + from->passed;
    at %= len;
    switch (how & 3) {
    case 0:
        data[at] ^= (uint8_t)(fuzz_take(input) | 1);
        break;
    case 1: /* is lost */
        from->passed += at + 1;
        break;
    case 2:
        data[at] = fuzz_take(input);
        break;
    default: /* comes twice */
        from->passed -= from->passed < at ? from->passed : at;
        break;
    }
}

static void turn(void)
{
    for (int i = 0; i < 12; i++) {
        end_connect(&client);
        pass(&client, &server, SIZE_MAX);
        end_connect(&server);
        pass(&server, &client, SIZE_MAX);
        end_read(&server, &client);
        end_read(&client, &server);
    }
}

static void step_run(struct fuzz_input *input)
{
    uint8_t what = fuzz_take(input);
    struct end *end = what & 1 ? &server : &client, *other = what & 1 ? &client : &server;
    struct fuzz_input bytes;
    switch (what >> 1 & 7) {
    case 0:
        end_connect(end);
        break;
    case 1:
        pass(end, other, (size_t)(what >> 4) * 64 + 1);
        break;
    case 2:
        tamper(end, input, what >> 4);
        break;
    case 3:
        end_read(end, other);
        break;
    case 4:
        end_send(end, (size_t)fuzz_take(input) * (what & 0x80 ? 100 : 1));
        break;
    case 5: /* says something of his own */
        bytes = fuzz_take_bytes(input, (size_t)(what >> 4) * 8 + 1);
        scripted_layer_reply(&end->wire, bytes.data, bytes.len);
        break;
    case 6:
        turn();
        break;
    default:
        if (what & 0x80)
            end_shutdown(end);
        else
            end->wire.mute = what & 0x40;
        break;
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct leati_tls_sessions *sessions;
    struct fuzz_input input = {data, size};
    uint8_t choice = fuzz_take(&input);
    struct leat_tls_info info;
    credentials_make();
    if (!sessions)
        sessions = leati_tls_sessions_new();
    const struct leati_tls_layer_options at_client = {
        .server_name = "localhost",
        .credentials = client_credentials,
        .sessions = choice & 16 ? sessions : NULL,
        .verify = choice & 4,
        .min_protocol = (choice & 3) == 2 ? LEAT_TLS_V13 : LEAT_TLS_V12,
        .max_protocol = choice & 1 ? LEAT_TLS_V12 : LEAT_TLS_V13,
    };
    const struct leati_tls_layer_options at_server = {
        .is_server = true,
        .credentials = server_credentials,
        .client_verification =
            choice & 8 ? LEAT_CLIENT_VERIFICATION_REQUIRED : LEAT_CLIENT_VERIFICATION_NONE,
        .tickets = true,
        .min_protocol = (choice & 3) == 3 ? LEAT_TLS_V13 : LEAT_TLS_V12,
        .max_protocol = LEAT_TLS_V13,
    };
    end_init(&client, &at_client, choice & 64);
    end_init(&server, &at_server, choice & 32 && !(choice & 64));
    while (input.len > 0)
        step_run(&input);
    client.wire.mute = server.wire.mute = false;
    turn();
    end_shutdown(&client);
    turn();
    end_shutdown(&server);
    turn();
    if (client.tls)
        leati_tls_layer_info(client.tls, &info);
    if (server.tls)
        leati_tls_layer_info(server.tls, &info);
    end_done(&client);
    end_done(&server);
    return 0;
}
