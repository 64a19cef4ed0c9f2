/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/mbedtls_process.h"

#include "tls/crypto/crypto.h"
#include "tls/crypto/memory.h"
#include "util/alloc.h"
#include "util/fork.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include <mbedtls/error.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/threading.h>
#include <mbedtls/version.h>
#include <psa/crypto.h>

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;
static bool locks_installed;

#if defined(MBEDTLS_PLATFORM_MEMORY) && !defined(MBEDTLS_PLATFORM_CALLOC_MACRO)
static void *noting_calloc(size_t count, size_t size)
{
    void *ptr = leati_calloc(count, size);

    if (!ptr)
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

/* The locks of mbedTLS are held as ours are. */
#if defined(MBEDTLS_THREADING_C)
static int (*mutex_lock)(mbedtls_threading_mutex_t *mutex);
static int (*mutex_unlock)(mbedtls_threading_mutex_t *mutex);

static int holding_lock(mbedtls_threading_mutex_t *mutex)
{
    leati_fork_hold();
    int ret = mutex_lock(mutex);
    if (ret != 0)
        leati_fork_let();
    return ret;
}

static int holding_unlock(mbedtls_threading_mutex_t *mutex)
{
    int ret = mutex_unlock(mutex);

    if (ret == 0)
        leati_fork_let();
    return ret;
}

static void locks_install(void)
{
    mutex_lock = mbedtls_mutex_lock;
    mutex_unlock = mbedtls_mutex_unlock;
    mbedtls_mutex_lock = holding_lock;
    mbedtls_mutex_unlock = holding_unlock;
}
#else
static void locks_install(void)
{
}
#endif

#if defined(MBEDTLS_PLATFORM_GMTIME_R_ALT)
/* The C library's would lock its time zones, which UTC has none of, and a fork may leave them
 * locked. The calendar of Gregory repeats itself every 400 years, which begin with March here. */
struct tm *mbedtls_platform_gmtime_r(const mbedtls_time_t *time, struct tm *ret_tm)
{
    enum { DAY_S = 86400, DAYS_TO_1970 = 719468, ERA_DAYS = 146097 };
    int64_t days = *time / DAY_S - (*time % DAY_S < 0);
    int64_t second = *time - days * DAY_S;

    days += DAYS_TO_1970;
    int64_t era = days / ERA_DAYS - (days % ERA_DAYS < 0);
    int64_t day = days - era * ERA_DAYS;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    int64_t month = (5 * day + 2) / 153;
    bool is_next_year = month >= 10; /* January and February */

    *ret_tm = (struct tm){
        .tm_year = (int)(year + era * 400 + is_next_year - 1900),
        .tm_mon = (int)(is_next_year ? month - 10 : month + 2),
        .tm_mday = (int)(day - (153 * month + 2) / 5 + 1),
        .tm_hour = (int)(second / 3600),
        .tm_min = (int)(second / 60 % 60),
        .tm_sec = (int)(second % 60),
    };
    return ret_tm;
}
#endif

int leati_mbedtls_start(void)
{
    leati_lock(&start_lock);
    int ret = started ? 0 : allocator_install();
    if (ret == 0 && !locks_installed) {
        locks_installed = true;
        locks_install();
    }
#if MBEDTLS_VERSION_NUMBER < 0x03060600
    /* Its generator of random numbers would go on in parent and child alike. */
    static unsigned started_at;
    if (started && started_at != leati_fork_count()) {
        mbedtls_psa_crypto_free();
        started = false;
    }
    started_at = leati_fork_count();
#endif
    if (ret == 0 && !started)
        ret = leati_tls_crypto_start();
    if (ret == 0 && !started) {
        ret = (int)psa_crypto_init();
        started = ret == 0;
    }
    leati_unlock(&start_lock);
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

    if (!text)
        text = mbedtls_low_level_strerr(code);
    if (!text)
        return "unknown mbedTLS error";
    /* mbedTLS puts the module before the text: "SSL - ...". */
    const char *dash = strstr(text, " - ");
    return dash ? dash + 3 : text;
}
