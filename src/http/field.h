/* SPDX-License-Identifier: Apache-2.0 */
/** @file Header fields and what stands in them (RFC 9110 section 5). */
#ifndef LEATI_HTTP_FIELD_H
#define LEATI_HTTP_FIELD_H

#include <stdbool.h>
#include <stddef.h>

/** One header field. Both strings end with NUL and hold none; those of a
 * head live as long as it does. */
struct leati_http_field {
    const char *name;  /**< as it was sent; compare without regard to case */
    const char *value; /**< without the white space around it; may be "" */
};

/** Whether one of the fields has that name. */
bool leati_http_fields_have(const struct leati_http_field *fields, size_t count, const char *name);

/** Whether it is the value of a Host field with a host (RFC 9110 section 7.2, RFC 3986
 * section 3.2.2): a name or an address, IPv6 in brackets, and perhaps a port. */
bool leati_http_host_valid(const char *host);

/** Whether a field of that name says where a message ends or what becomes of its connection (RFC
 * 9110 sections 7.6.1 and 7.8, RFC 9112 section 6): such fields are ours to write, never a
 * program's. */
bool leati_http_field_frames(const char *name);

/** Goes through a comma-separated list (RFC 9110 section 5.6.1): gives the next element that is not
 * empty, without the white space around it, and moves `*cursor` (the value at first) behind it. A
 * comma within a quoted string does not separate. false = no more. */
bool leati_http_list_next(const char **cursor, const char **ret_item, size_t *ret_len);

#endif
