/* SPDX-License-Identifier: Apache-2.0 */
/* What a control answers without its lock, because it waits; and its CA. */
#include "testing/control.h"
#include "util/readable.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* How long a stream of events waits before it looks whether anybody reads it. */
#define FOLLOW_MS   200
#define WAIT_MS_MAX 600000

struct leati_served *leati_served_take(struct leati_control_request *request)
{
    struct leati_served *served = NULL;
    pthread_mutex_lock(&request->control->lock);
    struct leati_entry *entry = leati_entry_of(request, "there is no such server");
    if (entry && !entry->served)
        (void)leati_refuse(&request->refusal, 409, "enabled", "this server is not enabled");
    if (entry && entry->served) {
        served = entry->served;
        ++served->refs;
    }
    pthread_mutex_unlock(&request->control->lock);
    return served;
}

void leati_served_give(struct leati_control_request *request, struct leati_served *served)
{
    pthread_mutex_lock(&request->control->lock);
    leati_served_release(served);
    pthread_mutex_unlock(&request->control->lock);
}

/* ---- wait ------------------------------------------------------------------------------------ */

static bool step_read(struct leati_control_request *request, const struct leati_served *served,
                      char ret_step[32])
{
    enum leat_testing_step step;
    const char *text = leati_control_query(request, "step");
    size_t len = text ? strcspn(text, "&") : 0;
    if (!text)
        return leati_refuse(&request->refusal, 400, "step", "step=NAME or idle=1 is missing");
    if (len >= 32 || !leati_testing_step_find(text, len, &step) ||
        !leat_testing_kind_has_step(served->server->options.kind, step))
        return leati_refuse(&request->refusal, 400, "step", "this server has no step %s",
                            leati_excerpt_of(text, len, 32).text);
    snprintf(ret_step, 32, "%s", leat_testing_step_name(step));
    return true;
}

/* Whether it was stopped while somebody waited. */
static bool is_gone(struct leati_control_request *request, const struct leati_served *served)
{
    pthread_mutex_lock(&served->server->lock);
    bool is_stopping = served->server->stopping;
    pthread_mutex_unlock(&served->server->lock);
    return is_stopping &&
           !leati_refuse(&request->refusal, 410, "name", "the server was removed meanwhile");
}

static bool wait_run(struct leati_control_request *request, struct leati_served *served)
{
    uint64_t count = 0, timeout_ms = 0, is_idle = 0;
    char step[32] = "";
    if (!leati_control_query_number(request, "count", 1, UINT32_MAX, &count) ||
        !leati_control_query_number(request, "timeout_ms", 5000, WAIT_MS_MAX, &timeout_ms) ||
        !leati_control_query_number(request, "idle", 0, 1, &is_idle) ||
        (!is_idle && !step_read(request, served, step)))
        return false;
    bool is_met = is_idle ? leat_testing_server_wait_idle(served->server, (int)timeout_ms)
                          : leat_testing_server_wait_step(served->server, step, (unsigned)count,
                                                          (int)timeout_ms);
    unsigned reached = is_idle ? 0 : leati_testing_server_step_count(served->server, step);
    if (!is_met && is_gone(request, served))
        return false;
    if (!is_met && is_idle)
        return leati_refuse(&request->refusal, 409, "idle", "it was not idle within %u ms",
                            (unsigned)timeout_ms);
    if (!is_met)
        return leati_refuse(&request->refusal, 409, "step",
                            "%s was reached %u times within %u ms, not %u", step, reached,
                            (unsigned)timeout_ms, (unsigned)count);
    leati_json_open(&request->text, NULL, '{');
    leati_json_bool(&request->text, "met", true);
    if (!is_idle)
        leati_json_number(&request->text, "count", reached);
    leati_json_close(&request->text, '}');
    return true;
}

bool leati_control_server_wait(struct leati_control_request *request)
{
    struct leati_served *served = leati_served_take(request);
    bool is_well = served && wait_run(request, served);
    if (served)
        leati_served_give(request, served);
    return is_well;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void event_write(struct leati_json_text *text, const struct leat_testing_event *event,
                        uint64_t number)
{
    leati_json_open(text, NULL, '{');
    leati_json_number(text, "number", number);
    leati_json_real(text, "time_ms", (double)event->time_us / 1000);
    leati_json_number(text, "connection", event->connection);
    leati_json_string(text, "step", event->step);
    leati_json_string(text, "text", event->text);
    leati_json_number(text, "bytes_in", event->bytes_in);
    leati_json_number(text, "bytes_out", event->bytes_out);
    leati_json_close(text, '}');
}

/* A line of its own: so many that were wanted are not kept any more. */
static void lost_write(struct leati_json_text *text, uint64_t count)
{
    leati_json_open(text, NULL, '{');
    leati_json_number(text, "lost", count);
    leati_json_close(text, '}');
    leati_json_append(text, "\n", 1);
    text->needs_comma = false;
}

static bool chunk_send(struct leati_control_request *request, const char *data, size_t len)
{
    char head[24];
    int head_len = snprintf(head, sizeof(head), "%zx\r\n", len);
    return leati_peer_wire_send(request->p, head, (size_t)head_len) &&
           leati_peer_wire_send(request->p, data, len) &&
           leati_peer_wire_send(request->p, "\r\n", 2);
}

static bool reader_has_gone(struct leati_control_request *request)
{
    struct pollfd reader = {.fd = request->p->fd, .events = POLLRDHUP};
    return poll(&reader, 1, 0) != 0;
}

/* An object on each line, as they come, until the reader or the server has gone. */
static void events_follow(struct leati_control_request *request, struct leati_served *served,
                          uint64_t from)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
                               "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    struct leat_testing_event event;
    char event_text[LEATI_TESTING_TEXT_SIZE];
    bool goes_on = leati_peer_wire_send(request->p, head, sizeof(head) - 1);
    size_t next = (size_t)from;
    while (goes_on && !reader_has_gone(request)) {
        bool came = leati_testing_server_wait_event(served->server, next, FOLLOW_MS);
        if (!came && is_gone(request, served))
            break;
        request->text.len = 0;
        request->text.needs_comma = false;
        for (size_t wanted = next;
             request->text.len < 65536 &&
             leati_testing_server_copy_event(served->server, &next, &event, event_text);
             wanted = ++next) {
            if (next > wanted)
                lost_write(&request->text, next - wanted);
            event_write(&request->text, &event, next);
            leati_json_append(&request->text, "\n", 1);
            request->text.needs_comma = false;
        }
        if (request->text.len > 0 && !request->text.failed)
            goes_on = chunk_send(request, request->text.data, request->text.len);
    }
    if (goes_on)
        (void)leati_peer_wire_send(request->p, "0\r\n\r\n", 5);
}

bool leati_control_server_events(struct leati_control_request *request)
{
    uint64_t from = 0, follows = 0;
    struct leat_testing_event event;
    char event_text[LEATI_TESTING_TEXT_SIZE];
    struct leati_json_text *text = &request->text;
    if (!leati_control_query_number(request, "from", 0, UINT32_MAX, &from) ||
        !leati_control_query_number(request, "follow", 0, 1, &follows))
        return false;
    struct leati_served *served = leati_served_take(request);
    if (!served)
        return false;
    if (follows) {
        request->is_streamed = true;
        events_follow(request, served, from);
    } else {
        size_t next = (size_t)from;
        uint64_t lost = leat_testing_server_get_lost_events(served->server);
        next = next < lost ? (size_t)lost : next;
        leati_json_open(text, NULL, '{');
        leati_json_number(text, "lost", next - from);
        leati_json_open(text, "events", '[');
        for (; leati_testing_server_copy_event(served->server, &next, &event, event_text); ++next)
            event_write(text, &event, next);
        leati_json_close(text, ']');
        leati_json_close(text, '}');
    }
    leati_served_give(request, served);
    return true;
}

/* ---- certificates ---------------------------------------------------------------------------- */

static void certificate_write(struct leati_control_request *request,
                              const struct leat_testing_certificate *certificate, bool has_key)
{
    leati_json_open(&request->text, NULL, '{');
    leati_json_string(&request->text, "certificate", certificate->cert_pem);
    leati_json_string(&request->text, "certificate_path", certificate->cert_path);
    if (has_key) {
        leati_json_string(&request->text, "key", certificate->key_pem);
        leati_json_string(&request->text, "key_path", certificate->key_path);
    }
    leati_json_close(&request->text, '}');
}

bool leati_control_ca(struct leati_control_request *request)
{
    leat_testing_ca *ca = leati_control_ca_get(request);
    if (ca)
        certificate_write(request, leat_testing_ca_get_certificate(ca), false);
    return ca;
}

static bool text_read(struct leati_control_request *request, const struct leati_json *member,
                      const char **ret_text)
{
    if (member->type != LEATI_JSON_STRING)
        return leati_refuse(&request->refusal, 400, member->name, "a string was expected");
    *ret_text = member->text;
    return true;
}

bool leati_control_certificate(struct leati_control_request *request)
{
    const struct leat_testing_certificate *certificate = NULL;
    const char *hosts = NULL, *faults = NULL;
    struct leati_json *json = NULL;
    if (!leati_control_json(request, &json))
        return false;
    bool is_well = json->type == LEATI_JSON_OBJECT ||
                   leati_refuse(&request->refusal, 400, "", "a JSON object was expected");
    for (const struct leati_json *m = is_well ? json->first : NULL; m && is_well; m = m->next) {
        bool is_hosts = strcmp(m->name, "hosts") == 0;
        is_well = is_hosts || strcmp(m->name, "faults") == 0
                      ? text_read(request, m, is_hosts ? &hosts : &faults)
                      : leati_refuse(&request->refusal, 400, m->name,
                                     "a certificate has only hosts and faults");
    }
    leat_testing_ca *ca = is_well ? leati_control_ca_get(request) : NULL;
    is_well = ca && leati_certificate_issue(ca, hosts, faults, &certificate, &request->refusal);
    if (is_well) {
        certificate_write(request, certificate, true);
        request->status = 201;
    }
    leati_json_free(json);
    return is_well;
}
