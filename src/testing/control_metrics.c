/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: what the servers of a control have counted, in the text format of Prometheus (0.0.4). */
#include "testing/control.h"
#include "util/alloc.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum metric {
    CONNECTIONS,
    LIVE,
    FLIGHTS,
    BYTES_IN,
    BYTES_OUT,
    DATAGRAMS_IN,
    DATAGRAMS_OUT,
    LOST_EVENTS,
    STEPS,
    METRICS,
};

static const struct {
    const char *name, *type, *help;
} metrics[METRICS] = {
    [CONNECTIONS] = {"leat_testing_connections_total", "counter", "Clients that have connected."},
    [LIVE] = {"leat_testing_connections", "gauge", "Clients that are connected."},
    [FLIGHTS] = {"leat_testing_flights_total", "counter",
                 "How often bytes came after the server had spoken, or at the start."},
    [BYTES_IN] = {"leat_testing_received_bytes_total", "counter", "Bytes from clients."},
    [BYTES_OUT] = {"leat_testing_sent_bytes_total", "counter", "Bytes to clients."},
    [DATAGRAMS_IN] = {"leat_testing_received_datagrams_total", "counter",
                      "Datagrams from clients."},
    [DATAGRAMS_OUT] = {"leat_testing_sent_datagrams_total", "counter", "Datagrams to clients."},
    [LOST_EVENTS] = {"leat_testing_lost_events_total", "counter",
                     "Events that are not kept any more."},
    [STEPS] = {"leat_testing_steps_total", "counter", "How often a step was reached."},
};

__attribute__((format(printf, 2, 3))) static void put(struct leati_json_text *text,
                                                      const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    leati_json_append(text, line, (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1);
}

/* The value of a label: only these three are escaped. */
static void put_label(struct leati_json_text *text, const char *value)
{
    for (; *value != '\0'; ++value) {
        if (*value == '\\' || *value == '"')
            leati_json_append(text, "\\", 1);
        leati_json_append(text, *value == '\n' ? "\\n" : value, *value == '\n' ? 2 : 1);
    }
}

static void sample_put(struct leati_json_text *text, enum metric metric,
                       const struct leati_entry *entry, const char *step, uint64_t value)
{
    put(text, "%s{server=\"", metrics[metric].name);
    put_label(text, entry->name);
    put(text, "\",kind=\"%s\"", leat_testing_kind_name(entry->served->server->options.kind));
    if (step)
        put(text, ",step=\"%s\"", step);
    put(text, "} %" PRIu64 "\n", value);
}

static uint64_t value_of(const struct leat_testing_seen *seen, enum metric metric)
{
    const uint64_t values[METRICS] = {
        [CONNECTIONS] = seen->connections,
        [LIVE] = seen->live,
        [FLIGHTS] = seen->flights,
        [BYTES_IN] = seen->bytes_in,
        [BYTES_OUT] = seen->bytes_out,
        [DATAGRAMS_IN] = seen->datagrams_in,
        [DATAGRAMS_OUT] = seen->datagrams_out,
    };
    return values[metric];
}

static void steps_put(struct leati_json_text *text, const struct leati_entry *entry)
{
    leat_testing_server *server = entry->served->server;
    for (int step = 0; step < (int)LEATI_TESTING_STEPS; ++step) {
        const char *name = leat_testing_step_name((enum leat_testing_step)step);
        if (leat_testing_kind_has_step(server->options.kind, (enum leat_testing_step)step))
            sample_put(text, STEPS, entry, name, leati_testing_server_step_count(server, name));
    }
}

/* Those of one name stand together: so the format wants it. */
static void metric_put(struct leati_json_text *text, enum metric metric,
                       const struct leati_entry *entries, struct leat_testing_seen *seen)
{
    put(text, "# HELP %s %s\n# TYPE %s %s\n", metrics[metric].name, metrics[metric].help,
        metrics[metric].name, metrics[metric].type);
    for (const struct leati_entry *entry = entries; entry; entry = entry->next) {
        if (!entry->served)
            continue;
        leat_testing_server *server = entry->served->server;
        leat_testing_server_get_seen(server, seen);
        if (metric == STEPS)
            steps_put(text, entry);
        else if (metric == LOST_EVENTS)
            sample_put(text, metric, entry, NULL, leat_testing_server_get_lost_events(server));
        else
            sample_put(text, metric, entry, NULL, value_of(seen, metric));
    }
}

bool leati_control_metrics(struct leati_control_request *request)
{
    struct leat_testing_seen *seen = leati_malloc(sizeof(*seen));
    if (!seen)
        return leati_refuse(&request->refusal, 500, "", "no memory");
    for (enum metric metric = CONNECTIONS; metric < METRICS; metric = (enum metric)(metric + 1))
        metric_put(&request->text, metric, request->control->entries, seen);
    leati_free(seen);
    request->content_type = "text/plain; version=0.0.4; charset=utf-8";
    return true;
}
