/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leat's private mbedTLS changes in the default configuration of mbedTLS 3.6. It is read after
 * the defaults, by the library and by every file of leat that includes an mbedTLS header.
 */

/* Connections of several loops, each in its own thread, share the PSA key store. */
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD

/* Lets mbedtls_platform_set_calloc_free() replace the allocator, so that every allocation can fail in a test. */
#define MBEDTLS_PLATFORM_MEMORY

/*
 * Left alone: MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH. It frees memory only where both sides agree on records
 * shorter than 16 KiB, which servers hardly ever do.
 */

/* Ciphers that no server asks for, and that libcrypto does not have in all forms: the suites are the same with both
 * builds (LEAT_CRYPTO). */
#undef MBEDTLS_ARIA_C
#undef MBEDTLS_CAMELLIA_C

/* Nobody listens: leat tells what TLS does by its own trace. */
#undef MBEDTLS_DEBUG_C
#undef MBEDTLS_SELF_TEST
