/* SPDX-License-Identifier: Apache-2.0 */
/* What a program may do inside the callbacks of a server: free it, stop it, close or free the
 * connection, in every one of them. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/raw_socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

INTEGRATION_SUITE(server_callbacks);

static const char *const callbacks[] = {"request",     "connected",       "server message",
                                        "server part", "server writable", "server closed",
                                        "error"};

/* What to do, once, and in which callback. */
struct plan {
    const char *callback;
    void (*act)(struct both_ends *ends);
    bool done;
};

/* It is borrowed until the callback returns, whatever has happened to its connection. */
static void request_expect(const struct leat_upgrade_request *request)
{
    const char *host = request->header(request, "Host");
    const char *upgrade = request->header(request, "Upgrade");
    cr_expect(strcmp(request->target, "/") == 0 || strcmp(request->target, "/echo") == 0, "%s",
              request->target);
    cr_expect(host && strcmp(request->host, host) == 0, "%s", request->host);
    cr_expect(upgrade && strcmp(upgrade, "websocket") == 0);
}

static void plan_event(struct both_ends *ends, const char *callback)
{
    static const char filling[1000];
    struct plan *plan = ends->user;
    if (strcmp(callback, "server message") == 0 && ends->connection) {
        /* Fills the queue, so that `writable` follows. */
        while (leat_websocket_send(ends->connection, LEAT_MESSAGE_BINARY, filling,
                                   sizeof(filling)) == LEAT_OK) {
        }
    }
    if (strcmp(callback, plan->callback) == 0 && !plan->done) {
        plan->done = true;
        plan->act(ends);
    }
    if (ends->request)
        request_expect(ends->request);
}

static void act_free(struct both_ends *ends)
{
    leat_websocket_server_free(ends->server);
    ends->server = NULL;
    ends->connection = NULL;
}

static void act_stop(struct both_ends *ends)
{
    cr_expect(leat_websocket_server_stop(ends->server) == LEAT_OK);
    cr_expect(leat_websocket_server_get_port(ends->server) == 0);
}

static void act_close(struct both_ends *ends)
{
    if (ends->connection) {
        int code = leat_websocket_close(ends->connection, 4000, "enough");
        cr_expect(code == LEAT_OK, "%d", code);
    }
}

static void act_free_connection(struct both_ends *ends)
{
    leat_websocket_free(ends->connection);
}

static void act_pause(struct both_ends *ends)
{
    if (ends->connection) {
        leat_websocket_pause(ends->connection);
        leat_websocket_resume(ends->connection);
    }
}

static bool is_over(const struct both_ends *ends)
{
    return ends->closed > 0;
}

/* A connection with a message and its end, and one that is refused. */
static void act_inside(const char *callback, void (*act)(struct both_ends *ends))
{
    struct plan plan = {.callback = callback, .act = act};
    struct both_ends ends;
    both_ends_init(&ends);
    ends.server_in_parts = strcmp(callback, "server part") == 0;
    ends.on_event = plan_event;
    ends.user = &plan;
    cr_assert(leat_config_set_send_queue_limit(ends.server_config, 5000) == LEAT_OK);
    both_ends_listen(&ends);
    if (strcmp(callback, "error") == 0) {
        int fd = raw_connect(NULL, ends.port);
        cr_assert(raw_send(fd, "nonsense\r\n\r\n", 12));
        close(fd);
        while (!plan.done)
            cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
    }
    cr_assert(both_ends_make_client(&ends) == LEAT_OK);
    cr_assert(leat_websocket_post(ends.client, LEAT_MESSAGE_TEXT, "hello", 5) == LEAT_OK);
    both_ends_connect(&ends, "/");
    for (int rounds = 0; ends.closed == 0 && rounds < 200; ++rounds) {
        cr_assert(leat_loop_dispatch(ends.loop, 10) == LEAT_OK);
        bool heard = ends.at_server.messages > 0 || ends.at_server.parts > 0;
        if (ends.opened > 0 && ends.closed == 0 && heard && rounds % 20 == 19)
            cr_assert(leat_websocket_close(ends.client, 1000, NULL) == LEAT_OK);
    }
    cr_assert(both_ends_until(&ends, is_over), "%s: the client's connection does not end",
              callback);
    for (int i = 0; i < 5; ++i)
        cr_assert(leat_loop_dispatch(ends.loop, 20) == LEAT_OK);
    cr_expect(plan.done, "%s has not been called", callback);
    cr_expect(!ends.server || ends.server_closed == ends.connected, "%s: %u of %u", callback,
              ends.server_closed, ends.connected);
    both_ends_done(&ends);
}

static void act_everywhere(void (*act)(struct both_ends *ends))
{
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); ++i)
        act_inside(callbacks[i], act);
}

Test(server_callbacks, free_the_server)
{
    act_everywhere(act_free);
}

Test(server_callbacks, stop_the_server)
{
    act_everywhere(act_stop);
}

Test(server_callbacks, close_the_connection)
{
    act_everywhere(act_close);
}

Test(server_callbacks, free_the_connection)
{
    act_everywhere(act_free_connection);
}

Test(server_callbacks, pause_and_resume)
{
    act_everywhere(act_pause);
}

/* ---- starting again inside
 * ----------------------------------------------------------------------- */

static void act_restart(struct both_ends *ends)
{
    if (leat_websocket_server_get_port(ends->server) != 0)
        cr_expect(leat_websocket_server_stop(ends->server) == LEAT_OK);
    int code = leat_websocket_server_start(ends->server, "127.0.0.1", 0, ends->server_config);
    cr_expect(code == LEAT_OK || code == LEAT_E_WS_EXISTS, "%d", code);
}

Test(server_callbacks, stop_and_start_the_server)
{
    act_everywhere(act_restart);
}

/* In `closed` of the last connection the way is free. */
Test(server_callbacks, start_again_in_the_last_closed)
{
    struct plan plan = {.callback = "server closed", .act = act_restart};
    struct both_ends ends;
    both_ends_init(&ends);
    ends.on_event = plan_event;
    ends.user = &plan;
    both_ends_open(&ends);
    cr_assert(leat_websocket_close(ends.client, 1000, NULL) == LEAT_OK);
    both_ends_until_closed(&ends);
    both_ends_until_server_closed(&ends);
    ends.port = leat_websocket_server_get_port(ends.server);
    cr_assert(ends.port != 0);
    ends.opened = ends.connected = ends.closed = ends.server_closed = 0;
    both_ends_connect(&ends, "/");
    while (ends.connected == 0 && ends.closed == 0)
        cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
    cr_expect(ends.connected == 1);
    both_ends_done(&ends);
}

struct reconnector {
    leat_websocket *connection;
    char url[64];
    int code;
    struct leat_error error;
};

static void connect_from_server(struct both_ends *ends, const char *callback)
{
    struct reconnector *reconnector = ends->user;
    if (strcmp(callback, "server closed") != 0)
        return;
    reconnector->code = leat_websocket_connect(reconnector->connection, reconnector->url, NULL);
    leat_websocket_get_error(reconnector->connection, &reconnector->error);
}

/* It is freed behind `closed`: whoever connects it would never hear what has become of it. */
Test(server_callbacks, a_connection_does_not_connect)
{
    struct reconnector reconnector = {.code = LEAT_OK};
    struct both_ends ends;
    both_ends_init(&ends);
    both_ends_open(&ends);
    ends.on_event = connect_from_server;
    ends.user = &reconnector;
    reconnector.connection = ends.connection;
    snprintf(reconnector.url, sizeof(reconnector.url), "ws://127.0.0.1:%u/", ends.port);
    cr_assert(leat_websocket_close(ends.client, 1000, NULL) == LEAT_OK);
    both_ends_until_server_closed(&ends);
    cr_expect(reconnector.code == LEAT_E_WS_EXISTS, "%d", reconnector.code);
    cr_expect(reconnector.error.code == LEAT_E_WS_EXISTS, "%d", reconnector.error.code);
    both_ends_done(&ends);
}

/* ---- other servers and connections of the same loop
 * ---------------------------------------------- */

static void act_close_all(struct both_ends *ends)
{
    leat_websocket *list[8];
    size_t count = leat_websocket_server_list(ends->server, list, 8);
    for (size_t i = 0; i < count; ++i)
        leat_websocket_free(list[i]);
}

/* One connection's callback ends all the others, which may be due in the same round. */
Test(server_callbacks, free_all_connections_inside_one)
{
    struct plan plan = {.callback = "server closed", .act = act_close_all};
    struct both_ends ends;
    int fds[6];
    both_ends_init(&ends);
    ends.on_event = plan_event;
    ends.user = &plan;
    both_ends_listen(&ends);
    for (unsigned i = 0; i < 6; ++i) {
        fds[i] = raw_connect(NULL, ends.port);
        cr_assert(raw_send(fds[i], RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
        while (ends.connected == i)
            cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
    }
    for (unsigned i = 0; i < 6; ++i)
        close(fds[i]);
    while (ends.server_closed < 6)
        cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
    cr_expect(leat_websocket_server_list(ends.server, NULL, 0) == 0);
    both_ends_done(&ends);
}
