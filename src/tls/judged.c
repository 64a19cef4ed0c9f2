/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/judged.h"

#include "tls/credentials.h"
#include "tls/crypto/memory.h"
#include "tls/known_chains.h"
#include "tls/mends/mends.h"
#include "tls/rule_text.h"
#include "tls/tell.h"
#include "tls/tls_layer.h"
#include "util/alloc.h"

static int out_of_memory(void)
{
    leati_tls_memory_note();
    return MBEDTLS_ERR_X509_ALLOC_FAILED;
}

/* All of the chain is good, and `flags` are those of its last certificate. */
static bool is_accepted(const struct leati_tls_verifier *verifier, uint32_t flags)
{
    return flags == 0 && verifier->reported == 0 &&
           (!verifier->verdict || verifier->verdict->finding_count == 0);
}

static int see(struct leati_tls_layer *tls, const mbedtls_x509_crt *cert, int depth,
               uint32_t *flags)
{
    struct leati_tls_objector *objector = &tls->objector;
    struct leati_tls_reasons reasons;

    leati_tls_verifier_see(&tls->verifier, cert, depth, flags, &reasons);
    if (objector->fn && !leati_tls_objector_note(objector, cert))
        return out_of_memory();
    if (objector->fn && depth == 0 && is_accepted(&tls->verifier, *flags)) {
        const char *why;
        if (!leati_tls_objector_ask(objector, tls->verifier.server_name, &why))
            return out_of_memory();
        if (why)
            leati_tls_verifier_object(&tls->verifier, cert, why, flags, &reasons);
    }
    if (leati_tracer_listens(tls->base.tracer))
        leati_tls_tell_verified(tls, cert, depth, &reasons);
    return 0;
}

/* The certificates above the peer's own are wanted, not only that they are good. */
static bool chain_is_wanted(const struct leati_tls_layer *tls)
{
    return tls->verifier.pins || tls->objector.fn || leati_tracer_listens(tls->base.tracer);
}

static bool has_findings(const struct leati_verdict *verdict, size_t depth)
{
    for (size_t i = 0; i < verdict->finding_count; i++)
        if (verdict->findings[i].depth == depth)
            return true;
    return false;
}

/* The peer has not sent it. It is only read for who wants to know it. */
static int anchor_see(struct leati_tls_layer *tls, const struct leati_verdict *verdict,
                      size_t depth, uint32_t *flags)
{
    bool is_wanted = depth == 0 || chain_is_wanted(tls) || has_findings(verdict, depth);
    mbedtls_x509_crt cert;
    size_t len;

    if (!is_wanted)
        return 0;
    uint8_t *der = leati_verdict_der(verdict, depth, &len);
    if (!der)
        return out_of_memory();
    mbedtls_x509_crt_init(&cert);
    int ret = leati_tls_certificate_add(&cert, der, len);
    ret = ret == 0 ? see(tls, &cert, (int)depth, flags) : out_of_memory();
    mbedtls_x509_crt_free(&cert);
    leati_verdict_der_free(der);
    return ret;
}

static const mbedtls_x509_crt *cert_at(const mbedtls_x509_crt *chain, int index)
{
    while (index-- > 0)
        chain = chain->next;
    return chain;
}

static int chain_see(struct leati_tls_layer *tls, const mbedtls_x509_crt *sent,
                     const struct leati_verdict *verdict, uint32_t *ret_flags)
{
    *ret_flags = 0;
    tls->verifier.verdict = verdict;
    tls->verifier.top_depth = (int)verdict->chain_len - 1;
    if (verdict->until_s > 0)
        leati_tls_verifier_ends(&tls->verifier, verdict->until_s);
    for (size_t depth = verdict->chain_len; depth-- > 0;) {
        uint32_t flags = 0;
        int ret = 0;
        if (verdict->sent_at[depth] < 0)
            ret = anchor_see(tls, verdict, depth, &flags);
        else
            ret = see(tls, cert_at(sent, verdict->sent_at[depth]), (int)depth, &flags);
        if (ret != 0)
            return ret;
        *ret_flags |= flags;
    }
    /* What was found at a depth that the chain does not have. */
    if (verdict->finding_count > 0)
        *ret_flags |= leati_tls_rule_flag(verdict->findings[0].rule);
    return 0;
}

/* What was good lately need not be judged again. */
static int chain_look_up(struct leati_tls_layer *tls, const struct leati_judge_case *judged,
                         struct leati_verdict *ret_verdict)
{
    struct leati_tls_known_chains *known = leati_tls_credentials_known_chains(tls->credentials);
    uint8_t hash[LEATI_TLS_CHAIN_HASH_BYTES];
    bool may_be_known = !chain_is_wanted(tls) && leati_tls_chain_hash(judged, hash);

    *ret_verdict = (struct leati_verdict){.chain_len = 1};
    if (may_be_known && leati_tls_chain_is_known(known, hash, &ret_verdict->until_s))
        return LEAT_OK;
    int code = leati_judge(judged, ret_verdict);
    if (code == LEAT_OK && may_be_known && ret_verdict->finding_count == 0)
        leati_tls_chain_learn(known, hash, ret_verdict);
    return code;
}

static int chain_judge(struct leati_tls_layer *tls, const mbedtls_x509_crt *sent,
                       uint32_t *ret_flags)
{
    struct leati_judge_case judged = {
        .is_client = tls->is_server,
        .anchors = leati_tls_credentials_anchors(tls->credentials),
        .crls = leati_tls_credentials_crls(tls->credentials),
    };
    struct leati_verdict verdict;
    size_t count = 0;

    for (const mbedtls_x509_crt *cert = sent; cert; cert = cert->next)
        count++;
    struct leati_certificate *list = leati_calloc(count, sizeof(*list));
    if (!list)
        return out_of_memory();
    for (const mbedtls_x509_crt *cert = sent; cert; cert = cert->next)
        list[judged.count++] = (struct leati_certificate){cert->raw.p, cert->raw.len};
    judged.sent = list;
    int code = chain_look_up(tls, &judged, &verdict);
    leati_free(list);
    if (code != LEAT_OK)
        return out_of_memory();
    int ret = chain_see(tls, sent, &verdict, ret_flags);
    tls->verifier.verdict = NULL;
    leati_verdict_done(&verdict);
    return ret;
}

int leati_tls_certificate_seen(void *user, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
    struct leati_tls_layer *tls = user;

    if (depth != LEATI_TLS_CHAIN_DEPTH)
        return see(tls, cert, depth, flags);
    tls->verifier.sent = cert;
    tls->verifier.trusted = leati_tls_credentials_cas(tls->credentials);
    /* An empty list of certificates comes here as one that has nothing in it. */
    if (cert->raw.len == 0 || !leati_tls_credentials_anchors(tls->credentials))
        return LEATI_TLS_CHAIN_UNJUDGED;
    return chain_judge(tls, cert, flags);
}
