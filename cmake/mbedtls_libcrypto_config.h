
/* ---- the primitives by libcrypto (LEAT_CRYPTO=libcrypto): src/tls/crypto --------------------- */

#define MBEDTLS_GCM_ALT
#define MBEDTLS_CHACHAPOLY_ALT
#define MBEDTLS_SHA256_PROCESS_ALT
#define MBEDTLS_SHA512_PROCESS_ALT
