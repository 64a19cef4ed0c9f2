/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include "terminal.h"

#include <inttypes.h>
#include <string.h>

static void text_print(FILE *out, const char *text, size_t len)
{
    fputc('"', out);
    while (len > 0) {
        unsigned character = 0;
        size_t size = tool_utf8_decode(text, len, &character);
        if (size == 0)
            fputs("\xef\xbf\xbd", out);
        else if (character == '"' || character == '\\')
            fprintf(out, "\\%c", (char)character);
        else if (!tool_character_is_safe(character)) /* a terminal may be what prints it */
            fprintf(out, "\\u%04x", character);
        else
            fwrite(text, 1, size, out);
        size = size ? size : 1;
        text += size;
        len -= size;
    }
    fputc('"', out);
}

static void member_begin(struct tool_json *json, const char *name)
{
    if (json->has_members)
        fputs(json->breaks ? "," : ", ", json->out);
    if (json->breaks)
        fputs("\n  ", json->out);
    json->has_members = true;
    json->breaks = false;
    if (name) {
        text_print(json->out, name, strlen(name));
        fputs(": ", json->out);
    }
}

static void container_begin(struct tool_json *json, const char *name, char bracket)
{
    member_begin(json, name);
    fputc(bracket, json->out);
    json->has_members = false;
}

static void container_end(struct tool_json *json, char bracket)
{
    fputc(bracket, json->out);
    json->has_members = true;
}

void tool_json_object(struct tool_json *json, const char *name)
{
    container_begin(json, name, '{');
}

void tool_json_object_end(struct tool_json *json)
{
    container_end(json, '}');
}

void tool_json_array(struct tool_json *json, const char *name)
{
    container_begin(json, name, '[');
}

void tool_json_array_end(struct tool_json *json)
{
    container_end(json, ']');
}

void tool_json_text(struct tool_json *json, const char *name, const char *text, size_t len)
{
    member_begin(json, name);
    text_print(json->out, text, len);
}

void tool_json_string(struct tool_json *json, const char *name, const char *text)
{
    if (text)
        tool_json_text(json, name, text, strlen(text));
    else
        tool_json_null(json, name);
}

void tool_json_string_begin(struct tool_json *json, const char *name)
{
    member_begin(json, name);
    fputc('"', json->out);
}

void tool_json_string_end(struct tool_json *json)
{
    fputc('"', json->out);
}

void tool_json_number(struct tool_json *json, const char *name, int64_t value)
{
    member_begin(json, name);
    fprintf(json->out, "%" PRId64, value);
}

void tool_json_thousandths(struct tool_json *json, const char *name, uint64_t value)
{
    member_begin(json, name);
    fprintf(json->out, "%" PRIu64 ".%03u", value / 1000, (unsigned)(value % 1000));
}

void tool_json_bool(struct tool_json *json, const char *name, bool value)
{
    member_begin(json, name);
    fputs(value ? "true" : "false", json->out);
}

void tool_json_null(struct tool_json *json, const char *name)
{
    member_begin(json, name);
    fputs("null", json->out);
}

void tool_json_break(struct tool_json *json)
{
    json->breaks = true;
}

void tool_json_end(struct tool_json *json)
{
    fputc('\n', json->out);
    json->has_members = false;
}
