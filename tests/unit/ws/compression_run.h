/* SPDX-License-Identifier: Apache-2.0 */
/** @file Sessions with permessage-deflate. */
#ifndef TEST_WS_COMPRESSION_RUN_H
#define TEST_WS_COMPRESSION_RUN_H

#include "ws_stream.h"

static const size_t chunks[] = {0, 1, 7, 4096};

static const struct leati_deflate_params defaults = {.server_max_window_bits = 15,
                                                     .client_max_window_bits = 15};

static inline struct leati_ws_session_options with_deflate(bool is_server, size_t max_message_bytes)
{
    return (struct leati_ws_session_options){
        .is_server = is_server, .max_message_bytes = max_message_bytes, .deflate = &defaults};
}

/** Feeds a client's session (the streams are a server's frames). */
static inline struct seen_list client_run(const void *stream, size_t len, size_t limit,
                                          size_t chunk)
{
    const struct leati_ws_session_options options = with_deflate(false, limit);
    struct bytes bytes = {.data = (uint8_t *)(uintptr_t)stream, .len = len};

    return session_run_with(&options, &bytes, chunk);
}

#endif
