/* SPDX-License-Identifier: Apache-2.0 */
/** @file What a server, or an HTTP proxy, has answered instead of opening the WebSocket. */
#ifndef LEAT_TOOL_ANSWER_H
#define LEAT_TOOL_ANSWER_H

#include "json.h"

#include <leat/leat.h>

struct tool_answer {
    int status; /**< 0 = none came */
    char location[512], authenticate[256], proxy_authenticate[256], retry_after[64];
    char body[512]; /**< its beginning */
    bool body_is_cut;
};

/** Keeps what the refusal says; after `closed`. */
void tool_answer_take(const leat_websocket *ws, struct tool_answer *ret_answer);
/** Prints the headers that help and the first line of the body, one line each. */
void tool_answer_print(FILE *out, const struct tool_answer *answer, enum leat_language language);
/** The same as the members of one object; null if none came. */
void tool_answer_describe(struct tool_json *json, const char *name,
                          const struct tool_answer *answer);

#endif
