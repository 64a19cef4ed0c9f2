/* SPDX-License-Identifier: Apache-2.0 */
#include "ohos/recorder.h"
#include "support/certificates.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <leat/ohos.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct record records[RECORDS_MAX];
static size_t record_count;

void recorder_lock(void)
{
    pthread_mutex_lock(&lock);
}

void recorder_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* Under the lock. The newest one: an address may have been used before. */
static struct record *record_find(const struct WebSocket *client)
{
    for (size_t i = record_count; i > 0; i--) {
        if (records[i - 1].client == client)
            return &records[i - 1];
    }
    return NULL;
}

static struct record *event_begin(const struct WebSocket *client)
{
    pthread_mutex_lock(&lock);
    struct record *record = record_find(client);
    cr_assert(record, "a callback of a client that nobody knows");
    return record;
}

static void event_end(struct record *record, const char *event)
{
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (record->on_event)
        record->on_event(record, event);
}

void recorder_on_open(struct WebSocket *client, WebSocket_OpenResult result)
{
    struct record *record = event_begin(client);
    record->opens++;
    record->open_code = result.code;
    snprintf(record->open_reason, sizeof(record->open_reason), "%s", result.reason);
    event_end(record, "open");
}

void recorder_on_message(struct WebSocket *client, char *data, uint32_t length)
{
    struct record *record = event_begin(client);
    cr_expect(data[length] == '\0', "a NUL stands behind every message");
    size_t kept = length < sizeof(record->message) ? length : sizeof(record->message) - 1;
    memcpy(record->message, data, kept);
    record->message[kept] = '\0';
    record->message_len = length;
    record->message_bytes += length;
    record->messages++;
    memset(data, '!', length); /* it is the program's to write to */
    event_end(record, "message");
}

void recorder_on_error(struct WebSocket *client, WebSocket_ErrorResult result)
{
    struct record *record = event_begin(client);
    record->errors++;
    record->error_code = result.errorCode;
    snprintf(record->error_text, sizeof(record->error_text), "%s", result.errorMessage);
    event_end(record, "error");
}

void recorder_on_close(struct WebSocket *client, WebSocket_CloseResult result)
{
    struct record *record = event_begin(client);
    record->closes++;
    record->close_code = result.code;
    snprintf(record->close_reason, sizeof(record->close_reason), "%s", result.reason);
    event_end(record, "close");
}

struct record *record_adopt(struct WebSocket *client)
{
    pthread_mutex_lock(&lock);
    cr_assert(record_count < RECORDS_MAX);
    struct record *record = &records[record_count++];
    record->client = client;
    pthread_mutex_unlock(&lock);
    return record;
}

struct record *record_new(void)
{
    struct WebSocket *client = OH_WebSocketClient_Constructor(recorder_on_open, recorder_on_message,
                                                              recorder_on_error, recorder_on_close);
    cr_assert(client);
    return record_adopt(client);
}

void recorder_reset(void)
{
    pthread_mutex_lock(&lock);
    memset(records, 0, sizeof(records));
    record_count = 0;
    pthread_mutex_unlock(&lock);
}

int record_connect(struct record *record, const char *url)
{
    return OH_WebSocketClient_Connect(record->client, url, (struct WebSocket_RequestOptions){NULL});
}

int record_send(struct record *record, const char *text)
{
    return OH_WebSocketClient_Send(record->client, (char *)(uintptr_t)text, strlen(text));
}

int record_close(struct record *record, unsigned code, const char *reason)
{
    return OH_WebSocketClient_Close(record->client, (struct WebSocket_CloseOption){code, reason});
}

bool record_is_open(const struct record *record)
{
    return record->opens > 0;
}

bool record_has_message(const struct record *record)
{
    return record->messages > 0;
}

bool record_has_error(const struct record *record)
{
    return record->errors > 0;
}

bool record_is_closed(const struct record *record)
{
    return record->closes > 0;
}

void record_wait(struct record *record, bool (*done)(const struct record *record))
{
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += RECORD_TIMEOUT_S;
    pthread_mutex_lock(&lock);
    int result = 0;
    while (!done(record) && result == 0)
        result = pthread_cond_timedwait(&changed, &lock, &limit);
    pthread_mutex_unlock(&lock);
    cr_assert(result == 0, "time is over: %u opens, %zu messages, %u errors (%u %s), %u closes",
              record->opens, record->messages, record->errors, record->error_code,
              record->error_text, record->closes);
}

static bool is_open_or_failed(const struct record *record)
{
    return record->opens + record->errors > 0;
}

void record_open(struct record *record, const char *url)
{
    cr_assert(record_connect(record, url) == WEBSOCKET_OK);
    record_wait(record, is_open_or_failed);
    cr_assert(record->opens == 1, "%u %s", record->error_code, record->error_text);
}

/* Whether a thread of this process has the name of the library's. */
static bool thread_exists(void)
{
    bool found = false;
    DIR *tasks = opendir("/proc/self/task");
    cr_assert(tasks);
    for (struct dirent *task = readdir(tasks); task; task = readdir(tasks)) {
        char path[300], name[32] = "";
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "r");
        if (!file)
            continue; /* it has just ended */
        found |= fgets(name, sizeof(name), file) && strcmp(name, "net_websocket\n") == 0;
        fclose(file);
    }
    closedir(tasks);
    return found;
}

void recorder_wait_thread_gone(void)
{
    for (int i = 0; i < RECORD_TIMEOUT_S * 500 && thread_exists(); i++)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    cr_assert(!thread_exists(), "the library's thread is still there");
    /* What its callbacks have written is seen by whoever has had the lock after them. */
    recorder_lock();
    recorder_unlock();
}

void recorder_trust_test_ca(void)
{
    leat_config *config;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_ca_path(config, certificate_path("ca.pem")) == LEAT_OK);
    cr_assert(leat_ohos_set_config(config) == LEAT_OK);
    leat_config_free(config);
}
