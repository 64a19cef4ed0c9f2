/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A leat_udp_socket that writes down everything that happens to it, and a loop that runs until the
 * test has seen what it waits for.
 */
#ifndef LEAT_TESTS_SOCKETS_UDP_RUN_H
#define LEAT_TESTS_SOCKETS_UDP_RUN_H

#include "support/patience.h"

#include <leat/udp_socket.h>

/** How long a test waits for something before it fails. */
#define UDP_RUN_TIMEOUT_MS PATIENCE_MS(5000)
/** The most messages and errors of one run. */
#define UDP_RUN_EVENTS 64

struct udp_run_message {
    char data[256]; /**< its beginning, with a NUL behind it */
    size_t len;
    char address[LEAT_NET_ADDRESS_SIZE];
    char family[8];
    uint16_t port;
};

struct udp_run {
    leat_loop *loop;
    leat_udp_socket *udp;
    leat_config *config;
    unsigned listening_count, closed_count, writable_count;
    struct udp_run_message messages[UDP_RUN_EVENTS];
    size_t message_count;
    struct leat_error errors[UDP_RUN_EVENTS];
    size_t error_count;
    /** Called at the end of every callback, with its name. */
    void (*hook)(struct udp_run *run, const char *event);
    int hook_count;
    char trace[8192];
    size_t trace_len;
};

void udp_run_init(struct udp_run *run);
void udp_run_done(struct udp_run *run);

/** Binds and waits until it is listening. Fails the test otherwise. */
void udp_run_listen(struct udp_run *run, const char *address);
/** Binds, and fails the test if that is refused. */
void udp_run_bind(struct udp_run *run, const char *address);
uint16_t udp_run_port(const struct udp_run *run);

/** Sends a text; fails the test if it is refused. */
void udp_run_send(struct udp_run *run, const char *text, const char *address, uint16_t port);
/** Sends a text that must be refused with this code; the error's text must hold `detail`. */
void udp_run_send_refused(struct udp_run *run, const char *address, uint16_t port, int code,
                          const char *detail);

/** Sets the socket timeout, and all other options to their defaults. */
void udp_run_set_timeout(struct udp_run *run, uint32_t timeout_ms);

/** Dispatch until a counter has reached a number. Fail the test after UDP_RUN_TIMEOUT_MS. */
void udp_run_until(struct udp_run *run, const size_t *counter, size_t count);
void udp_run_until_messages(struct udp_run *run, size_t count);
/** Also checks the code of the newest one, and that its text holds `detail`. */
void udp_run_until_error(struct udp_run *run, size_t count, int code, const char *detail);
void udp_run_until_closed(struct udp_run *run);
/** Dispatches once more everything that is there now. */
void udp_run_settle(struct udp_run *run);

/** Checks one message. */
void udp_run_expect(const struct udp_run *run, size_t index, const char *text, const char *address,
                    const char *family, uint16_t port);

/** A program that sends every datagram back, on a port of `host`. @return its port. */
uint16_t udp_echo_start(const char *host);

#define UDP_OWN_INTERFACE "near0"

/** Moves this process into a network of its own: the loopback interface, and one that is a cable
 * without another end, with the addresses fe80::1 and
 * 10.77.0.1 in a network of 256. @return false if the kernel does not let it. */
bool udp_own_network(void);

/** A plain UDP socket of the test, bound to a free port of `host`. */
int udp_plain_open(const char *host, uint16_t *ret_port);
/** Waits for a datagram. @return its length. */
size_t udp_plain_recv(int fd, void *buf, size_t cap, uint16_t *ret_from_port);
void udp_plain_send(int fd, const void *data, size_t len, const char *host, uint16_t port);

#endif
