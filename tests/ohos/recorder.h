/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Clients of the NDK that write down what they are told. The NDK has no `user` pointer, so the
 * recorder finds the record by the handle.
 */
#ifndef LEAT_TESTS_OHOS_RECORDER_H
#define LEAT_TESTS_OHOS_RECORDER_H

#include "support/patience.h"

#include <network/netstack/net_websocket.h>

#include <stdbool.h>
#include <stddef.h>

#define RECORDS_MAX        128
#define RECORD_TEXT_SIZE   2048
#define RECORD_TIMEOUT_S   PATIENCE_S(5)
#define RECORDER_TIMEOUT_S 60

/** All of it under recorder_lock(), but `client`, `on_event` and `user`, which are set before. */
struct record {
    struct WebSocket *client;
    unsigned opens, errors, closes;
    size_t messages, message_bytes;
    unsigned open_code;
    char open_reason[32];
    unsigned error_code;
    char error_text[RECORD_TEXT_SIZE];
    unsigned close_code;
    char close_reason[RECORD_TEXT_SIZE];
    char message[RECORD_TEXT_SIZE]; /**< the beginning of the last one */
    size_t message_len;
    /** Called in each callback, after it has been written down: "open", "message", "error",
     * "close". */
    void (*on_event)(struct record *record, const char *event);
    void *user;
};

/** Makes a client and its record. Fails the test if it cannot. Not from two threads at once. */
struct record *record_new(void);
/** A record for a client that was made with these callbacks, and is not connected yet. */
struct record *record_adopt(struct WebSocket *client);
void recorder_on_open(struct WebSocket *client, WebSocket_OpenResult result);
void recorder_on_message(struct WebSocket *client, char *data, uint32_t length);
void recorder_on_error(struct WebSocket *client, WebSocket_ErrorResult result);
void recorder_on_close(struct WebSocket *client, WebSocket_CloseResult result);
/** Forgets all records. Their clients are gone. */
void recorder_reset(void);

/** Connects without options and waits for onOpen; fails the test otherwise. */
void record_open(struct record *record, const char *url);
int record_connect(struct record *record, const char *url);
/** A string without its NUL. */
int record_send(struct record *record, const char *text);
int record_close(struct record *record, unsigned code, const char *reason);

void recorder_lock(void);
void recorder_unlock(void);
/** Waits until `done(record)`, called under the lock. Fails the test after the time. */
void record_wait(struct record *record, bool (*done)(const struct record *record));
bool record_is_open(const struct record *record);
bool record_has_message(const struct record *record);
bool record_has_error(const struct record *record);
bool record_is_closed(const struct record *record);

/** Waits until the library's thread is gone, which takes the last client with it. */
void recorder_wait_thread_gone(void);

/** Lets all connections trust the CA of the tests. */
void recorder_trust_test_ca(void);

#endif
