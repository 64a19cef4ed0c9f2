/* SPDX-License-Identifier: Apache-2.0 */
/** @file From our options to mbedTLS's configuration of one connection. */
#ifndef LEATI_TLS_TLS_CONFIG_H
#define LEATI_TLS_TLS_CONFIG_H

#include "tls/tls.h"

#include <mbedtls/ssl.h>

/** Fills in an initialised configuration, which then points into `options->credentials`. Returns 0
 * or the mbedTLS code of why not. */
int leati_tls_config_build(mbedtls_ssl_config *config,
                           const struct leati_tls_layer_options *options);

/** What connections with these credentials offer or take, ended by 0. */
const uint16_t *leati_tls_config_signature_algorithms(
    const struct leati_tls_credentials *credentials);

/** The highest version: of options, or 1.2 if the only key of ours signs in no other. */
enum leat_tls_protocol leati_tls_config_max(const struct leati_tls_layer_options *options);

#endif
