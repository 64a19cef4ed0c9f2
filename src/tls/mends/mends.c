/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/mends/mends.h"

#include <psa/crypto.h>

void leati_tls_mends_init(struct leati_tls_mends *mends, mbedtls_ssl_context *ssl)
{
    *mends = (struct leati_tls_mends){.message = NULL};
    mbedtls_ssl_set_user_data_p(ssl, mends);
}

void leati_tls_mends_done(struct leati_tls_mends *mends)
{
    leati_tls_messages_free(mends);
    (void)psa_destroy_key(mends->key_share);
}

void leati_tls_mends_rest(struct leati_tls_mends *mends)
{
    if (mends->message_len == 0)
        leati_tls_messages_free(mends);
}
