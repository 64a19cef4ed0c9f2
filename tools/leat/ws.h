/* SPDX-License-Identifier: Apache-2.0 */
/** @file The inside of `leat ws`: options in ws.c, the connection in ws_session.c, what goes out in
 * ws_input.c, what is printed in ws_output.c. */
#ifndef LEAT_TOOL_WS_H
#define LEAT_TOOL_WS_H

#include "connection.h"
#include "json.h"
#include "line_editor.h"
#include "situation.h"

#include <leat/leat.h>

/** What messages are sent from, in the order of the command line. */
struct ws_source {
    bool is_file;
    const char *value; /**< the text of the message, or the file's path, "-" = standard input */
    int fd;            /**< of a file */
    bool may_wait;     /**< it is no regular file: a terminal, a pipe, a FIFO */
    struct ws_source *next;
};

struct ws_options {
    struct ws_source *sources; /**< empty: the lines of standard input */
    bool text, binary, hex, stream, null, receive_only;
    bool json, trace, traces_payload, quiet, verbose, no_history;
    bool pings, reconnects, keep, linger_is_set;
    uint32_t count, linger_ms, ping_ms, reconnect_max;
    uint16_t close_code;
    const char *close_reason;
};

/** What waits to be sent. */
struct ws_input {
    char *data;
    size_t used, len, cap; /**< the bytes from `used` to `len` wait */
    uint64_t line_count;
    bool ended;        /**< nothing comes behind what waits */
    bool part_is_open; /**< of a message that is sent in parts */
    bool source_is_read;
};

enum { WS_PINGS_MAX = 16 };

struct ws_kept;

struct ws {
    struct tool_connection connection;
    struct ws_options options;
    const struct tool_command *command;
    const char *url;
    const char *separator; /**< behind a message that is printed; "" for binary ones */
    bool prints_on_terminal;
    bool is_interactive; /**< a person types lines and reads messages */
    bool says_status;
    bool says_asked; /**< what --ping and --reconnect have to say */

    leat_loop *loop;
    leat_websocket *ws;
    leat_timer *linger_timer, *ping_timer, *reconnect_timer, *end_timer;
    leat_reconnect *reconnect;
    int signal_fd;
    struct tool_line_editor *editor;

    bool open;
    bool was_open;
    bool blocked; /**< the send queue is full: input waits */
    bool closing; /**< our own wish */
    bool ended;   /**< for good */
    bool input_is_readable;
    int end_signal;
    bool output_failed;
    bool pipe_is_broken;
    int status; /**< of what went wrong here, TOOL_EXIT_OK = nothing */
    uint64_t start_us;
    uint64_t sent_count;
    uint64_t received_count;
    uint64_t ping_us[WS_PINGS_MAX]; /**< when the Ping of that number, modulo, left */
    uint64_t ping_number;
    size_t part_bytes; /**< of the message that is being printed */
    struct ws_input input;
    struct ws_kept *kept, **kept_end; /**< of --keep: what is queued, in order */
    size_t kept_bytes;
    struct tool_json json;
    struct leat_error error;
    struct tool_answer answer; /**< of a refusal */
    struct leat_close_event close;
    char close_reason[124]; /**< 123 bytes at most (RFC 6455 section 5.5), and a NUL */
};

/* ---- ws_session.c -------------------------------------------------------------------------- */

/** Connects, sends, receives, until the end. */
int ws_run(struct ws *s);
void ws_done(struct ws *s);
/** What is known of the failure that it ended with. */
struct tool_story ws_story(const struct ws *s);
/** Closes as the options say. */
void ws_close(struct ws *s);
/** Something other than the connection went wrong: says so, and closes. */
void ws_fail(struct ws *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Everything that is to be sent has been queued. */
void ws_input_ended(struct ws *s);

/* ---- ws_input.c ---------------------------------------------------------------------------- */

/** Opens the files. @return TOOL_EXIT_OK; otherwise what is wrong is said. */
int ws_input_open(struct ws *s);
void ws_input_done(struct ws *s);
/** The descriptor that is to be read when it is ready; -1: none now. */
int ws_input_fd(const struct ws *s);
/** Standard input is readable. */
void ws_input_read(struct ws *s);
/** Sends what waits, as far as the send queue takes it. */
void ws_input_pump(struct ws *s);
/** Sends a line that was typed; it waits in the input if the queue is full. */
void ws_input_line(struct ws *s, const char *line, size_t len);

/* ---- ws_keep.c ------------------------------------------------------------------------------ */

/** With --keep: notes what has been queued. */
void ws_keep_add(struct ws *s, enum leat_message_type type, const void *data, size_t len);
/** Forgets what has been written. */
void ws_keep_settle(struct ws *s);
/** Queues in a new connection what the last one has not written. */
void ws_keep_resend(struct ws *s);
void ws_keep_done(struct ws *s);

/* ---- ws_output.c --------------------------------------------------------------------------- */

uint64_t ws_now_us(void);
void ws_print_part(struct ws *s, enum leat_message_type type, const uint8_t *data, size_t len,
                   bool is_first, bool is_last);
void ws_print_opened(struct ws *s);
void ws_print_sent(struct ws *s, enum leat_message_type type, size_t len);
void ws_print_pong(struct ws *s, bool is_answer, uint64_t round_trip_us);
void ws_print_reconnect(struct ws *s, uint32_t delay_ms);
void ws_print_closed(struct ws *s, const struct leat_close_event *event);
void ws_print_trace(struct ws *s, const struct leat_trace_event *event);
/** With --trace=payload: what a message, or a Pong, holds. */
void ws_print_payload(struct ws *s, bool is_sent, enum leat_message_type type, const uint8_t *data,
                      size_t len);
/** What was asked for by --ping or --reconnect: on standard error, also where it is no terminal. */
void ws_tell(struct ws *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Status, for a person: on standard error, if anywhere. */
void ws_say(struct ws *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Writes out what was printed, and puts the line that is being typed back. */
void ws_flush(struct ws *s);

#endif
