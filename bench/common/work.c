/* SPDX-License-Identifier: Apache-2.0 */
#include "work.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
    [BENCH_ECHO] = "echo",   [BENCH_SEND] = "send",   [BENCH_RECEIVE] = "receive",
    [BENCH_OPEN] = "open",   [BENCH_REACH] = "reach", [BENCH_IDLE] = "idle",
    [BENCH_START] = "start", [BENCH_RATE] = "rate",
};

void bench_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

void bench_unsupported(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(BENCH_UNSUPPORTED);
}

__attribute__((noreturn)) static void usage(const char *problem)
{
    fprintf(stderr,
            "%s\n"
            "usage: driver --work echo|send|receive|open|reach|idle|start|rate --url URL\n"
            "    [--size BYTES] [--count N] [--in-flight N] [--connections N] [--text]\n"
            "    [--rate N] [--bulk]\n"
            "    [--ca FILE] [--proxy [USER:PASSWORD@]HOST:PORT] [--resume] [--compress]\n"
            "    [--pipelined] [--early-data] [--fast-open]\n",
            problem);
    exit(2);
}

static uint64_t number(const char *text)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);

    if (*text == '\0' || *end != '\0')
        usage("not a number");
    return value;
}

static enum bench_kind kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof(kind_names) / sizeof(kind_names[0]); i++) {
        if (strcmp(kind_names[i], name) == 0)
            return (enum bench_kind)i;
    }
    usage("no such work");
}

/* SCHEME://HOST:PORT/PATH, as the runner writes them. */
static void url_split(struct bench_work *work)
{
    const char *url = work->url;
    const char *end = url ? strstr(url, "://") : NULL;
    const char *host = end ? end + 3 : "";
    const char *colon = strchr(host, ':');

    work->path = strchr(host, '/');
    if (!end || !colon || !work->path || colon > work->path)
        usage("--url needs a scheme, a port and a path");
    if (strncmp(url, "ws", 2) != 0)
        snprintf(work->socket, sizeof(work->socket), "%.*s", (int)(end - url), url);
    work->secure = strncmp(url, "wss", 3) == 0 || strcmp(work->socket, "tls") == 0;
    snprintf(work->host, sizeof(work->host), "%.*s", (int)(colon - host), host);
    snprintf(work->port, sizeof(work->port), "%.*s", (int)(work->path - colon - 1), colon + 1);
}

static void payload_fill(struct bench_work *work)
{
    static const char words[] =
        "{\"key\": \"some text of the kind that is sent\", \"n\": 1234567}, ";

    size_t size = work->size;

    if (work->bulk && size < BENCH_BULK_BYTES)
        size = BENCH_BULK_BYTES;
    work->payload = malloc(size + 1);
    if (!work->payload)
        bench_fail("out of memory");
    /* Text that compresses, or bytes that do not. */
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        work->payload[i] =
            work->text ? (uint8_t)words[i % (sizeof(words) - 1)] : (uint8_t)(state >> 32);
    }
}

static bool *flag_of(struct bench_work *work, int option)
{
    switch (option) {
    case 't':
        return &work->text;
    case 'r':
        return &work->resume;
    case 'z':
        return &work->compress;
    case 'b':
        return &work->bulk;
    case 'P':
        return &work->pipelined;
    case 'E':
        return &work->early_data;
    case 'F':
        return &work->fast_open;
    default:
        usage("bad option");
    }
}

void bench_work_init(struct bench_work *work, int argc, char **argv)
{
    static const struct option options[] = {
        {"work", required_argument, NULL, 'w'},
        {"url", required_argument, NULL, 'u'},
        {"size", required_argument, NULL, 's'},
        {"count", required_argument, NULL, 'n'},
        {"in-flight", required_argument, NULL, 'f'},
        {"connections", required_argument, NULL, 'c'},
        {"rate", required_argument, NULL, 'R'},
        {"bulk", no_argument, NULL, 'b'},
        {"text", no_argument, NULL, 't'},
        {"ca", required_argument, NULL, 'a'},
        {"proxy", required_argument, NULL, 'p'},
        {"resume", no_argument, NULL, 'r'},
        {"compress", no_argument, NULL, 'z'},
        {"pipelined", no_argument, NULL, 'P'},
        {"early-data", no_argument, NULL, 'E'},
        {"fast-open", no_argument, NULL, 'F'},
        {0},
    };
    int option;

    *work = (struct bench_work){.size = 64, .count = 1, .in_flight = 1, .connections = 1};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'w':
            work->kind = kind_of(optarg);
            break;
        case 'u':
            work->url = optarg;
            break;
        case 's':
            work->size = number(optarg);
            break;
        case 'n':
            work->count = number(optarg);
            break;
        case 'f':
            work->in_flight = (unsigned)number(optarg);
            break;
        case 'c':
            work->connections = (unsigned)number(optarg);
            break;
        case 'R':
            work->rate = number(optarg);
            break;
        case 'a':
            work->ca_path = optarg;
            break;
        case 'p':
            work->proxy = optarg;
            break;
        default:
            *flag_of(work, option) = true;
        }
    }
    if (work->count == 0 || work->in_flight == 0 || work->connections == 0)
        usage("0 of something");
    if ((work->kind == BENCH_RATE) != (work->rate > 0 && work->rate <= 1000000))
        usage("--work rate and --rate belong together");
    if (work->in_flight > work->count)
        work->in_flight = (unsigned)work->count;
    url_split(work);
    payload_fill(work);
}

void bench_work_done(struct bench_work *work)
{
    free(work->payload);
    work->payload = NULL;
}

void bench_work_check(const struct bench_work *work, const void *data, size_t len)
{
    const uint8_t *bytes = data;

    if (len != work->size)
        bench_fail("a message of %zu bytes came back as one of %zu", work->size, len);
    if (len > 0 && (bytes[0] != work->payload[0] || bytes[len - 1] != work->payload[len - 1]))
        bench_fail("a message came back with other bytes");
}
