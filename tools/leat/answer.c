/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "report.h"
#include "terminal.h"

#include <string.h>

/* Of the body on a line for a person. */
enum { LINE_MAX_BYTES = 400 };

static void header_take(const leat_websocket *ws, const char *name, char *ret_value, size_t cap)
{
    const char *value = leat_websocket_get_http_header(ws, name);
    tool_format(ret_value, cap, "%s", value ? value : "");
}

void tool_answer_take(const leat_websocket *ws, struct tool_answer *ret_answer)
{
    size_t len = 0;
    struct leat_error error;
    leat_websocket_get_error(ws, &error);
    *ret_answer = (struct tool_answer){.status = leat_websocket_get_http_status(ws)};
    if (error.layer == LEAT_LAYER_HTTP_PROXY)
        ret_answer->status = error.native_code;
    header_take(ws, "Location", ret_answer->location, sizeof(ret_answer->location));
    header_take(ws, "WWW-Authenticate", ret_answer->authenticate, sizeof(ret_answer->authenticate));
    header_take(ws, "Proxy-Authenticate", ret_answer->proxy_authenticate,
                sizeof(ret_answer->proxy_authenticate));
    header_take(ws, "Retry-After", ret_answer->retry_after, sizeof(ret_answer->retry_after));
    const char *body = leat_websocket_get_http_body(ws, &len);
    size_t kept = len < sizeof(ret_answer->body) ? len : sizeof(ret_answer->body) - 1;
    while (kept < len && kept > 0 && ((unsigned char)body[kept] & 0xc0) == 0x80)
        kept--; /* no half of a character */
    memcpy(ret_answer->body, body, kept);
    ret_answer->body_is_cut = kept < len;
}

/* The first line that is not empty: pages begin with some. */
static void print_body(FILE *out, const char *label, const struct tool_answer *answer)
{
    char text[LINE_MAX_BYTES + 1];
    const char *line = answer->body + strspn(answer->body, " \t\r\n");
    size_t len = strcspn(line, "\r\n");
    bool is_cut = line[len] == '\0' && answer->body_is_cut;
    tool_format(text, sizeof(text), "%.*s%s", (int)len, line, is_cut ? "..." : "");
    if (len > 0)
        tool_report_field(out, label, text, strlen(text));
}

void tool_answer_print(FILE *out, const struct tool_answer *answer, enum leat_language language)
{
    bool is_zh = language == LEAT_LANGUAGE_ZH;
    const struct {
        const char *label, *value;
    } headers[] = {
        {is_zh ? "转向:" : "to:", answer->location},
        {is_zh ? "登录:" : "login:", answer->authenticate},
        {is_zh ? "登录:" : "login:", answer->proxy_authenticate},
        {is_zh ? "等待:" : "wait:", answer->retry_after},
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        if (headers[i].value[0])
            tool_report_field(out, headers[i].label, headers[i].value, strlen(headers[i].value));
    print_body(out, is_zh ? "正文:" : "body:", answer);
}

void tool_answer_describe(struct tool_json *json, const char *name,
                          const struct tool_answer *answer)
{
    if (answer->status == 0) {
        tool_json_null(json, name);
        return;
    }
    tool_json_object(json, name);
    tool_json_number(json, "status", answer->status);
    tool_json_string(json, "location", answer->location[0] ? answer->location : NULL);
    tool_json_string(json, "www_authenticate",
                     answer->authenticate[0] ? answer->authenticate : NULL);
    tool_json_string(json, "proxy_authenticate",
                     answer->proxy_authenticate[0] ? answer->proxy_authenticate : NULL);
    tool_json_string(json, "retry_after", answer->retry_after[0] ? answer->retry_after : NULL);
    tool_json_string(json, "body", answer->body);
    tool_json_object_end(json);
}
