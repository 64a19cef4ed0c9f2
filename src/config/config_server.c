/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration says about a server. */
#include "config/config.h"

void leati_config_clear_server(leat_config *config)
{
    leati_cert_files_done(&config->server_cert);
}

bool leati_config_copy_server(leat_config *dst, const leat_config *src)
{
    dst->client_verification = src->client_verification;
    dst->max_clients = src->max_clients;
    dst->max_clients_per_address = src->max_clients_per_address;
    dst->reuse_port = src->reuse_port;
    return leati_cert_files_copy(&dst->server_cert, &src->server_cert);
}

int leat_config_set_server_cert(leat_config *config, const char *cert_path, const char *key_path,
                                const char *key_password)
{
    return leati_config_set_cert_files(config, config ? &config->server_cert : NULL, cert_path,
                                       key_path, key_password);
}

int leat_config_set_client_verification(leat_config *config,
                                        enum leat_client_verification verification)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if ((unsigned)verification > LEAT_CLIENT_VERIFICATION_REQUIRED)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "there is no such verification");
    config->client_verification = verification;
    return LEAT_OK;
}

int leat_config_set_max_concurrent_clients_number(leat_config *config, size_t number)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (number == 0)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "a server for 0 clients");
    config->max_clients = number;
    return LEAT_OK;
}

int leat_config_set_max_connections_for_one_client(leat_config *config, size_t number)
{
    if (!config)
        return LEAT_E_PARAMETER;
    if (number == 0)
        return leati_config_refuse(config, LEAT_E_PARAMETER, "0 connections for one client");
    config->max_clients_per_address = number;
    return LEAT_OK;
}

int leat_config_set_reuse_port(leat_config *config, bool reuse)
{
    if (!config)
        return LEAT_E_PARAMETER;
    config->reuse_port = reuse;
    return LEAT_OK;
}

int leati_config_server_tls(const leat_config *config, struct leati_failure *failure,
                            struct leati_tls_credentials **ret_credentials)
{
    const struct leati_tls_credentials_options options = {
        .ca_path = config->ca_path,
        .cert_path = config->server_cert.cert_path,
        .key_path = config->server_cert.key_path,
        .key_password = config->server_cert.key_password,
        .need_ca = config->client_verification != LEAT_CLIENT_VERIFICATION_NONE,
        .is_server = true,
    };
    const enum leati_tls_shared_role role =
        options.need_ca ? LEATI_TLS_SHARED_VERIFYING_SERVER : LEATI_TLS_SHARED_SERVER;
    return leati_tls_shared_credentials(config->tls_shared, role, &options, failure,
                                        ret_credentials);
}
