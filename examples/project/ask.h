/* SPDX-License-Identifier: Apache-2.0 */
/** @file What this program is about: one question, one answer, over WebSocket. */
#ifndef ASK_H
#define ASK_H

#include <leat/leat.h>

/**
 * Sends `question` to the server and waits for its first message.
 *
 * @param proxy NULL = none.
 * @param answer room for `size` bytes; a longer answer is cut. Written only on success.
 * @param ret_error filled whenever the call fails.
 * @return LEAT_OK or a code of leat.
 */
int ask(const char *url, const char *proxy, const char *question, char *answer, size_t size,
        struct leat_error *ret_error);

#endif
