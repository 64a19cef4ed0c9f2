/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tls.h"

#include <mbedtls/sha1.h>

/* Not by PSA: that would seed a generator of random numbers for every program that uses plain ws.
 */
bool leati_tls_sha1(const void *data, size_t len, uint8_t ret_digest[20])
{
    return mbedtls_sha1(data, len, ret_digest) == 0;
}
