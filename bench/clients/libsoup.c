/* SPDX-License-Identifier: Apache-2.0 */
/* libsoup 3, on GLib's default main context. */
#include "../common/meter.h"
#include "../common/work.h"

#include <libsoup/soup.h>

#include <stdlib.h>

static struct bench_work work;
static struct bench_result result = {.client = "libsoup"};
static struct bench_meter start;
static SoupSession *session;
static SoupWebsocketConnection **all;
static GBytes *payload;
static char *payload_text;
static uint64_t sent, received, opened;
static bool is_spread, done;

static void run(void)
{
    done = false;
    while (!done)
        g_main_context_iteration(NULL, TRUE);
}

static void send_one(SoupWebsocketConnection *ws)
{
    if (work.text)
        soup_websocket_connection_send_text(ws, payload_text);
    else
        soup_websocket_connection_send_message(ws, SOUP_WEBSOCKET_DATA_BINARY, payload);
    sent++;
}

static void on_message(SoupWebsocketConnection *ws, int type, GBytes *message, void *user)
{
    (void)type;
    (void)user;
    received++;
    if (work.kind == BENCH_SEND) {
        done = true;
        return;
    }
    gsize len;
    const void *data = g_bytes_get_data(message, &len);
    done = received == work.count;
    if (work.kind == BENCH_RECEIVE)
        return;
    bench_work_check(&work, data, len);
    if (sent < work.count)
        send_one(is_spread ? all[sent % work.connections] : ws);
}

static void on_error(SoupWebsocketConnection *ws, GError *error, void *user)
{
    (void)ws;
    (void)user;
    bench_fail("libsoup: %s", error->message);
}

static void on_closed(SoupWebsocketConnection *ws, void *user)
{
    (void)user;
    if (work.kind != BENCH_OPEN)
        bench_fail("libsoup: closed: %u", soup_websocket_connection_get_close_code(ws));
    done = true;
}

/* It does not tell how much waits, nor when there is room: everything is queued at once. */
static void on_opened(GObject *source, GAsyncResult *found, void *user)
{
    GError *error = NULL;
    SoupWebsocketConnection *ws =
        soup_session_websocket_connect_finish(SOUP_SESSION(source), found, &error);
    bool is_stream =
        work.kind == BENCH_ECHO || work.kind == BENCH_SEND || work.kind == BENCH_RECEIVE;

    (void)user;
    if (!ws)
        bench_fail("libsoup: cannot connect: %s", error->message);
    soup_websocket_connection_set_max_incoming_payload_size(ws, 64 << 20);
    g_signal_connect(ws, "message", G_CALLBACK(on_message), NULL);
    g_signal_connect(ws, "error", G_CALLBACK(on_error), NULL);
    g_signal_connect(ws, "closed", G_CALLBACK(on_closed), NULL);
    all[opened % work.connections] = ws;
    if (opened++ == 0 && is_stream)
        start = bench_meter_now();
    if (work.kind == BENCH_ECHO || work.kind == BENCH_START) {
        while (sent < work.in_flight)
            send_one(ws);
    } else if (work.kind == BENCH_SEND) {
        while (sent < work.count)
            send_one(ws);
    } else if (work.kind == BENCH_OPEN) {
        soup_websocket_connection_close(ws, SOUP_WEBSOCKET_CLOSE_NORMAL, NULL);
    } else if (work.kind != BENCH_RECEIVE) {
        done = true;
    }
}

static void connect_one(void)
{
    SoupMessage *message = soup_message_new("GET", work.url);

    if (!message)
        bench_fail("libsoup: bad URL");
    soup_session_websocket_connect_async(session, message, NULL, NULL, G_PRIORITY_DEFAULT, NULL,
                                         on_opened, NULL);
    g_object_unref(message);
}

static void echo_all(unsigned connections, void *user)
{
    (void)user;
    sent = received = 0;
    is_spread = connections > 1;
    send_one(all[0]);
    run();
}

static void open_one(unsigned index, void *user)
{
    (void)index;
    (void)user;
    connect_one();
    run();
}

static void stream_run(void)
{
    bool opens = work.kind == BENCH_OPEN || work.kind == BENCH_REACH;

    for (uint64_t i = 0; i < (opens ? work.count : 1); i++) {
        connect_one();
        run();
        if (work.kind == BENCH_OPEN)
            g_clear_object(&all[0]);
    }
    result.spent =
        work.kind == BENCH_START ? bench_meter_since_exec(&start) : bench_meter_since(&start);
    result.messages = work.count;
    result.bytes = work.count * work.size;
}

static void session_init(void)
{
    GError *error = NULL;

    session = soup_session_new();
    soup_session_set_proxy_resolver(session, NULL);
    if (!work.compress)
        soup_session_remove_feature_by_type(session, SOUP_TYPE_WEBSOCKET_EXTENSION_MANAGER);
    if (!work.secure)
        return;
    GTlsDatabase *authorities = g_tls_file_database_new(work.ca_path, &error);
    if (!authorities)
        bench_unsupported(error->message);
    soup_session_set_tls_database(session, authorities);
    g_object_unref(authorities);
}

int main(int argc, char **argv)
{
    start = bench_meter_now();
    bench_work_init(&work, argc, argv);
    bench_raise_descriptor_limit();
    if (work.proxy)
        bench_unsupported("libsoup's proxies are GLib's, by a module that is not there");
    if (work.resume)
        bench_unsupported("libsoup does not tell whether it resumes TLS sessions");
    if (work.kind == BENCH_RATE)
        bench_unsupported("not measured at a rate");
    all = calloc(work.connections, sizeof(SoupWebsocketConnection *));
    if (!all)
        bench_fail("out of memory");
    payload = g_bytes_new_static(work.payload, work.size);
    payload_text = g_strndup((const char *)work.payload, work.size);
    result.version = g_strdup_printf("%u.%u.%u", soup_get_major_version(), soup_get_minor_version(),
                                     soup_get_micro_version());
    session_init();
    if (work.kind == BENCH_IDLE)
        bench_idle_run(&work, &result, open_one, echo_all, NULL);
    else
        stream_run();
    bench_report(&work, &result);
    _Exit(0);
}
