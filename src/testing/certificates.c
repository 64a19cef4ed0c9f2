/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/certificates.h"

#include "util/alloc.h"
#include "util/known.h"
#include "util/readable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HOUR_S               ((int64_t)60 * 60)
#define YEAR_S               (365 * 24 * HOUR_S)
#define NAME_LEN_MAX         100
#define INTERMEDIATE_MAX     100
#define SERVER_HOSTS         "localhost,127.0.0.1,::1"
#define CA_COMMON_NAME       "leat testing CA"
#define OTHER_CA_COMMON_NAME "leat unknown CA"

struct crl {
    struct leat_testing_crl shown; /* first */
    struct crl *next;
    char *name;
};

struct leat_testing_ca {
    struct leati_folder folder;
    int64_t now_s;
    struct leati_testing_certificate *root;
    struct leati_testing_certificate
        *other; /* the CA that nobody trusts; NULL until it is needed */
    struct leati_testing_certificate *all;
    struct crl *crls;
};

typedef struct leat_testing_certificate_options certificate_options;

int leati_certificate_fail(struct leat_testing_problem *problem, int code, const char *format, ...)
{
    *problem = (struct leat_testing_problem){0};
    va_list args;
    va_start(args, format);
    leati_readable_vformat(problem->text, sizeof(problem->text), format, args);
    va_end(args);
    return code;
}

static int fail_memory(struct leat_testing_problem *problem)
{
    return leati_certificate_fail(problem, LEAT_E_SYSTEM_INTERNAL, "no memory");
}

static int64_t clock_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

/* ---- names of files -------------------------------------------------------------------------- */

static bool certificate_name_is_taken(const leat_testing_ca *ca, const char *name)
{
    for (const struct leati_testing_certificate *one = ca->all; one; one = one->next)
        if (strcmp(one->shown.name, name) == 0)
            return true;
    return false;
}

static bool crl_name_is_taken(const leat_testing_ca *ca, const char *name)
{
    for (const struct crl *one = ca->crls; one; one = one->next)
        if (strcmp(one->name, name) == 0)
            return true;
    return false;
}

static bool name_is_plain(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strlen(name);
    return len > 0 && len <= NAME_LEN_MAX && name[0] != '.' && strspn(name, allowed) == len;
}

/* The user's name if there is one, else `stem`, numbered. */
static int name_choose(const leat_testing_ca *ca,
                       bool (*is_taken)(const leat_testing_ca *ca, const char *name),
                       const char *wanted, const char *stem, char **ret_name,
                       struct leat_testing_problem *problem)
{
    if (wanted && !name_is_plain(wanted))
        return leati_certificate_fail(problem, LEAT_E_PARAMETER, "not a name of files: '%s'",
                                      wanted);
    if (wanted && is_taken(ca, wanted))
        return leati_certificate_fail(problem, LEAT_E_PARAMETER, "there is a '%s' already", wanted);
    char *name = leati_strdup(wanted ? wanted : stem);
    for (unsigned number = 2; name && is_taken(ca, name); ++number) {
        leati_free(name);
        name = leati_asprintf("%s-%u", stem, number);
    }
    if (!name)
        return fail_memory(problem);
    *ret_name = name;
    return LEAT_OK;
}

static const char *options_stem(const certificate_options *options)
{
    static const char *const uses[] = {"server", "client", "ca"};
    unsigned first = options->faults & (~options->faults + 1);
    const char *name = leat_testing_certificate_fault_name(first);
    return name ? name : uses[options->use];
}

/* ---- certificates ---------------------------------------------------------------------------- */

static void certificate_free(struct leati_testing_certificate *certificate)
{
    leati_free((char *)certificate->shown.name);
    leati_free((char *)certificate->shown.cert_path);
    leati_free((char *)certificate->shown.key_path);
    leati_free((char *)certificate->shown.cert_pem);
    leati_free_secret((char *)certificate->shown.key_pem);
    leati_free_secret((char *)certificate->shown.key_password);
    leati_free((char *)certificate->shown.public_key_pin);
    X509_free(certificate->x509);
    EVP_PKEY_free(certificate->key);
    leati_free(certificate);
}

/* The certificate and what leads to the root, without that. */
static int certificate_format_chain(const struct leati_testing_certificate *certificate,
                                    bool is_alone, char **ret_pem,
                                    struct leat_testing_problem *problem)
{
    char *own = NULL;
    const struct leat_testing_certificate *issuer = certificate->shown.issuer;
    int code = leati_x509_format(certificate->x509, &own, problem);
    if (code || is_alone || !issuer || !issuer->issuer) {
        *ret_pem = own;
        return code;
    }
    char *chain = leati_concat(own, issuer->cert_pem);
    leati_free(own);
    if (!chain)
        return fail_memory(problem);
    *ret_pem = chain;
    return LEAT_OK;
}

/* Its texts and files, when name, key and X.509 are there. */
static int certificate_write(const leat_testing_ca *ca, const certificate_options *options,
                             struct leati_testing_certificate *certificate,
                             struct leat_testing_problem *problem)
{
    struct leat_testing_certificate *shown = &certificate->shown;
    char *cert_pem = NULL, *key_pem = NULL, *pin = NULL, *path = NULL;
    EVP_PKEY *shown_key = certificate->key, *other_key = NULL;
    bool is_alone = options->faults & LEAT_TESTING_CERTIFICATE_MISSING_INTERMEDIATE;
    int code = LEAT_OK;

    if (options->key_password && !(shown->key_password = leati_strdup(options->key_password)))
        return fail_memory(problem);
    if (options->faults & LEAT_TESTING_CERTIFICATE_OTHER_KEY) {
        code = leati_x509_new_key(options->key, &other_key, problem);
        shown_key = other_key;
    }
    if (!code)
        code = leati_x509_format_key(shown_key, options->key_password, &key_pem, problem);
    EVP_PKEY_free(other_key);
    shown->key_pem = key_pem;
    if (!code)
        code = certificate_format_chain(certificate, is_alone, &cert_pem, problem);
    shown->cert_pem = cert_pem;
    if (!code)
        code = leati_x509_format_pin(certificate->key, &pin, problem);
    shown->public_key_pin = pin;

    if (!code)
        code = leati_folder_write(&ca->folder, shown->name, ".key", key_pem, 0600, &path, problem);
    if (code)
        return code;
    shown->key_path = path;
    code = leati_folder_write(&ca->folder, shown->name, ".pem", cert_pem, 0644, &path, problem);
    if (code) {
        (void)unlink(shown->key_path); /* the name is free again */
        return code;
    }
    shown->cert_path = path;
    return LEAT_OK;
}

static int certificate_take_key(const certificate_options *options,
                                struct leati_testing_certificate *certificate,
                                struct leat_testing_problem *problem)
{
    if (!options->key_of)
        return leati_x509_new_key(options->key, &certificate->key, problem);
    const struct leati_testing_certificate *other =
        (const struct leati_testing_certificate *)options->key_of;
    EVP_PKEY_up_ref(other->key);
    certificate->key = other->key;
    return LEAT_OK;
}

/* The first of the hosts if there is one that fits, else the name of the files. */
static void common_name_choose(const char *hosts, const char *name, char *buf, size_t cap)
{
    size_t len = strcspn(hosts, ",");
    snprintf(buf, cap, "%.*s", (int)(len < cap ? len : 0), hosts);
    if (buf[0] == '\0')
        snprintf(buf, cap, "%s", name);
}

static int certificate_sign(const leat_testing_ca *ca, const certificate_options *options,
                            struct leati_testing_certificate *certificate,
                            struct leat_testing_problem *problem)
{
    unsigned faults = options->faults;
    char common_name[64 + 1];
    const char *hosts = options->hosts;
    if (!hosts)
        hosts = options->use == LEAT_TESTING_USE_SERVER ? SERVER_HOSTS : "";
    common_name_choose(hosts, certificate->shown.name, common_name, sizeof(common_name));

    struct leati_x509_plan plan = {
        .use = options->use,
        .hosts = faults & LEAT_TESTING_CERTIFICATE_NO_NAMES ? "" : hosts,
        .common_name = options->common_name ? options->common_name : common_name,
        .digest = options->digest,
        .not_before_s = ca->now_s + (options->not_before_s ? options->not_before_s : -HOUR_S),
        .not_after_s = ca->now_s + (options->not_after_s ? options->not_after_s : YEAR_S),
        .key = certificate->key,
        .issuer = (const struct leati_testing_certificate *)certificate->shown.issuer,
        .is_not_ca = faults & LEAT_TESTING_CERTIFICATE_INTERMEDIATE_NOT_CA,
        .cannot_sign = faults & LEAT_TESTING_CERTIFICATE_INTERMEDIATE_CANNOT_SIGN,
        .has_bad_signature = faults & LEAT_TESTING_CERTIFICATE_BAD_SIGNATURE,
    };
    if (faults & LEAT_TESTING_CERTIFICATE_WRONG_USAGE && options->use != LEAT_TESTING_USE_CA)
        plan.use = options->use == LEAT_TESTING_USE_SERVER ? LEAT_TESTING_USE_CLIENT
                                                           : LEAT_TESTING_USE_SERVER;
    return leati_x509_new(&plan, &certificate->x509, problem);
}

/* One certificate, as the options say and by this issuer (NULL = itself). */
static int certificate_new(leat_testing_ca *ca, const certificate_options *options,
                           const struct leat_testing_certificate *issuer,
                           struct leati_testing_certificate **ret_certificate,
                           struct leat_testing_problem *problem)
{
    char *name = NULL;
    struct leati_testing_certificate *certificate = leati_calloc(1, sizeof(*certificate));
    if (!certificate)
        return fail_memory(problem);
    certificate->shown.issuer = issuer;
    leati_x509_begin();
    int code = name_choose(ca, certificate_name_is_taken, options->name, options_stem(options),
                           &name, problem);
    certificate->shown.name = name;
    if (!code)
        code = certificate_take_key(options, certificate, problem);
    if (!code)
        code = certificate_sign(ca, options, certificate, problem);
    if (!code)
        code = certificate_write(ca, options, certificate, problem);
    leati_x509_end();
    if (code) {
        certificate_free(certificate);
        return code;
    }
    if (options->faults & LEAT_TESTING_CERTIFICATE_REVOKED)
        certificate->revoked_at_s = ca->now_s;
    certificate->next = ca->all;
    ca->all = certificate;
    *ret_certificate = certificate;
    return LEAT_OK;
}

/* ---- issuers --------------------------------------------------------------------------------- */

static int other_ca_need(leat_testing_ca *ca, struct leat_testing_problem *problem)
{
    if (ca->other)
        return LEAT_OK;
    certificate_options options = {
        .use = LEAT_TESTING_USE_CA,
        .common_name = OTHER_CA_COMMON_NAME,
        .not_before_s = -10 * YEAR_S,
        .not_after_s = 10 * YEAR_S,
    };
    return certificate_new(ca, &options, NULL, &ca->other, problem);
}

static int intermediates_new(leat_testing_ca *ca, const certificate_options *leaf,
                             const struct leat_testing_certificate **issuer,
                             struct leat_testing_problem *problem)
{
    for (unsigned i = 1; i <= leaf->intermediates; ++i) {
        struct leati_testing_certificate *one;
        certificate_options options = {
            .use = LEAT_TESTING_USE_CA,
            .not_before_s = -YEAR_S,
            .not_after_s = YEAR_S,
        };
        if (i == leaf->intermediates) {
            options.faults = leaf->faults & LEATI_INTERMEDIATE_FAULTS;
            if (options.faults & LEAT_TESTING_CERTIFICATE_INTERMEDIATE_EXPIRED)
                options.not_after_s = -24 * HOUR_S;
            if (leaf->digest == LEAT_TESTING_DIGEST_MD5)
                options.key = LEAT_TESTING_KEY_RSA_2048;
        }
        char *stem =
            leati_asprintf("%s-intermediate-%u", leaf->name ? leaf->name : options_stem(leaf), i);
        char *name = NULL;
        int code = stem ? name_choose(ca, certificate_name_is_taken, NULL, stem, &name, problem)
                        : fail_memory(problem);
        leati_free(stem);
        if (code)
            return code;
        options.name = name;
        code = certificate_new(ca, &options, *issuer, &one, problem);
        leati_free(name);
        if (code)
            return code;
        *issuer = &one->shown;
    }
    return LEAT_OK;
}

static bool is_of(const leat_testing_ca *ca, const struct leat_testing_certificate *certificate)
{
    for (const struct leati_testing_certificate *one = ca->all; one; one = one->next)
        if (&one->shown == certificate)
            return true;
    return false;
}

static int options_check(const leat_testing_ca *ca, const certificate_options *options,
                         struct leat_testing_problem *problem)
{
    const char *what = NULL;
    if (options->use > LEAT_TESTING_USE_CA)
        what = "unknown use";
    else if (options->intermediates > INTERMEDIATE_MAX)
        what = "more than 100 intermediates";
    else if (options->key_password && !*options->key_password)
        what = "an empty password";
    else if ((options->issuer && !is_of(ca, options->issuer)) ||
             (options->key_of && !is_of(ca, options->key_of)))
        what = "a certificate of another CA";
    else if (options->faults >= LEAT_TESTING_CERTIFICATE_INTERMEDIATE_EXPIRED << 1)
        what = "an unknown fault";
    return what ? leati_certificate_fail(problem, LEAT_E_PARAMETER, "%s", what) : LEAT_OK;
}

/* ---- the CA ---------------------------------------------------------------------------------- */

int leat_testing_ca_issue(leat_testing_ca *ca,
                          const struct leat_testing_certificate_options *options,
                          const struct leat_testing_certificate **ret_certificate,
                          struct leat_testing_problem *ret_problem)
{
    struct leat_testing_problem ignored;
    struct leat_testing_problem *problem = ret_problem ? ret_problem : &ignored;
    if (!ca || !ret_certificate || (options && options->size == 0))
        return leati_certificate_fail(problem, LEAT_E_PARAMETER, "NULL or a size of 0");
    certificate_options copy = {0};
    if (options)
        leati_copy_known(&copy, sizeof(copy), options, options->size);
    int code = options_check(ca, &copy, problem);
    if (code)
        return code;

    leati_certificate_faults_apply(&copy);
    const struct leat_testing_certificate *issuer = copy.issuer ? copy.issuer : &ca->root->shown;
    if (copy.faults & LEAT_TESTING_CERTIFICATE_UNKNOWN_CA) {
        code = other_ca_need(ca, problem);
        if (code)
            return code;
        issuer = &ca->other->shown;
    }
    if (copy.faults & LEAT_TESTING_CERTIFICATE_SELF_SIGNED)
        issuer = NULL;
    else if (!code)
        code = intermediates_new(ca, &copy, &issuer, problem);
    struct leati_testing_certificate *certificate;
    if (!code)
        code = certificate_new(ca, &copy, issuer, &certificate, problem);
    if (!code)
        *ret_certificate = &certificate->shown;
    return code;
}

int leat_testing_ca_revoke(leat_testing_ca *ca, const struct leat_testing_certificate *certificate)
{
    if (!ca || !is_of(ca, certificate))
        return LEAT_E_PARAMETER;
    ((struct leati_testing_certificate *)certificate)->revoked_at_s = ca->now_s;
    return LEAT_OK;
}

static void crl_free(struct crl *crl)
{
    leati_free(crl->name);
    leati_free((char *)crl->shown.path);
    leati_free((char *)crl->shown.pem);
    leati_free(crl);
}

static int crl_new(leat_testing_ca *ca, const struct leat_testing_crl_options *options,
                   const struct leat_testing_certificate *issuer, struct crl **ret_crl,
                   struct leat_testing_problem *problem)
{
    int64_t from_s = ca->now_s + (options->this_update_s ? options->this_update_s : -HOUR_S);
    int64_t until_s = ca->now_s + (options->next_update_s ? options->next_update_s : YEAR_S);
    char *pem = NULL, *path = NULL;
    struct crl *crl = leati_calloc(1, sizeof(*crl));
    if (!crl)
        return fail_memory(problem);
    leati_x509_begin();
    int code = name_choose(ca, crl_name_is_taken, options->name, "crl", &crl->name, problem);
    if (!code)
        code = leati_x509_format_crl((const struct leati_testing_certificate *)issuer, ca->all,
                                     from_s, until_s, &pem, problem);
    crl->shown.pem = pem;
    if (!code)
        code = leati_folder_write(&ca->folder, crl->name, ".crl", pem, 0644, &path, problem);
    leati_x509_end();
    crl->shown.path = path;
    if (code) {
        crl_free(crl);
        return code;
    }
    *ret_crl = crl;
    return LEAT_OK;
}

int leat_testing_ca_make_crl(leat_testing_ca *ca, const struct leat_testing_crl_options *options,
                             const struct leat_testing_crl **ret_crl,
                             struct leat_testing_problem *ret_problem)
{
    struct leat_testing_problem ignored;
    struct leat_testing_problem *problem = ret_problem ? ret_problem : &ignored;
    if (!ca || !ret_crl || (options && options->size == 0))
        return leati_certificate_fail(problem, LEAT_E_PARAMETER, "NULL or a size of 0");
    struct leat_testing_crl_options copy = {0};
    if (options)
        leati_copy_known(&copy, sizeof(copy), options, options->size);
    const struct leat_testing_certificate *issuer = copy.issuer ? copy.issuer : &ca->root->shown;
    if (!is_of(ca, issuer))
        return leati_certificate_fail(problem, LEAT_E_PARAMETER, "a certificate of another CA");

    struct crl *crl = NULL;
    int code = crl_new(ca, &copy, issuer, &crl, problem);
    if (code)
        return code;
    crl->next = ca->crls;
    ca->crls = crl;
    *ret_crl = &crl->shown;
    return LEAT_OK;
}

int leat_testing_ca_new(const struct leat_testing_ca_options *options, leat_testing_ca **ret_ca,
                        struct leat_testing_problem *ret_problem)
{
    struct leat_testing_problem ignored;
    struct leat_testing_problem *problem = ret_problem ? ret_problem : &ignored;
    if (!ret_ca || (options && options->size == 0))
        return leati_certificate_fail(problem, LEAT_E_PARAMETER, "NULL or a size of 0");
    struct leat_testing_ca_options copy = {0};
    if (options)
        leati_copy_known(&copy, sizeof(copy), options, options->size);

    leat_testing_ca *ca = leati_calloc(1, sizeof(*ca));
    if (!ca)
        return fail_memory(problem);
    ca->now_s = copy.now_s ? copy.now_s : clock_now_s();
    certificate_options root = {
        .use = LEAT_TESTING_USE_CA,
        .common_name = copy.common_name ? copy.common_name : CA_COMMON_NAME,
        .key = copy.key,
        .not_before_s = -10 * YEAR_S,
        .not_after_s = 10 * YEAR_S,
    };
    int code = leati_folder_init(&ca->folder, copy.parent_dir, problem);
    if (!code)
        code = certificate_new(ca, &root, NULL, &ca->root, problem);
    if (code) {
        leat_testing_ca_free(ca);
        return code;
    }
    *ret_ca = ca;
    return LEAT_OK;
}

void leat_testing_ca_free(leat_testing_ca *ca)
{
    if (!ca)
        return;
    while (ca->all) {
        struct leati_testing_certificate *certificate = ca->all;
        ca->all = certificate->next;
        certificate_free(certificate);
    }
    while (ca->crls) {
        struct crl *crl = ca->crls;
        ca->crls = crl->next;
        crl_free(crl);
    }
    leati_folder_done(&ca->folder);
    leati_free(ca);
}

const struct leat_testing_certificate *leat_testing_ca_get_certificate(const leat_testing_ca *ca)
{
    return ca ? &ca->root->shown : NULL;
}

const char *leat_testing_ca_get_dir(const leat_testing_ca *ca)
{
    return ca ? ca->folder.path : "";
}
