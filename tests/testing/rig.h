/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the tests of libleat-testing share: servers that must start, and what a plain socket gets
 * from them.
 */
#ifndef LEAT_TESTS_TESTING_RIG_H
#define LEAT_TESTS_TESTING_RIG_H

#include "support/client_run.h"
#include "support/patience.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"
#include "support/script_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/** How long a test waits for something that must come. */
#define RIG_WAIT_MS PATIENCE_MS(5000)

/** A server that must start. */
leat_testing_server *rig_start(const struct leat_testing_options *options);

/** A destination that says this and ends, on each connection. @return its server. */
leat_testing_server *rig_greeter(void);
#define RIG_GREETING "hello"

/** Everything that comes until the end. */
struct rig_output {
    uint8_t data[65536];
    size_t len;
    int end; /**< 0 = FIN, or an errno */
};

void rig_read(int fd, struct rig_output *ret_output);
/** Reads exactly these bytes. */
void rig_expect(int fd, const void *bytes, size_t len);
#define RIG_EXPECT(fd, literal) rig_expect(fd, literal, sizeof(literal) - 1)
#define RIG_SEND(fd, literal)   cr_assert(raw_send(fd, literal, sizeof(literal) - 1))

/** How many TCP segments with data have come. */
unsigned rig_segments_in(int fd);

/** A connection to a SOCKS5 proxy without password that has asked for 127.0.0.1 and this port; the
 * proxy's answer must be this REP. */
int rig_socks5(const leat_testing_server *proxy, uint16_t port, uint8_t rep);

/** Of a suite: a folder of its own, for one file that a test may make. */
void rig_folder_make(void);
void rig_folder_remove(void);
extern char rig_path[64];

#endif
