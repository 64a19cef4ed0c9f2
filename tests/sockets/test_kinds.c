/* SPDX-License-Identifier: Apache-2.0 */
/* What every stream socket promises, whatever its bytes go through: TCP, TLS, local. */
#include "kinds.h"

#include <leat/websocket_server.h>

#include "support/alloc_failure.h"
#include "support/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One case, run for each kind. */
#define CASE(name)                                                                                 \
    static void name(void);                                                                        \
    Test(tcp_kind, name, .fini = ends_done, .timeout = 60)                                         \
    {                                                                                              \
        ends_init(&kind_tcp);                                                                      \
        name();                                                                                    \
    }                                                                                              \
    Test(tls_kind, name, .fini = ends_done, .timeout = 60)                                         \
    {                                                                                              \
        ends_init(&kind_tls);                                                                      \
        name();                                                                                    \
    }                                                                                              \
    Test(local_kind, name, .fini = ends_done, .timeout = 60)                                       \
    {                                                                                              \
        ends_init(&kind_local);                                                                    \
        name();                                                                                    \
    }                                                                                              \
    static void name(void)

static void check_refused(int result, int code)
{
    struct leat_error error;

    cr_assert_eq(result, code, "%d", result);
    ends.kind->get_error(ends.client, &error);
    cr_assert_eq(error.code, code);
    cr_assert_str_neq(error.text, "");
}

static void check_flags(struct leat_socket_state state, bool is_bound, bool is_connected,
                        bool is_close)
{
    cr_assert_eq(state.is_bound, is_bound);
    cr_assert_eq(state.is_connected, is_connected);
    cr_assert_eq(state.is_close, is_close);
}

static void check_state(bool is_bound, bool is_connected, bool is_close)
{
    struct leat_socket_state state;

    ends.kind->get_state(ends.client, &state);
    check_flags(state, is_bound, is_connected, is_close);
}

static void check_server_state(bool is_bound, bool is_connected, bool is_close)
{
    struct leat_socket_state state;

    ends.kind->server_get_state(ends.server, &state);
    check_flags(state, is_bound, is_connected, is_close);
}

/* ---- there and back ---------------------------------------------------------------- */

CASE(an_echo)
{
    const struct kind *kind = ends.kind;

    ends.echo = true;
    check_state(false, false, true);
    cr_assert_eq(kind->fd(ends.client), -1);
    ends_open();
    check_state(true, true, false);
    cr_assert_geq(kind->fd(ends.client), 0);
    cr_assert_eq(kind->send(ends.client, "hello ", 6), LEAT_OK);
    cr_assert_eq(kind->send(ends.client, "world", 5), LEAT_OK);
    run_until_received(11);
    cr_assert_str_eq(run.received, "hello world");
    cr_assert_eq(kind->buffered(ends.client), 0);
    cr_assert_eq(kind->close(ends.client), LEAT_OK);
    ends_until_closed();
    run_until("client 1 closed");
    check_state(false, false, true);
    cr_assert_null(strstr(run.log, "error"), "%s", run.log);
}

CASE(it_connects_again_after_closed)
{
    for (int i = 0; i < 3; i++) {
        ends_open();
        cr_assert_eq(ends.kind->close(ends.connection), LEAT_OK);
        ends_until_closed();
        run_until(i == 0 ? "client 1 closed" : i == 1 ? "client 2 closed" : "client 3 closed");
        cr_assert_null(strstr(run.log, "error"), "%s", run.log);
        run.log[run.log_len = 0] = '\0';
    }
}

CASE(much_data_there_and_back)
{
    enum { SIZE = 4 << 20, PARTS = 16 };
    uint8_t *data = malloc(SIZE);

    ends.echo = true;
    ends_open();
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < PARTS; i++)
        cr_assert_eq(ends.kind->send(ends.client, data + i * (SIZE / PARTS), SIZE / PARTS),
                     LEAT_OK);
    run_until_received(SIZE);
    cr_assert_eq(run.received_total, SIZE);
    cr_assert_eq(memcmp(run.received, data, run.received_len), 0);
    cr_assert_eq(ends.kind->buffered(ends.client), 0);
    free(data);
}

CASE(bound_before_it_connects)
{
    const struct kind *kind = ends.kind;

    cr_assert_eq(kind->bind(ends.client), LEAT_OK);
    check_state(true, false, false);
    check_refused(kind->bind(ends.client), kind->errno_base + EINVAL);
    ends_open();
    check_state(true, true, false);
    cr_assert_eq(kind->close(ends.client), LEAT_OK);
    ends_until_closed();
    check_state(false, false, true);

    /* Only bound, it closes at once. */
    cr_assert_eq(kind->bind(ends.client), LEAT_OK);
    cr_assert_eq(kind->close(ends.client), LEAT_OK);
    check_state(false, false, true);
    cr_assert_eq(kind->close(ends.client), kind->errno_base + EBADF);
}

/* ---- misuse ------------------------------------------------------------------------ */

CASE(use_in_the_wrong_state)
{
    const struct kind *kind = ends.kind;

    cr_assert_eq(kind->send(ends.client, "x", 1), kind->errno_base + ENOTCONN);
    cr_assert_eq(kind->close(ends.client), kind->errno_base + ENOTCONN);
    cr_assert_eq(kind->id(ends.client), 0);
    kind->pause(ends.client);
    kind->resume(ends.client);
    cr_assert_eq(kind->server_close(ends.server), kind->errno_base + EBADF);
    run_some();
    run_check_log("");

    ends_open();
    check_refused(kind->connect(ends.client), kind->errno_base + EISCONN);
    check_refused(kind->bind(ends.client), kind->errno_base + EINVAL);
    cr_assert_eq(kind->listen(ends.server), kind->errno_base + EINVAL);
    cr_assert_eq(kind->connect(ends.connection), kind->errno_base + EISCONN);
    cr_assert_eq(kind->bind(ends.connection), kind->errno_base + EINVAL);
    cr_assert_eq(kind->send(ends.client, NULL, 1), LEAT_E_PARAMETER);
    cr_assert_eq(kind->send(ends.client, NULL, 0), LEAT_OK);
    cr_assert_eq(kind->close(ends.client), LEAT_OK);
    cr_assert_eq(kind->close(ends.client), LEAT_OK, "still closing");
    cr_assert_eq(kind->send(ends.client, "x", 1), kind->errno_base + EBADF);
    ends_until_closed();
    cr_assert_eq(kind->close(ends.client), kind->errno_base + EBADF);
    cr_assert_eq(kind->send(ends.client, "x", 1), kind->errno_base + EBADF);
}

CASE(nobody_is_no_object)
{
    const struct kind *kind = ends.kind;

    cr_assert_eq(kind->connect(NULL), LEAT_E_PARAMETER);
    cr_assert_eq(kind->bind(NULL), LEAT_E_PARAMETER);
    cr_assert_eq(kind->send(NULL, "x", 1), LEAT_E_PARAMETER);
    cr_assert_eq(kind->close(NULL), LEAT_E_PARAMETER);
    cr_assert_eq(kind->listen(NULL), LEAT_E_PARAMETER);
    cr_assert_eq(kind->server_close(NULL), LEAT_E_PARAMETER);
    cr_assert_eq(kind->new (NULL, &(void *){NULL}), LEAT_E_PARAMETER);
    cr_assert_eq(kind->server_new(NULL, &(void *){NULL}), LEAT_E_PARAMETER);
    cr_assert_eq(kind->fd(NULL), -1);
    cr_assert_eq(kind->buffered(NULL), 0);
    cr_assert_eq(kind->id(NULL), 0);
    cr_assert_null(kind->data(NULL));
    cr_assert_eq(kind->server_fd(NULL), -1);
    cr_assert_eq(kind->count(NULL), 0);
    cr_assert_null(kind->find(NULL, 1));
    kind->pause(NULL);
    kind->resume(NULL);
    kind->set_data(NULL, NULL);
    kind->free(NULL);
    kind->server_free(NULL);
}

/* ---- ends -------------------------------------------------------------------------- */

CASE(close_sends_what_is_queued)
{
    enum { SIZE = 1 << 20 };
    char *data = calloc(1, SIZE);

    cr_assert_eq(leat_config_set_phase_timeout(run.config, LEAT_PHASE_CLOSE, 20000), LEAT_OK);
    ends_open();
    cr_assert_eq(ends.kind->send(ends.client, data, SIZE), LEAT_OK);
    cr_assert_eq(ends.kind->close(ends.client), LEAT_OK);
    ends_until_closed();
    run_until("client 1 closed");
    cr_assert_eq(ends.server_received, SIZE);
    cr_assert_null(strstr(run.log, "error"), "%s", run.log);
    free(data);
}

CASE(nothing_is_delivered_after_close)
{
    ends_open();
    cr_assert_eq(ends.kind->send(ends.connection, "late", 4), LEAT_OK);
    cr_assert_eq(ends.kind->close(ends.client), LEAT_OK);
    ends_until_closed();
    cr_assert_eq(run.received_total, 0);
}

/* The peer takes nothing: the deadline of close says that bytes were lost. */
CASE(close_has_a_deadline)
{
    enum { SIZE = 8 << 20 };
    char *data = calloc(1, SIZE);

    ends_open();
    ends.kind->pause(ends.connection);
    cr_assert_eq(ends.kind->send(ends.client, data, SIZE), LEAT_OK);
    cr_assert_eq(ends.kind->close(ends.client), LEAT_OK);
    ends_until_closed();
    cr_assert_not_null(strstr(run.log, "; error "), "%s", run.log);
    cr_assert_eq(run.error.code, ends.kind->stalled);
    cr_assert_eq(run.error.sys_errno, ETIMEDOUT);
    free(data);
}

CASE(a_peer_that_takes_nothing)
{
    enum { SIZE = 8 << 20 };
    char *data = calloc(1, SIZE);

    ends_open();
    ends.kind->pause(ends.connection);
    cr_assert_eq(ends.kind->set_timeout(ends.client, 60), LEAT_OK);
    cr_assert_eq(ends.kind->send(ends.client, data, SIZE), LEAT_OK);
    ends_until_closed();
    cr_assert_eq(run.error.code, ends.kind->stalled);
    free(data);
}

/* ---- flow -------------------------------------------------------------------------- */

/* Sends until something is refused; its size. */
static size_t fill_queue(void *from, const void *data, size_t len)
{
    int code;

    do {
        code = ends.kind->send(from, data, len);
        cr_assert_eq(leat_loop_dispatch(run.loop, 0), LEAT_OK);
    } while (code == LEAT_OK);
    cr_assert_eq(code, ends.kind->full, "%d", code);
    return ends.kind->buffered(from);
}

CASE(the_queue_has_a_limit)
{
    enum { PART = 64 << 10 };
    static char part[PART];
    const struct kind *kind = ends.kind;

    cr_assert_eq(leat_config_set_send_queue_limit(run.config, 4 * PART), LEAT_OK);
    ends_open();
    for (int i = 0; i < 2; i++) {
        void *from = i == 0 ? ends.client : ends.connection;
        void *to = i == 0 ? ends.connection : ends.client;
        kind->pause(to);
        cr_assert_leq(fill_queue(from, part, sizeof(part)), 4 * PART);
        cr_assert_null(strstr(run.log, i == 0 ? "writable" : "client 1 writable"));
        kind->resume(to);
        run_until(i == 0 ? "writable" : "client 1 writable");
        cr_assert_leq(kind->buffered(from), 2 * PART);
        cr_assert_eq(kind->send(from, part, sizeof(part)), LEAT_OK);
    }
}

/* Who was refused much is told when there is room for that much, not of half of it. */
CASE(writable_means_room_for_what_was_refused)
{
    enum { PART = 64 << 10 };
    static char much[15 * PART];

    cr_assert_eq(leat_config_set_send_queue_limit(run.config, 16 * PART), LEAT_OK);
    ends_open();
    ends.kind->pause(ends.connection);
    fill_queue(ends.client, much, PART);
    cr_assert_eq(ends.kind->send(ends.client, much, sizeof(much)), ends.kind->full);
    ends.act_at = "writable";
    ends.act = KIND_SEND;
    ends.act_result = -1;
    ends.send = much;
    ends.send_len = sizeof(much);
    ends.kind->resume(ends.connection);
    run_until("writable");
    cr_assert_eq(ends.act_result, LEAT_OK);
}

CASE(paused)
{
    const struct kind *kind = ends.kind;

    ends_open();
    kind->pause(ends.client);
    cr_assert_eq(kind->send(ends.connection, "kept", 4), LEAT_OK);
    run_some();
    cr_assert_eq(run.received_total, 0);
    ends.act_at = "message"; /* a pause in a callback holds what comes behind it */
    ends.act = KIND_PAUSE;
    kind->resume(ends.client);
    run_until_received(4);
    cr_assert_eq(kind->send(ends.connection, ", too", 5), LEAT_OK);
    cr_assert_eq(kind->close(ends.connection), LEAT_OK);
    run_some();
    cr_assert_eq(run.received_total, 4);
    cr_assert_null(strstr(run.log, "; closed"), "%s", run.log);
    kind->resume(ends.client);
    ends_until_closed();
    cr_assert_str_eq(run.received, "kept, too");
}

/* ---- inside of callbacks ----------------------------------------------------------- */

static const char *const callbacks[] = {"connected", "message", "writable", "error", "closed"};

/* Does what brings about the callback of the client. */
static void provoke(const char *callback)
{
    static char part[1 << 20];
    const struct kind *kind = ends.kind;

    if (strcmp(callback, "message") == 0) {
        cr_assert_eq(kind->send(ends.connection, "x", 1), LEAT_OK);
    } else if (strcmp(callback, "writable") == 0) {
        while (kind->send(ends.client, part, sizeof(part)) == LEAT_OK)
            continue;
    } else if (strcmp(callback, "error") == 0) {
        cr_assert_eq(kind->set_timeout(ends.client, 20), LEAT_OK);
        kind->pause(ends.connection);
        for (int i = 0; i < 8; i++)
            cr_assert_eq(kind->send(ends.client, part, sizeof(part)), LEAT_OK);
    } else if (strcmp(callback, "closed") == 0) {
        cr_assert_eq(kind->close(ends.connection), LEAT_OK);
    }
}

static void open_and_provoke(const char *callback, enum kind_act act)
{
    if (!ends.client)
        cr_assert_eq(ends.kind->new (run.loop, &ends.client), LEAT_OK);
    ends.connection = NULL;
    ends.act_at = callback;
    ends.act = act;
    if (ends.kind->server_fd(ends.server) < 0)
        cr_assert_eq(ends.kind->listen(ends.server), LEAT_OK);
    cr_assert_eq(ends.kind->connect(ends.client), LEAT_OK);
    run_until("connected");
    if (ends.client)
        while (!ends.connection)
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
    if (ends.client)
        provoke(callback);
}

CASE(freed_in_each_callback)
{
    for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
        open_and_provoke(callbacks[i], KIND_FREE);
        while (ends.client)
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
        while (ends.kind->count(ends.server) > 0) {
            ends.kind->resume(ends.connection);
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
        }
        ends_forget();
    }
}

CASE(closed_in_each_callback)
{
    for (size_t i = 0; i < 3; i++) {
        open_and_provoke(callbacks[i], KIND_CLOSE);
        while (ends.closed_count <= i)
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
        cr_assert_eq(ends.act_result, LEAT_OK);
        while (ends.kind->count(ends.server) > 0)
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
        ends_forget();
    }
}

CASE(connects_again_in_closed_but_not_in_error)
{
    open_and_provoke("error", KIND_CONNECT);
    ends_until_closed();
    cr_assert_eq(ends.act_result, ends.kind->errno_base + EISCONN);
    run.log[run.log_len = 0] = '\0';
    open_and_provoke("closed", KIND_CONNECT);
    ends_until_closed();
    cr_assert_eq(ends.act_result, LEAT_OK);
    run.log[run.log_len = 0] = '\0';
    run_until("connected");
}

CASE(freed_while_connecting)
{
    cr_assert_eq(ends.kind->listen(ends.server), LEAT_OK);
    cr_assert_eq(ends.kind->connect(ends.client), LEAT_OK);
    ends.kind->free(ends.client);
    ends.client = NULL;
    ends_forget();
}

CASE(closed_while_connecting)
{
    cr_assert_eq(ends.kind->listen(ends.server), LEAT_OK);
    cr_assert_eq(ends.kind->connect(ends.client), LEAT_OK);
    cr_assert_eq(ends.kind->close(ends.client), LEAT_OK);
    cr_assert_eq(run.log_len, 0, "not inside of the call");
    ends_until_closed();
    cr_assert_null(strstr(run.log, "connected"), "%s", run.log);
}

/* ---- the server --------------------------------------------------------------------- */

CASE(listening_and_not)
{
    const struct kind *kind = ends.kind;

    check_server_state(false, false, true);
    cr_assert_eq(kind->server_fd(ends.server), -1);
    cr_assert_eq(kind->listen(ends.server), LEAT_OK);
    check_server_state(true, false, false);
    ends_open();
    check_server_state(true, true, false);
    cr_assert_eq(kind->server_close(ends.server), LEAT_OK);
    check_server_state(false, true, true);
    ends_until_closed();
    run_until("client 1 closed");
    check_server_state(false, false, true);
    ends_open(); /* it listens again */
}

CASE(connections_have_numbers)
{
    enum { COUNT = 3 };
    const struct kind *kind = ends.kind;
    static const char *const told[] = {"client 1", "client 2", "client 3"};
    void *clients[COUNT];
    int mine;

    cr_assert_eq(kind->listen(ends.server), LEAT_OK);
    for (int i = 0; i < COUNT; i++) {
        if (!ends.client)
            cr_assert_eq(kind->new (run.loop, &ends.client), LEAT_OK);
        cr_assert_eq(kind->connect(ends.client), LEAT_OK);
        run_until("connected");
        run_until(told[i]);
        run.log[run.log_len = 0] = '\0';
        clients[i] = ends.client;
        ends.client = NULL;
    }
    cr_assert_eq(kind->count(ends.server), COUNT);
    for (uint64_t id = 1; id <= COUNT; id++)
        cr_assert_eq(kind->id(kind->find(ends.server, id)), id);
    cr_assert_null(kind->find(ends.server, 0));
    cr_assert_null(kind->find(ends.server, COUNT + 1));
    cr_assert_null(kind->data(ends.connection));
    kind->set_data(ends.connection, &mine);
    cr_assert_eq(kind->data(ends.connection), &mine);

    ends.client = clients[2];
    kind->free(ends.connection); /* ends it, and the server tells */
    run_until("client 3 closed");
    cr_assert_null(kind->find(ends.server, 3));
    cr_assert_eq(kind->count(ends.server), COUNT - 1);
    kind->free(clients[0]);
    kind->free(clients[1]);
}

CASE(too_many_clients)
{
    struct leat_error error;
    void *first;

    cr_assert_eq(leat_config_set_max_concurrent_clients_number(run.config, 1), LEAT_OK);
    ends_open();
    first = ends.client;
    run.log[run.log_len = 0] = '\0';
    cr_assert_eq(ends.kind->new (run.loop, &ends.client), LEAT_OK);
    cr_assert_eq(ends.kind->connect(ends.client), LEAT_OK);
    run_until("client 0 error");
    ends.kind->server_get_error(ends.server, &error);
    cr_assert_eq(error.code, LEAT_OK, "it is none of a call");
    cr_assert_eq(ends.kind->count(ends.server), 1);
    ends.kind->free(first);
}

CASE(the_server_is_freed_in_each_callback)
{
    static const char *const at[] = {"client 1", "client message", "client 1 error",
                                     "client 1 closed"};
    static char part[1 << 20];
    const struct kind *kind = ends.kind;

    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        if (!ends.server)
            cr_assert_eq(kind->server_new(run.loop, &ends.server), LEAT_OK);
        if (!ends.client)
            cr_assert_eq(kind->new (run.loop, &ends.client), LEAT_OK);
        ends.act_at = i == 0   ? "client"
                      : i == 1 ? at[1]
                      : i == 2 ? "client error"
                               : "client closed";
        ends.act = KIND_FREE;
        cr_assert_eq(kind->listen(ends.server), LEAT_OK);
        cr_assert_eq(kind->connect(ends.client), LEAT_OK);
        run_until("client 1");
        run_until("connected");
        if (i == 1) {
            cr_assert_eq(kind->send(ends.client, "x", 1), LEAT_OK);
        } else if (i == 2) {
            kind->pause(ends.client);
            cr_assert_eq(kind->set_timeout(ends.connection, 20), LEAT_OK);
            for (int part_count = 0; part_count < 8; part_count++)
                cr_assert_eq(kind->send(ends.connection, part, sizeof(part)), LEAT_OK);
        } else if (i == 3) {
            cr_assert_eq(kind->close(ends.client), LEAT_OK);
        }
        while (ends.server)
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
        kind->free(ends.client);
        ends.client = NULL;
        ends_forget();
    }
}

/* ---- no memory ------------------------------------------------------------------------ */

static const struct kind *attempted;

/* Either of the two ends may be the one that has no memory. */
static bool attempt_conversation(void)
{
    bool (*hook)(void) = leati_alloc_fail_hook;
    bool succeeded = false;

    leati_alloc_fail_hook = NULL;
    memset(&run, 0, sizeof(run));
    ends_init(attempted);
    ends.echo = true;
    cr_assert_eq(attempted->listen(ends.server), LEAT_OK);
    leati_alloc_fail_hook = hook;
    if (attempted->connect(ends.client) == LEAT_OK) {
        while (!strstr(run.log, "connected") && ends.closed_count == 0)
            cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
        if (ends.closed_count == 0 && attempted->send(ends.client, "x", 1) == LEAT_OK) {
            while (run.received_total == 0 && ends.closed_count == 0)
                cr_assert_eq(leat_loop_dispatch(run.loop, -1), LEAT_OK);
            succeeded = run.received_total == 1;
        }
    }
    leati_alloc_fail_hook = NULL;
    ends_clear();
    return succeeded;
}

Test(kind_memory, conversations, .timeout = 60)
{
    const struct kind *const kinds[] = {&kind_tcp, &kind_tls, &kind_local};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        attempted = kinds[i];
        cr_assert_gt(alloc_failure_run_all(attempt_conversation), 0);
    }
    sandbox_done();
}
