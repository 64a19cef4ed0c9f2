/* SPDX-License-Identifier: Apache-2.0 */
/* libwebsockets, by its own event loop, in the way of its minimal examples. */
#include "../common/meter.h"
#include "../common/work.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

/* Of one read, and of the parts in which a message comes. Each connection has such a buffer, so
 * where memory is measured it is left at its default. */
#define RX_BYTES (64u * 1024u)

struct bench {
    struct bench_work work;
    struct bench_result result;
    struct lws_context *context;
    struct lws **all;
    uint8_t *out; /* LWS_PRE bytes of room, then the payload */
    struct bench_meter start;
    bool is_stream; /* what is measured begins when the connection is open */
    uint64_t sent, received, opened, closed;
    uint64_t due; /* that may be sent now */
    size_t partial_len;
    struct bench_rate rate;
    uint64_t bulk_due; /* of BENCH_RATE's neighbour, all[1] */
    size_t bulk_partial_len;
    bool is_spread;
    bool done;
};

static struct bench bench;

/* ---- callbacks ------------------------------------------------------------------------------ */

static void ask_to_write(struct lws *wsi)
{
    lws_callback_on_writable(wsi);
}

static int on_opened(struct lws *wsi)
{
    const struct bench_work *work = &bench.work;

    if (bench.opened++ == 0 && bench.is_stream)
        bench.start = bench_meter_now();
    if (work->kind == BENCH_OPEN)
        ask_to_write(wsi);
    if (work->kind == BENCH_REACH)
        bench.done = true;
    if (work->kind == BENCH_ECHO || work->kind == BENCH_START)
        bench.due = work->in_flight;
    if (work->kind == BENCH_SEND)
        bench.due = work->count;
    if (bench.due > 0)
        ask_to_write(wsi);
    return 0;
}

/* One lws_write() in a callback: that is its contract; lws_partial_buffered() and choking allow
 * more. */
static int on_writeable(struct lws *wsi)
{
    enum lws_write_protocol type = bench.work.text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY;

    /* From here it is a close; from ESTABLISHED it would be a refusal. */
    if (bench.work.kind == BENCH_OPEN) {
        lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
        return -1;
    }
    while (bench.due > 0) {
        memcpy(bench.out + LWS_PRE, bench.work.payload, bench.work.size);
        if (lws_write(wsi, bench.out + LWS_PRE, bench.work.size, type) < (int)bench.work.size)
            return -1;
        bench.sent++;
        bench.due--;
        if (lws_send_pipe_choked(wsi))
            break;
    }
    if (bench.due > 0)
        ask_to_write(wsi);
    return 0;
}

/* ---- messages at a fixed rate ------------------------------------------------------------------ */

static int on_rate_writeable(struct lws *wsi)
{
    bool is_bulk = wsi == bench.all[1];
    uint64_t *due = is_bulk ? &bench.bulk_due : &bench.due;
    size_t len = is_bulk ? BENCH_BULK_BYTES : bench.work.size;

    while (*due > 0) {
        memcpy(bench.out + LWS_PRE, bench.work.payload, len);
        if (lws_write(wsi, bench.out + LWS_PRE, len, LWS_WRITE_BINARY) < (int)len)
            return -1;
        (*due)--;
        if (lws_send_pipe_choked(wsi))
            break;
    }
    if (*due > 0)
        ask_to_write(wsi);
    return 0;
}

static void on_rate_receive(struct lws *wsi, size_t len)
{
    bool is_bulk = wsi == bench.all[1];
    size_t *partial_len = is_bulk ? &bench.bulk_partial_len : &bench.partial_len;

    *partial_len += len;
    if (lws_remaining_packet_payload(wsi) != 0 || !lws_is_final_fragment(wsi))
        return;
    if (!is_bulk)
        bench.done = bench_rate_answered(&bench.rate) || bench.done;
    if (*partial_len != (is_bulk ? BENCH_BULK_BYTES : bench.work.size))
        bench_fail("lws: a message of %zu bytes", *partial_len);
    *partial_len = 0;
    if (!is_bulk)
        return;
    bench.rate.bulk++;
    bench.bulk_due++;
    ask_to_write(wsi);
}

static void on_timer(void)
{
    bench.due += bench_rate_due(&bench.rate);
    if (bench.due > 0)
        ask_to_write(bench.all[0]);
}

static void on_echo(struct lws *wsi)
{
    if (bench.is_spread)
        wsi = bench.all[bench.sent % bench.work.connections];
    bench.done = bench.received == bench.work.count;
    if (bench.sent + bench.due < bench.work.count) {
        bench.due++;
        ask_to_write(wsi);
    }
}

static void on_receive(struct lws *wsi, size_t len)
{
    bench.partial_len += len;
    if (lws_remaining_packet_payload(wsi) != 0 || !lws_is_final_fragment(wsi))
        return;
    size_t message_len = bench.partial_len;
    bench.partial_len = 0;
    bench.received++;
    if (bench.work.kind == BENCH_SEND) {
        bench.done = true;
        return;
    }
    if (message_len != bench.work.size)
        bench_fail("lws: a message of %zu bytes", message_len);
    if (bench.work.kind == BENCH_RECEIVE)
        bench.done = bench.received == bench.work.count;
    else
        on_echo(wsi);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        return on_opened(wsi);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return bench.work.kind == BENCH_RATE ? on_rate_writeable(wsi) : on_writeable(wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (bench.work.kind == BENCH_RATE)
            on_rate_receive(wsi, len);
        else
            on_receive(wsi, len);
        return 0;
    case LWS_CALLBACK_RAW_RX_FILE:
        on_timer();
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        bench_fail("lws: cannot connect: %s", in ? (const char *)in : "no reason");
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (!bench.done && bench.work.kind != BENCH_OPEN)
            bench_fail("lws: closed");
        bench.closed++;
        return 0;
    default:
        return 0;
    }
}

/* ---- the work ------------------------------------------------------------------------------- */

static const struct lws_protocols protocols_of_default_size[] = {
    {.name = "bench", .callback = on_event},
    {0},
};

static const struct lws_protocols protocols_of_large_reads[] = {
    {.name = "bench", .callback = on_event, .rx_buffer_size = RX_BYTES},
    {0},
};

static const struct lws_extension extensions[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate"},
    {0},
};

static void context_init(void)
{
    bool is_idle = bench.work.kind == BENCH_IDLE;
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = is_idle ? protocols_of_default_size : protocols_of_large_reads,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .client_ssl_ca_filepath = bench.work.ca_path,
        .extensions = bench.work.compress ? extensions : NULL,
        .pt_serv_buf_size = is_idle ? 0 : RX_BYTES,
    };
    /* Signed or not, by release. */
    info.gid = (__typeof__(info.gid))-1;
    info.uid = (__typeof__(info.uid))-1;

    lws_set_log_level(LLL_ERR, NULL);
    bench.context = lws_create_context(&info);
    if (!bench.context)
        bench_fail("lws: no context");
}

static struct lws *connection_start(void)
{
    struct lws_client_connect_info info = {
        .context = bench.context,
        .address = bench.work.host,
        .port = (int)strtol(bench.work.port, NULL, 10),
        .path = bench.work.path,
        .host = bench.work.host,
        .origin = bench.work.host,
        .ssl_connection = bench.work.secure ? LCCSCF_USE_SSL : 0,
        .local_protocol_name = "bench",
    };
    struct lws *wsi = lws_client_connect_via_info(&info);

    if (!wsi)
        bench_fail("lws: cannot connect");
    return wsi;
}

static void step(void)
{
    if (lws_service(bench.context, 0) < 0)
        bench_fail("lws: service");
}

static void run(void)
{
    while (!bench.done)
        step();
}

static void echo_all(unsigned connections, void *user)
{
    (void)user;
    bench.sent = bench.received = 0;
    bench.done = false;
    bench.is_spread = connections > 1;
    bench.due = 1;
    ask_to_write(bench.all[0]);
    run();
}

static void open_one(unsigned index, void *user)
{
    (void)user;
    if (index == 0)
        context_init();
    bench.all[index] = connection_start();
    while (bench.opened <= index)
        step();
}

static void open_run(void)
{
    for (uint64_t i = 0; i < bench.work.count; i++) {
        connection_start();
        while (bench.work.kind == BENCH_OPEN ? bench.closed <= i : !bench.done)
            step();
    }
}

static void rate_run(void)
{
    unsigned wanted = bench.work.bulk ? 2 : 1;

    context_init();
    for (unsigned i = 0; i < wanted; i++)
        bench.all[i] = connection_start();
    while (bench.opened < wanted)
        step();
    if (bench.work.bulk) {
        bench.bulk_due = BENCH_BULK_COUNT;
        ask_to_write(bench.all[1]);
    }
    bench_rate_start(&bench.rate, &bench.work);
    lws_sock_file_fd_type timer = {.filefd = bench.rate.fd};
    if (!lws_adopt_descriptor_vhost(lws_get_vhost_by_name(bench.context, "default"),
                                    LWS_ADOPT_RAW_FILE_DESC, timer, "bench", NULL))
        bench_fail("lws: cannot watch the timer");
    bench.start = bench_meter_now();
    run();
    bench.result.spent = bench_meter_since(&bench.start);
    bench.result.rate = &bench.rate;
    bench.result.messages = bench.work.count;
    bench.result.bytes = bench.work.count * bench.work.size;
}

static void stream_run(void)
{
    enum bench_kind kind = bench.work.kind;

    bench.is_stream = kind == BENCH_ECHO || kind == BENCH_SEND || kind == BENCH_RECEIVE;
    context_init();
    if (kind == BENCH_OPEN || kind == BENCH_REACH) {
        open_run();
    } else {
        bench.all[0] = connection_start();
        run();
    }
    bench.result.spent = kind == BENCH_START ? bench_meter_since_exec(&bench.start)
                                             : bench_meter_since(&bench.start);
    bench.result.messages = bench.work.count;
    bench.result.bytes = bench.work.count * bench.work.size;
}

int main(int argc, char **argv)
{
    bench.start = bench_meter_now();
    bench_work_init(&bench.work, argc, argv);
    bench_raise_descriptor_limit();
    if (bench.work.proxy)
        bench_unsupported("this libwebsockets was built without SOCKS5");
    if (bench.work.resume)
        bench_unsupported("this libwebsockets does not resume TLS sessions");
    bench.out = malloc(LWS_PRE + (bench.work.bulk ? BENCH_BULK_BYTES : bench.work.size));
    bench.all = calloc(bench.work.connections + 1, sizeof(struct lws *));
    if (!bench.out || !bench.all)
        bench_fail("out of memory");
    bench.result.client = "libwebsockets";
    bench.result.version = LWS_LIBRARY_VERSION;
    if (bench.work.kind == BENCH_IDLE)
        bench_idle_run(&bench.work, &bench.result, open_one, echo_all, NULL);
    else if (bench.work.kind == BENCH_RATE)
        rate_run();
    else
        stream_run();
    bench_report(&bench.work, &bench.result);
    return 0;
}
