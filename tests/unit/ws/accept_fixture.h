/* SPDX-License-Identifier: Apache-2.0 */
/** @file Requests for the server's handshake. */
#ifndef TEST_WS_ACCEPT_FIXTURE_H
#define TEST_WS_ACCEPT_FIXTURE_H

#include "upgrade_fixture.h"
#include "ws/accept_engine.h"

/** A valid request; `extra` are further fields, each with its CRLF. */
#define REQUEST_WITH(extra)                                                                        \
    "GET /chat?room=1 HTTP/1.1\r\n"                                                                \
    "Host: server.example.com:8080\r\n"                                                            \
    "Upgrade: websocket\r\n"                                                                       \
    "Connection: keep-alive, Upgrade\r\n"                                                          \
    "Sec-WebSocket-Key: " EXAMPLE_KEY "\r\n"                                                       \
    "Sec-WebSocket-Version: 13\r\n" extra "\r\n"

/** What it is answered with; `extra` are further fields. */
#define SWITCH_WITH(extra)                                                                         \
    "HTTP/1.1 101 Switching Protocols\r\n"                                                         \
    "Upgrade: websocket\r\n"                                                                       \
    "Connection: Upgrade\r\n"                                                                      \
    "Sec-WebSocket-Accept: " EXAMPLE_ACCEPT "\r\n" extra "\r\n"

static inline struct leati_ws_accept_options example_accept_options(void)
{
    return (struct leati_ws_accept_options){.timeout_ms = 5000, .sha1 = reference_sha1};
}

#endif
