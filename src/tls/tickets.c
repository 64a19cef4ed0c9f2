/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tickets.h"

#include "util/alloc.h"

#include <mbedtls/psa_util.h>
#include <mbedtls/ssl_ticket.h>

#if !defined(MBEDTLS_THREADING_C)
#error "mbedTLS must be built with MBEDTLS_THREADING_C: several loops share the ticket keys"
#endif

#define VERIFICATION_COUNT (LEAT_CLIENT_VERIFICATION_REQUIRED + 1)

struct leati_tls_tickets {
    mbedtls_ssl_ticket_context contexts[VERIFICATION_COUNT];
};

int leati_tls_tickets_new(struct leati_tls_tickets **ret_tickets)
{
    struct leati_tls_tickets *tickets = leati_calloc(1, sizeof(*tickets));

    if (!tickets)
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    for (int i = 0; i < VERIFICATION_COUNT; i++)
        mbedtls_ssl_ticket_init(&tickets->contexts[i]);
    for (int i = 0; i < VERIFICATION_COUNT; i++) {
        int ret = mbedtls_ssl_ticket_setup(&tickets->contexts[i], mbedtls_psa_get_random,
                                           MBEDTLS_PSA_RANDOM_STATE, MBEDTLS_CIPHER_AES_256_GCM,
                                           LEATI_TLS_TICKET_LIFETIME_S);
        if (ret != 0) {
            leati_tls_tickets_free(tickets);
            return ret;
        }
    }
    *ret_tickets = tickets;
    return 0;
}

void leati_tls_tickets_free(struct leati_tls_tickets *tickets)
{
    if (!tickets)
        return;
    for (int i = 0; i < VERIFICATION_COUNT; i++)
        mbedtls_ssl_ticket_free(&tickets->contexts[i]);
    leati_free(tickets);
}

void leati_tls_tickets_configure(struct leati_tls_tickets *tickets,
                                 enum leat_client_verification verification,
                                 mbedtls_ssl_config *config)
{
    mbedtls_ssl_conf_session_tickets_cb(config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                        &tickets->contexts[verification]);
}
