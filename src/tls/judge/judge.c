/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/judge/judge.h"

#include "tls/crypto/libcrypto.h"
#include "tls/judge/rules.h"
#include "tls/judge/x509.h"
#include "util/alloc.h"
#include "util/clock.h"

#include <leat/error_codes.h>

#include <limits.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/* Of libcrypto: 112 bits, so neither SHA-1 nor RSA keys below 2048 bits. */
#define SECURITY_LEVEL 2

/* Of the search for another chain: so many signatures are looked at, so many certificates looked at
 * from, and so many stand in one. */
#define SIGNATURES_MAX 100u
#define STEPS_MAX      256u
#define WAY_MAX        16
/* Of longer chains only the first error is told: signatures cost time, and strangers send chains. */
#define ALL_ERRORS_CHAIN_MAX 16

/** Of one run. */
struct run {
    const struct leati_judge_case *judged;
    struct leati_verdict *verdict;
    X509 **sent;                /* NULL where one cannot be read */
    STACK_OF(X509) * untrusted; /* those that can, borrowed */
    STACK_OF(X509) * trusted;
    X509_STORE_CTX *context;
    bool is_search; /* the first error is enough */
};

bool leati_judge_is_there(void)
{
    return true;
}

/* ---- before ---------------------------------------------------------------------------------- */

static bool sent_decode(struct run *run)
{
    const struct leati_judge_case *judged = run->judged;

    run->sent = leati_calloc(judged->count, sizeof(X509 *));
    run->untrusted = sk_X509_new_null();
    if (!run->sent || !run->untrusted)
        return false;
    for (size_t i = 0; i < judged->count; i++) {
        run->sent[i] = leati_x509_decode(judged->sent[i].der, judged->sent[i].len);
        if (i == 0 && !run->sent[i])
            return true;
        if (run->sent[i] && sk_X509_push(run->untrusted, run->sent[i]) <= 0)
            return false;
    }
    return true;
}

/* Every anchor that the chain may end in, or go through: issuers of what was sent, and issuers of
 * those; and the peer's own certificate, if it is trusted itself. */
static bool trusted_find(struct run *run)
{
    struct leati_anchors *anchors = run->judged->anchors;

    run->trusted = sk_X509_new_null();
    if (!run->trusted ||
        leati_anchors_find(anchors, X509_get_subject_name(run->sent[0]), run->trusted) != LEAT_OK)
        return false;
    for (int i = 0; i < sk_X509_num(run->untrusted); i++) {
        const X509 *cert = sk_X509_value(run->untrusted, i);
        if (leati_anchors_find(anchors, X509_get_issuer_name(cert), run->trusted) != LEAT_OK)
            return false;
    }
    for (int i = 0; i < sk_X509_num(run->trusted); i++) {
        const X509 *cert = sk_X509_value(run->trusted, i);
        if (leati_anchors_find(anchors, X509_get_issuer_name(cert), run->trusted) != LEAT_OK)
            return false;
    }
    return true;
}

/* ---- verification ---------------------------------------------------------------------------- */

/* Any of them will do for a TLS server or client; without the extension all are allowed. */
#define KEY_USAGE_OF_TLS (KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT)

/* libcrypto has one error for all that speaks against a purpose. */
static enum leati_rule purpose_rule(const struct run *run, X509 *cert, int depth)
{
    uint32_t wanted = run->judged->is_client ? XKU_SSL_CLIENT : XKU_SSL_SERVER | XKU_SGC;

    if (cert && (X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) != 0 &&
        (X509_get_extended_key_usage(cert) & wanted) == 0)
        return LEATI_RULE_PURPOSE;
    if (depth > 0)
        return LEATI_RULE_NO_CA;
    bool has_type = cert && (X509_get_extension_flags(cert) & EXFLAG_NSCERT) != 0;
    return has_type && (X509_get_key_usage(cert) & KEY_USAGE_OF_TLS) != 0 ? LEATI_RULE_CERT_TYPE
                                                                          : LEATI_RULE_KEY_USAGE;
}

/* Goes on behind each error, so that all of them are told. */
static int error_seen(int ok, X509_STORE_CTX *context)
{
    struct run *run = X509_STORE_CTX_get_app_data(context);
    int error = X509_STORE_CTX_get_error(context);
    int depth = X509_STORE_CTX_get_error_depth(context);

    /* Revocation is checked for those CAs whose list is there. */
    if (ok || error == X509_V_ERR_UNABLE_TO_GET_CRL)
        return 1;
    if (error == X509_V_ERR_OUT_OF_MEM || error == X509_V_ERR_UNSPECIFIED)
        return 0;
    enum leati_rule rule = leati_rule_of(error);
    if (rule == LEATI_RULE_PURPOSE)
        rule = purpose_rule(run, X509_STORE_CTX_get_current_cert(context), depth);
    leati_finding_add(run->verdict, depth > 0 ? (unsigned)depth : 0, rule, error);
    return !run->is_search &&
           sk_X509_num(X509_STORE_CTX_get0_chain(context)) <= ALL_ERRORS_CHAIN_MAX;
}

static int purpose_of(const struct leati_judge_case *judged)
{
    if (judged->for_any_purpose)
        return X509_PURPOSE_ANY;
    return judged->is_client ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER;
}

static bool context_make(struct run *run)
{
    OSSL_LIB_CTX *library = leati_crypto_context();

    run->context = library ? X509_STORE_CTX_new_ex(library, NULL) : NULL;
    if (!run->context ||
        X509_STORE_CTX_init(run->context, NULL, run->sent[0], run->untrusted) != 1 ||
        X509_STORE_CTX_set_purpose(run->context, purpose_of(run->judged)) != 1 ||
        X509_STORE_CTX_set_app_data(run->context, run) != 1)
        return false;

    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(run->context);
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST;
    STACK_OF(X509_CRL) *crls = leati_crls_stack(run->judged->crls);
    if (crls) {
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
        X509_STORE_CTX_set0_crls(run->context, crls);
    }
    X509_VERIFY_PARAM_set_depth(param, (int)LEATI_JUDGE_DEPTH_LIMIT);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
    /* Names in the subject's CN mean nothing to us, so they are not constrained either. */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    X509_STORE_CTX_set0_trusted_stack(run->context, run->trusted);
    X509_STORE_CTX_set_verify_cb(run->context, error_seen);
    return X509_VERIFY_PARAM_set_flags(param, flags) == 1;
}

/* Until when all of them are valid; 0 if a date cannot be read. */
static int64_t chain_end_s(const STACK_OF(X509) * chain)
{
    int64_t end_s = INT64_MAX;

    for (int i = 0; i < sk_X509_num(chain); i++) {
        struct tm tm;
        if (ASN1_TIME_to_tm(X509_get0_notAfter(sk_X509_value(chain, i)), &tm) != 1)
            return 0;
        int64_t until_s = leati_clock_seconds_of(&tm);
        end_s = until_s < end_s ? until_s : end_s;
    }
    return end_s;
}

/* Where each certificate of the chain comes from. */
static void chain_note(struct run *run, const STACK_OF(X509) * chain)
{
    struct leati_verdict *verdict = run->verdict;
    size_t count = (size_t)sk_X509_num(chain);

    verdict->chain_len = count < LEATI_JUDGE_CHAIN_LIMIT ? count : LEATI_JUDGE_CHAIN_LIMIT;
    for (size_t i = 0; i < verdict->chain_len; i++) {
        verdict->sent_at[i] = -1;
        for (size_t k = 0; verdict->sent_at[i] < 0 && k < run->judged->count; k++)
            if (run->sent[k] && run->sent[k] == sk_X509_value(chain, (int)i))
                verdict->sent_at[i] = (int)k;
    }
}

/* One of its name is there, and libcrypto did not go on to it: why. */
static bool refusal_find(const STACK_OF(X509) * candidates, X509 *cert,
                         struct leati_finding *finding)
{
    for (int i = 0; i < sk_X509_num(candidates); i++) {
        X509 *candidate = sk_X509_value(candidates, i);
        if (X509_cmp(candidate, cert) == 0 ||
            X509_NAME_cmp(X509_get_subject_name(candidate), X509_get_issuer_name(cert)) != 0)
            continue;
        int error = X509_check_issued(candidate, cert);
        if (error == X509_V_OK)
            continue;
        finding->rule = LEATI_RULE_ISSUER_REFUSED;
        finding->error = error != X509_V_ERR_UNSPECIFIED ? error : X509_V_ERR_INVALID_EXTENSION;
        finding->words = X509_verify_cert_error_string(finding->error);
        return true;
    }
    return false;
}

/* For a certificate whose own extensions it cannot read libcrypto finds no issuer at all. */
static void issuer_explain(const struct run *run, const STACK_OF(X509) * chain,
                           struct leati_finding *finding)
{
    X509 *cert = sk_X509_value(chain, (int)finding->depth);

    if (!cert)
        return;
    if ((X509_get_extension_flags(cert) & EXFLAG_INVALID) != 0) {
        finding->rule = LEATI_RULE_EXTENSION;
        finding->error = X509_V_ERR_INVALID_EXTENSION;
        return;
    }
    if (!refusal_find(run->untrusted, cert, finding))
        (void)refusal_find(run->trusted, cert, finding);
}

/* false: no memory. */
static bool chain_verify(struct run *run)
{
    struct leati_verdict *verdict = run->verdict;

    if (!context_make(run))
        return false;
    int status = X509_verify_cert(run->context);
    int error = X509_STORE_CTX_get_error(run->context);
    STACK_OF(X509) *chain = X509_STORE_CTX_get1_chain(run->context);
    if (error == X509_V_ERR_OUT_OF_MEM || !chain || sk_X509_num(chain) == 0) {
        sk_X509_pop_free(chain, X509_free);
        return false;
    }
    verdict->chain = chain;
    chain_note(run, chain);
    verdict->until_s = run->judged->crls ? 0 : chain_end_s(chain);
    if (status != 1 && verdict->finding_count == 0)
        leati_finding_add(verdict, 0, LEATI_RULE_OTHER,
                          error != X509_V_OK ? error : X509_V_ERR_UNSPECIFIED);
    leati_rules_check(chain, verdict);
    if (verdict->finding_count == 0 && !leati_policies_check(chain, verdict))
        return false;
    for (size_t i = 0; i < verdict->finding_count; i++)
        if (verdict->findings[i].rule == LEATI_RULE_UNKNOWN_ISSUER)
            issuer_explain(run, chain, &verdict->findings[i]);
    return true;
}

/* ---- other chains ---------------------------------------------------------------------------- */

/** libcrypto takes the first issuer of a name that is not expired, and never turns back. So after a
 * refusal each way up to an anchor is offered to it alone. */
struct search {
    struct run *run;            /* has the way so far, and one anchor */
    STACK_OF(X509) * certs;     /* borrowed, each once; none is the peer's own */
    const STACK_OF(X509) * top; /* all anchors */
    struct leati_verdict verdict;
    unsigned signature_count, step_count;
    bool is_found;
    bool has_memory;
};

static bool search_is_over(const struct search *search)
{
    return search->is_found || !search->has_memory || search->signature_count >= SIGNATURES_MAX ||
           search->step_count >= STEPS_MAX;
}

static bool stack_has(const STACK_OF(X509) * stack, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(stack); i++)
        if (X509_cmp(sk_X509_value(stack, i), cert) == 0)
            return true;
    return false;
}

/* All that can be said without a look at signatures, and at what stands above. */
static bool may_issue(const struct run *run, X509 *issuer, X509 *cert)
{
    int purpose = run->judged->is_client ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER;

    return X509_check_issued(issuer, cert) == X509_V_OK &&
           X509_cmp_timeframe(NULL, X509_get0_notBefore(issuer), X509_get0_notAfter(issuer)) == 0 &&
           X509_check_purpose(issuer, purpose, 1) > 0 &&
           (X509_get_extension_flags(issuer) & EXFLAG_CRITICAL) == 0;
}

/* Not left to libcrypto, which would look at all above it for each one that does not fit. */
static bool signature_fits(struct search *search, const X509 *issuer, X509 *cert)
{
    search->signature_count++;
    return X509_verify(cert, X509_get0_pubkey(issuer)) == 1;
}

static void way_try(struct search *search, X509 *anchor)
{
    struct run *run = search->run;

    search->signature_count += (unsigned)sk_X509_num(run->untrusted);
    X509_STORE_CTX_free(run->context);
    run->context = NULL;
    search->verdict = (struct leati_verdict){.chain_len = 1};
    search->has_memory = sk_X509_push(run->trusted, anchor) > 0 && chain_verify(run);
    (void)sk_X509_pop(run->trusted);
    search->is_found = search->has_memory && search->verdict.finding_count == 0;
    if (!search->is_found)
        sk_X509_pop_free(search->verdict.chain, X509_free);
}

/* The way has its next certificate, or ends in an anchor. */
static void ways_search(struct search *search)
{
    struct run *run = search->run;
    int depth = sk_X509_num(run->untrusted);
    X509 *last = sk_X509_value(run->untrusted, depth - 1);

    search->step_count++;
    for (int i = 0; i < sk_X509_num(search->top) && !search_is_over(search); i++)
        if (may_issue(run, sk_X509_value(search->top, i), last))
            way_try(search, sk_X509_value(search->top, i));
    for (int i = 0; i < sk_X509_num(search->certs) && depth < WAY_MAX && !search_is_over(search);
         i++) {
        X509 *next = sk_X509_value(search->certs, i);
        if (!may_issue(run, next, last) || stack_has(run->untrusted, next) ||
            !signature_fits(search, next, last))
            continue;
        search->has_memory = sk_X509_push(run->untrusted, next) > 0;
        if (!search->has_memory)
            return;
        ways_search(search);
        (void)sk_X509_pop(run->untrusted);
    }
}

static bool search_begin(struct search *search, const STACK_OF(X509) * sent)
{
    struct run *run = search->run;

    search->certs = sk_X509_new_null();
    run->untrusted = sk_X509_new_null();
    run->trusted = sk_X509_new_null();
    if (!search->certs || !run->untrusted || !run->trusted ||
        sk_X509_push(run->untrusted, sk_X509_value(sent, 0)) <= 0)
        return false;
    for (int i = 1; i < sk_X509_num(sent); i++)
        if (!stack_has(search->certs, sk_X509_value(sent, i)) &&
            sk_X509_push(search->certs, sk_X509_value(sent, i)) <= 0)
            return false;
    return true;
}

/* Another chain may be good: then its verdict counts, else the first one. false: no memory. */
static bool others_try(struct run *run)
{
    struct leati_verdict *first = run->verdict;
    STACK_OF(X509) *sent = run->untrusted, *anchors = run->trusted;
    struct search search = {.run = run, .top = anchors};

    run->verdict = &search.verdict;
    run->is_search = true;
    search.has_memory = search_begin(&search, sent);
    if (search.has_memory)
        ways_search(&search);
    sk_X509_free(search.certs);
    sk_X509_free(run->untrusted);
    sk_X509_free(run->trusted);
    run->untrusted = sent;
    run->trusted = anchors;
    run->verdict = first;
    if (search.is_found) {
        sk_X509_pop_free(first->chain, X509_free);
        *first = search.verdict;
    }
    return search.has_memory;
}

/* What is revoked is not good because its issuer has a second certificate. */
static bool has_revoked(const struct leati_verdict *verdict)
{
    for (size_t i = 0; i < verdict->finding_count; i++)
        if (verdict->findings[i].rule == LEATI_RULE_REVOKED)
            return true;
    return false;
}

static bool chains_try(struct run *run)
{
    if (!trusted_find(run) || !chain_verify(run))
        return false;
    return run->verdict->finding_count == 0 || has_revoked(run->verdict) || others_try(run);
}

static void run_done(struct run *run)
{
    X509_STORE_CTX_free(run->context);
    sk_X509_pop_free(run->trusted, X509_free);
    sk_X509_free(run->untrusted);
    for (size_t i = 0; run->sent && i < run->judged->count; i++)
        X509_free(run->sent[i]);
    leati_free(run->sent);
}

/* false: no memory. */
static bool chain_judge(const struct leati_judge_case *judged, struct leati_verdict *verdict)
{
    struct run run = {.judged = judged, .verdict = verdict};

    *verdict = (struct leati_verdict){.chain_len = 1};
    bool is_judged = sent_decode(&run);
    if (is_judged && !run.sent[0]) {
        leati_finding_add(verdict, 0, LEATI_RULE_UNREADABLE, 0);
        verdict->findings[0].words = leati_x509_words();
    } else if (is_judged) {
        is_judged = chains_try(&run);
    }
    run_done(&run);
    return is_judged;
}

/* libcrypto does not always say that it had no memory: what it could not do it calls a fault of
 * the certificate. So no refusal is believed before it was made twice. */
static bool refusal_is_certain(const struct leati_judge_case *judged)
{
    struct leati_verdict again;

    bool is_certain = chain_judge(judged, &again) && again.finding_count > 0;
    leati_verdict_done(&again);
    return is_certain;
}

int leati_judge(const struct leati_judge_case *judged, struct leati_verdict *ret_verdict)
{
    struct leati_verdict verdict;

    if (judged->count == 0 || judged->count > INT_MAX)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_crypto_begin();
    bool is_judged = chain_judge(judged, &verdict);
    if (is_judged && verdict.finding_count > 0)
        is_judged = refusal_is_certain(judged);
    leati_crypto_end();
    if (!is_judged) {
        leati_verdict_done(&verdict);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    *ret_verdict = verdict;
    return LEAT_OK;
}

void leati_verdict_done(struct leati_verdict *verdict)
{
    leati_crypto_begin();
    sk_X509_pop_free(verdict->chain, X509_free);
    leati_crypto_end();
    verdict->chain = NULL;
}

uint8_t *leati_verdict_der(const struct leati_verdict *verdict, size_t depth, size_t *ret_len)
{
    unsigned char *der = NULL;

    if (!verdict->chain || depth >= verdict->chain_len)
        return NULL;
    leati_crypto_begin();
    int len = i2d_X509(sk_X509_value(verdict->chain, (int)depth), &der);
    leati_crypto_end();
    if (len <= 0)
        return NULL;
    *ret_len = (size_t)len;
    return der;
}

void leati_verdict_der_free(uint8_t *der)
{
    OPENSSL_free(der);
}
