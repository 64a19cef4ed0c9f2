/* SPDX-License-Identifier: Apache-2.0 */
/** @file Local sockets in the log of stream_run.h: one client and one server for each test. */
#ifndef TESTS_SOCKETS_LOCAL_RUN_H
#define TESTS_SOCKETS_LOCAL_RUN_H

#include "stream_run.h"

#include <leat/local_socket.h>

extern leat_local_socket *local;
extern leat_local_socket_server *server;
/** The last one of the server. */
extern leat_local_socket *connection;
/** Where the server is: a file of the sandbox, unless the test says otherwise. */
extern const char *path;

/** All of them, with the log behind. */
extern const struct leat_local_socket_callbacks local_callbacks;
extern const struct leat_local_socket_server_callbacks local_server_callbacks;

void local_set_up(void);
void local_tear_down(void);
void local_new_client(void);
/** It listens at `path`. */
void local_new_server(void);
/** The result of a call of the client, and that its error says the same. */
void local_check_refused(int result, int code);
void local_check_state(bool is_bound, bool is_connected, bool is_close);

/** A blocking listener of the test's own at `path`. */
int raw_local_listen(int backlog);
/** A blocking client of the test's own. */
int raw_local_connect(void);
/** Connects the client to a listener of the test. @return the other end. */
int local_connect_raw(void);

#endif
