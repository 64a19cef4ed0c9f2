/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leat's private mbedTLS changes in the default configuration of mbedTLS 3.6. It is read after
 * the defaults, by the library and by every file of leat that includes an mbedTLS header.
 */

/* Connections of several loops, each in its own thread, share the PSA key store. */
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD

/* Lets mbedtls_platform_set_calloc_free() replace the allocator, so that every allocation can fail
 * in a test. */
#define MBEDTLS_PLATFORM_MEMORY

/* In src/tls/mbedtls_process.c. */
#define MBEDTLS_PLATFORM_GMTIME_R_ALT

/* leat_config_set_early_data(). */
#define MBEDTLS_SSL_EARLY_DATA

/*
 * Left alone: MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH. It frees memory only where both sides agree on
 * records shorter than 16 KiB, which servers hardly ever do, and 3.6.6 crashes with it when memory
 * runs out. See src/tls/buffers.h.
 */

/* TLS runs over a stream here. Without it each connection is 0.4 KiB smaller. */
#undef MBEDTLS_SSL_PROTO_DTLS
#undef MBEDTLS_SSL_DTLS_ANTI_REPLAY
#undef MBEDTLS_SSL_DTLS_CLIENT_PORT_REUSE
#undef MBEDTLS_SSL_DTLS_CONNECTION_ID
#undef MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT
#undef MBEDTLS_SSL_DTLS_HELLO_VERIFY
#undef MBEDTLS_SSL_DTLS_SRTP

/* Ciphers that no server asks for, and that libcrypto does not have in all forms: the suites are
 * the same with both builds (LEAT_CRYPTO). */
#undef MBEDTLS_ARIA_C
#undef MBEDTLS_CAMELLIA_C

/* Nobody listens: leat tells what TLS does by its own trace. */
#undef MBEDTLS_DEBUG_C
#undef MBEDTLS_SELF_TEST

/*
 * What leat never comes to, and the linker cannot know: it is reached by tables, or by PSA, whose functions lead to all that it
 * was built with.
 */

/* Keys that both sides know beforehand: leat has no way to set one. (Those of TLS 1.3's tickets are others.) */
#undef MBEDTLS_KEY_EXCHANGE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_DHE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDHE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_RSA_PSK_ENABLED

/* Keys of certificates agree on nothing: no name of src/tls/names.c is a suite with ECDH that is not ephemeral. */
#undef MBEDTLS_KEY_EXCHANGE_ECDH_ECDSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_RSA_ENABLED

/* Every request for it is refused, with and without this. */
#undef MBEDTLS_SSL_RENEGOTIATION

/* Keys in files of PSA's own. Those of TLS live as long as a handshake. */
#undef MBEDTLS_PSA_CRYPTO_STORAGE_C
#undef MBEDTLS_PSA_ITS_FILE_C

/* Forms of ciphers and hashes that are none of TLS, of certificates or of the files of private keys. */
#undef MBEDTLS_CIPHER_MODE_CFB
#undef MBEDTLS_CIPHER_MODE_OFB
#undef MBEDTLS_CIPHER_MODE_XTS
#undef MBEDTLS_CMAC_C
#undef MBEDTLS_ECJPAKE_C
#undef MBEDTLS_LMS_C
#undef MBEDTLS_NIST_KW_C
#undef MBEDTLS_PKCS7_C
#undef MBEDTLS_RIPEMD160_C
#undef MBEDTLS_SHA3_C

/* Curves that no TLS and no authority has ever used. */
#undef MBEDTLS_ECP_DP_SECP192K1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224K1_ENABLED
