/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/certificates.h"

#include "util/text.h"

#include <string.h>

#define DAY_S (24 * 60 * 60)

static const struct {
    enum leat_testing_certificate_fault fault;
    const char *name;
} fault_names[] = {
    {LEAT_TESTING_CERTIFICATE_EXPIRED, "expired"},
    {LEAT_TESTING_CERTIFICATE_NOT_YET_VALID, "not-yet-valid"},
    {LEAT_TESTING_CERTIFICATE_WRONG_HOST, "wrong-host"},
    {LEAT_TESTING_CERTIFICATE_NO_NAMES, "no-names"},
    {LEAT_TESTING_CERTIFICATE_WRONG_USAGE, "wrong-usage"},
    {LEAT_TESTING_CERTIFICATE_WEAK_KEY, "weak-key"},
    {LEAT_TESTING_CERTIFICATE_SHA1, "sha1"},
    {LEAT_TESTING_CERTIFICATE_MD5, "md5"},
    {LEAT_TESTING_CERTIFICATE_SELF_SIGNED, "self-signed"},
    {LEAT_TESTING_CERTIFICATE_UNKNOWN_CA, "unknown-ca"},
    {LEAT_TESTING_CERTIFICATE_BAD_SIGNATURE, "bad-signature"},
    {LEAT_TESTING_CERTIFICATE_OTHER_KEY, "other-key"},
    {LEAT_TESTING_CERTIFICATE_REVOKED, "revoked"},
    {LEAT_TESTING_CERTIFICATE_MISSING_INTERMEDIATE, "missing-intermediate"},
    {LEAT_TESTING_CERTIFICATE_INTERMEDIATE_NOT_CA, "intermediate-not-ca"},
    {LEAT_TESTING_CERTIFICATE_INTERMEDIATE_CANNOT_SIGN, "intermediate-cannot-sign"},
    {LEAT_TESTING_CERTIFICATE_INTERMEDIATE_EXPIRED, "intermediate-expired"},
};

#define FAULT_COUNT (sizeof(fault_names) / sizeof(*fault_names))

const char *leat_testing_certificate_fault_name(unsigned fault)
{
    for (size_t i = 0; i < FAULT_COUNT; ++i)
        if (fault_names[i].fault == fault)
            return fault_names[i].name;
    return NULL;
}

static unsigned fault_find(const char *name, size_t len)
{
    for (size_t i = 0; i < FAULT_COUNT; ++i)
        if (leati_text_equal_nocase(fault_names[i].name, strlen(fault_names[i].name), name, len))
            return fault_names[i].fault;
    return 0;
}

int leat_testing_certificate_faults_parse(const char *names, unsigned *ret_faults,
                                          struct leat_testing_problem *ret_problem)
{
    struct leat_testing_problem ignored;
    struct leat_testing_problem *problem = ret_problem ? ret_problem : &ignored;
    if (!names || !ret_faults)
        return leati_certificate_fail(problem, LEAT_E_PARAMETER, "NULL is not allowed");

    unsigned faults = 0;
    for (const char *name = names; *name;) {
        size_t len = strcspn(name, ",");
        unsigned fault = fault_find(name, len);
        if (!fault) {
            int code = leati_certificate_fail(problem, LEAT_E_PARAMETER,
                                              "'%.*s' is no fault of a certificate",
                                              len < 40 ? (int)len : 40, name);
            problem->position = (size_t)(name - names);
            return code;
        }
        faults |= fault;
        name += len + (name[len] == ',');
    }
    *ret_faults = faults;
    return LEAT_OK;
}

void leati_certificate_faults_apply(struct leat_testing_certificate_options *options)
{
    unsigned faults = options->faults;
    if (faults & LEAT_TESTING_CERTIFICATE_EXPIRED) {
        options->not_before_s = -30 * DAY_S;
        options->not_after_s = -DAY_S;
    }
    if (faults & LEAT_TESTING_CERTIFICATE_NOT_YET_VALID) {
        options->not_before_s = DAY_S;
        options->not_after_s = 30 * DAY_S;
    }
    if (faults & LEAT_TESTING_CERTIFICATE_WRONG_HOST) {
        options->hosts = "wrong-host.example";
        options->common_name = NULL;
    }
    if (faults & LEAT_TESTING_CERTIFICATE_WEAK_KEY) {
        options->key = LEAT_TESTING_KEY_RSA_1024;
        options->key_of = NULL;
    }
    if (faults & LEAT_TESTING_CERTIFICATE_SHA1)
        options->digest = LEAT_TESTING_DIGEST_SHA1;
    if (faults & LEAT_TESTING_CERTIFICATE_MD5)
        options->digest = LEAT_TESTING_DIGEST_MD5;
    unsigned by_new_one = LEATI_INTERMEDIATE_FAULTS | LEAT_TESTING_CERTIFICATE_MD5;
    if (!options->issuer)
        by_new_one |= LEAT_TESTING_CERTIFICATE_MISSING_INTERMEDIATE;
    if (faults & by_new_one && options->intermediates == 0)
        options->intermediates = 1;
}
