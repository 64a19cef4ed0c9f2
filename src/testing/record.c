/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/record.h"
#include "testing/file.h"
#include "testing/json.h"
#include "testing/peer.h"
#include "testing/recording.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/readable.h"
#include "util/utf8.h"

#include <leat/testing_recording.h>

#include <string.h>
#include <unistd.h>

/* Bytes of one line; more are several. */
#define LINE_BYTES 32768u

static const char full_line[] = "{\"full\":true}\n";

struct leati_record {
    int fd;
    pthread_mutex_t lock; /* of all below */
    uint64_t written, dropped;
    bool is_full;
};

/* ---- lines ----------------------------------------------------------------------------------- */

/* One line, or nothing from now on: a gap would be a lie. */
static void line_write(struct leati_record *record, struct leati_json_text *line)
{
    leati_json_append(line, "}\n", 2);
    pthread_mutex_lock(&record->lock);
    bool fits = !line->failed &&
                record->written + line->len + sizeof(full_line) <= LEAT_TESTING_RECORDING_BYTES_MAX;
    if (!record->is_full && fits && leati_testing_file_write(record->fd, line->data, line->len)) {
        record->written += line->len;
    } else if (!record->is_full) {
        /* Half a line would spoil the file. */
        (void)!ftruncate(record->fd, (off_t)record->written);
        (void)lseek(record->fd, (off_t)record->written, SEEK_SET);
        if (!leati_testing_file_write(record->fd, full_line, sizeof(full_line) - 1))
            (void)!ftruncate(record->fd, (off_t)record->written); /* not even that */
        record->is_full = true;
    }
    record->dropped += record->is_full;
    pthread_mutex_unlock(&record->lock);
    leati_free_secret(line->data);
}

static struct leati_json_text line_begin(const struct leati_peer *p)
{
    struct leati_json_text line = {0};
    leati_json_open(&line, NULL, '{');
    leati_json_real(&line, "time_ms", (double)(leati_clock_us() - p->server->start_us) / 1000.0);
    leati_json_number(&line, "connection", p->number);
    return line;
}

/* What a person can read stands there as it is. */
static bool is_text(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; ++i)
        if ((data[i] < ' ' && !memchr("\t\r\n", data[i], 3)) || data[i] == 0x7f)
            return false;
    return leati_utf8_valid(data, len);
}

static void hex_append(struct leati_json_text *line, const char *name, const uint8_t *data,
                       size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char *hex = leati_malloc(2 * len + 1);
    if (!hex) {
        line->failed = true;
        return;
    }
    for (size_t i = 0; i < len; ++i) {
        hex[2 * i] = digits[data[i] >> 4];
        hex[2 * i + 1] = digits[data[i] & 15];
    }
    hex[2 * len] = '\0';
    leati_json_string(line, name, hex);
    leati_free_secret(hex);
}

static void text_append(struct leati_json_text *line, const char *name, const uint8_t *data,
                        size_t len)
{
    char *text = leati_malloc(len + 1);
    if (!text) {
        line->failed = true;
        return;
    }
    memcpy(text, data, len);
    text[len] = '\0';
    leati_json_string(line, name, text);
    leati_free_secret(text);
}

/* ---- what connections tell ------------------------------------------------------------------- */

void leati_record_bytes(struct leati_peer *p, bool to_client, const void *data, size_t len)
{
    static const char *const names[2][2] = {{"client_hex", "client"}, {"server_hex", "server"}};
    const uint8_t *at = data;
    while (p->server->record && len > 0) {
        size_t part = len < LINE_BYTES ? len : LINE_BYTES;
        struct leati_json_text line = line_begin(p);
        bool is_readable = is_text(at, part);
        (is_readable ? text_append : hex_append)(&line, names[to_client][is_readable], at, part);
        line_write(p->server->record, &line);
        at += part;
        len -= part;
    }
}

void leati_record_step(struct leati_peer *p, const char *step, const char *text)
{
    if (!p->server->record)
        return;
    struct leati_json_text line = line_begin(p);
    leati_json_string(&line, "step", step);
    leati_json_string(&line, "text", text);
    line_write(p->server->record, &line);
}

void leati_record_end(struct leati_peer *p, bool to_client, bool is_reset)
{
    if (!p->server->record || p->has_recorded_end[to_client])
        return;
    p->has_recorded_end[to_client] = true;
    struct leati_json_text line = line_begin(p);
    leati_json_string(&line, to_client ? "server_end" : "client_end", is_reset ? "reset" : "fin");
    line_write(p->server->record, &line);
}

/* ---- the file -------------------------------------------------------------------------------- */

int leati_record_new(struct leat_testing_server *server, struct leat_testing_problem *ret_problem)
{
    const char *path = server->options.record_path, *reason = "no memory";
    if (!path)
        return LEAT_OK;
    struct leati_record *record = leati_calloc(1, sizeof(*record));
    int code = LEAT_E_SYSTEM_INTERNAL;
    if (record)
        code = leati_testing_file_open(path, &record->fd, &reason);
    if (code != LEAT_OK) {
        leati_free(record);
        leati_readable_format(ret_problem->text, sizeof(ret_problem->text),
                              "cannot record to %s: %s", path, reason ? reason : "unknown reason");
        return code;
    }
    pthread_mutex_init(&record->lock, NULL);
    server->record = record;
    return LEAT_OK;
}

void leati_record_begin(struct leat_testing_server *server)
{
    if (!server->record)
        return;
    struct leati_json_text line = {0};
    leati_json_open(&line, NULL, '{');
    leati_json_number(&line, "leat_recording", LEAT_TESTING_RECORDING_VERSION);
    leati_json_string(
        &line, "kind",
        leat_testing_kind_name(server->recording ? server->recording->kind : server->options.kind));
    leati_json_string(&line, "address", server->address);
    leati_json_bool(&line, "tls", server->options.tls != NULL);
    line_write(server->record, &line);
}

void leati_record_leave(struct leati_record *record)
{
    if (record)
        close(record->fd);
}

void leati_record_free(struct leati_record *record)
{
    if (!record)
        return;
    close(record->fd);
    pthread_mutex_destroy(&record->lock);
    leati_free(record);
}

uint64_t leat_testing_server_get_unrecorded(leat_testing_server *server)
{
    if (!server || !server->record || leati_testing_server_is_inherited(server))
        return 0;
    pthread_mutex_lock(&server->record->lock);
    uint64_t dropped = server->record->dropped;
    pthread_mutex_unlock(&server->record->lock);
    return dropped;
}
