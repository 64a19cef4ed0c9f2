/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/objection.h"

#include "tls/certificate_info.h"
#include "util/alloc.h"

#include <string.h>

struct leati_tls_shown {
    struct leati_tls_shown *above; /* who has signed it; NULL = the top */
    struct leat_certificate_info info;
    struct leati_tls_certificate_texts texts;
    uint8_t der[];
};

bool leati_tls_objector_note(struct leati_tls_objector *objector, const mbedtls_x509_crt *cert)
{
    struct leati_tls_shown *shown = leati_calloc(1, sizeof(*shown) + cert->raw.len);

    if (!shown)
        return false;
    leati_tls_certificate_info(cert, &shown->texts, &shown->info);
    if (cert->raw.len > 0)
        memcpy(shown->der, cert->raw.p, cert->raw.len);
    shown->info.der = shown->der;
    shown->above = objector->chain;
    objector->chain = shown;
    objector->count++;
    return true;
}

bool leati_tls_objector_ask(struct leati_tls_objector *objector, const char *server_name,
                            const char **ret_why)
{
    struct leat_certificate_info *chain = leati_calloc(objector->count, sizeof(*chain));
    size_t depth = 0;

    if (!chain)
        return false;
    for (const struct leati_tls_shown *shown = objector->chain; shown; shown = shown->above) {
        chain[depth] = shown->info;
        chain[depth].depth = depth;
        chain[depth].verified = true;
        depth++;
    }
    *ret_why = objector->fn(chain, depth, server_name ? server_name : "", objector->user);
    leati_free(chain);
    return true;
}

void leati_tls_objector_done(struct leati_tls_objector *objector)
{
    while (objector->chain) {
        struct leati_tls_shown *shown = objector->chain;
        objector->chain = shown->above;
        leati_free(shown);
    }
    objector->count = 0;
}
