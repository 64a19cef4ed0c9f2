/* SPDX-License-Identifier: Apache-2.0 */
/** @file From our options to mbedTLS's configuration, which connections that are alike share. */
#ifndef LEATI_TLS_TLS_CONFIG_H
#define LEATI_TLS_TLS_CONFIG_H

#include "tls/tls.h"

#include <mbedtls/ssl.h>

#include <stdatomic.h>

/** What was made for credentials, with which it goes. Nothing in it changes any more, so that
 * connections of several threads may use it. */
struct leati_tls_config;
typedef _Atomic(struct leati_tls_config *) leati_tls_config_list;

/** The configuration for such options, of their credentials; made when it is asked for first.
 * Returns 0 or the mbedTLS code of why not. */
int leati_tls_config_get(const struct leati_tls_layer_options *options,
                         const mbedtls_ssl_config **ret_config);
void leati_tls_configs_free(leati_tls_config_list *list);

/** What connections with these credentials offer or take, ended by 0. */
const uint16_t *leati_tls_config_signature_algorithms(
    const struct leati_tls_credentials *credentials);

/** The highest version: of options, or 1.2 if the only key of ours signs in no other. */
enum leat_tls_protocol leati_tls_config_max(const struct leati_tls_layer_options *options);

#endif
