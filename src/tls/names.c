/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/names.h"

#include "tls/failures.h"
#include "tls/preference.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <string.h>

#include <mbedtls/ecp.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>

#define SEPARATORS ":, \t\r\n"

struct named {
    uint16_t id;
    const char *name; /* in the IANA registry */
    const char *openssl_name;
};

struct table {
    const char *what;
    const struct named *rows;
    size_t count;
    bool (*is_built)(uint16_t id); /* whether mbedTLS was built with it */
};

/* What mbedTLS prefers, first. Without those that nobody should ask for: no encryption, no
 * authentication, keys shared beforehand, RC4, 3DES. */
static const struct named cipher_suite_rows[] = {
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
    {0x1302, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"},
    {0x1301, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
    {0x1304, "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_SHA256"},
    {0x1305, "TLS_AES_128_CCM_8_SHA256", "TLS_AES_128_CCM_8_SHA256"},
    {0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
    {0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "DHE-RSA-CHACHA20-POLY1305"},
    {0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "DHE-RSA-AES256-GCM-SHA384"},
    {0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", "ECDHE-ECDSA-AES256-CCM"},
    {0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", "ECDHE-ECDSA-AES256-SHA384"},
    {0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "ECDHE-RSA-AES256-SHA384"},
    {0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", "DHE-RSA-AES256-SHA256"},
    {0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", "DHE-RSA-AES256-SHA"},
    {0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256"},
    {0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "ECDHE-ECDSA-AES128-CCM"},
    {0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"},
    {0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"},
    {0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", "DHE-RSA-AES128-SHA256"},
    {0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", "DHE-RSA-AES128-SHA"},
    {0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"},
    {0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256", "AES256-SHA256"},
    {0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"},
    {0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"},
    {0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256"},
    {0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"},
};

static const struct named signature_algorithm_rows[] = {
    {MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, "ecdsa_secp256r1_sha256", "ECDSA+SHA256"},
    {MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384, "ecdsa_secp384r1_sha384", "ECDSA+SHA384"},
    {MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, "ecdsa_secp521r1_sha512", "ECDSA+SHA512"},
    {MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256, "rsa_pkcs1_sha256", "RSA+SHA256"},
    {MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384, "rsa_pkcs1_sha384", "RSA+SHA384"},
    {MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512, "rsa_pkcs1_sha512", "RSA+SHA512"},
    {MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256, "rsa_pss_rsae_sha256", "RSA-PSS+SHA256"},
    {MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384, "rsa_pss_rsae_sha384", "RSA-PSS+SHA384"},
    {MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512, "rsa_pss_rsae_sha512", "RSA-PSS+SHA512"},
};

/* Of the key exchange; the second name is NIST's. */
static const struct named group_rows[] = {
    {MBEDTLS_SSL_IANA_TLS_GROUP_X25519, "x25519", "x25519"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, "secp256r1", "P-256"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, "secp384r1", "P-384"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1, "secp521r1", "P-521"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_X448, "x448", "x448"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256K1, "secp256k1", "secp256k1"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_BP256R1, "brainpoolP256r1", "brainpoolP256r1"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_BP384R1, "brainpoolP384r1", "brainpoolP384r1"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_BP512R1, "brainpoolP512r1", "brainpoolP512r1"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_FFDHE2048, "ffdhe2048", "ffdhe2048"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_FFDHE3072, "ffdhe3072", "ffdhe3072"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_FFDHE4096, "ffdhe4096", "ffdhe4096"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_FFDHE6144, "ffdhe6144", "ffdhe6144"},
    {MBEDTLS_SSL_IANA_TLS_GROUP_FFDHE8192, "ffdhe8192", "ffdhe8192"},
};

static bool cipher_suite_is_built(uint16_t id)
{
    return mbedtls_ssl_ciphersuite_from_id(id);
}

static bool group_is_built(uint16_t id)
{
#ifdef PSA_WANT_ALG_FFDH
    if (id >= MBEDTLS_SSL_IANA_TLS_GROUP_FFDHE2048 && id <= MBEDTLS_SSL_IANA_TLS_GROUP_FFDHE8192)
        return true;
#endif
    return mbedtls_ecp_curve_info_from_tls_id(id) != NULL;
}

static bool always_built(uint16_t id)
{
    (void)id;
    return true;
}

#define ROWS(rows) (rows), sizeof(rows) / sizeof((rows)[0])

static const struct table cipher_suites = {"cipher suite", ROWS(cipher_suite_rows),
                                           cipher_suite_is_built};
static const struct table signature_algorithms = {"signature algorithm",
                                                  ROWS(signature_algorithm_rows), always_built};

static const struct table groups = {"group", ROWS(group_rows), group_is_built};

static bool token_is(const char *token, size_t len, const char *name)
{
    return leati_text_equal_nocase(token, len, name, strlen(name));
}

static const struct named *row_by_name(const struct table *table, const char *token, size_t len)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct named *row = &table->rows[i];
        if (table->is_built(row->id) &&
            (token_is(token, len, row->name) || token_is(token, len, row->openssl_name)))
            return row;
    }
    return NULL;
}

static const char *name_by_id(const struct table *table, uint16_t id)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].id == id)
            return table->rows[i].name;
    return NULL;
}

/* ---- the name that somebody meant ------------------------------------------------------------ */

enum { NEAREST_MAX = 48 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions and replacements that lead from one to the other, whatever the case. */
static size_t name_distance(const char *token, size_t len, const char *name)
{
    size_t row[NEAREST_MAX + 1], name_len = strlen(name);

    if (len > NEAREST_MAX || name_len > NEAREST_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= name_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= name_len; j++) {
            bool is_same = leati_text_equal_nocase(&token[i - 1], 1, &name[j - 1], 1);
            size_t replaced = diagonal + !is_same;
            diagonal = row[j];
            row[j] = least(least(row[j], row[j - 1]) + 1, replaced);
        }
    }
    return row[name_len];
}

/* NULL if nothing is similar. */
static const char *nearest_name(const struct table *table, const char *token, size_t len)
{
    const char *nearest = NULL;
    size_t best = len / 4 + 2;

    for (size_t i = 0; i < 2 * table->count; i++) {
        const struct named *row = &table->rows[i / 2];
        const char *name = i % 2 == 0 ? row->openssl_name : row->name;
        size_t distance = table->is_built(row->id) ? name_distance(token, len, name) : SIZE_MAX;
        if (distance < best && distance < len) {
            best = distance;
            nearest = name;
        }
    }
    return nearest;
}

static int refuse_unknown(const struct table *table, const char *token, size_t len,
                          struct leati_failure *failure)
{
    enum { SHOWN_MAX = 40 };
    char text[LEAT_ERROR_TEXT_SIZE];
    size_t pos = 0;

    const char *nearest = nearest_name(table, token, len);
    leati_readable_append(text, sizeof(text), &pos, "unknown %s \"%s\"%s%s. Known:", table->what,
                          leati_excerpt_of(token, len, SHOWN_MAX).text, nearest ? "; is it " : "",
                          nearest ? nearest : "");
    for (size_t i = 0; i < table->count; i++)
        if (table->is_built(table->rows[i].id))
            leati_readable_append(text, sizeof(text), &pos, " %s", table->rows[i].openssl_name);
    return leati_tls_record(failure, LEAT_E_PARAMETER, 0, 0, "%s", text);
}

static bool ids_hold(const struct leati_tls_ids *ids, uint16_t id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->ids[i] == id)
            return true;
    return false;
}

/* Into `ids`, which has room for every row. */
static int names_parse(const struct table *table, const char *list, struct leati_failure *failure,
                       struct leati_tls_ids *ids)
{
    for (const char *at = list + strspn(list, SEPARATORS); *at != '\0';
         at += strspn(at, SEPARATORS)) {
        size_t len = strcspn(at, SEPARATORS);
        const struct named *row = row_by_name(table, at, len);
        if (!row)
            return refuse_unknown(table, at, len, failure);
        if (ids_hold(ids, row->id))
            return leati_tls_record(failure, LEAT_E_PARAMETER, 0, 0, "the %s %s is named twice",
                                    table->what, row->name);
        ids->ids[ids->count++] = row->id;
        at += len;
    }
    return LEAT_OK;
}

static int list_parse(const struct table *table, const char *list, struct leati_failure *failure,
                      struct leati_tls_ids *ret_ids)
{
    struct leati_tls_ids ids = {0};

    if (!list || list[strspn(list, SEPARATORS)] == '\0') {
        *ret_ids = ids;
        return LEAT_OK;
    }
    ids.ids = leati_calloc(table->count + 1, sizeof(*ids.ids));
    if (!ids.ids)
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, 0, "out of memory");
    int code = names_parse(table, list, failure, &ids);
    if (code != LEAT_OK) {
        leati_tls_ids_done(&ids);
        return code;
    }
    *ret_ids = ids;
    return LEAT_OK;
}

int leati_tls_signature_algorithms_parse(const char *list, struct leati_failure *failure,
                                         struct leati_tls_ids *ret_ids)
{
    return list_parse(&signature_algorithms, list, failure, ret_ids);
}

int leati_tls_groups_parse(const char *list, struct leati_failure *failure,
                           struct leati_tls_ids *ret_ids)
{
    return list_parse(&groups, list, failure, ret_ids);
}

void leati_tls_ids_done(struct leati_tls_ids *ids)
{
    leati_free(ids->ids);
    *ids = (struct leati_tls_ids){0};
}

static bool is_tls_1_3(uint16_t cipher_suite)
{
    return cipher_suite >> 8 == 0x13;
}

static bool holds_tls_1_3(const struct leati_tls_ids *ids)
{
    for (size_t i = 0; i < ids->count; i++)
        if (is_tls_1_3(ids->ids[i]))
            return true;
    return false;
}

static void choice_fill(struct leati_tls_cipher_choice *choice, const struct leati_tls_ids *ids)
{
    bool needs_tls_1_3 = !holds_tls_1_3(ids);
    size_t count = 0;

    /* Both roles have the same ones of TLS 1.3. */
    for (const int *id = leati_tls_cipher_preference(true); needs_tls_1_3 && *id != 0; id++)
        if (is_tls_1_3((uint16_t)*id))
            choice->ids[count++] = *id;
    for (size_t i = 0; i < ids->count; i++) {
        choice->ids[count++] = ids->ids[i];
        choice->has_tls_1_2 = choice->has_tls_1_2 || !is_tls_1_3(ids->ids[i]);
    }
}

int leati_tls_cipher_choice_parse(const char *list, struct leati_failure *failure,
                                  struct leati_tls_cipher_choice *ret_choice)
{
    struct leati_tls_cipher_choice choice = {.has_tls_1_2 = false};
    struct leati_tls_ids ids;

    int code = list_parse(&cipher_suites, list, failure, &ids);
    if (code != LEAT_OK)
        return code;
    if (ids.count > 0) {
        choice.ids = leati_calloc(cipher_suites.count + 1, sizeof(*choice.ids));
        if (!choice.ids)
            code = leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, 0, "out of memory");
        else
            choice_fill(&choice, &ids);
    }
    leati_tls_ids_done(&ids);
    if (code == LEAT_OK)
        *ret_choice = choice;
    return code;
}

void leati_tls_cipher_choice_done(struct leati_tls_cipher_choice *choice)
{
    leati_free(choice->ids);
    *choice = (struct leati_tls_cipher_choice){0};
}

const char *leati_tls_cipher_suite_name(uint16_t id)
{
    return name_by_id(&cipher_suites, id);
}

const char *leati_tls_signature_algorithm_name(uint16_t id)
{
    return name_by_id(&signature_algorithms, id);
}

const char *leati_tls_group_name(uint16_t id)
{
    const char *name = name_by_id(&groups, id);

    return name ? name : "";
}
