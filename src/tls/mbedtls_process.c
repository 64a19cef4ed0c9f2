/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/mbedtls_process.h"

#include "tls/crypto/crypto.h"
#include "tls/crypto/memory.h"
#include "util/alloc.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include <mbedtls/error.h>
#include <mbedtls/platform.h>
#include <psa/crypto.h>

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;

#if defined(MBEDTLS_PLATFORM_MEMORY) && !defined(MBEDTLS_PLATFORM_CALLOC_MACRO)
static void *noting_calloc(size_t count, size_t size)
{
    void *ptr = leati_calloc(count, size);

    if (ptr == NULL)
        leati_tls_memory_note();
    return ptr;
}

static int allocator_install(void)
{
    return mbedtls_platform_set_calloc_free(noting_calloc, leati_free);
}
#else
static int allocator_install(void)
{
    return 0;
}
#endif

int leati_mbedtls_start(void)
{
    pthread_mutex_lock(&start_lock);
    int ret = started ? 0 : allocator_install();
    if (ret == 0 && !started)
        ret = leati_tls_crypto_start();
    if (ret == 0 && !started) {
        ret = (int)psa_crypto_init();
        started = ret == 0;
    }
    pthread_mutex_unlock(&start_lock);
    return ret;
}

void leati_mbedtls_enter(void)
{
    leati_tls_memory_forget();
}

bool leati_mbedtls_out_of_memory(void)
{
    return leati_tls_memory_is_out();
}

const char *leati_mbedtls_error_text(int code)
{
    const char *text = mbedtls_high_level_strerr(code);

    if (text == NULL)
        text = mbedtls_low_level_strerr(code);
    if (text == NULL)
        return "unknown mbedTLS error";
    /* mbedTLS puts the module before the text: "SSL - ...". */
    const char *dash = strstr(text, " - ");
    return dash != NULL ? dash + 3 : text;
}
