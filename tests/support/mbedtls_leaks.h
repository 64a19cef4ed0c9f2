/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * mbedTLS 3.6.6 forgets the cipher contexts of TLS 1.3 when memory runs out while it makes the
 * keys. That is nothing that leat can free. For one source file of a test program that lets
 * allocations fail.
 */
#ifndef TESTS_SUPPORT_MBEDTLS_LEAKS_H
#define TESTS_SUPPORT_MBEDTLS_LEAKS_H

__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:chachapoly_ctx_alloc\nleak:gcm_ctx_alloc\nleak:aes_ctx_alloc\n";
}

#endif
