/* SPDX-License-Identifier: Apache-2.0 */
/** @file What has happened, as far as it can be told, and what helps then (situations.def). */
#ifndef LEAT_TOOL_SITUATION_H
#define LEAT_TOOL_SITUATION_H

#include "answer.h"

#include <leat/catalogue.h>

/** A failure, and what is known beside its error. */
struct tool_story {
    const struct leat_error *error;
    const struct tool_answer *answer; /**< of the server or HTTP proxy; NULL = nothing is kept */
    bool was_open;                    /**< so that this is the end of a WebSocket */
    bool is_secure;                   /**< wss:// */
    bool is_of_proxy;                 /**< what failed is the way to a proxy, or TLS with it */
};

enum tool_situation {
    TOOL_SITUATION_OTHER, /**< nothing more precise than the code */
#define SITUATION(name, ...) TOOL_SITUATION_##name,
#include "situations.def"
#undef SITUATION
};

enum tool_situation tool_situation_of(const struct tool_story *story);
/** How an open WebSocket was closed in order, by its close code (RFC 6455 section 7.4.1). What
 * applications define for themselves is CLOSED_OTHER. */
enum tool_situation tool_situation_of_close(unsigned close_code);

/** What stands instead of the message of a code; "" = the message does. Static. */
const char *tool_situation_heading(enum tool_situation situation, enum leat_language language);
/** One cause a line, "" of OTHER. Static. */
const char *tool_situation_causes(enum tool_situation situation, enum leat_language language);
/** One remedy a line, "" of OTHER. Static. */
const char *tool_situation_remedies(enum tool_situation situation, enum leat_language language);

#endif
