/* SPDX-License-Identifier: Apache-2.0 */
/** @file Whom connections dial instead of what a URL says, and from where. */
#ifndef LEATI_CONFIG_DIAL_H
#define LEATI_CONFIG_DIAL_H

#include "core/address.h"

#include <stdbool.h>

/** The most hosts whose addresses are given, and the most that others stand for. */
#define LEATI_CONFIG_MAX_HOSTS 128u
/** The most addresses of a host that is given. */
#define LEATI_CONFIG_MAX_ADDRESSES 64u

/** A host that DNS is not asked for. */
struct leati_known_host {
    char *host;    /**< in the form of url/host.h */
    uint16_t port; /**< 0 = any */
    struct leati_address *addresses;
    size_t count;
};

/** A host that another one is dialled for. */
struct leati_detour {
    char *host;       /**< NULL = any */
    uint16_t port;    /**< 0 = any */
    char *to_host;    /**< NULL = the same */
    uint16_t to_port; /**< 0 = the same */
    bool to_is_absolute;
};

struct leati_dial_settings {
    int family;                 /**< AF_UNSPEC = any */
    struct leati_address local; /**< of AF_UNSPEC = none */
    char *interface;            /**< NULL = any */
    char *unix_path;            /**< of a socket to connect to instead; NULL = none */
    struct leati_known_host *known_hosts;
    size_t known_host_count;
    struct leati_detour *detours;
    size_t detour_count;
};

/** The only family that is dialled, AF_UNSPEC = any: that of the local address, or the one chosen. */
int leati_dial_family(const struct leati_dial_settings *dial);
/** The addresses that are given for a host; NULL = none are. */
const struct leati_known_host *leati_dial_known_host(const struct leati_dial_settings *dial,
                                                     const char *host, uint16_t port);
/** What is dialled for a host; NULL = the host itself. */
const struct leati_detour *leati_dial_detour(const struct leati_dial_settings *dial,
                                             const char *host, uint16_t port);

void leati_dial_clear(struct leati_dial_settings *dial);
/** Into an empty `dst`; false without memory. */
bool leati_dial_copy(struct leati_dial_settings *dst, const struct leati_dial_settings *src);

#endif
