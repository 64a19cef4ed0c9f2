/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Addresses of local sockets, and the files that bind(2) makes for them.
 */
#ifndef LEATI_TCP_LOCAL_ADDRESS_H
#define LEATI_TCP_LOCAL_ADDRESS_H

#include <leat/local_socket.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/** connect(2) refuses with EAGAIN while the server's queue is full, and no event tells of its end: so
 * often it is tried again. */
#define LEATI_LOCAL_RETRY_MS 10u

struct leati_local_address {
    struct sockaddr_un un;
    socklen_t size;
};

/** A file that an object has made. All zero = none. */
struct leati_local_file {
    char path[LEAT_LOCAL_ADDRESS_SIZE];
    dev_t dev;
    ino_t ino;
    unsigned fork_count; /**< of the process that made it, which alone removes it */
};

/** @return LEAT_OK; LEAT_E_PARAMETER (NULL, empty), LEAT_E_SOCKET_BASE + ENAMETOOLONG. */
int leati_local_address_parse(const char *text, struct leati_local_address *ret_address);
void leati_local_address_format(const struct leati_local_address *address, char *buf, size_t cap);
/** getsockname(2). @return 0 or errno. */
int leati_local_address_of(int fd, char *buf, size_t cap);

/** Binds and notes the file, if one is made. @return 0 or errno. */
int leati_local_bind(int fd, const struct leati_local_address *address,
                     struct leati_local_file *ret_file);
/** Removes the file unless somebody has put another one in its place, and forgets it. */
void leati_local_file_remove(struct leati_local_file *file);

#endif
