/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Peers that want our memory, in processes of their own, so that what they need themselves does not
 * count; and how much of it we hold.
 */
#ifndef LEAT_TESTS_LINKS_HOSTILE_H
#define LEAT_TESTS_LINKS_HOSTILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** What a hostile peer does on its socket. Ends when nobody listens any more. */
typedef void (*hostile_fn)(int fd);

/** A server: answers one upgrade, if `upgrades`, and then does what it wants.
 * @return its port; `*ret_pid` is to be ended by hostile_stop(). */
uint16_t hostile_server_start(hostile_fn play, int upgrades, pid_t *ret_pid);
/** A client of 127.0.0.1:port: upgrades with this path, if it has one. */
pid_t hostile_client_start(hostile_fn play, const char *path, uint16_t port);
void hostile_stop(pid_t pid);

/** Counts the memory of this process from here on, at each allocation of the library. */
void memory_watch_start(void);
/** Looks once more. */
void memory_watch_sample(void);
/** The most bytes that were held beyond those at the start. */
size_t memory_watch_peak(void);

#endif
