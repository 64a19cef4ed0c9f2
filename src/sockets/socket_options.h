/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Extra options on descriptors.
 */
#ifndef LEATI_SOCKETS_SOCKET_OPTIONS_H
#define LEATI_SOCKETS_SOCKET_OPTIONS_H

#include <leat/socket.h>

#include "core/net_address.h"

/**
 * A setter whose last call was refused: what it should have set is missing. A program that forgets to
 * look must not connect, bind or listen without it, so these are refused, too, until that setter has
 * succeeded. All zero = none.
 */
struct leati_setter_refusal {
    const char *setter; /**< its name, which lives for ever, as the reason does */
    const char *reason;
    int code, sys_errno;
};

#define LEATI_SETTER_REFUSAL_TEXT_SIZE 256

/** "leat_x_set_y() was refused before: ...". @return its code, LEAT_OK without one. */
int leati_setter_refusal_format(const struct leati_setter_refusal *refusal,
                                char buf[LEATI_SETTER_REFUSAL_TEXT_SIZE]);

/** Takes over what the caller's struct has. @return LEAT_OK; LEAT_E_PARAMETER (NULL, `size` 0, a
 * buffer above INT_MAX, a linger time above 65,535 ms), with the reason. */
int leati_extra_options_check(const struct leat_extra_options *options, const char **ret_reason,
                              struct leat_extra_options *ret_options);
int leati_tcp_extra_options_check(const struct leat_tcp_extra_options *options,
                                  const char **ret_reason,
                                  struct leat_tcp_extra_options *ret_options);

/** Sets all options, but for those that only connect heeds. @return 0 or errno. */
int leati_extra_options_apply(const struct leat_extra_options *options, int fd);
int leati_tcp_extra_options_apply(const struct leat_tcp_extra_options *options, int fd);

/** A fresh local socket, non-blocking, with all options. @return the descriptor or -errno. */
int leati_local_open(const struct leat_extra_options *options);

/** A fresh TCP socket with all options, bound to `local` unless its family is AF_UNSPEC.
 * @return the descriptor or -errno. */
int leati_tcp_socket_open(const struct leat_tcp_extra_options *options, int family,
                          const struct leati_address *local);

#endif
