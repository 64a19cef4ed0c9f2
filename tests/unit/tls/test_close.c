/* SPDX-License-Identifier: Apache-2.0 */
/* How connections end, in both orders and in disorder. */
#include "support/certificates.h"
#include "support/sandbox.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

TestSuite(tls_close, .timeout = 60, .fini = sandbox_done);

static struct tls_end client;
static struct ssl_peer peer;
static int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void start(int version, uint32_t close_timeout_ms)
{
    ssl_peer_init(&peer,
                  &(struct ssl_peer_options){.min_version = version, .max_version = version});
    tls_end_init(&client, &(struct tls_end_options){.close_timeout_ms = close_timeout_ms}, NULL);
    tls_end_open(&client, &peer);
}

static void done(void)
{
    tls_end_done(&client);
    ssl_peer_done(&peer);
}

static int read_byte(void)
{
    uint8_t byte;
    size_t n;

    return tls_end_read(&client, &byte, 1, &n);
}

static int send_byte(void)
{
    return tls_end_write(&client, "x", 1);
}

#define FOR_EACH_VERSION(version)                                                                  \
    for (int version##_i = 0, version; version##_i < 2 && (version = versions[version##_i], true); \
         version##_i++)

Test(tls_close, we_first_without_waiting)
{
    FOR_EACH_VERSION(version)
    {
        start(version, 0);
        cr_assert(tls_end_shutdown(&client, 1000) == LEAT_OK);
        cr_assert(client.tls->state == LEATI_LAYER_CLOSED);
        cr_assert(peer.got_close_notify);
        size_t sent = client.wire.sent.len;
        cr_assert(tls_end_shutdown(&client, 1000) == LEAT_OK);
        cr_assert(client.wire.sent.len == sent, "close_notify is said once");
        cr_assert(read_byte() == LEATI_EOF);
        cr_assert(send_byte() == LEAT_E_TLS_CLOSED);
        done();
    }
}

Test(tls_close, we_first_and_the_peer_answers)
{
    FOR_EACH_VERSION(version)
    {
        start(version, 1000);
        ssl_peer_write(&peer, &client.wire, "unread", 6);
        cr_assert(tls_end_shutdown(&client, 1000) == LEATI_AGAIN);
        cr_assert(client.tls->state == LEATI_LAYER_CLOSING);
        cr_assert(client.tls->deadline_ms == 2000);
        cr_assert(client.tls->ops->want(client.tls, 0) == LEATI_WANT_READ);
        cr_assert(peer.got_close_notify);
        ssl_peer_close(&peer, &client.wire);
        cr_assert(tls_end_shutdown(&client, 1500) == LEAT_OK);
        cr_assert(client.tls->state == LEATI_LAYER_CLOSED);
        cr_assert(client.failure.code == LEAT_OK);
        done();
    }
}

Test(tls_close, we_first_and_the_peer_says_nothing)
{
    start(TLS1_3_VERSION, 1000);
    cr_assert(tls_end_shutdown(&client, 1000) == LEATI_AGAIN);
    cr_assert(tls_end_shutdown(&client, 1999) == LEATI_AGAIN);
    cr_assert(tls_end_shutdown(&client, 2000) == LEAT_OK);
    cr_assert(client.failure.code == LEAT_OK);
    done();
}

Test(tls_close, we_first_and_the_peer_just_ends)
{
    start(TLS1_3_VERSION, 1000);
    cr_assert(tls_end_shutdown(&client, 1000) == LEATI_AGAIN);
    client.wire.script.recv_end_at = client.wire.read;
    client.wire.script.recv_end = LEATI_EOF;
    cr_assert(tls_end_shutdown(&client, 1000) == LEAT_OK);
    cr_assert(client.failure.code == LEAT_OK);
    done();
}

Test(tls_close, we_first_behind_a_stuck_write)
{
    start(TLS1_3_VERSION, 1000);
    client.wire.mute = true;
    cr_assert(send_byte() == LEATI_AGAIN);
    cr_assert(tls_end_shutdown(&client, 1000) == LEATI_AGAIN);
    cr_assert(client.tls->ops->want(client.tls, 0) == LEATI_WANT_WRITE);
    client.wire.mute = false;
    cr_assert(tls_end_shutdown(&client, 1000) == LEATI_AGAIN);
    cr_assert(peer.received.len == 1 && peer.got_close_notify, "data first, then close_notify");
    done();
}

Test(tls_close, close_notify_cannot_be_written_in_time)
{
    start(TLS1_3_VERSION, 1000);
    client.wire.mute = true;
    cr_assert(tls_end_shutdown(&client, 1000) == LEATI_AGAIN);
    cr_assert(tls_end_shutdown(&client, 2000) == LEAT_E_TLS_CLOSED);
    tls_end_expect_text(&client, "close_notify could not be written in time");
    done();
}

Test(tls_close, the_wire_breaks_under_close_notify)
{
    start(TLS1_3_VERSION, 1000);
    client.wire.script.send_end_at = client.wire.sent.len;
    client.wire.script.send_end = LEAT_E_SOCKET_BASE + EPIPE;
    client.wire.script.end_errno = EPIPE;
    cr_assert(tls_end_shutdown(&client, 1000) == LEAT_E_TLS_SYSCALL);
    cr_assert(client.failure.sys_errno == EPIPE);
    done();
}

Test(tls_close, the_peer_first)
{
    FOR_EACH_VERSION(version)
    {
        start(version, 1000);
        ssl_peer_write(&peer, &client.wire, "x", 1);
        ssl_peer_close(&peer, &client.wire);
        cr_assert(read_byte() == LEAT_OK, "data before close_notify is read");
        cr_assert(read_byte() == LEATI_EOF);
        cr_assert(read_byte() == LEATI_EOF);
        cr_assert(client.tls->ops->want(client.tls, LEATI_WANT_READ) == 0);
        cr_assert(client.failure.code == LEAT_OK);
        cr_assert(tls_end_shutdown(&client, 1000) == LEAT_OK);
        cr_assert(peer.got_close_notify);
        done();
    }
}

/* close_notify ends one direction: what we owe still leaves, and our own goodbye behind it. */
Test(tls_close, send_after_the_peer_closed)
{
    FOR_EACH_VERSION(version)
    {
        start(version, 1000);
        ssl_peer_close(&peer, &client.wire);
        cr_assert(read_byte() == LEATI_EOF);
        client.wire.mute = true;
        cr_assert(send_byte() == LEATI_AGAIN);
        cr_assert(client.tls->ops->want(client.tls, LEATI_WANT_READ) == LEATI_WANT_WRITE);
        client.wire.mute = false;
        cr_assert(send_byte() == LEAT_OK);
        cr_assert(read_byte() == LEATI_EOF);
        cr_assert(peer.received.len == 1 && !peer.got_close_notify);
        cr_assert(tls_end_shutdown(&client, 1000) == LEAT_OK);
        cr_assert(peer.got_close_notify);
        cr_assert(send_byte() == LEAT_E_TLS_CLOSED);
        done();
    }
}

Test(tls_close, the_wire_breaks_after_the_peer_closed)
{
    start(TLS1_3_VERSION, 1000);
    ssl_peer_close(&peer, &client.wire);
    cr_assert(read_byte() == LEATI_EOF);
    client.wire.script.send_end_at = client.wire.sent.len;
    client.wire.script.send_end = LEAT_E_SOCKET_BASE + EPIPE;
    client.wire.script.end_errno = EPIPE;
    cr_assert(send_byte() == LEAT_E_TLS_CLOSED);
    tls_end_expect_text(&client, "close_notify");
    cr_assert(client.failure.sys_errno == EPIPE);
    done();
}

Test(tls_close, truncated)
{
    FOR_EACH_VERSION(version)
    {
        start(version, 1000);
        ssl_peer_write(&peer, &client.wire, "x", 1);
        client.wire.script.recv_end_at = client.wire.to_read.len;
        client.wire.script.recv_end = LEATI_EOF;
        cr_assert(read_byte() == LEAT_OK);
        cr_assert(read_byte() == LEAT_E_TLS_SYSCALL);
        cr_assert(client.failure.sys_errno == 0);
        tls_end_expect_text(&client, "without close_notify");
        tls_end_expect_text(&client, "truncated");
        cr_assert(read_byte() == LEAT_E_TLS_SYSCALL, "errors are sticky");
        cr_assert(send_byte() == LEAT_E_TLS_SYSCALL);
        cr_assert(tls_end_shutdown(&client, 1000) == LEAT_E_TLS_SYSCALL);
        done();
    }
}

Test(tls_close, reset_while_open)
{
    start(TLS1_3_VERSION, 1000);
    client.wire.script.recv_end_at = client.wire.to_read.len;
    client.wire.script.recv_end = LEAT_E_SOCKET_BASE + ECONNRESET;
    client.wire.script.end_errno = ECONNRESET;
    cr_assert(read_byte() == LEAT_E_TLS_SYSCALL);
    cr_assert(client.failure.code == LEAT_E_TLS_SYSCALL);
    cr_assert(client.failure.layer == LEAT_LAYER_TLS);
    cr_assert(client.failure.sys_errno == ECONNRESET);
    tls_end_expect_text(&client, "connection lost below TLS");
    done();

    start(TLS1_3_VERSION, 1000);
    client.wire.script.send_end_at = client.wire.sent.len;
    client.wire.script.send_end = LEAT_E_SOCKET_BASE + EPIPE;
    client.wire.script.end_errno = EPIPE;
    cr_assert(send_byte() == LEAT_E_TLS_SYSCALL);
    cr_assert(client.failure.sys_errno == EPIPE);
    done();
}

Test(tls_close, shutdown_before_the_handshake_is_over)
{
    tls_end_init(&client, &(struct tls_end_options){0}, NULL);
    cr_assert(tls_end_shutdown(&client, 1000) == LEAT_OK);
    cr_assert(client.wire.send_calls == 0);
    tls_end_done(&client);

    tls_end_init(&client, &(struct tls_end_options){0}, NULL);
    cr_assert(client.tls->ops->connect(client.tls, 1000) == LEATI_AGAIN);
    size_t calls = client.wire.send_calls;
    cr_assert(tls_end_shutdown(&client, 1000) == LEAT_OK);
    cr_assert(client.wire.send_calls == calls);
    cr_assert(client.tls->state == LEATI_LAYER_CLOSED);
    tls_end_done(&client);
}

Test(tls_close, a_damaged_record)
{
    FOR_EACH_VERSION(version)
    {
        start(version, 1000);
        cr_assert(read_byte() == LEATI_AGAIN);
        ssl_peer_write(&peer, &client.wire, "x", 1);
        client.wire.to_read.data[client.wire.to_read.len - 1] ^= 1;
        cr_assert(read_byte() == LEAT_E_TLS_ENGINE);
        cr_assert(client.failure.native_code == -0x7180, "%d", client.failure.native_code);
        cr_assert(peer.last_error == SSL_ERROR_SSL, "the peer got bad_record_mac");
        done();
    }
}

#ifndef LEAT_MBEDTLS_MENDED /* else: test_key_update.c */
Test(tls_close, key_update)
{
    start(TLS1_3_VERSION, 1000);
    cr_assert(read_byte() == LEATI_AGAIN);
    cr_assert(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    cr_assert(SSL_do_handshake(peer.ssl) == 1);
    ssl_peer_pump(&peer, &client.wire);
    cr_assert(read_byte() == LEAT_E_TLS_ENGINE);
    tls_end_expect_text(&client, "KeyUpdate");
    cr_assert(peer.last_error == SSL_ERROR_SSL, "the peer got unexpected_message");
    done();
}
#endif
