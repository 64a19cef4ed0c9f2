/* SPDX-License-Identifier: Apache-2.0 */
/** @file Unpredictable bytes from the kernel, for masking keys and nonces. */
#ifndef LEATI_UTIL_RANDOM_H
#define LEATI_UTIL_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Fills the buffer from getrandom(2). false only if the kernel has no such call. */
bool leati_random_bytes(void *buf, size_t len);

enum {
    LEATI_RANDOM_POOL_BYTES = 1024,
};

/** Random bytes in stock, so that not every masking key costs a system call. All zero = empty. Each
 * byte comes from the kernel, is given once, and is wiped when it is given. What a fork has copied is
 * wiped in the child before anything is taken there. */
struct leati_random_pool {
    uint8_t bytes[LEATI_RANDOM_POOL_BYTES];
    size_t left;         /**< unused ones, at the front */
    unsigned fork_count; /**< of the process that filled it */
};

/** Takes `len` bytes, at most LEATI_RANDOM_POOL_BYTES. `pool` may be NULL: then as leati_random_bytes().
 * false only if the kernel gives none. */
bool leati_random_pool_take(struct leati_random_pool *pool, void *buf, size_t len);
/** The same for 4 bytes. */
bool leati_random_pool_take_word(struct leati_random_pool *pool, uint8_t ret_bytes[4]);
/** Empties it. */
void leati_random_pool_wipe(struct leati_random_pool *pool);

#endif
