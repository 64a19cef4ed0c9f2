/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Whose request it is that came through proxies: X-Forwarded-For, and Forwarded (RFC 7239). Each proxy
 * writes behind what it got whom it got it from; so the list is read from its end, as long as who
 * has written is trusted. What stands before that may be anybody's invention.
 */
#ifndef LEATI_HTTP_FORWARDED_H
#define LEATI_HTTP_FORWARDED_H

#include "core/address.h"
#include "http/head.h"

enum leati_http_forwarded {
    LEATI_HTTP_X_FORWARDED_FOR,
    LEATI_HTTP_FORWARDED,
};

struct leati_http_truster {
    /** Whether whoever has this address writes the truth. */
    bool (*trusts)(const struct leati_address *address, const void *user);
    const void *user;
};

/**
 * Goes back from `remote`, who has connected, to the first one that is not trusted, or that is not an
 * address ("unknown", an obfuscated name): then the last one before it counts.
 *
 * @param ret_address of port 0 if none was written
 * @return whether it is another one than `remote`.
 */
bool leati_http_forwarded_client(const struct leati_http_head *head,
                                 enum leati_http_forwarded header,
                                 const struct leati_address *remote,
                                 const struct leati_http_truster *truster,
                                 struct leati_address *ret_address);

#endif
