/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    VERSION_LEN = 8, /* "HTTP/1.x" */
    VERSION_MAJOR_AT = 5,
};

static const char version_prefix[] = "HTTP/1.";

void leati_http_head_init(struct leati_http_head *head, enum leati_http_kind kind)
{
    memset(head, 0, sizeof(*head));
    head->kind = kind;
    head->result = LEATI_HTTP_MORE;
}

void leati_http_head_done(struct leati_http_head *head)
{
    leati_free(head->bytes);
    leati_free(head->fields);
    leati_http_head_init(head, head->kind);
}

/* ---- refusals ----------------------------------------------------------------------- */

enum leati_http_fault leati_http_head_large_part(const struct leati_http_head *head)
{
    size_t len = head->len - head->line_start;

    if (head->has_start_line)
        return LEATI_HTTP_FAULT_FIELDS;
    return len > 0 && memchr(head->bytes + head->line_start, ' ', len) ? LEATI_HTTP_FAULT_TARGET
                                                                       : LEATI_HTTP_FAULT_METHOD;
}

static enum leati_http_result head_refuse(struct leati_http_head *head,
                                          enum leati_http_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum leati_http_result head_refuse(struct leati_http_head *head,
                                          enum leati_http_result result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    leati_readable_vformat(head->error, sizeof(head->error), format, args);
    va_end(args);
    head->result = result;
    if (result == LEATI_HTTP_TOO_LARGE)
        head->fault = leati_http_head_large_part(head);
    return result;
}

static enum leati_http_result head_out_of_memory(struct leati_http_head *head)
{
    return head_refuse(head, LEATI_HTTP_NO_MEMORY, "no memory for the head");
}

static const char *start_line_name(const struct leati_http_head *head)
{
    return head->kind == LEATI_HTTP_RESPONSE ? "the status line" : "the request line";
}

/* Whether the line that is being read goes on with the field before it. */
static bool line_is_fold(const struct leati_http_head *head)
{
    return head->kind == LEATI_HTTP_RESPONSE && head->field_count > 0 &&
           head->len > head->line_start && leati_text_is_white_space(head->bytes[head->line_start]);
}

/* The line that is being read, for an error text. */
static const char *line_name(const struct leati_http_head *head, char *buf, size_t cap)
{
    if (!head->has_start_line)
        return start_line_name(head);
    snprintf(buf, cap, "header field %zu", head->field_count + !line_is_fold(head));
    return buf;
}

/* ---- memory ------------------------------------------------------------------------- */

/* Room for one more byte; the final NUL of each string takes the place of a separator. */
static bool head_grow(struct leati_http_head *head)
{
    return head->len < head->cap || leati_grow(&head->bytes, &head->cap, 1024, 1);
}

static bool head_grow_fields(struct leati_http_head *head)
{
    return head->field_count < head->field_cap ||
           leati_grow(&head->fields, &head->field_cap, 16, sizeof(head->fields[0]));
}

/* ---- lines -------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.x", exactly that long. What is above 1.1 is read as 1.1 (RFC 9110 section 2.5). */
static bool version_parse(const char *s, size_t len, int *ret_minor)
{
    if (len != VERSION_LEN || memcmp(s, version_prefix, VERSION_LEN - 1) != 0 ||
        !is_digit(s[VERSION_LEN - 1]))
        return false;
    *ret_minor = s[VERSION_LEN - 1] == '0' ? 0 : 1;
    return true;
}

/* "HTTP/2.0": well-formed, and of another major version. */
static bool version_is_other(const char *s, size_t len)
{
    const char *major = s + VERSION_MAJOR_AT;
    return len == VERSION_LEN && memcmp(s, version_prefix, VERSION_MAJOR_AT) == 0 &&
           is_digit(*major) && *major != '1' && major[1] == '.' && is_digit(major[2]);
}

/* RFC 9112 section 4: HTTP-version SP status-code SP [ reason-phrase ]. */
static enum leati_http_result status_line_parse(struct leati_http_head *head, size_t end)
{
    const char *line = head->bytes + head->line_start;
    size_t len = end - head->line_start;
    int minor = 0;
    uint64_t status = 0;

    if (len <= VERSION_LEN || line[VERSION_LEN] != ' ' || !version_parse(line, VERSION_LEN, &minor))
        return head_refuse(head, LEATI_HTTP_MALFORMED,
                           "the status line does not begin with \"HTTP/1.\", a digit and a space");
    size_t pos = VERSION_LEN + 1;
    if (len < pos + 3 || !leati_text_parse_u64(line + pos, 3, 999, &status) || status < 100)
        return head_refuse(head, LEATI_HTTP_MALFORMED,
                           "the status is not a number from 100 to 999");
    pos += 3;
    if (pos < len && line[pos] != ' ')
        return head_refuse(head, LEATI_HTTP_MALFORMED, "no space behind the status");

    head->minor_version = minor;
    head->status = (int)status;
    /* Without a reason it is the final NUL that the caller puts at `end`. */
    head->reason = (uint32_t)(head->line_start + (pos < len ? pos + 1 : len));
    return LEATI_HTTP_MORE;
}

/* RFC 9112 section 3: method SP request-target SP HTTP-version. */
static enum leati_http_result request_line_parse(struct leati_http_head *head, size_t end)
{
    char *line = head->bytes + head->line_start;
    size_t len = end - head->line_start;

    char *target = memchr(line, ' ', len);
    if (!target || !leati_text_is_token(line, (size_t)(target - line)))
        return head_refuse(head, LEATI_HTTP_MALFORMED, "the request line has no valid method");
    *target++ = '\0';
    size_t rest = (size_t)(line + len - target);
    char *version = memchr(target, ' ', rest);
    if (!version || version == target)
        return head_refuse(head, LEATI_HTTP_MALFORMED, "the request line has no target");
    *version++ = '\0';
    for (const char *c = target; *c; c++)
        if (*c < '!' || *c > '~')
            return head_refuse(head, LEATI_HTTP_MALFORMED, "the request target holds byte 0x%02x",
                               (unsigned char)*c);
    size_t version_len = (size_t)(line + len - version);
    if (version_is_other(version, version_len)) {
        head->fault = LEATI_HTTP_FAULT_VERSION;
        return head_refuse(head, LEATI_HTTP_MALFORMED, "the request is of HTTP/%c, not of HTTP/1.x",
                           version[VERSION_MAJOR_AT]);
    }
    if (!version_parse(version, version_len, &head->minor_version))
        return head_refuse(head, LEATI_HTTP_MALFORMED,
                           "the request line does not end with \"HTTP/1.\" and a digit");

    head->method = (uint32_t)head->line_start;
    head->target = (uint32_t)(target - head->bytes);
    return LEATI_HTTP_MORE;
}

/* RFC 9112 section 5.2: the line goes on with the field before it, as if the end of the line and
 * the white space around it were one space. */
static enum leati_http_result fold_join(struct leati_http_head *head, size_t end)
{
    const struct leati_http_field_place *field = &head->fields[head->field_count - 1];
    const char *line = head->bytes + head->line_start;
    const char *line_end = head->bytes + end;

    while (line < line_end && leati_text_is_white_space(*line))
        line++;
    while (line_end > line && leati_text_is_white_space(line_end[-1]))
        line_end--;
    size_t len = (size_t)(line_end - line);
    if (len == 0)
        return LEATI_HTTP_MORE;
    if (head->value_end - field->name + 1 + len > LEATI_HTTP_LINE_MAX_BYTES)
        return head_refuse(head, LEATI_HTTP_TOO_LARGE, "header field %zu is longer than %u bytes",
                           head->field_count, LEATI_HTTP_LINE_MAX_BYTES);
    /* There is at least a line end between both. */
    if (head->value_end > field->value)
        head->bytes[head->value_end++] = ' ';
    memmove(head->bytes + head->value_end, line, len);
    head->value_end += len;
    head->bytes[head->value_end] = '\0';
    return LEATI_HTTP_MORE;
}

/* RFC 9112 section 5: field-name ":" OWS field-value OWS. */
static enum leati_http_result field_line_parse(struct leati_http_head *head, size_t end)
{
    char *line = head->bytes + head->line_start;
    size_t len = end - head->line_start;
    size_t number = head->field_count + 1;

    if (line_is_fold(head))
        return fold_join(head, end);
    if (leati_text_is_white_space(line[0]))
        return head_refuse(head, LEATI_HTTP_MALFORMED, "header field %zu begins with white space%s",
                           number, number > 1 ? " (line folding)" : "");
    if (head->field_count == LEATI_HTTP_MAX_FIELDS)
        return head_refuse(head, LEATI_HTTP_TOO_LARGE, "more than %u header fields",
                           LEATI_HTTP_MAX_FIELDS);
    char *colon = memchr(line, ':', len);
    if (!colon)
        return head_refuse(head, LEATI_HTTP_MALFORMED, "header field %zu has no colon", number);
    if (colon > line && leati_text_is_white_space(colon[-1]))
        return head_refuse(head, LEATI_HTTP_MALFORMED,
                           "white space before the colon of header field %zu", number);
    if (!leati_text_is_token(line, (size_t)(colon - line)))
        return head_refuse(head, LEATI_HTTP_MALFORMED,
                           "the name of header field %zu is not a token", number);
    if (!head_grow_fields(head))
        return head_out_of_memory(head);

    char *value = colon + 1;
    char *value_end = line + len;
    while (value < value_end && leati_text_is_white_space(*value))
        value++;
    while (value_end > value && leati_text_is_white_space(value_end[-1]))
        value_end--;
    *colon = '\0';
    *value_end = '\0';
    head->value_end = (size_t)(value_end - head->bytes);
    head->fields[head->field_count++] = (struct leati_http_field_place){
        .name = (uint32_t)head->line_start,
        .name_len = (uint32_t)(colon - line),
        .value = (uint32_t)(value - head->bytes),
    };
    return LEATI_HTTP_MORE;
}

/* Takes the line that ends with the LF just stored. Its end becomes the NUL of its last string. */
static enum leati_http_result line_end(struct leati_http_head *head)
{
    size_t end = head->len - 1;
    bool has_cr = end > head->line_start && head->bytes[end - 1] == '\r';
    char name[40];

    if (has_cr)
        end--;
    else if (head->kind == LEATI_HTTP_REQUEST)
        return head_refuse(head, LEATI_HTTP_MALFORMED, "%s ends with LF instead of CRLF",
                           line_name(head, name, sizeof(name)));
    head->bytes[end] = '\0';
    bool empty = end == head->line_start;

    enum leati_http_result result = LEATI_HTTP_MORE;
    if (head->has_start_line) {
        result = empty ? LEATI_HTTP_DONE : field_line_parse(head, end);
    } else if (head->kind == LEATI_HTTP_RESPONSE) {
        result = status_line_parse(head, end);
        head->has_start_line = result == LEATI_HTTP_MORE;
    } else if (!empty || head->skipped_empty_line) {
        result = request_line_parse(head, end);
        head->has_start_line = result == LEATI_HTTP_MORE;
    } else {
        head->skipped_empty_line = true;
    }
    if (result == LEATI_HTTP_MORE || result == LEATI_HTTP_DONE)
        head->line_start = head->len;
    head->result = result;
    return result;
}

/* ---- bytes -------------------------------------------------------------------------- */

/* Whether the byte may stand where it does, as far as that can be told before its line ends. */
static enum leati_http_result byte_check(struct leati_http_head *head, unsigned char byte)
{
    size_t pos = head->len - head->line_start;
    char name[40];

    if (pos > 0 && head->bytes[head->len - 1] == '\r' && byte != '\n')
        return head_refuse(head, LEATI_HTTP_MALFORMED, "a CR without LF in %s",
                           line_name(head, name, sizeof(name)));
    if ((byte < ' ' && byte != '\t' && byte != '\r' && byte != '\n') || byte == 0x7f)
        return head_refuse(head, LEATI_HTTP_MALFORMED, "byte 0x%02x in %s", byte,
                           line_name(head, name, sizeof(name)));
    if (head->kind == LEATI_HTTP_RESPONSE && head->len == VERSION_MAJOR_AT && byte != '1' &&
        is_digit((char)byte))
        return head_refuse(head, LEATI_HTTP_MALFORMED,
                           "the response is of HTTP/%c, not of HTTP/1.x", byte);
    if (head->kind == LEATI_HTTP_RESPONSE && head->len < VERSION_LEN - 1 &&
        byte != (unsigned char)version_prefix[head->len])
        return head_refuse(head, LEATI_HTTP_MALFORMED,
                           "not an HTTP response: byte %zu is 0x%02x instead of '%c'", head->len,
                           byte, version_prefix[head->len]);
    if (pos >= LEATI_HTTP_LINE_MAX_BYTES && byte != '\r' && byte != '\n')
        return head_refuse(head, LEATI_HTTP_TOO_LARGE, "%s is longer than %u bytes",
                           line_name(head, name, sizeof(name)), LEATI_HTTP_LINE_MAX_BYTES);
    if (head->len == LEATI_HTTP_HEAD_MAX_BYTES)
        return head_refuse(head, LEATI_HTTP_TOO_LARGE, "the head is longer than %u bytes",
                           LEATI_HTTP_HEAD_MAX_BYTES);
    return LEATI_HTTP_MORE;
}

/* How many bytes at the front are neither controls nor DEL, looked at by eights. */
static size_t plain_len(const unsigned char *bytes, size_t len)
{
    const uint64_t ones = 0x0101010101010101, tops = ones * 0x80;
    size_t plain = 0;

    for (uint64_t eight; len - plain >= sizeof(eight); plain += sizeof(eight)) {
        memcpy(&eight, bytes + plain, sizeof(eight));
        uint64_t without_del = eight ^ ones * 0x7f;
        uint64_t controls = (eight - ones * ' ') & ~eight,
                 dels = (without_del - ones) & ~without_del;
        if ((controls | dels) & tops)
            break;
    }
    while (plain < len && bytes[plain] >= ' ' && bytes[plain] != 0x7f)
        plain++;
    return plain;
}

/* Stores the bytes at the front that may stand anywhere in a line, as many as there is room for without
 * reaching a limit: what is left to byte_check() is mostly where lines end. */
static size_t take_plain(struct leati_http_head *head, const unsigned char *bytes, size_t len)
{
    size_t pos = head->len - head->line_start;
    size_t room = head->cap - head->len;

    /* The first bytes of a response, and what stands behind a CR, are for byte_check(). */
    if (pos == 0 || head->bytes[head->len - 1] == '\r' || pos >= LEATI_HTTP_LINE_MAX_BYTES ||
        (head->kind == LEATI_HTTP_RESPONSE && !head->has_start_line && pos < VERSION_LEN))
        return 0;
    if (len > room)
        len = room;
    if (len > LEATI_HTTP_LINE_MAX_BYTES - pos)
        len = LEATI_HTTP_LINE_MAX_BYTES - pos;
    if (len > LEATI_HTTP_HEAD_MAX_BYTES - head->len)
        len = LEATI_HTTP_HEAD_MAX_BYTES - head->len;
    size_t used = plain_len(bytes, len);
    memcpy(head->bytes + head->len, bytes, used);
    head->len += used;
    return used;
}

enum leati_http_result leati_http_head_feed(struct leati_http_head *head, const void *data,
                                            size_t len, size_t *ret_used)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len && head->result == LEATI_HTTP_MORE; i++) {
        i += take_plain(head, bytes + i, len - i);
        if (i == len)
            break;
        if (byte_check(head, bytes[i]) != LEATI_HTTP_MORE)
            break;
        if (!head_grow(head))
            return head_out_of_memory(head);
        head->bytes[head->len++] = (char)bytes[i];
        if (bytes[i] == '\n' && line_end(head) == LEATI_HTTP_DONE) {
            *ret_used = i + 1;
            return LEATI_HTTP_DONE;
        }
    }
    if (head->result == LEATI_HTTP_MORE)
        *ret_used = len;
    return head->result;
}

/* ---- a complete head ---------------------------------------------------------------- */

size_t leati_http_head_size(const struct leati_http_head *head)
{
    return head->len;
}

const char *leati_http_head_error(const struct leati_http_head *head)
{
    return head->error;
}

enum leati_http_fault leati_http_head_fault(const struct leati_http_head *head)
{
    return head->fault;
}

int leati_http_head_status(const struct leati_http_head *head)
{
    return head->status;
}

/* A string of the start line; its place means nothing before that line is complete. */
static const char *start_line_string(const struct leati_http_head *head, enum leati_http_kind kind,
                                     uint32_t place)
{
    return head->kind == kind && head->has_start_line ? head->bytes + place : "";
}

const char *leati_http_head_reason(const struct leati_http_head *head)
{
    return start_line_string(head, LEATI_HTTP_RESPONSE, head->reason);
}

int leati_http_head_minor_version(const struct leati_http_head *head)
{
    return head->minor_version;
}

const char *leati_http_head_method(const struct leati_http_head *head)
{
    return start_line_string(head, LEATI_HTTP_REQUEST, head->method);
}

bool leati_http_head_method_is(const struct leati_http_head *head, const char *method)
{
    size_t len = strlen(method);

    if (head->has_start_line)
        return strcmp(leati_http_head_method(head), method) == 0;
    if (head->kind != LEATI_HTTP_REQUEST || head->len - head->line_start <= len)
        return false;
    const char *line = head->bytes + head->line_start;
    /* A line that was refused may be cut into its strings already. */
    return memcmp(line, method, len) == 0 && (line[len] == ' ' || line[len] == '\0');
}

const char *leati_http_head_target(const struct leati_http_head *head)
{
    return start_line_string(head, LEATI_HTTP_REQUEST, head->target);
}

size_t leati_http_head_field_count(const struct leati_http_head *head)
{
    return head->field_count;
}

struct leati_http_field leati_http_head_field(const struct leati_http_head *head, size_t index)
{
    return (struct leati_http_field){
        .name = head->bytes + head->fields[index].name,
        .value = head->bytes + head->fields[index].value,
    };
}

const char *leati_http_head_next(const struct leati_http_head *head, const char *name,
                                 size_t *cursor)
{
    size_t name_len = strlen(name);
    while (*cursor < head->field_count) {
        const struct leati_http_field_place *field = &head->fields[(*cursor)++];
        if (field->name_len == name_len &&
            leati_text_equal_nocase(head->bytes + field->name, name_len, name, name_len))
            return head->bytes + field->value;
    }
    return NULL;
}

const char *leati_http_head_get(const struct leati_http_head *head, const char *name)
{
    size_t cursor = 0;
    return leati_http_head_next(head, name, &cursor);
}

size_t leati_http_head_count(const struct leati_http_head *head, const char *name)
{
    size_t cursor = 0;
    size_t count = 0;
    while (leati_http_head_next(head, name, &cursor))
        count++;
    return count;
}

bool leati_http_head_has_token(const struct leati_http_head *head, const char *name,
                               const char *token)
{
    size_t token_len = strlen(token);
    size_t cursor = 0;
    const char *list;
    while ((list = leati_http_head_next(head, name, &cursor))) {
        const char *item;
        size_t len;
        while (leati_http_list_next(&list, &item, &len))
            if (leati_text_equal_nocase(item, len, token, token_len))
                return true;
    }
    return false;
}
