/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/engine.h"
#include "tls/tls.h"

#include <psa/crypto.h>

bool leati_tls_sha1(const void *data, size_t len, uint8_t ret_digest[20])
{
    size_t digest_len;

    return leati_tls_engine_start() == 0 &&
           psa_hash_compute(PSA_ALG_SHA_1, data, len, ret_digest, 20, &digest_len) == PSA_SUCCESS;
}
