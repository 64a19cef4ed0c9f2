/* SPDX-License-Identifier: Apache-2.0 */
/* For an mbedTLS that is not leat's own, and calls nothing here. */
#include "tls/mends/mends.h"

void leati_tls_messages_free(struct leati_tls_mends *mends)
{
    (void)mends;
}
