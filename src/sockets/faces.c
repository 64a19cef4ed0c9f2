/* SPDX-License-Identifier: Apache-2.0 */
/* Which callbacks of a program a stream socket calls, and what is the same for all kinds of them. */
#include "sockets/faces.h"

#include "sockets/local_private.h"
#include "sockets/tls_private.h"
#include "util/known.h"

#define KIND                       tcp
#define SOCKET                     struct leat_tcp_socket
#define SERVER                     struct leat_tcp_socket_server
#define OBJECT                     struct leat_tcp_socket
#define HOST                       struct leat_tcp_socket_server
#define CALLS                      callbacks.tcp
#define OPTIONS                    struct leat_tcp_extra_options
#define LISTENS(host)              ((host)->listener != NULL)
#define OPENED(o)                  leati_tcp_socket_opened(o)
#define REMOTE(o, len)             ((struct leat_remote_info[]){leati_tcp_socket_remote_info(o, len)})
#define TRANSLATE(error, was_open) ((void)(was_open))
#define UNBIND                     leati_tcp_socket_unbind
#define DONE                       leati_tcp_socket_done
#include "sockets/face_of.h"

/* A TLS socket is the object of a TCP socket. */
#define KIND                       tls
#define SOCKET                     struct leat_tls_socket
#define SERVER                     struct leat_tls_socket_server
#define OBJECT                     struct leat_tcp_socket
#define HOST                       struct leat_tcp_socket_server
#define CALLS                      callbacks.tls
#define OPTIONS                    struct leat_tcp_extra_options
#define LISTENS(host)              ((host)->listener != NULL)
#define OPENED(o)                  (leati_tcp_socket_opened(o), (o)->was_open = true)
#define REMOTE(o, len)             ((struct leat_remote_info[]){leati_tcp_socket_remote_info(o, len)})
#define TRANSLATE(error, was_open) leati_tls_socket_translate(error, was_open)
#define UNBIND                     leati_tcp_socket_unbind
#define DONE                       leati_tcp_socket_done
#include "sockets/face_of.h"

#define KIND                       local
#define SOCKET                     struct leat_local_socket
#define SERVER                     struct leat_local_socket_server
#define OBJECT                     struct leat_local_socket
#define HOST                       struct leat_local_socket_server
#define CALLS                      callbacks
#define OPTIONS                    struct leat_extra_options
#define LISTENS(host)              ((host)->fd >= 0)
#define OPENED(o)                  ((void)(o))
#define REMOTE(o, len)             (o)->address
#define TRANSLATE(error, was_open) ((void)(error))
#define UNBIND                     leati_local_socket_unbind
#define DONE                       NULL
#include "sockets/face_of.h"
