/* SPDX-License-Identifier: Apache-2.0 */
/* One connection, with everything that it tells on its way. */
#include "check.h"

#include "terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ECHO_TEXT "leat check"
/* When a Ping asks whether a server that has not sent the message back lives at all. Not at once: a
 * server whose TCP waits for acknowledgements (Nagle) would answer the second of two later. */
#define PING_AFTER_MS 1000

struct check_probe {
    struct check_probe_options options;
    leat_loop *loop;
    leat_websocket *ws;
    leat_timer *echo_timer, *max_timer;
    struct check_run *run;
    bool is_secure;
    bool has_pinged;
    bool gave_up; /* the connection is still there */
};

static const char *echo_text(const struct check_probe *probe)
{
    return probe->options.message ? probe->options.message : ECHO_TEXT;
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

#define COPY(to, from) tool_format((to), sizeof(to), "%s", (from))

/* ---- the trace -------------------------------------------------------------------------- */

static struct check_phase *phase_begin(struct check_run *run, const char *name, const char *hop,
                                       uint64_t start_us)
{
    if (run->phase_count == CHECK_PHASES_MAX)
        return NULL;
    struct check_phase *phase = &run->phases[run->phase_count++];
    COPY(phase->name, name);
    COPY(phase->hop, hop);
    phase->start_us = phase->end_us = start_us;
    return phase;
}

/* The newest of that name that is not over. */
static struct check_phase *phase_running(struct check_run *run, const char *name)
{
    for (size_t i = run->phase_count; i-- > 0;)
        if (!run->phases[i].is_over && strcmp(run->phases[i].name, name) == 0)
            return &run->phases[i];
    return NULL;
}

static void phase_end(struct check_phase *phase, uint64_t end_us, int result, const char *text)
{
    phase->end_us = end_us;
    phase->is_over = true;
    phase->result = result;
    COPY(phase->text, text);
}

static void address_add(struct check_run *run, const struct leat_trace_event *event)
{
    if (run->address_count == CHECK_ADDRESSES_MAX)
        return;
    struct check_address *address = &run->addresses[run->address_count++];
    COPY(address->address, event->address);
    COPY(address->hop, event->hop);
    COPY(address->text, event->text);
    address->start_us = event->start_us;
    address->end_us = event->end_us;
    address->result = event->result;
}

static void certificate_add(struct check_run *run, const struct leat_trace_event *event)
{
    const struct leat_certificate_info *info = event->certificate;
    if (run->certificate_count == CHECK_CERTIFICATES_MAX)
        return;
    struct check_certificate *certificate = &run->certificates[run->certificate_count++];
    COPY(certificate->hop, event->hop);
    COPY(certificate->subject, info->subject);
    COPY(certificate->issuer, info->issuer);
    COPY(certificate->names, info->names);
    COPY(certificate->problem, info->problem);
    COPY(certificate->key_type, info->key_type);
    COPY(certificate->signature, info->signature);
    certificate->depth = info->depth;
    certificate->key_bits = info->key_bits;
    certificate->not_before = info->not_before;
    certificate->not_after = info->not_after;
    certificate->verified = info->verified;
}

static void tls_add(struct check_run *run, const struct leat_trace_event *event)
{
    const struct leat_tls_info *info = event->tls;
    if (run->tls_count == CHECK_TLS_MAX)
        return;
    struct check_tls *tls = &run->tls[run->tls_count++];
    COPY(tls->hop, event->hop);
    COPY(tls->protocol, info->protocol);
    COPY(tls->cipher, info->cipher);
    COPY(tls->alpn, info->alpn);
    COPY(tls->group, info->group);
    COPY(tls->signature_algorithm, info->signature_algorithm);
    tls->resumed = info->resumed;
}

static void on_trace(const struct leat_trace_event *event, void *user)
{
    struct check_probe *probe = user;
    struct check_run *run = probe->run;
    struct check_phase *phase;
    switch (event->kind) {
    case LEAT_TRACE_PHASE_START:
        phase_begin(run, event->name, event->hop, event->start_us);
        break;
    case LEAT_TRACE_PHASE_END:
        phase = phase_running(run, event->name);
        if (phase)
            phase_end(phase, event->end_us, event->result, event->text);
        break;
    case LEAT_TRACE_ADDRESS:
        address_add(run, event);
        break;
    case LEAT_TRACE_CERTIFICATE:
        certificate_add(run, event);
        break;
    case LEAT_TRACE_TLS:
        tls_add(run, event);
        break;
    default:
        break;
    }
}

/* ---- the connection --------------------------------------------------------------------- */

static void start_close(struct check_probe *probe)
{
    if (leat_websocket_close(probe->ws, 1000, NULL) != LEAT_OK)
        leat_loop_stop(probe->loop);
}

/* A server that answers nothing at all has broken the protocol: a Pong is owed (RFC 6455 section
 * 5.5.2). The code is the one of a blocking receive that waited for nothing. */
static int echo_fail(struct check_probe *probe)
{
    struct leat_error *error = &probe->run->error;
    *error = (struct leat_error){
        .code = probe->is_secure ? (int)LEAT_E_TLS_READ : LEAT_E_SOCKET_BASE + ETIMEDOUT,
        .layer = LEAT_LAYER_WEBSOCKET,
        .sys_errno = ETIMEDOUT,
    };
    COPY(error->hop, leat_websocket_get_peer(probe->ws));
    tool_format(error->text, sizeof(error->text),
                "neither the message nor a Pong came back in %u ms",
                probe->options.echo_timeout_ms);
    return error->code;
}

static void echo_end(struct check_probe *probe, enum check_echo echo, uint64_t end_us)
{
    struct check_phase *phase = phase_running(probe->run, "echo");
    if (!phase)
        return;
    leat_timer_stop(probe->echo_timer);
    probe->run->echo = echo;
    phase_end(phase, end_us, echo == CHECK_ECHO_SILENT ? echo_fail(probe) : LEAT_OK, "");
    start_close(probe);
}

static uint32_t ping_after_ms(const struct check_probe *probe)
{
    uint32_t half_ms = probe->options.echo_timeout_ms / 2;
    return half_ms < PING_AFTER_MS ? half_ms : PING_AFTER_MS;
}

static void headers_take(const leat_websocket *ws, struct check_run *run)
{
    const char *name, *value;
    size_t len = 0;
    for (size_t i = 0; leat_websocket_get_http_header_at(ws, i, &name, &value); i++) {
        int size =
            snprintf(run->headers + len, sizeof(run->headers) - len, "%s: %s\n", name, value);
        if (size < 0 || (size_t)size >= sizeof(run->headers) - len) {
            run->headers[len] = '\0'; /* whole ones only */
            return;
        }
        len += (size_t)size;
    }
}

/* --max-time: what is under way has failed by it. */
static void on_max_time(leat_timer *timer, void *user)
{
    struct check_probe *probe = user;
    struct check_run *run = probe->run;
    (void)timer;
    if (run->connect_us == 0)
        return; /* connecting has that deadline itself, and says more */
    if (run->error.code == LEAT_OK) {
        run->error.code = LEAT_E_SOCKET_ETIMEDOUT;
        run->error.layer = LEAT_LAYER_WEBSOCKET;
        run->error.sys_errno = ETIMEDOUT;
        COPY(run->error.hop, leat_websocket_get_peer(probe->ws));
        tool_format(run->error.text, sizeof(run->error.text), "not done after %u ms (--max-time)",
                    probe->options.max_time_ms);
    }
    probe->gave_up = true;
    leat_loop_stop(probe->loop);
}

static void on_opened(leat_websocket *ws, void *user)
{
    struct check_probe *probe = user;
    struct check_run *run = probe->run;
    uint64_t at_us = now_us();
    run->connect_us = at_us - run->start_us;
    COPY(run->subprotocol, leat_websocket_get_subprotocol(ws));
    run->compressed = leat_websocket_is_compressed(ws);
    run->http_status = leat_websocket_get_http_status(ws);
    headers_take(ws, run);
    if (probe->options.no_echo || leat_websocket_send(ws, LEAT_MESSAGE_TEXT, echo_text(probe),
                                                      strlen(echo_text(probe))) != LEAT_OK) {
        start_close(probe);
        return;
    }
    phase_begin(run, "echo", leat_websocket_get_peer(ws), at_us);
    (void)leat_timer_start(probe->echo_timer, ping_after_ms(probe));
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    const char *text = echo_text(user);
    (void)ws;
    if (type == LEAT_MESSAGE_TEXT && len == strlen(text) && memcmp(data, text, len) == 0)
        echo_end(user, CHECK_ECHO_RETURNED, now_us());
}

static void on_pong(leat_websocket *ws, const uint8_t *payload, size_t len, void *user)
{
    (void)ws;
    (void)payload;
    (void)len;
    if (((struct check_probe *)user)->has_pinged)
        echo_end(user, CHECK_ECHO_PONG_ONLY, now_us());
}

static void on_echo_late(leat_timer *timer, void *user)
{
    struct check_probe *probe = user;
    struct check_phase *phase = phase_running(probe->run, "echo");
    if (probe->has_pinged || !phase || leat_websocket_ping(probe->ws, NULL, 0) != LEAT_OK) {
        echo_end(probe, CHECK_ECHO_SILENT, now_us());
        return;
    }
    probe->has_pinged = true;
    /* What is measured now is the way of the Ping. */
    phase->start_us = now_us();
    (void)leat_timer_start(timer, probe->options.echo_timeout_ms - ping_after_ms(probe));
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct check_probe *probe = user;
    struct check_run *run = probe->run;
    if (run->error.code == LEAT_OK)
        run->error = event->error;
    run->close_code = event->close_code;
    if (run->http_status == 0)
        run->http_status = leat_websocket_get_http_status(ws);
    if (run->connect_us == 0) {
        tool_answer_take(ws, &run->answer);
        headers_take(ws, run);
    }
    leat_loop_stop(probe->loop);
}

static const struct leat_websocket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .opened = on_opened,
    .message = on_message,
    .pong = on_pong,
    .closed = on_closed,
};

/* For a server that closes in order instead of answering there is no failure in the library. */
static void error_complete(struct check_run *run)
{
    const struct check_phase *echo = phase_running(run, "echo");
    if (run->error.code != LEAT_OK || !echo)
        return;
    run->error.code = LEAT_E_WS_CONNECT;
    run->error.layer = LEAT_LAYER_WEBSOCKET;
    run->error.native_code = (int)run->close_code;
    COPY(run->error.hop, echo->hop);
    tool_format(run->error.text, sizeof(run->error.text),
                "the server closed the connection with %u instead of an answer", run->close_code);
}

static void phases_complete(struct check_run *run)
{
    uint64_t end_us = now_us();
    for (size_t i = 0; i < run->phase_count; i++)
        if (!run->phases[i].is_over)
            phase_end(&run->phases[i], end_us, run->error.code, run->error.text);
}

/* Drops a connection that nobody waits for any more. */
static int websocket_renew(struct check_probe *probe)
{
    leat_websocket_free(probe->ws);
    probe->ws = NULL;
    probe->gave_up = false;
    return leat_websocket_new(probe->loop, &callbacks, probe, &probe->ws);
}

void check_probe_run(struct check_probe *probe, const char *url, leat_config *config,
                     struct check_run *ret_run)
{
    memset(ret_run, 0, sizeof(*ret_run));
    probe->run = ret_run;
    probe->has_pinged = false;
    probe->is_secure = strncasecmp(url, "wss:", 4) == 0;
    int code = leat_config_set_trace(config, on_trace, probe);
    ret_run->start_us = now_us();
    if (code == LEAT_OK) {
        code = leat_websocket_connect(probe->ws, url, config);
        leat_websocket_get_error(probe->ws, &ret_run->error);
    }
    if (probe->options.max_time_ms > 0)
        (void)leat_timer_start(probe->max_timer, probe->options.max_time_ms);
    if (code == LEAT_OK)
        code = leat_loop_run(probe->loop);
    leat_timer_stop(probe->max_timer);
    if (probe->gave_up && code == LEAT_OK)
        code = websocket_renew(probe);
    if (code != LEAT_OK)
        ret_run->error.code = code;
    error_complete(ret_run);
    phases_complete(ret_run);
}

const struct check_phase *check_try_of(const struct check_run *run, const struct check_phase *phase)
{
    const struct check_phase *start = run->phases;
    for (const struct check_phase *p = run->phases; p <= phase; p++)
        if (strcmp(p->name, "dns") == 0 || strcmp(p->name, "tcp") == 0)
            start = p;
    return start;
}

/* 0 = any code. */
static bool phase_failed(const struct check_phase *phase, int code)
{
    return phase->result != LEAT_OK && (code == LEAT_OK || phase->result == code);
}

/* The first one in the last try that has any. */
static const struct check_phase *failed_phase_find(const struct check_run *run, int code)
{
    size_t i = run->phase_count;
    while (i > 0 && !phase_failed(&run->phases[i - 1], code))
        i--;
    if (i == 0)
        return NULL;
    const struct check_phase *phase = check_try_of(run, &run->phases[i - 1]);
    while (!phase_failed(phase, code))
        phase++;
    return phase;
}

/* Usually of the last try; but what one proxy has said outlives that the next one was away. */
const struct check_phase *check_failed_phase(const struct check_run *run)
{
    if (run->error.code == LEAT_OK)
        return NULL;
    const struct check_phase *phase = failed_phase_find(run, run->error.code);
    return phase ? phase : failed_phase_find(run, LEAT_OK);
}

struct tool_story check_story(const struct check_plan *plan, const struct check_run *run)
{
    return (struct tool_story){
        .error = &run->error,
        .answer = run->answer.status ? &run->answer : NULL,
        .was_open = run->connect_us > 0,
        .is_secure = strncasecmp(plan->url, "wss:", 4) == 0,
        .is_of_proxy =
            plan->connection && tool_connection_is_of_proxy(plan->connection, &run->error),
    };
}

size_t check_chain_end(const struct check_run *run, size_t start)
{
    const struct check_certificate *certificates = run->certificates;
    size_t end = start + 1;
    while (end < run->certificate_count && certificates[end].depth < certificates[end - 1].depth)
        end++;
    return end;
}

struct check_probe *check_probe_new(const struct check_probe_options *options)
{
    struct check_probe *probe = calloc(1, sizeof(*probe));
    if (!probe)
        return NULL;
    probe->options = *options;
    if (leat_loop_new(&probe->loop) == LEAT_OK &&
        leat_timer_new(probe->loop, on_echo_late, probe, &probe->echo_timer) == LEAT_OK &&
        leat_timer_new(probe->loop, on_max_time, probe, &probe->max_timer) == LEAT_OK &&
        leat_websocket_new(probe->loop, &callbacks, probe, &probe->ws) == LEAT_OK)
        return probe;
    check_probe_free(probe);
    return NULL;
}

void check_probe_free(struct check_probe *probe)
{
    if (!probe)
        return;
    leat_websocket_free(probe->ws);
    leat_timer_free(probe->echo_timer);
    leat_timer_free(probe->max_timer);
    leat_loop_free(probe->loop);
    free(probe);
}
