/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Version, export and attribute macros. Included by every other header of leat.
 */
#ifndef LEAT_BASE_H
#define LEAT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The one place of the version: the build, the packages and leat_version() read it here. */
/** The version of the headers; leat_version() is that of the library. */
#define LEAT_VERSION_MAJOR 1
#define LEAT_VERSION_MINOR 0 /**< see LEAT_VERSION_MAJOR */
#define LEAT_VERSION_PATCH 0 /**< see LEAT_VERSION_MAJOR */

/** Marks what the shared library exports. */
#define LEAT_API __attribute__((visibility("default")))
/** Marks a function whose result must be looked at. */
#define LEAT_MUST_CHECK __attribute__((warn_unused_result))
/** Marks a function that goes with the next major version; its comment says what comes instead. */
#define LEAT_DEPRECATED __attribute__((deprecated))
/** Marks a function that takes a format of printf(3). */
#define LEAT_PRINTF(format_index, first_index)                                                     \
    __attribute__((format(printf, format_index, first_index)))

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the library in use, "MAJOR.MINOR.PATCH". Static, never NULL. @thread any. */
LEAT_API const char *leat_version(void);

/** What TLS is made of, with the versions in use: "mbedTLS 3.6.6" or "mbedTLS 3.6.6, primitives by
 * OpenSSL 3.0.19". For people, not to be parsed. Static, never NULL. @thread any. */
LEAT_API const char *leat_tls_backend(void);

#ifdef __cplusplus
}
#endif

#endif
