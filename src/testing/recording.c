/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a recording: the file is somebody else's, and may have been edited. */
#include "testing/recording.h"
#include "testing/json.h"
#include "util/alloc.h"
#include "util/errno_text.h"
#include "util/readable.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reader {
    struct leati_recording *recording;
    const char *path;
    unsigned line;
    bool has_head, is_full;
    struct leat_testing_problem *problem;
    int code;
};

/* ---- memory ---------------------------------------------------------------------------------- */

static void connection_free(struct leati_recorded_connection *connection)
{
    if (!connection)
        return;
    leati_free(connection->events);
    leati_free(connection->messages);
    if (connection->client.data)
        leati_wipe(connection->client.data, connection->client.cap);
    leati_free(connection->client.data);
    leati_free(connection->server.data);
    leati_free(connection);
}

void leati_recording_free(struct leati_recording *recording)
{
    if (!recording)
        return;
    for (size_t i = 0; i < recording->count; ++i)
        connection_free(recording->connections[i]);
    leati_free(recording->connections);
    leati_free(recording);
}

__attribute__((format(printf, 2, 3))) static bool reader_refuse(struct reader *reader,
                                                                const char *format, ...)
{
    char reason[200];
    va_list args;
    va_start(args, format);
    leati_readable_vformat(reason, sizeof(reason), format, args);
    va_end(args);
    reader->code = LEAT_E_PARAMETER;
    /* The end of a long path tells more than its beginning, and the reason more than both. */
    size_t path_len = strlen(reader->path);
    leati_readable_format(reader->problem->text, sizeof(reader->problem->text), "%s, line %u: %s",
                          path_len > 60 ? reader->path + path_len - 60 : reader->path, reader->line,
                          reason);
    return false;
}

static bool reader_fail(struct reader *reader)
{
    reader->code = LEAT_E_SYSTEM_INTERNAL;
    return false;
}

/* The connection of a number. NULL: refused, or no memory. */
static struct leati_recorded_connection *connection_get(struct reader *reader, size_t number)
{
    struct leati_recording *recording = reader->recording;
    if (number >= recording->cap) {
        size_t cap = number + number / 2 + 8;
        if (!leati_resize(&recording->connections, cap, sizeof(void *)))
            return NULL;
        memset(recording->connections + recording->cap, 0, (cap - recording->cap) * sizeof(void *));
        recording->cap = cap;
    }
    if (number >= recording->count)
        recording->count = number + 1;
    if (!recording->connections[number])
        recording->connections[number] = leati_calloc(1, sizeof(*recording->connections[number]));
    return recording->connections[number];
}

static bool stream_append(struct leati_recorded_stream *stream, const void *data, size_t len)
{
    if (!leati_reserve(&stream->data, &stream->cap, stream->len, len))
        return false;
    if (len > 0)
        memcpy(stream->data + stream->len, data, len);
    stream->len += len;
    return true;
}

static bool event_add(struct reader *reader, struct leati_recorded_connection *connection,
                      const struct leati_recorded *event)
{
    if (connection->count == connection->cap &&
        !leati_grow(&connection->events, &connection->cap, 8, sizeof(connection->events[0])))
        return reader_fail(reader);
    if (connection->count > 0 && connection->events[connection->count - 1].time_us > event->time_us)
        return reader_refuse(reader,
                             "time_ms is before that of the line before of this connection");
    connection->events[connection->count++] = *event;
    return true;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The members of a line that is not the first. */
enum member {
    TIME_MS,
    CONNECTION,
    CLIENT,
    CLIENT_HEX,
    SERVER,
    SERVER_HEX,
    STEP,
    TEXT,
    CLIENT_END,
    SERVER_END,
    FULL,
    MEMBERS,
};

static const char *const names[MEMBERS] = {"time_ms",    "connection", "client", "client_hex",
                                           "server",     "server_hex", "step",   "text",
                                           "client_end", "server_end", "full"};

static bool members_find(struct reader *reader, const struct leati_json *json,
                         const struct leati_json *ret_members[MEMBERS])
{
    for (const struct leati_json *member = json->first; member; member = member->next) {
        size_t i = 0;
        while (i < MEMBERS && strcmp(names[i], member->name) != 0)
            ++i;
        if (i == MEMBERS)
            return reader_refuse(reader, "there is no member %s",
                                 leati_excerpt(member->name, 40).text);
        if (i >= CLIENT && i <= SERVER_END && member->type != LEATI_JSON_STRING)
            return reader_refuse(reader, "%s is a string", names[i]);
        ret_members[i] = member;
    }
    return true;
}

static bool bytes_add(struct reader *reader, struct leati_recorded_connection *connection,
                      struct leati_recorded *event, enum member member, const char *text)
{
    struct leati_recorded_stream *stream =
        member == CLIENT || member == CLIENT_HEX ? &connection->client : &connection->server;
    size_t len = strlen(text);
    event->what = stream == &connection->client ? LEATI_RECORDED_CLIENT : LEATI_RECORDED_SERVER;
    if (member == CLIENT || member == SERVER) {
        event->len = len;
        return stream_append(stream, text, len) || reader_fail(reader);
    }
    if (len % 2 != 0)
        return reader_refuse(reader, "%s has half a byte at its end", names[member]);
    event->len = len / 2;
    size_t at = stream->len;
    if (!stream_append(stream, text, len / 2)) /* room */
        return reader_fail(reader);
    for (size_t i = 0; i < len; i += 2) {
        int high = leati_text_hex_value(text[i]), low = leati_text_hex_value(text[i + 1]);
        if (high < 0 || low < 0)
            return reader_refuse(reader, "%s: character %zu is no hexadecimal digit", names[member],
                                 i + (high < 0 ? 1 : 2));
        stream->data[at++] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool event_read(struct reader *reader, struct leati_recorded_connection *connection,
                       struct leati_recorded *event, enum member member, const char *text)
{
    static const unsigned endless = 1u << LEAT_TESTING_STEP_DATAGRAM;
    if (member >= CLIENT && member <= SERVER_HEX)
        return bytes_add(reader, connection, event, member, text);
    if (member == STEP) {
        event->what = LEATI_RECORDED_STEP;
        if (!leati_testing_step_find(text, strlen(text), &event->step) ||
            (endless >> event->step & 1) != 0)
            return reader_refuse(reader, "there is no step %s", leati_excerpt(text, 40).text);
        reader->recording->steps |= 1u << event->step;
        return true;
    }
    event->what = member == CLIENT_END ? LEATI_RECORDED_CLIENT_END : LEATI_RECORDED_SERVER_END;
    event->is_reset = strcmp(text, "reset") == 0;
    return event->is_reset || strcmp(text, "fin") == 0 ||
           reader_refuse(reader, "%s is fin or reset", names[member]);
}

/* What a connection cannot do any more. */
static bool event_is_late(struct reader *reader, const struct leati_recorded_connection *connection,
                          const struct leati_recorded *event)
{
    bool is_client =
        event->what == LEATI_RECORDED_CLIENT || event->what == LEATI_RECORDED_CLIENT_END;
    enum leati_recorded_what end =
        is_client ? LEATI_RECORDED_CLIENT_END : LEATI_RECORDED_SERVER_END;
    for (size_t i = connection->count; i-- > 0 && event->what != LEATI_RECORDED_STEP;) {
        /* Ends stand near the end: of the events before them nothing has to be looked at. */
        if (connection->events[i].what == end) {
            (void)reader_refuse(reader, "the %s of connection has ended in line %u",
                                is_client ? "client" : "server", connection->events[i].line);
            return true;
        }
        if (connection->events[i].what == event->what)
            break;
    }
    return false;
}

static bool line_read(struct reader *reader, const struct leati_json *json)
{
    const struct leati_json *members[MEMBERS] = {NULL};
    struct leati_recorded event = {.line = reader->line};
    enum member found = MEMBERS;
    uint64_t number = 0;
    if (!members_find(reader, json, members))
        return false;
    if (members[FULL]) {
        reader->is_full = true;
        return members[FULL]->type == LEATI_JSON_TRUE || reader_refuse(reader, "full is true");
    }
    if (reader->is_full)
        return reader_refuse(reader, "something behind the line that says \"full\"");
    for (enum member i = CLIENT; i <= SERVER_END; i = (enum member)(i + 1)) {
        if (!members[i] || i == TEXT)
            continue;
        if (found != MEMBERS)
            return reader_refuse(reader, "%s and %s in one line", names[found], names[i]);
        found = i;
    }
    if (found == MEMBERS)
        return reader_refuse(reader, "neither bytes nor a step nor an end");
    if (members[TEXT] && found != STEP)
        return reader_refuse(reader, "text belongs to a step");
    const struct leati_json *time = members[TIME_MS], *connection = members[CONNECTION];
    if (!time || time->type != LEATI_JSON_NUMBER || time->number < 0 || time->number > 1e12)
        return reader_refuse(reader, "time_ms is a number of milliseconds");
    event.time_us = (uint64_t)(time->number * 1000);
    if (!connection ||
        !leati_json_whole(connection, LEAT_TESTING_RECORDING_CONNECTIONS_MAX, &number) ||
        number == 0)
        return reader_refuse(reader, "connection is a number from 1 to %d",
                             LEAT_TESTING_RECORDING_CONNECTIONS_MAX);
    struct leati_recorded_connection *own = connection_get(reader, (size_t)number);
    if (!own)
        return reader_fail(reader);
    return event_read(reader, own, &event, found, members[found]->text) &&
           !event_is_late(reader, own, &event) && event_add(reader, own, &event);
}

static bool head_read(struct reader *reader, const struct leati_json *json)
{
    uint64_t version = 0;
    const struct leati_json *member = leati_json_member(json, "leat_recording");
    const struct leati_json *kind = leati_json_member(json, "kind");
    if (!member || !leati_json_whole(member, UINT32_MAX, &version))
        return reader_refuse(reader, "this is no recording: its first line has no leat_recording");
    if (version != LEAT_TESTING_RECORDING_VERSION)
        return reader_refuse(reader, "a recording of version %u; this is for version %d",
                             (unsigned)version, LEAT_TESTING_RECORDING_VERSION);
    for (enum leat_testing_kind i = 0; kind && leat_testing_kind_name(i);
         i = (enum leat_testing_kind)(i + 1)) {
        if (i != LEAT_TESTING_REPLAY && kind->type == LEATI_JSON_STRING &&
            strcmp(leat_testing_kind_name(i), kind->text) == 0) {
            reader->recording->kind = i;
            reader->has_head = true;
        }
    }
    return reader->has_head ||
           reader_refuse(reader, "kind is that of the server that has recorded");
}

static bool text_read(struct reader *reader, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line_len = end ? (size_t)(end - text) - at : len - at;
        struct leat_testing_problem problem = {.text = ""};
        struct leati_json *json = NULL;
        ++reader->line;
        size_t blank = 0;
        while (blank < line_len && memchr(" \t\r", text[at + blank], 3))
            ++blank;
        if (blank < line_len) {
            int code = leati_json_parse(text + at, line_len, &json, &problem);
            if (code == LEAT_E_SYSTEM_INTERNAL)
                return reader_fail(reader);
            if (code != LEAT_OK)
                return reader_refuse(reader, "%s", problem.text);
            bool is_good = json->type == LEATI_JSON_OBJECT
                               ? (reader->has_head ? line_read : head_read)(reader, json)
                               : reader_refuse(reader, "it is a JSON object that was expected");
            leati_json_free(json);
            if (!is_good)
                return false;
        }
        at += line_len + 1;
    }
    return reader->has_head || reader_refuse(reader, "this is no recording: it is empty");
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Bytes that no step answers with are those of a step `send`. */
static void steps_complete(struct leati_recording *recording,
                           const struct leati_recorded_connection *connection)
{
    bool is_answer = false;
    for (size_t i = 0; i < connection->count; ++i) {
        const struct leati_recorded *event = &connection->events[i];
        if (event->what == LEATI_RECORDED_STEP)
            is_answer = leati_testing_step_has_answer(event->step);
        else if (event->what != LEATI_RECORDED_SERVER)
            is_answer = false;
        else if (!is_answer)
            recording->steps |= 1u << LEAT_TESTING_STEP_SEND;
    }
}

/* Numbers that are missing close up. */
static bool recording_finish(struct reader *reader)
{
    struct leati_recording *recording = reader->recording;
    size_t count = 0;
    for (size_t i = 0; i < recording->count; ++i) {
        struct leati_recorded_connection *connection = recording->connections[i];
        recording->connections[i] = NULL;
        if (connection)
            recording->connections[count++] = connection;
    }
    recording->count = count;
    if (count == 0)
        return reader_refuse(reader, "there is no connection in it");
    for (size_t i = 0; i < count; ++i) {
        struct leati_recorded_connection *connection = recording->connections[i];
        if (!leati_recorded_messages_find(connection))
            return reader_fail(reader);
        steps_complete(recording, connection);
        connection->is_cut = reader->is_full;
        for (size_t k = 0; k < connection->count; ++k)
            if (connection->events[k].what == LEATI_RECORDED_SERVER_END)
                connection->is_cut = false;
    }
    recording->steps |= 1u << LEAT_TESTING_STEP_ACCEPT | 1u << LEAT_TESTING_STEP_TLS |
                        1u << LEAT_TESTING_STEP_PROXY | 1u << LEAT_TESTING_STEP_END;
    return true;
}

/* All of a file. @return LEAT_OK or a code, with what is wrong. */
static int file_read(const char *path, char **ret_text, size_t *ret_len, const char **ret_reason)
{
    struct stat st;
    int code = LEAT_E_SYSTEM_INTERNAL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *ret_reason = "no memory";
    if (fd < 0 || fstat(fd, &st) != 0) {
        code = LEAT_E_SOCKET_BASE + errno;
        *ret_reason = leati_errno_text(errno);
    } else if (!S_ISREG(st.st_mode)) {
        code = LEAT_E_PARAMETER;
        *ret_reason = "not a regular file";
    } else if (st.st_size > (off_t)LEAT_TESTING_RECORDING_BYTES_MAX) {
        code = LEAT_E_PARAMETER;
        *ret_reason = "more than 64 MiB";
    } else {
        ssize_t got = 1;
        *ret_len = 0;
        *ret_text = leati_malloc((size_t)st.st_size + 1);
        code = *ret_text ? LEAT_OK : code;
        while (*ret_text && *ret_len < (size_t)st.st_size && got > 0) {
            got = read(fd, *ret_text + *ret_len, (size_t)st.st_size - *ret_len);
            *ret_len += got > 0 ? (size_t)got : 0;
        }
    }
    if (fd >= 0)
        close(fd);
    return code;
}

int leati_recording_parse(const char *name, const char *text, size_t len,
                          struct leati_recording **ret_recording,
                          struct leat_testing_problem *ret_problem)
{
    struct reader reader = {.path = name, .problem = ret_problem};
    reader.recording = leati_calloc(1, sizeof(*reader.recording));
    bool is_good = reader.recording ? text_read(&reader, text, len) && recording_finish(&reader)
                                    : reader_fail(&reader);
    if (!is_good) {
        leati_recording_free(reader.recording);
        return reader.code;
    }
    *ret_recording = reader.recording;
    return LEAT_OK;
}

int leati_recording_read(const char *path, struct leati_recording **ret_recording,
                         struct leat_testing_problem *ret_problem)
{
    char *text = NULL;
    size_t len = 0;
    const char *reason = NULL;
    int code = file_read(path, &text, &len, &reason);
    if (code != LEAT_OK) {
        leati_readable_format(ret_problem->text, sizeof(ret_problem->text), "cannot replay %s: %s",
                              path, reason ? reason : "unknown reason");
        return code;
    }
    code = leati_recording_parse(path, text, len, ret_recording, ret_problem);
    leati_wipe(text, len);
    leati_free(text);
    return code;
}

const char *leati_recording_fault_problem(const struct leati_recording *recording,
                                          const struct leat_testing_fault *fault, char *buf,
                                          size_t cap)
{
    if (!recording)
        return NULL;
    if (fault->action == LEAT_TESTING_ACTION_REFUSE)
        return "a replay has no refusal of its own: give the bytes";
    if (fault->step == LEAT_TESTING_STEP_RELAY && (fault->action == LEAT_TESTING_ACTION_SPLIT ||
                                                   fault->action == LEAT_TESTING_ACTION_SPLIT_AT))
        return "in a replay the step send has what is carried to the client";
    if (recording->steps >> fault->step & 1)
        return NULL;
    size_t pos = 0;
    leati_readable_append(buf, cap, &pos, "the recording has no step %s, but",
                          leat_testing_step_name(fault->step));
    for (unsigned i = 0; leat_testing_step_name((enum leat_testing_step)i); ++i)
        if (recording->steps >> i & 1 && i != LEAT_TESTING_STEP_TLS &&
            i != LEAT_TESTING_STEP_PROXY && i != LEAT_TESTING_STEP_END)
            leati_readable_append(buf, cap, &pos, " %s",
                                  leat_testing_step_name((enum leat_testing_step)i));
    return buf;
}
