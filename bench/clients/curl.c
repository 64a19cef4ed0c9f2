/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's WebSocket functions (CURLOPT_CONNECT_ONLY = 2), with poll(2) between them. */
#include "../common/meter.h"
#include "../common/work.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES (64u * 1024u)

struct bench {
    struct bench_work work;
    struct bench_result result;
    CURL **all;
    CURLSH *share; /* TLS sessions */
    uint64_t sent, received;
    size_t frame_sent; /* of the message that is going out */
    size_t message_len;
};

static struct bench bench;
static uint8_t in_buf[READ_BYTES];

static void must(CURLcode code, const char *what)
{
    if (code != CURLE_OK)
        bench_fail("curl: %s: %s", what, curl_easy_strerror(code));
}

/* ---- connections ---------------------------------------------------------------------------- */

static CURL *connection_open(void)
{
    CURL *curl = curl_easy_init();
    char proxy[128];

    if (!curl)
        bench_fail("curl: no memory");
    curl_easy_setopt(curl, CURLOPT_URL, bench.work.url);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 2L);
    curl_easy_setopt(curl, CURLOPT_CAINFO, bench.work.ca_path);
    curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, bench.work.resume ? 1L : 0L);
    if (bench.share)
        curl_easy_setopt(curl, CURLOPT_SHARE, bench.share);
    if (bench.work.proxy) {
        snprintf(proxy, sizeof(proxy), "socks5h://%s", bench.work.proxy);
        curl_easy_setopt(curl, CURLOPT_PROXY, proxy);
    }
    must(curl_easy_perform(curl), "connect");
    return curl;
}

static int connection_fd(CURL *curl)
{
    curl_socket_t fd = -1;

    must(curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &fd), "socket");
    return fd;
}

static void connection_wait(CURL *curl, bool to_write)
{
    struct pollfd fd = {.fd = connection_fd(curl),
                        .events = (short)(POLLIN | (to_write ? POLLOUT : 0))};

    (void)poll(&fd, 1, -1);
}

static void connection_close(CURL *curl)
{
    static const uint8_t body[2] = {0x03, 0xe8};
    const struct curl_ws_frame *meta;
    size_t len;
    CURLcode code;

    must(curl_ws_send(curl, body, sizeof(body), &len, 0, CURLWS_CLOSE), "close");
    while ((code = curl_ws_recv(curl, in_buf, sizeof(in_buf), &len, &meta)) != CURLE_GOT_NOTHING) {
        if (code == CURLE_AGAIN)
            connection_wait(curl, false);
        else if (code != CURLE_OK)
            break;
        else if (meta->flags & CURLWS_CLOSE)
            break;
    }
    curl_easy_cleanup(curl);
}

/* ---- messages ------------------------------------------------------------------------------- */

/* Sends up to `allowed` messages in all; false = it must wait. */
static bool send_up_to(CURL *curl, uint64_t allowed)
{
    unsigned type = bench.work.text ? CURLWS_TEXT : CURLWS_BINARY;

    while (bench.sent < allowed) {
        size_t len = 0;
        CURLcode code = curl_ws_send(curl, bench.work.payload + bench.frame_sent,
                                     bench.work.size - bench.frame_sent, &len, 0, type);
        bench.frame_sent += len;
        if (code == CURLE_AGAIN)
            return false;
        must(code, "send");
        if (bench.frame_sent < bench.work.size)
            continue;
        bench.frame_sent = 0;
        bench.sent++;
    }
    return true;
}

/* Reads what is there; false = nothing was. */
static bool receive_some(CURL *curl)
{
    const struct curl_ws_frame *meta;
    size_t len = 0;
    CURLcode code = curl_ws_recv(curl, in_buf, sizeof(in_buf), &len, &meta);

    if (code == CURLE_AGAIN)
        return false;
    must(code, "receive");
    bench.message_len += len;
    if (meta->bytesleft == 0 && (meta->flags & CURLWS_CONT) == 0) {
        bench.received++;
        if (bench.work.kind == BENCH_ECHO && bench.message_len != bench.work.size)
            bench_fail("curl: a message of %zu bytes", bench.message_len);
        bench.message_len = 0;
    }
    return true;
}

static void exchange(CURL *curl, uint64_t to_receive)
{
    const struct bench_work *work = &bench.work;
    bool streams = work->kind == BENCH_SEND;

    while (bench.received < to_receive) {
        uint64_t allowed = streams ? work->count : bench.received + work->in_flight;
        if (work->kind == BENCH_RECEIVE)
            allowed = 0;
        else if (allowed > work->count)
            allowed = work->count;
        bool sent = send_up_to(curl, allowed);
        bool got = false;
        while (bench.received < to_receive && receive_some(curl))
            got = true;
        if (!got)
            connection_wait(curl, !sent);
    }
}

/* ---- the work ------------------------------------------------------------------------------- */

static void echo_all(unsigned connections, void *user)
{
    (void)user;
    for (uint64_t i = 0; i < bench.work.count; i++) {
        bench.sent = bench.received = i;
        bench.work.in_flight = 1;
        exchange(bench.all[i % connections], i + 1);
    }
}

static void open_one(unsigned index, void *user)
{
    (void)user;
    bench.all[index] = connection_open();
}

static void open_run(void)
{
    for (uint64_t i = 0; i < bench.work.count; i++) {
        CURL *curl = connection_open();
        if (bench.work.kind == BENCH_OPEN)
            connection_close(curl);
    }
}

static void stream_run(const struct bench_meter *main_start)
{
    const struct bench_work *work = &bench.work;
    bool opens = work->kind == BENCH_OPEN || work->kind == BENCH_REACH;
    struct bench_meter start = *main_start;

    if (opens) {
        open_run();
    } else {
        bench.all[0] = connection_open();
        if (work->kind != BENCH_START)
            start = bench_meter_now();
        exchange(bench.all[0], work->kind == BENCH_SEND ? 1 : work->count);
    }
    bench.result.spent =
        work->kind == BENCH_START ? bench_meter_since_exec(&start) : bench_meter_since(&start);
    bench.result.messages = work->count;
    bench.result.bytes = work->count * work->size;
}

int main(int argc, char **argv)
{
    struct bench_meter start = bench_meter_now();

    bench_work_init(&bench.work, argc, argv);
    /* A socket, and what wakes the handle; some more are the process's own. */
    if (bench_raise_descriptor_limit() < 2 * (size_t)bench.work.connections + 64)
        bench_unsupported(
            "libcurl needs two descriptors for each connection, more than a process may have here");
    if (bench.work.compress)
        bench_unsupported("libcurl does not compress WebSocket messages");
    if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
        bench_fail("curl: init");
    bench.all = calloc(bench.work.connections, sizeof(CURL *));
    if (!bench.all)
        bench_fail("out of memory");
    if (bench.work.resume) {
        bench.share = curl_share_init();
        curl_share_setopt(bench.share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    }
    bench.result.client = "libcurl";
    bench.result.version = curl_version_info(CURLVERSION_NOW)->version;
    if (bench.work.kind == BENCH_IDLE)
        bench_idle_run(&bench.work, &bench.result, open_one, echo_all, NULL);
    else
        stream_run(&start);
    bench_report(&bench.work, &bench.result);
    _Exit(0);
}
