/* SPDX-License-Identifier: Apache-2.0 */
/** @file A tcp layer on a loop of its own, a minimal driver, and listeners on loopback. */
#ifndef TESTS_UNIT_TCP_FIXTURE_H
#define TESTS_UNIT_TCP_FIXTURE_H

#include "tcp/tcp.h"

#include <criterion/criterion.h>

struct tcp_fixture {
    leat_loop *loop;
    struct leati_layer *layer;
    struct leati_failure failure;
    struct leati_tracer tracer;
    struct leat_error error; /* after fixture_check_failed() */
    int ready_calls;
};

/** Calls of recv(2), by whomever. */
extern int fixture_recv_calls;

/** "127.0.0.1" or "::1" and a port. */
struct leati_address address_make(const char *host, uint16_t port);

/** A listener of the backlog 16; fails the test if there is none. */
int listener_make(const char *host, struct leati_address *ret_address);
/** The next connection, blocking. */
int listener_accept(int listener);
/** A port of ::1 that refuses. */
uint16_t refusing_port_v6(void);

void fixture_init(struct tcp_fixture *f, const struct leati_address *addresses, size_t count,
                  uint32_t timeout_ms);
void fixture_done(struct tcp_fixture *f);
/** Calls connect until it is not LEATI_AGAIN, as the driver does. */
int fixture_connect(struct tcp_fixture *f);
/** Connects to a fresh listener; returns the peer's (blocking) end. */
int fixture_open(struct tcp_fixture *f);
/** Waits until the layer reports that something can move. */
void fixture_wait(struct tcp_fixture *f, unsigned want);
/** recv as one reads in a driver: waits for what is AGAIN. */
int fixture_recv(struct tcp_fixture *f, void *buf, size_t cap, size_t *ret_len);
int fixture_send(struct tcp_fixture *f, const void *data, size_t len, size_t *ret_len);
/** Fetches the failure into `error` and compares its code. */
void fixture_check_failed(struct tcp_fixture *f, int code);

#endif
