/* SPDX-License-Identifier: Apache-2.0 */
#include "ws.h"

#include "options.h"
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_BYTES = 65536,
    /* The longest message that is held as a whole; --stream has no limit. */
    MESSAGE_BYTES = 16 << 20,
};

/* ---- files ------------------------------------------------------------------------------ */

static int source_open(struct ws *s, struct ws_source *source)
{
    struct stat info;
    if (!source->is_file)
        return TOOL_EXIT_OK;
    /* A FIFO that nobody has opened for writing yet is waited for beside the connection, as what comes through it is. */
    source->fd = strcmp(source->value, "-") == 0
                     ? STDIN_FILENO
                     : open(source->value, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (source->fd < 0)
        return tool_usage_error(s->command, "--file: cannot read %s: %s", source->value,
                                strerror(errno));
    if (fstat(source->fd, &info) < 0)
        return tool_usage_error(s->command, "--file: cannot read %s: %s", source->value,
                                strerror(errno));
    source->may_wait = source->fd == STDIN_FILENO || !S_ISREG(info.st_mode);
    if (S_ISDIR(info.st_mode))
        return tool_usage_error(s->command, "--file: %s is a directory", source->value);
    if (!s->options.stream && S_ISREG(info.st_mode) && info.st_size > MESSAGE_BYTES)
        return tool_usage_error(
            s->command, "--file: %s is larger than 16 MiB; --stream sends any size", source->value);
    return TOOL_EXIT_OK;
}

int ws_input_open(struct ws *s)
{
    int status = TOOL_EXIT_OK;
    for (struct ws_source *source = s->options.sources; source && status == TOOL_EXIT_OK;
         source = source->next)
        status = source_open(s, source);
    return status;
}

static void source_drop(struct ws *s)
{
    struct ws_source *source = s->options.sources;
    if (source->is_file && source->fd > STDIN_FILENO)
        close(source->fd);
    s->options.sources = source->next;
    s->input.source_is_read = false;
    free(source);
}

void ws_input_done(struct ws *s)
{
    while (s->options.sources)
        source_drop(s);
    free(s->input.data);
    s->input.data = NULL;
}

/* ---- the buffer ------------------------------------------------------------------------- */

static bool input_reserve(struct ws *s, size_t size)
{
    struct ws_input *input = &s->input;
    if (input->used > 0) {
        memmove(input->data, input->data + input->used, input->len - input->used);
        input->len -= input->used;
        input->used = 0;
    }
    if (input->cap - input->len >= size)
        return true;
    size_t cap = input->cap * 2 > input->len + size ? input->cap * 2 : input->len + size;
    char *grown = realloc(input->data, cap);
    if (!grown)
        ws_fail(s, "out of memory");
    if (!grown)
        return false;
    input->data = grown;
    input->cap = cap;
    return true;
}

static bool input_append(struct ws *s, const char *data, size_t len)
{
    if (!input_reserve(s, len + 1))
        return false;
    memcpy(s->input.data + s->input.len, data, len);
    s->input.len += len;
    return true;
}

/* Reads a piece of a file. @return bytes, 0 = its end, -1 = not now, or it has failed. */
static ssize_t input_fill(struct ws *s, int fd)
{
    if (!input_reserve(s, READ_BYTES))
        return -1;
    ssize_t len = read(fd, s->input.data + s->input.len, READ_BYTES);
    if (len < 0 && errno != EINTR && errno != EAGAIN)
        ws_fail(s, "cannot read the input: %s", strerror(errno));
    if (len > 0)
        s->input.len += (size_t)len;
    return len;
}

/* ---- one message ------------------------------------------------------------------------ */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* In place; spaces and colons between bytes are skipped. @return the length, SIZE_MAX = not hex. */
static size_t hex_decode(char *text, size_t len)
{
    size_t size = 0;
    for (size_t i = 0; i < len;) {
        if (text[i] == ' ' || text[i] == ':' || text[i] == '\r' || text[i] == '\t') {
            i++;
            continue;
        }
        int high = hex_digit(text[i]);
        int low = i + 1 < len ? hex_digit(text[i + 1]) : -1;
        if (high < 0 || low < 0)
            return SIZE_MAX;
        text[size++] = (char)(high << 4 | low);
        i += 2;
    }
    return size;
}

static enum leat_message_type message_type(const struct ws *s)
{
    return s->options.binary || s->options.hex ? LEAT_MESSAGE_BINARY : LEAT_MESSAGE_TEXT;
}

/* Not a reason to leave for a person who types; a script must not believe that it was sent. */
static void message_refuse(struct ws *s, const char *what)
{
    if (s->is_interactive)
        ws_say(s, "not sent: %s", what);
    else if (s->input.line_count > 0)
        ws_fail(s, "line %llu is not sent: %s", (unsigned long long)s->input.line_count, what);
    else
        ws_fail(s, "not sent: %s", what);
}

/* false = the queue is full. */
static bool message_sent(struct ws *s, int code, const void *data, size_t len, bool is_whole)
{
    if (code == LEAT_E_TLS_WRITE || code == LEAT_E_SOCKET_BASE + EAGAIN) {
        s->blocked = true;
        return false;
    }
    if (code == LEAT_E_PARAMETER)
        message_refuse(s, "it is not UTF-8, which text messages are; --binary sends any bytes");
    if (code == LEAT_OK) {
        s->sent_count += is_whole;
        ws_print_payload(s, true, message_type(s), data, len);
        ws_keep_add(s, message_type(s), data, len);
        ws_print_sent(s, message_type(s), len);
    }
    /* Otherwise the connection has ended, and `closed` tells why. */
    return true;
}

/* `data` is overwritten where it is hexadecimal, so it must not be sent again then. */
static bool message_send(struct ws *s, char *data, size_t len, bool is_hex)
{
    if (is_hex) {
        char *copy = malloc(len + 1);
        if (!copy) {
            ws_fail(s, "out of memory");
            return true;
        }
        memcpy(copy, data, len);
        size_t size = hex_decode(copy, len);
        bool is_done = true;
        if (size == SIZE_MAX)
            message_refuse(s, "it is not hexadecimal");
        else
            is_done = message_sent(s, leat_websocket_send(s->ws, LEAT_MESSAGE_BINARY, copy, size),
                                   copy, size, true);
        free(copy);
        return is_done;
    }
    return message_sent(s, leat_websocket_send(s->ws, message_type(s), data, len), data, len, true);
}

/* ---- the lines of standard input -------------------------------------------------------- */

static void pump_lines(struct ws *s)
{
    struct ws_input *input = &s->input;
    char end_of_line = s->options.null ? '\0' : '\n';
    while (s->open && !s->blocked && !s->closing && input->used < input->len) {
        char *line = input->data + input->used;
        char *end = memchr(line, end_of_line, input->len - input->used);
        if (!end && !input->ended)
            break;
        size_t len = end ? (size_t)(end - line) : input->len - input->used;
        input->line_count++;
        if (!message_send(s, line, len, s->options.hex)) {
            input->line_count--;
            break;
        }
        input->used += len + (end != NULL);
    }
    if (input->ended && input->used == input->len && s->open && !s->blocked)
        ws_input_ended(s);
}

void ws_input_line(struct ws *s, const char *line, size_t len)
{
    if (input_append(s, line, len) && input_append(s, s->options.null ? "" : "\n", 1))
        ws_input_pump(s);
}

/* ---- a stream: one message in parts ----------------------------------------------------- */

static void stream_part(struct ws *s, bool is_last)
{
    struct ws_input *input = &s->input;
    size_t len = input->len - input->used;
    int code = leat_websocket_send_part(s->ws, message_type(s), input->data + input->used, len,
                                        !input->part_is_open, is_last);
    if (!message_sent(s, code, input->data + input->used, len, is_last))
        return;
    input->part_is_open = !is_last;
    input->used = input->len;
}

/* @return whether the stream has been sent to its end. */
static bool stream_pump(struct ws *s, const struct ws_source *source, bool may_read)
{
    while (s->open && !s->blocked && !s->closing) {
        if (s->input.used < s->input.len || s->input.source_is_read) {
            bool is_last = s->input.source_is_read;
            stream_part(s, is_last);
            if (is_last && !s->blocked)
                return true;
            continue;
        }
        if (!may_read)
            return false;
        ssize_t len = input_fill(s, source->fd);
        if (len < 0)
            return false;
        s->input.source_is_read = len == 0;
        may_read = !source->may_wait;
    }
    return false;
}

/* ---- messages and files of the command line --------------------------------------------- */

/* A file as a whole. @return whether it is all there. */
static bool file_read(struct ws *s, const struct ws_source *source, bool may_read)
{
    while (may_read && !s->closing && !s->input.source_is_read) {
        ssize_t len = input_fill(s, source->fd);
        s->input.source_is_read = len == 0;
        if (s->input.len - s->input.used > MESSAGE_BYTES) {
            ws_fail(s, "the input is larger than 16 MiB; --stream sends any size");
            return false;
        }
        may_read = len > 0 && !source->may_wait;
    }
    return s->input.source_is_read && !s->closing;
}

/* @return whether the first source has been sent. */
static bool source_pump(struct ws *s, bool may_read)
{
    struct ws_source *source = s->options.sources;
    struct ws_input *input = &s->input;
    if (!source->is_file) {
        size_t len = strlen(source->value);
        return (input->len > input->used || input_append(s, source->value, len)) &&
               message_send(s, input->data + input->used, len, s->options.hex);
    }
    if (s->options.stream)
        return stream_pump(s, source, may_read || !source->may_wait);
    return file_read(s, source, may_read || !source->may_wait) &&
           message_send(s, input->data + input->used, input->len - input->used, false);
}

static void pump_sources(struct ws *s, bool may_read)
{
    while (s->options.sources && s->open && !s->blocked && !s->closing &&
           source_pump(s, may_read)) {
        s->input.used = s->input.len;
        source_drop(s);
        may_read = false;
    }
    if (!s->options.sources && s->open && !s->closing) {
        s->input.ended = true;
        ws_input_ended(s);
    }
}

/* ---- the door --------------------------------------------------------------------------- */

/* --stream without a file is that of standard input: ws.c adds it to the sources. */
static void input_pump(struct ws *s, bool may_read)
{
    if (s->options.sources)
        pump_sources(s, may_read);
    else
        pump_lines(s);
}

void ws_input_pump(struct ws *s)
{
    if (s->open && !s->blocked && !s->closing)
        input_pump(s, false);
}

int ws_input_fd(const struct ws *s)
{
    const struct ws_source *source = s->options.sources;
    if (!s->open || s->blocked || s->closing || s->input.ended)
        return -1;
    if (!source)
        return STDIN_FILENO;
    return source->is_file && source->may_wait && !s->input.source_is_read ? source->fd : -1;
}

void ws_input_read(struct ws *s)
{
    if (s->options.sources) {
        input_pump(s, true);
        return;
    }
    ssize_t len = input_fill(s, STDIN_FILENO);
    if (len == 0)
        s->input.ended = true;
    if (len >= 0)
        pump_lines(s);
    if (s->input.len - s->input.used > MESSAGE_BYTES && !s->blocked && !s->closing)
        ws_fail(s, "line %llu is longer than 16 MiB; --stream sends any length in parts",
                (unsigned long long)s->input.line_count + 1);
}
