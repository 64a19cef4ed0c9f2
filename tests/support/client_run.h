/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A leat_websocket that writes down everything that happens to it, and a loop that runs until the
 * test has seen what it waits for.
 */
#ifndef LEAT_TESTS_SUPPORT_CLIENT_RUN_H
#define LEAT_TESTS_SUPPORT_CLIENT_RUN_H

#include "support/patience.h"

#include <leat/leat.h>

/** How long a test waits for something before it fails. */
#define CLIENT_RUN_TIMEOUT_MS PATIENCE_MS(5000)

/** One message or pong. */
struct client_message {
    enum leat_message_type type;
    uint8_t *data; /**< with a NUL behind it */
    size_t len;
};

struct client_run {
    const char *name; /**< what to call it in a failure */
    leat_loop *loop;
    leat_websocket *ws;
    leat_config
        *config;  /**< with the test's CA and short deadlines; to be changed before connect */
    bool is_live; /**< between connect and closed */
    unsigned opened_count;
    unsigned closed_count;
    unsigned writable_count;
    struct client_message *messages;
    size_t message_count;
    size_t message_bytes; /**< of all messages */
    struct client_message *pongs;
    size_t pong_count;
    /** Messages are counted, their data is not kept. */
    bool drop_messages;
    /** The close event; `reason` is a copy. */
    struct leat_close_event close;
    char close_reason[128];
    /** Every event of the trace, one in a line: "end tls 0 TLSv1.3 ...". */
    char *trace;
    size_t trace_len;
    /** Called in the callback that its name says, after it has been written down. */
    void (*on_event)(struct client_run *run, const char *callback);
    void *user;
};

/** Makes loop, client and configuration. Fails the test if it cannot. */
void client_run_init(struct client_run *run);
/** Frees everything; what is NULL is skipped. */
void client_run_done(struct client_run *run);

/** Calls leat_websocket_connect(). @return its result. */
int client_run_connect(struct client_run *run, const char *url);

/** Runs the loop until `done(run)` or the time is over. @return done(run). */
bool client_run_until(struct client_run *run, bool (*done)(const struct client_run *run));
/** The same with the usual ends; each fails the test if the time is over. */
void client_run_until_opened(struct client_run *run); /* also if it closes instead */
void client_run_until_closed(struct client_run *run);
void client_run_until_messages(struct client_run *run, size_t count);

/** Connects and waits until it is, or was, open. Fails the test otherwise, with the error's text.
 */
void client_run_open(struct client_run *run, const char *url);
/** Connects and waits for the end, which comes without `opened`. Fails the test otherwise.
 * @return the error's code. */
int client_run_refused(struct client_run *run, const char *url);
/** Closes with 1000 and waits for the end, which must be in order. */
void client_run_close(struct client_run *run);

/** Sends a text and waits for it to come back as the next message. */
void client_run_echo(struct client_run *run, const char *text);

/** A configuration with the test's CA and short deadlines. */
leat_config *client_config_new(void);

#endif
