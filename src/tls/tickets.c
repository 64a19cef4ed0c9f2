/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tickets.h"

#include "util/alloc.h"

#include <mbedtls/psa_util.h>
#include <mbedtls/ssl_ticket.h>

#if !defined(MBEDTLS_THREADING_C)
#error "mbedTLS must be built with MBEDTLS_THREADING_C: several loops share the ticket keys"
#endif

struct leati_tls_tickets {
    mbedtls_ssl_ticket_context context;
};

int leati_tls_tickets_new(struct leati_tls_tickets **ret_tickets)
{
    struct leati_tls_tickets *tickets = leati_calloc(1, sizeof(*tickets));

    if (!tickets)
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    mbedtls_ssl_ticket_init(&tickets->context);
    int ret = mbedtls_ssl_ticket_setup(&tickets->context, mbedtls_psa_get_random,
                                       MBEDTLS_PSA_RANDOM_STATE, MBEDTLS_CIPHER_AES_256_GCM,
                                       LEATI_TLS_TICKET_LIFETIME_S);
    if (ret != 0) {
        leati_tls_tickets_free(tickets);
        return ret;
    }
    *ret_tickets = tickets;
    return 0;
}

void leati_tls_tickets_free(struct leati_tls_tickets *tickets)
{
    if (!tickets)
        return;
    mbedtls_ssl_ticket_free(&tickets->context);
    leati_free(tickets);
}

void leati_tls_tickets_configure(struct leati_tls_tickets *tickets, mbedtls_ssl_config *config)
{
    mbedtls_ssl_conf_session_tickets_cb(config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                        &tickets->context);
}
