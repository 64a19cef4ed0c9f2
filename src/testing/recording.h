/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A recording that was read: its connections, each as events in their order, and what each side has
 * said in one piece. The client's side is a list of messages, so that another client's can be compared.
 */
#ifndef LEATI_TESTING_RECORDING_H
#define LEATI_TESTING_RECORDING_H

#include "testing/server.h"

#include <leat/testing_recording.h>

enum leati_recorded_what {
    LEATI_RECORDED_STEP,
    LEATI_RECORDED_CLIENT,
    LEATI_RECORDED_SERVER,
    LEATI_RECORDED_CLIENT_END,
    LEATI_RECORDED_SERVER_END,
};

struct leati_recorded {
    enum leati_recorded_what what;
    unsigned line;
    uint64_t time_us;
    enum leat_testing_step step;
    bool is_reset;
    size_t len; /* of bytes */
};

enum leati_recorded_form {
    LEATI_RECORDED_RAW,
    LEATI_RECORDED_HEAD,  /* of HTTP */
    LEATI_RECORDED_BODY,  /* behind a head with this Content-Length, all of it */
    LEATI_RECORDED_FRAME, /* of WebSocket */
};

/** Of what the client has said: from `at` on, `len` bytes. */
struct leati_recorded_message {
    enum leati_recorded_form form;
    size_t at, len;
    unsigned line;
};

struct leati_recorded_stream {
    uint8_t *data;
    size_t len, cap;
};

struct leati_recorded_connection {
    struct leati_recorded *events;
    size_t count, cap;
    struct leati_recorded_message *messages;
    size_t message_count, message_cap;
    struct leati_recorded_stream client, server;
    bool is_cut; /* the file was full before its end */
};

struct leati_recording {
    enum leat_testing_kind kind;
    size_t count, cap;
    /** Those that are in the file, by the order of their numbers; before that by the numbers. */
    struct leati_recorded_connection **connections;
    unsigned steps; /* bits */
};

/** @return LEAT_OK; LEAT_E_PARAMETER (what is wrong, with its line); LEAT_E_SOCKET_BASE + errno;
 * LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_recording_read(const char *path, struct leati_recording **ret_recording,
                         struct leat_testing_problem *ret_problem);
/** The same of its text; `name` is what a refusal calls it. */
int leati_recording_parse(const char *name, const char *text, size_t len,
                          struct leati_recording **ret_recording,
                          struct leat_testing_problem *ret_problem);
void leati_recording_free(struct leati_recording *recording);
/** Why a fault cannot be; NULL = it can, or there is no recording. Perhaps in `buf`. */
const char *leati_recording_fault_problem(const struct leati_recording *recording,
                                          const struct leat_testing_fault *fault, char *buf,
                                          size_t cap);

/** Takes what the client has said apart. false without memory. */
bool leati_recorded_messages_find(struct leati_recorded_connection *connection);
/** A field of a head of HTTP, without blanks around it; NULL = it has none. */
const char *leati_recorded_head_field(const char *head, size_t len, const char *name,
                                      size_t *ret_len);

#endif
