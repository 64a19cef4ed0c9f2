/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A leat_websocket_server on a thread and a loop of its own, which does what the path of a request
 * says and writes down what happens:
 *
 *     /echo                   sends every message back; waits when the client does not read
 *     /close?code=C&reason=R  closes at once
 *     /ping?payload=P         sends a Ping, then as /echo
 *     /flood?count=N&size=M   sends N binary messages of M bytes, then as /echo
 *     /mute                   reads nothing
 *     /report                 keeps the last text message for server_seen.report
 *     anything else           404
 *
 * A request from the origin SERVER_RUN_UNWELCOME is answered with 403.
 */
#ifndef LEAT_TESTS_SUPPORT_SERVER_RUN_H
#define LEAT_TESTS_SUPPORT_SERVER_RUN_H

#include <leat/websocket_server.h>

#define SERVER_RUN_UNWELCOME "https://unwelcome.test"

struct server_run;

struct server_run_options {
    const char *host; /**< NULL = 127.0.0.1 */
    uint16_t port;    /**< 0 = a free one */
    const char *cert; /**< as certificate_path() takes it; NULL = ws */
    /** Further settings. Belongs to the caller. NULL = none. */
    void (*configure)(leat_config *config);
};

/** What has happened so far. */
struct server_seen {
    unsigned connected, closed, messages, refused;
    unsigned compressed; /**< connections that compress */
    uint64_t bytes;
    struct leat_close_event close; /**< the last one */
    char close_reason[128];
    struct leat_error error; /**< the last one of the callback `error` */
    char protocol[64];       /**< of the last connection */
    char origin[128];        /**< of the last request */
    char report[4096];
    /** What must not have happened, "" = nothing did. */
    char problem[256];
};

/** Starts a server. Fails the test if that is not possible. */
struct server_run *server_run_start(const struct server_run_options *options);
/** Frees it, with all its connections. NULL is allowed. */
void server_run_free(struct server_run *run);

uint16_t server_run_port(const struct server_run *run);

/** Calls leat_websocket_server_stop() on the server's thread and waits for it. */
void server_run_stop_listening(struct server_run *run);

void server_run_seen(struct server_run *run, struct server_seen *ret_seen);

/** Waits until `done`. @return false after CLIENT_RUN_TIMEOUT_MS. */
bool server_run_wait(struct server_run *run, bool (*done)(const struct server_seen *seen));

/** Waits until `count` connections have ended. Fails the test if they do not, or if there was a
 * problem. */
void server_run_until_closed(struct server_run *run, unsigned count);

#endif
