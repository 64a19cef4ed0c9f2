/* SPDX-License-Identifier: Apache-2.0 */
/* A build without servers of any kind (LEAT_SERVER, LEAT_SOCKETS): nobody gives tickets. */
#include "tls/tickets.h"

int leati_tls_tickets_new(struct leati_tls_tickets **ret_tickets)
{
    *ret_tickets = NULL;
    return 0;
}

void leati_tls_tickets_free(struct leati_tls_tickets *tickets)
{
    (void)tickets;
}

void leati_tls_tickets_configure(struct leati_tls_tickets *tickets, mbedtls_ssl_config *config)
{
    (void)tickets, (void)config;
}
