/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"
#include "serve.h"
#include "terminal.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static void event_print(const struct leat_testing_event *event)
{
    fprintf(stderr, "%8" PRIu64 ".%03u ms  #%u %s%-10s%s ", event->time_us / 1000,
            (unsigned)(event->time_us % 1000), event->connection,
            tool_style(stderr, TOOL_STYLE_BOLD), event->step, tool_style(stderr, TOOL_STYLE_PLAIN));
    tool_print_safe(stderr, event->text, strlen(event->text));
    if (strcmp(event->step, "end") == 0)
        fprintf(stderr, "%sin %" PRIu64 ", out %" PRIu64 " bytes", event->text[0] ? ", " : "",
                event->bytes_in, event->bytes_out);
    fputc('\n', stderr);
}

static void event_describe(const struct leat_testing_event *event)
{
    struct tool_json json = {.out = stderr};
    tool_json_object(&json, NULL);
    tool_json_thousandths(&json, "time_ms", event->time_us);
    tool_json_number(&json, "connection", event->connection);
    tool_json_string(&json, "step", event->step);
    tool_json_string(&json, "text", event->text);
    tool_json_number(&json, "bytes_in", (int64_t)event->bytes_in);
    tool_json_number(&json, "bytes_out", (int64_t)event->bytes_out);
    tool_json_object_end(&json);
    tool_json_end(&json);
}

int tool_serve_capture(const char *path, uint32_t mib, leat_testing_capture **ret_capture,
                       struct leat_testing_problem *ret_problem)
{
    return path ? leat_testing_capture_new(path, (uint64_t)mib << 20, ret_capture, ret_problem)
                : LEAT_OK;
}

void tool_serve_log(const struct leat_testing_event *event, void *user)
{
    struct tool_serve_state *serve = user;
    if (serve->is_json)
        event_describe(event);
    else if (serve->has_log)
        event_print(event);
    if (strcmp(event->step, "end") != 0 || ++serve->ended != serve->connections)
        return;
    uint64_t one = 1;
    if (write(serve->enough_fd, &one, sizeof(one)) < 0)
        return; /* an eventfd that was never written to takes it */
}
