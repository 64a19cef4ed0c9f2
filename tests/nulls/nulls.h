/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Calls of all public functions with NULL (calls.py writes them), and the objects that stand in the
 * places that are not NULL. Each call has a process of its own.
 */
#ifndef LEAT_TESTS_NULLS_H
#define LEAT_TESTS_NULLS_H

#include <leat/foreign_code.h>
#include <leat/leat.h>
#include <leat/ohos.h>
#include <leat/testing.h>
#include <leat/testing_capture.h>
#include <leat/testing_certificates.h>
#include <leat/testing_conditions.h>
#include <leat/testing_conformance.h>
#include <leat/testing_control.h>
#include <leat/testing_recording.h>
#include <leat/testing_script.h>
#include <network/netstack/net_ssl/net_ssl_c.h>
#include <network/netstack/net_websocket.h>

/** What the objects have behind them: many functions look further at one that is open, and at what
 * the last connection has left. */
enum nulls_state {
    NULLS_FRESH,
    NULLS_OPEN,
    NULLS_ENDED,
    NULLS_STATES,
};

struct nulls_objects;

enum {
    NULLS_ANYTHING = -1, /**< it may be allowed there */
    NULLS_REFUSED = -2,  /**< whatever, but not LEAT_OK */
    NULLS_TEXT = -3,     /**< a length: there is a text, perhaps "" */
};

struct nulls_call {
    const char *function;
    const char *place; /**< that is NULL; "all" */
    int (*call)(struct nulls_objects *o);
    int expected;
    bool has_states; /**< of the objects */
};

extern const struct nulls_call nulls_calls[];
extern const size_t nulls_call_count;

/** Starts what the objects connect to; in the parent of all. Fails the test if it cannot. */
void nulls_peers_start(void);
void nulls_peers_free(void);

struct nulls_objects *nulls_objects_new(enum nulls_state state);
/** Runs the loop, so that what was given to an object is used, and frees all of them. */
void nulls_objects_end(struct nulls_objects *o);

/* The objects, made when they are asked for; each is always the same. */
leat_loop *nulls_leat_loop(struct nulls_objects *o);
leat_timer *nulls_leat_timer(struct nulls_objects *o);
leat_config *nulls_leat_config(struct nulls_objects *o);
leat_proxy_challenge *nulls_leat_proxy_challenge(struct nulls_objects *o);
leat_websocket *nulls_leat_websocket(struct nulls_objects *o);
leat_websocket_server *nulls_leat_websocket_server(struct nulls_objects *o);
leat_blocking_websocket *nulls_leat_blocking_websocket(struct nulls_objects *o);
leat_reconnect *nulls_leat_reconnect(struct nulls_objects *o);
leat_prepared_message *nulls_leat_prepared_message(struct nulls_objects *o);
leat_topic *nulls_leat_topic(struct nulls_objects *o);
leat_loop_threads *nulls_leat_loop_threads(struct nulls_objects *o);
leat_http_request *nulls_leat_http_request(struct nulls_objects *o);
leat_tcp_socket *nulls_leat_tcp_socket(struct nulls_objects *o);
leat_tcp_socket_server *nulls_leat_tcp_socket_server(struct nulls_objects *o);
leat_local_socket *nulls_leat_local_socket(struct nulls_objects *o);
leat_local_socket_server *nulls_leat_local_socket_server(struct nulls_objects *o);
leat_tls_options *nulls_leat_tls_options(struct nulls_objects *o);
leat_tls_socket *nulls_leat_tls_socket(struct nulls_objects *o);
leat_tls_socket_server *nulls_leat_tls_socket_server(struct nulls_objects *o);
leat_udp_socket *nulls_leat_udp_socket(struct nulls_objects *o);
const leat_foreign_table *nulls_leat_foreign_table(struct nulls_objects *o);
const leat_foreign_code *nulls_leat_foreign_code(struct nulls_objects *o);
leat_testing_server *nulls_leat_testing_server(struct nulls_objects *o);
leat_testing_ca *nulls_leat_testing_ca(struct nulls_objects *o);
leat_testing_conformance *nulls_leat_testing_conformance(struct nulls_objects *o);
struct WebSocket *nulls_WebSocket(struct nulls_objects *o);

const struct leat_testing_options *nulls_testing_options(struct nulls_objects *o);
const struct leat_testing_certificate *nulls_testing_certificate(struct nulls_objects *o);
const struct leat_close_event *nulls_close_event(struct nulls_objects *o);
/** Where nothing is yet. */
const char *nulls_local_path(struct nulls_objects *o);
/** One, and then none. */
const char *const *nulls_texts(struct nulls_objects *o);

/** Zeroes, with the size in front. */
void *nulls_sized(struct nulls_objects *o, size_t size);
/** Zeroes, as much as any result needs; another room each time. */
void *nulls_room(struct nulls_objects *o);
/** -1 for NULL. */
int nulls_text_len(const char *text);
/** For every kind of callback: does nothing. */
void nulls_function(void);

#endif
