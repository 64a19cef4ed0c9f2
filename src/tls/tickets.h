/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The keys of a server's session tickets (RFC 5077, RFC 8446 section 4.6.1). Several threads may
 * use them at once: mbedTLS locks them.
 */
#ifndef LEATI_TLS_TICKETS_H
#define LEATI_TLS_TICKETS_H

#include <mbedtls/ssl.h>

/** How long a ticket is good for, and each key makes tickets. Who steals the keys reads the TLS 1.2
 * connections of that time, so it is short. */
#define LEATI_TLS_TICKET_LIFETIME_S 7200u

struct leati_tls_tickets;

/** Returns 0 or the mbedTLS code of why not. */
int leati_tls_tickets_new(struct leati_tls_tickets **ret_tickets);
/** NULL is allowed. */
void leati_tls_tickets_free(struct leati_tls_tickets *tickets);

/** Lets connections of `config` give out tickets and take them back. */
void leati_tls_tickets_configure(struct leati_tls_tickets *tickets, mbedtls_ssl_config *config);

#endif
