/* SPDX-License-Identifier: Apache-2.0 */
/* The log as a sequence diagram in the language of Mermaid. */
#include "testing/diagram.h"
#include "testing/file.h"
#include "util/alloc.h"
#include "util/errno_text.h"
#include "util/readable.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* More connections are not drawn: a diagram is for eyes. */
#define LIFELINES_MAX 16u

enum arrow { FROM_CLIENT, TO_CLIENT, TO_DESTINATION, OVER };

/* What is not here is a note; the labels of scripts are none of these. */
static enum arrow arrow_of(const char *step)
{
    static const struct {
        const char *step;
        enum arrow arrow;
    } arrows[] = {
        {"accept", FROM_CLIENT},     {"greeting", FROM_CLIENT}, {"method", TO_CLIENT},
        {"auth", FROM_CLIENT},       {"auth-reply", TO_CLIENT}, {"request", FROM_CLIENT},
        {"head", FROM_CLIENT},       {"reply", TO_CLIENT},      {"upgrade", TO_CLIENT},
        {"connect", TO_DESTINATION}, {"message", FROM_CLIENT},  {"ping", FROM_CLIENT},
        {"send", TO_CLIENT},         {"proxy", FROM_CLIENT},    {"query", FROM_CLIENT},
    };
    for (size_t i = 0; i < sizeof(arrows) / sizeof(arrows[0]); ++i)
        if (strcmp(arrows[i].step, step) == 0)
            return arrows[i].arrow;
    return OVER;
}

__attribute__((format(printf, 2, 3))) static void put(struct leati_json_text *text,
                                                      const char *format, ...)
{
    char line[LEATI_TESTING_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    leati_readable_vformat(line, sizeof(line), format, args);
    va_end(args);
    leati_json_append(text, line, strlen(line));
}

#define PUT_LINE(text, ...) (put(text, __VA_ARGS__), leati_json_append(text, "\n", 1))

/* A text of a client in one of Mermaid: what means something there is written as a number. */
static void put_text(struct leati_json_text *text, const char *words)
{
    for (const char *c = words; *c; ++c) {
        if (strchr("#;<>&\"%{}", *c) || (unsigned char)*c < ' ')
            put(text, "#%d;", *c);
        else
            leati_json_append(text, c, 1);
    }
}

/* Under the lock. */
static void event_append(const struct leat_testing_event *event, struct leati_json_text *text)
{
    unsigned n = event->connection;
    switch (arrow_of(event->step)) {
    case FROM_CLIENT:
        put(text, "    c%u->>s: ", n);
        break;
    case TO_CLIENT:
        put(text, "    s-->>c%u: ", n);
        break;
    case TO_DESTINATION:
        put(text, "    s->>d: ");
        break;
    case OVER:
        put(text, "    Note over c%u,s: ", n);
        break;
    }
    put_text(text, event->step);
    put(text, "%s", event->text[0] ? " " : "");
    put_text(text, event->text);
    if (strcmp(event->step, "end") == 0)
        put(text, " (%" PRIu64 " bytes in, %" PRIu64 " out)", event->bytes_in, event->bytes_out);
    PUT_LINE(text, " [%" PRIu64 ".%03u ms]", event->time_us / 1000,
             (unsigned)(event->time_us % 1000));
}

/* @return the number of the first client that is drawn. */
static unsigned participants_append(const struct leat_testing_server *server,
                                    struct leati_json_text *text)
{
    bool has_destination = false;
    unsigned clients = 0, first = UINT_MAX;
    for (size_t i = server->event_first; i < server->event_count; ++i) {
        const struct leat_testing_event *event = leati_testing_server_event_at(server, i);
        has_destination |= arrow_of(event->step) == TO_DESTINATION;
        clients = event->connection > clients ? event->connection : clients;
        first = event->connection < first ? event->connection : first;
    }
    for (unsigned n = first; n <= clients && n - first < LIFELINES_MAX; ++n)
        PUT_LINE(text, "    participant c%u as client %u", n, n);
    put(text, "    participant s as ");
    put_text(text, leat_testing_kind_name(server->options.kind));
    put(text, " ");
    put_text(text, server->address);
    PUT_LINE(text, "%s", "");
    if (has_destination)
        PUT_LINE(text, "    participant d as destination");
    return first;
}

void leati_diagram_append(struct leat_testing_server *server, struct leati_json_text *text)
{
    size_t left_out = 0;
    pthread_mutex_lock(&server->lock);
    PUT_LINE(text, "sequenceDiagram");
    unsigned first = participants_append(server, text);
    if (server->event_first > 0)
        PUT_LINE(text, "    Note over s: %zu earlier events are not kept", server->event_first);
    for (size_t i = server->event_first; i < server->event_count; ++i) {
        const struct leat_testing_event *event = leati_testing_server_event_at(server, i);
        if (event->connection - first < LIFELINES_MAX)
            event_append(event, text);
        else
            ++left_out;
    }
    if (left_out > 0)
        PUT_LINE(text, "    Note over s: %zu events of further connections", left_out);
    pthread_mutex_unlock(&server->lock);
}

int leat_testing_server_save_diagram(leat_testing_server *server, const char *path,
                                     struct leat_testing_problem *ret_problem)
{
    struct leati_json_text text = {0};
    if (!server || !path || leati_testing_server_is_inherited(server))
        return LEAT_E_PARAMETER;
    leati_diagram_append(server, &text);
    if (text.failed) {
        leati_free(text.data);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    bool is_written = fd >= 0 && leati_testing_file_write(fd, text.data, text.len);
    int sys_errno = errno;
    leati_free(text.data);
    if (fd >= 0)
        close(fd);
    if (is_written)
        return LEAT_OK;
    if (ret_problem) {
        *ret_problem = (struct leat_testing_problem){0};
        leati_readable_format(ret_problem->text, sizeof(ret_problem->text), "cannot write %s: %s",
                              path, leati_errno_text(sys_errno));
    }
    return LEAT_E_SOCKET_BASE + sys_errno;
}
