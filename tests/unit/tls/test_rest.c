/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection holds while it has nothing to do, and that it loses nothing by it. */
#include "support/sandbox.h"
#include "tls/tls_layer.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(tls_rest, .timeout = 60, .fini = sandbox_done);

#define CONNECTIONS 12

/* mbedTLS' configurations in which each connection keeps its own. */
#if defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH) ||                                                 \
    MBEDTLS_SSL_IN_CONTENT_LEN != MBEDTLS_SSL_OUT_CONTENT_LEN
#define BUFFERS_GO false
#else
#define BUFFERS_GO true
#endif

static struct tls_end client;
static struct ssl_peer peer;

static const struct leati_tls_layer *layer_of(const struct tls_end *end)
{
    return (const struct leati_tls_layer *)end->tls;
}

static void end_start(struct tls_end *end, struct ssl_peer *server, int version,
                      const struct scripted_script *script)
{
    ssl_peer_init(server, &(struct ssl_peer_options){
                              .min_version = version, .max_version = version, .echo = true});
    tls_end_init(end, &(struct tls_end_options){0}, script);
    tls_end_open(end, server);
}

static void echo(struct tls_end *end, size_t len)
{
    uint8_t *data = pattern_new(len);
    uint8_t *back = malloc(len + 1);
    size_t got;

    cr_assert(tls_end_write(end, data, len) == LEAT_OK, "%s", end->failure.text);
    cr_assert(tls_end_read(end, back, len + 1, &got) == LEATI_AGAIN, "%s", end->failure.text);
    cr_assert(got == len && memcmp(back, data, len) == 0);
    free(data);
    free(back);
}

Test(tls_rest, buffers_are_given_back)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        end_start(&client, &peer, version, NULL);
        for (size_t len = 1; len < 70000; len = len * 5 + 1) {
            echo(&client, len);
            cr_expect(layer_of(&client)->buffers.away == BUFFERS_GO, "after %zu bytes", len);
            cr_expect((!layer_of(&client)->ssl.MBEDTLS_PRIVATE(in_buf)) == BUFFERS_GO);
        }
        cr_expect(tls_end_shutdown(&client, 1000) == LEAT_OK);
        tls_end_done(&client);
        ssl_peer_done(&peer);
    }
}

/* More than wait for others: each has its own record numbers, and takes whatever buffer there is.
 */
Test(tls_rest, connections_take_turns)
{
    static struct tls_end ends[CONNECTIONS];
    static struct ssl_peer peers[CONNECTIONS];

    for (size_t i = 0; i < CONNECTIONS; i++)
        end_start(&ends[i], &peers[i], i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION, NULL);
    for (size_t round = 1; round < 6; round++) {
        for (size_t i = 0; i < CONNECTIONS; i++)
            echo(&ends[i], round * 4000 + i);
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        tls_end_done(&ends[i]);
        ssl_peer_done(&peers[i]);
    }
}

/* A record of which a part is here stays where it is. */
Test(tls_rest, part_of_a_record_is_kept)
{
    struct scripted_script one_byte = scripted_script_plain();

    one_byte.recv_max_bytes = 1;
    one_byte.again_every_other = true;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        end_start(&client, &peer, version, &one_byte);
        echo(&client, 300);
        cr_expect(layer_of(&client)->buffers.away == BUFFERS_GO);
        tls_end_done(&client);
        ssl_peer_done(&peer);
    }
}

/* Whoever gets the buffer next finds nothing of a ticket in it, also if it could not be given back
 * at once. (Data are wiped by mbedTLS when they are read.) */
Test(tls_rest, buffers_are_wiped)
{
    uint8_t back[8];
    size_t got;

    end_start(&client, &peer, TLS1_3_VERSION, NULL);
    echo(&client, 10); /* those of mbedTLS do not wait for others */
    client.wire.script.recv_end_at = client.wire.to_read.len + 3;
    client.wire.script.recv_end = LEATI_AGAIN;
    ssl_peer_write(&peer, &client.wire, "more", 4);
    cr_assert(tls_end_read(&client, back, 1, &got) == LEATI_AGAIN);
    cr_expect_not(layer_of(&client)->buffers.away, "part of a header is in it");
    const uint8_t *in = layer_of(&client)->ssl.MBEDTLS_PRIVATE(in_buf);
    client.wire.script.recv_end_at = SCRIPTED_NEVER;
    cr_assert(tls_end_read(&client, back, 4, &got) == LEAT_OK);
    cr_assert(tls_end_read(&client, back, 1, &got) == LEATI_AGAIN);
    cr_expect(layer_of(&client)->buffers.away == BUFFERS_GO);
    if (BUFFERS_GO) { /* it waits for the next one */
        size_t left = 0;
        for (size_t i = 0; i < MBEDTLS_SSL_IN_CONTENT_LEN; i++)
            left += in[i] != 0;
        cr_expect(left == 0, "%zu bytes are left", left);
    }
    tls_end_done(&client);
    ssl_peer_done(&peer);
}

#ifdef LEAT_MBEDTLS_MENDED
/* 3.4 KiB, which mbedTLS keeps in TLS 1.3 for the tickets that come behind it: OpenSSL sends two. */
Test(tls_rest, handshake_is_forgotten_also_behind_tickets)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        end_start(&client, &peer, version, NULL);
        cr_expect_null(layer_of(&client)->ssl.MBEDTLS_PRIVATE(handshake));
        for (size_t i = 0; i < 3; i++) {
            echo(&client, 100);
            cr_expect_null(layer_of(&client)->ssl.MBEDTLS_PRIVATE(handshake));
        }
        cr_expect(tls_end_shutdown(&client, 1000) == LEAT_OK);
        tls_end_done(&client);
        ssl_peer_done(&peer);
    }
}
#endif

Test(tls_rest, certificate_is_forgotten)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        end_start(&client, &peer, version, NULL);
        cr_expect(!mbedtls_ssl_get_peer_cert(&layer_of(&client)->ssl));
        tls_end_done(&client);
        ssl_peer_done(&peer);
    }
}
