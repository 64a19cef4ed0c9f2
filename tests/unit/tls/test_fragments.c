/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake over wires that split, refuse, end and break at every place. */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

static struct tls_end client;
static struct ssl_peer peer;
static struct leati_tls_credentials *credentials;

/* One set for all connections of a test: parsing a CA is not what is tested here. */
static void credentials_load(void)
{
    struct leati_tls_credentials_options options = {.ca_path = certificate_path("ca.pem"),
                                                    .need_ca = true};
    struct leati_failure failure;

    leati_failure_init(&failure);
    cr_assert(leati_tls_credentials_new(&options, &failure, &credentials) == LEAT_OK);
}

static void credentials_drop(void)
{
    leati_tls_credentials_unref(credentials);
    sandbox_done();
}

TestSuite(tls_fragments, .timeout = 120, .init = credentials_load, .fini = credentials_drop);

static void start(int version)
{
    ssl_peer_init(&peer,
                  &(struct ssl_peer_options){.min_version = version, .max_version = version});
}

static void client_over(const struct scripted_script *script)
{
    tls_end_init(&client, &(struct tls_end_options){.credentials = credentials}, script);
    ssl_peer_accept(&peer, &client.wire);
}

Test(tls_fragments, one_byte_at_a_time)
{
    struct scripted_script script = scripted_script_plain();

    script.recv_max_bytes = script.send_max_bytes = 1;
    for (int i = 0; i < 4; i++) {
        script.again_every_other = i & 1;
        start(i & 2 ? TLS1_3_VERSION : TLS1_2_VERSION);
        client_over(&script);
        int result = tls_end_connect(&client);
        cr_assert(result == LEAT_OK, "%d: %s", result, client.failure.text);
        tls_end_done(&client);
        ssl_peer_done(&peer);
    }
}

/* How many bytes each side sends in a handshake with tickets. */
static void measure(size_t *ret_read, size_t *ret_sent)
{
    client_over(NULL);
    cr_assert(tls_end_connect(&client) == LEAT_OK);
    *ret_read = client.wire.read;
    *ret_sent = client.wire.sent.len;
    tls_end_done(&client);
}

/* Lengths of signatures differ by a few bytes from one handshake to the next. */
#define SIGNATURE_SLACK 16

static void end_at(size_t recv_at, size_t send_at, int end, int code, int sys_errno)
{
    struct scripted_script script = scripted_script_plain();

    script.recv_end_at = recv_at;
    script.recv_end = end;
    script.send_end_at = send_at;
    script.send_end = end;
    script.end_errno = sys_errno;
    client_over(&script);
    tls_end_refuse(&client, NULL, code);
    cr_assert(client.failure.sys_errno == sys_errno);
    tls_end_expect_text(&client, "during the TLS handshake");
    tls_end_done(&client);
}

Test(tls_fragments, end_of_the_wire_at_every_byte)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        size_t read, sent;
        start(version);
        measure(&read, &sent);
        for (size_t at = 0; at < read - SIGNATURE_SLACK; at++)
            end_at(at, SCRIPTED_NEVER, LEATI_EOF, LEAT_E_TLS_SYSCALL, 0);
        ssl_peer_done(&peer);
    }
}

Test(tls_fragments, reset_at_every_seventh_byte)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        size_t read, sent;
        start(version);
        measure(&read, &sent);
        for (size_t at = 0; at < read - SIGNATURE_SLACK; at += 7)
            end_at(at, SCRIPTED_NEVER, LEAT_E_SOCKET_BASE + ECONNRESET, LEAT_E_TLS_SYSCALL,
                   ECONNRESET);
        for (size_t at = 0; at < sent - SIGNATURE_SLACK; at += 7)
            end_at(SCRIPTED_NEVER, at, LEAT_E_SOCKET_BASE + EPIPE, LEAT_E_TLS_SYSCALL, EPIPE);
        ssl_peer_done(&peer);
    }
}

/* A server whose bytes are damaged at one place: refused or, where it does not matter (random bytes
 * that are not covered by anything yet are covered by Finished), never accepted as if nothing had
 * happened. */
Test(tls_fragments, one_damaged_byte_at_every_place)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        size_t read, sent;
        start(version);
        measure(&read, &sent);
        for (size_t at = 0; at < read - SIGNATURE_SLACK; at++) {
            client_over(NULL);
            int result;
            bool damaged = false;
            do {
                result = client.tls->ops->connect(client.tls, 1000);
                if (!damaged && client.wire.to_read.len > at && client.wire.read <= at) {
                    client.wire.to_read.data[at] ^= 0x41;
                    damaged = true;
                }
            } while (result == LEATI_AGAIN && client.wire.read < client.wire.to_read.len);
            cr_assert(result != LEAT_OK, "byte %zu", at);
            cr_assert(result == LEATI_AGAIN || client.failure.code == result);
            cr_assert(result == LEATI_AGAIN || result == LEAT_E_TLS_ENGINE ||
                          result == LEAT_E_TLS_VERIFY,
                      "byte %zu: %d: %s", at, result, client.failure.text);
            tls_end_done(&client);
        }
        ssl_peer_done(&peer);
    }
}

Test(tls_fragments, garbage_instead_of_a_server)
{
    uint8_t *garbage = pattern_new(4096);

    for (size_t i = 0; i + 512 < 4096; i += 3) {
        tls_end_init(&client, &(struct tls_end_options){.credentials = credentials}, NULL);
        scripted_layer_reply(&client.wire, garbage + i, 512);
        int result = tls_end_connect(&client);
        cr_assert(result == LEAT_E_TLS_ENGINE || result == LEATI_AGAIN, "%d: %s", result,
                  client.failure.text);
        tls_end_done(&client);
    }
    free(garbage);
}
