/* SPDX-License-Identifier: Apache-2.0 */
/** @file Where what is judged is: "SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/PATH]". */
#ifndef LEATI_TESTING_CONFORMANCE_ENDPOINT_H
#define LEATI_TESTING_CONFORMANCE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct leati_endpoint {
    char scheme[16];
    char user[256], password[256]; /**< decoded; "" = none */
    bool has_user;
    char host[256];      /**< without brackets */
    char authority[300]; /**< host and port as in Host */
    uint16_t port;
    char path[1024]; /**< with the query; "/" at least */
    struct sockaddr_storage address;
};

/** Reads a URL, whose scheme is one of `schemes` ("ws wss"). false: `ret_reason` says why. */
bool leati_endpoint_parse(const char *url, const char *schemes, struct leati_endpoint *ret_endpoint,
                          char *ret_reason, size_t cap);
/** Looks the host up. @return 0 or a reason of getaddrinfo(3). */
int leati_endpoint_resolve(struct leati_endpoint *endpoint);

#endif
