/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What all clients of the process share: the lock, the list of living handles, the loop with its
 * thread, and the end of the process.
 */
#ifndef LEATI_OHOS_RUNTIME_H
#define LEATI_OHOS_RUNTIME_H

#include "ohos/client.h"

/** One lock for everything that threads share. Never held while a callback runs. */
void leati_ndk_lock(void);
void leati_ndk_unlock(void);

/** The client behind a handle, which is not dereferenced; NULL if it is none. Under the lock. */
struct leati_ndk_client *leati_ndk_find(const struct WebSocket *handle);

/** Puts a client on the list of living handles and starts the thread if it is the first one.
 * @return false without memory, thread or descriptors, and once the process is exiting. */
bool leati_ndk_register(struct leati_ndk_client *client);
/** Takes it off that list; it still has to be removed. Under the lock. */
void leati_ndk_unregister(struct leati_ndk_client *client);
/** Forgets it. Under the lock. */
void leati_ndk_remove(struct leati_ndk_client *client);

/** Lets the library's thread do leati_ndk_client_work() soon. Cannot fail. Under the lock. */
void leati_ndk_enqueue(struct leati_ndk_client *client);

/** Announces a callback of this client. @return false if nothing may be reported to it any more.
 * Under the lock. */
bool leati_ndk_callback_begin(const struct leati_ndk_client *client);
void leati_ndk_callback_end(void);
/** Waits until no callback of this client runs; not on the library's thread. Under the lock, which
 * is released meanwhile. The client may be gone afterwards. */
void leati_ndk_callback_wait(const struct leati_ndk_client *client);

/** The loop. On the library's thread. */
leat_loop *leati_ndk_loop(void);
/** `len` bytes for the message of one callback; NULL without memory. On the library's thread. */
char *leati_ndk_message_buffer(size_t len);

/** The configuration of the process, NULL = the defaults. Under the lock. */
const leat_config *leati_ndk_default_config(void);

#endif
