/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The host of a URL in the one form that names, certificates and rules are compared in.
 */
#ifndef LEATI_URL_HOST_H
#define LEATI_URL_HOST_H

#include <stdbool.h>
#include <stddef.h>

/** The longest name that DNS knows (RFC 1035 section 2.3.4, as text without the final dot), and the
 * longest label. A longer name may still be a proxy's to resolve. */
#define LEATI_HOST_NAME_MAX_BYTES  253
#define LEATI_HOST_LABEL_MAX_BYTES 63

/**
 * Brings a registered name or an IPv4 literal into that form: percent-decoded, by IDNA (RFC 5891
 * with the non-transitional mapping of UTS 46) to A-labels, lower case, without one final dot. A
 * name whose last label is a number is an IPv4 address as inet_aton(3), curl and the URL standard
 * (host parsing) read it: "0x7f.1", "127.1" and "2130706433" become "127.0.0.1".
 *
 * @param ret_host to be freed with leati_free().
 * @param ret_is_absolute whether it is a name with a final dot, which no search list applies to
 *        (RFC 1034 section 3.1); may be NULL.
 * @param ret_reason what is wrong with the name: a static string; written for LEAT_E_PARAMETER.
 * @return LEAT_OK; LEAT_E_PARAMETER: UTF-8 or IDNA broken, a byte that no host name has, a label
 *         empty or too long, a last label that is a number although the whole is no IPv4 address
 *         (some resolvers would take it for one); LEAT_E_SYSTEM_INTERNAL.
 */
int leati_host_from_name(const char *name, size_t len, char **ret_host, bool *ret_is_absolute,
                         const char **ret_reason);

/** The same for an IPv6 literal, which may have a zone ("fe80::1%eth0"): whether that is an
 * interface of this machine is not looked at. */
int leati_host_from_ipv6(const char *literal, size_t len, char **ret_host, const char **ret_reason);

#endif
