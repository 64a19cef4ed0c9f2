/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Everything of libleat, whose headers are split for reading only. Not here: leat/foreign_code.h,
 * which is a library of its own (libleat-codes), leat/ohos.h and leat/testing.h.
 *
 * Conventions, for every function unless it says otherwise:
 * 1. A function that can fail returns 0 (LEAT_OK) or a documented code and must be checked.
 *    Results come in parameters named `ret_`, written only on success.
 * 2. Strings are UTF-8 with a final NUL and are copied. A pointer must not be NULL unless the
 *    comment allows it; NULL where it is not allowed is LEAT_E_PARAMETER or, where nothing can be
 *    returned, ignored.
 * 3. Times are milliseconds unless the name says `_us`; sizes are bytes.
 * 4. `_new` makes on the heap and `_free` frees, also NULL.
 * 5. An object belongs to the thread of its loop. "@thread any" marks the exceptions.
 */
#ifndef LEAT_LEAT_H
#define LEAT_LEAT_H

#include <leat/base.h>
#include <leat/error.h>
#include <leat/catalogue.h>
#include <leat/tls_info.h>
#include <leat/certificate.h>
#include <leat/trace.h>
#include <leat/config.h>
#include <leat/proxy_auth.h>
#include <leat/proxy_protocol.h>
#include <leat/tls_options.h>
#include <leat/loop.h>
#include <leat/loop_threads.h>
#include <leat/websocket.h>
#include <leat/websocket_server.h>
#include <leat/broadcast.h>
#include <leat/tcp_socket.h>
#include <leat/local_socket.h>
#include <leat/tls_socket.h>
#include <leat/udp_socket.h>
#include <leat/reconnect.h>
#include <leat/resolver.h>
#include <leat/blocking.h>

#endif
