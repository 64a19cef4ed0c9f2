/* SPDX-License-Identifier: Apache-2.0 */
/* What a SOCKS5 proxy that has chosen GSS-API says (RFC 1961), over a library that takes every sum for
 * right: tokens, the level, the reply in messages or without, and data. The first byte: bits 0 and 1 =
 * the protection that is wanted, bit 2 = two rounds of tokens, the rest = portions. */
#include "fuzz/fuzz.h"
#include "gss/gss.h"
#include "socks5/gss_message.h"
#include "socks5/gss_protection.h"
#include "socks5/socks5.h"
#include "support/fake_gss.h"
#include "support/scripted_layer.h"

#include <leat/loop.h>

static leat_loop *loop;

/* What came out of one run. */
struct outcome {
    int code;    /* of connect, or of the recv that ended it */
    size_t read; /* bytes of the input that were used */
    char text[512];
    uint8_t data[8192];
    size_t data_len;
};

static void nobody_waits(void *user)
{
    (void)user;
}

static int connect_run(struct leati_layer *socks5, const struct leati_gss *gss)
{
    int code;
    while ((code = socks5->ops->connect(socks5, 1)) == LEATI_AGAIN) {
        if (leati_gss_turn(gss) != LEATI_GSS_WORKING)
            return code;
        while (leati_gss_turn(gss) == LEATI_GSS_WORKING)
            FUZZ_MUST(leat_loop_dispatch(loop, 1000) == LEAT_OK);
    }
    return code;
}

static int data_run(struct leati_layer *top, struct outcome *outcome)
{
    static const char words[] = "words that go down";
    const struct iovec iov = {(void *)(uintptr_t)words, sizeof(words)};
    size_t len;
    FUZZ_MUST(top->ops->send(top, &iov, 1, &len) == LEAT_OK && len == sizeof(words));
    for (;;) {
        size_t room = sizeof(outcome->data) - outcome->data_len;
        int code = room > 0 ? top->ops->recv(top, outcome->data + outcome->data_len, room, &len)
                            : LEATI_AGAIN;
        if (code != LEAT_OK)
            return code;
        FUZZ_MUST(len > 0 && len <= room);
        outcome->data_len += len;
    }
}

/* The input as a datagram of the relay's, as it is and with a head that fits. */
static void datagram_run(struct leati_layer *protection, struct fuzz_input input)
{
    static uint8_t datagram[LEATI_SOCKS5_PROTECTED_MAX_BYTES];
    size_t token_len = input.len < 4096 ? input.len : 4096;

    for (size_t head = 0; head <= LEATI_SOCKS5_GSS_HEAD_BYTES;
         head += LEATI_SOCKS5_GSS_HEAD_BYTES) {
        size_t len = head + token_len;
        leati_socks5_gss_head(LEATI_SOCKS5_GSS_DATA, token_len, datagram);
        if (token_len > 0)
            memcpy(datagram + head, input.data, token_len);
        if (leati_socks5_protection_open(protection, datagram, &len))
            FUZZ_MUST(len + LEATI_SOCKS5_GSS_HEAD_BYTES <= head + token_len);
    }
}

static void run(struct fuzz_input input, uint8_t choice, size_t portion, struct outcome *outcome)
{
    struct scripted_script script = scripted_script_plain();
    struct scripted_layer wire;
    struct leati_failure failure;
    struct leati_layer *protection, *socks5;
    const struct leati_gss_options gss_options = {.loop = loop,
                                                  .ready = nobody_waits,
                                                  .protects = true,
                                                  .service = "rcmd",
                                                  .host = "proxy.example"};
    struct leati_gss *gss = leati_gss_new(&gss_options);
    struct leati_socks5_options options = {
        .host = "example.com",
        .port = 443,
        .gss = gss,
        .protection = (enum leat_socks5_protection)(choice & 3),
    };
    script.recv_max_bytes = portion;
    script.recv_end_at = input.len;
    script.recv_end = LEATI_EOF;
    leati_failure_init(&failure);
    scripted_layer_init(&wire, &script, &failure);
    scripted_layer_reply(&wire, "\x05\x01", 2);
    wire.script.recv_end_at += 2;
    if (input.len > 0)
        scripted_layer_reply(&wire, input.data, input.len);
    FUZZ_MUST(gss && leati_socks5_protection_layer_new(&failure, &protection) == LEAT_OK);
    options.protection_layer = protection;
    FUZZ_MUST(leati_socks5_layer_new(&options, &failure, &socks5) == LEAT_OK);
    socks5->lower = protection;
    protection->lower = &wire.base;
    socks5->failure = protection->failure = &failure;
    FUZZ_MUST(protection->ops->connect(protection, 1) == LEAT_OK);

    outcome->code = connect_run(socks5, gss);
    if (outcome->code == LEAT_OK && leati_socks5_layer_protection(socks5))
        datagram_run(leati_socks5_layer_protection(socks5), input);
    if (outcome->code == LEAT_OK)
        outcome->code = data_run(socks5, outcome);
    FUZZ_MUST(outcome->code == LEATI_EOF || outcome->code == LEATI_AGAIN || outcome->code > 0);
    FUZZ_MUST(outcome->code < 0 || failure.code == outcome->code);
    outcome->read = wire.read;
    snprintf(outcome->text, sizeof(outcome->text), "%s", failure.text ? failure.text : "");
    FUZZ_MUST(fuzz_is_printable(outcome->text));
    socks5->ops->destroy(socks5);
    protection->ops->destroy(protection);
    scripted_layer_done(&wire);
    leati_failure_done(&failure);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole, parts;
    struct fuzz_input input = {data, size};
    uint8_t choice = fuzz_take(&input);
    const struct fake_gss library = {.rounds = choice & 4 ? 2 : 1, .trusts = true};

    if (!loop)
        FUZZ_MUST(leat_loop_new(&loop) == LEAT_OK);
    fake_gss_use(&library);
    memset(&whole, 0, sizeof(whole));
    memset(&parts, 0, sizeof(parts));
    run(input, choice, 0, &whole);
    run(input, choice, 1 + (choice >> 3), &parts);
    FUZZ_MUST(whole.code == parts.code && (whole.code > 0 || whole.read == parts.read));
    FUZZ_MUST(strcmp(whole.text, parts.text) == 0);
    FUZZ_MUST(whole.data_len == parts.data_len &&
              memcmp(whole.data, parts.data, whole.data_len) == 0);
    FUZZ_MUST(atomic_load(&fake_gss.handles) == 0);
    return 0;
}
