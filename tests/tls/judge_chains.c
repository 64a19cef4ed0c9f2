/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leat says about chains of certificates, without a connection around them.
 *
 *     judge_chains < CASES
 *
 * A case is a line: ROLE ("server": a server's chain is judged) HOST FOLDER. The folder has the chain in 0.der,
 * 1.der ..., as the peer would send it, the anchors in anchors.pem or a folder anchors, and perhaps crls.pem. Prints for each
 * one the code and the text.
 */
#include "tls/credentials.h"
#include "tls/judged.h"
#include "tls/mends/calls.h"
#include "tls/tls_layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DER_MAX 65536u

static uint8_t *file_read(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "r");
    uint8_t *data = file ? calloc(1, DER_MAX) : NULL;

    if (data)
        *ret_len = fread(data, 1, DER_MAX - 1, file);
    if (file)
        fclose(file);
    return data;
}

static void chain_read(mbedtls_x509_crt *chain, const char *folder)
{
    char path[512];
    size_t len;

    mbedtls_x509_crt_init(chain);
    for (unsigned i = 0;; i++) {
        snprintf(path, sizeof(path), "%s/%u.der", folder, i);
        uint8_t *der = file_read(path, &len);
        if (!der)
            return;
        if (leati_mend_x509_crt_parse_der(chain, der, len) != 0)
            abort();
        free(der);
    }
}

static int layer_judge(struct leati_tls_layer *tls, const char *folder, char *text, size_t cap)
{
    mbedtls_x509_crt chain;
    uint32_t flags = 0;
    int code = LEAT_OK;

    chain_read(&chain, folder);
    int ret = leati_mend_x509_crt_verify(&chain, leati_tls_credentials_cas(tls->credentials),
                                         leati_tls_credentials_crl(tls->credentials),
                                         &mbedtls_x509_crt_profile_default, NULL, &flags,
                                         leati_tls_certificate_seen, tls, NULL);
    if (ret == MBEDTLS_ERR_X509_ALLOC_FAILED)
        code = LEAT_E_SYSTEM_INTERNAL;
    else if (ret != 0 || flags != 0)
        code = LEAT_E_TLS_VERIFY;
    if (code != LEAT_OK)
        snprintf(text, cap, "%s", leati_tls_verifier_reasons(&tls->verifier, flags));
    mbedtls_x509_crt_free(&chain);
    return code;
}

static int case_judge(const char *role, const char *host, const char *folder, char *text,
                      size_t cap)
{
    char ca_path[512], crl_path[512];
    struct leati_tls_credentials *credentials = NULL;
    struct leati_layer *layer = NULL;
    struct leati_failure failure;
    struct stat st;
    size_t len;

    snprintf(ca_path, sizeof(ca_path), "%s/anchors.pem", folder);
    if (stat(ca_path, &st) != 0)
        snprintf(ca_path, sizeof(ca_path), "%s/anchors", folder);
    snprintf(crl_path, sizeof(crl_path), "%s/crls.pem", folder);
    char *crl = (char *)file_read(crl_path, &len);
    const char *const crls[] = {crl};
    const struct leati_tls_credentials_options options = {
        .ca_path = ca_path, .need_ca = true, .crl_texts = crls, .crl_text_count = crl ? 1 : 0};
    leati_failure_init(&failure);
    int code = leati_tls_credentials_new(&options, &failure, &credentials);
    if (code == LEAT_OK)
        code = leati_tls_layer_new(
            &(struct leati_tls_layer_options){
                .is_server = strcmp(role, "client") == 0,
                .server_name = host,
                .credentials = credentials,
                .verify = true,
                .client_verification = LEAT_CLIENT_VERIFICATION_REQUIRED,
                .min_protocol = LEAT_TLS_V12,
                .max_protocol = LEAT_TLS_V13,
            },
            &failure, &layer);
    if (code == LEAT_OK)
        code = layer_judge((struct leati_tls_layer *)layer, folder, text, cap);
    else
        snprintf(text, cap, "%s", failure.text);
    if (layer)
        leati_tls_layer_free((struct leati_tls_layer *)layer);
    leati_tls_credentials_unref(credentials);
    free(crl);
    return code;
}

int main(void)
{
    char line[1024], role[16], host[256], folder[256], text[2048];

    while (fgets(line, sizeof(line), stdin)) {
        if (sscanf(line, "%15s %255s %255s", role, host, folder) != 3)
            return 2;
        text[0] = '\0';
        int code = case_judge(role, host, folder, text, sizeof(text));
        printf("%d %s\n", code, text);
    }
    return 0;
}
