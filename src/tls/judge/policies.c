/* SPDX-License-Identifier: Apache-2.0 */
/* Policies, RFC 5280 section 6.1. X509_V_FLAG_POLICY_CHECK is not for chains of strangers: libcrypto
 * 3.0 loses memory for each certificate that has constraints on policies and no policies. */
#include "tls/judge/rules.h"

#include <openssl/objects.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

static bool has_extension(const X509 *cert, int nid)
{
    return X509_get_ext_by_NID(cert, nid, -1) >= 0;
}

static bool is_constrained(const STACK_OF(X509) * chain)
{
    for (int i = 0; i < sk_X509_num(chain); i++)
        if (has_extension(sk_X509_value(chain, i), NID_policy_constraints) ||
            has_extension(sk_X509_value(chain, i), NID_inhibit_any_policy))
            return true;
    return false;
}

/* All but the anchor. */
static bool all_have_policies(const STACK_OF(X509) * chain)
{
    for (int i = 0; i < sk_X509_num(chain) - 1; i++)
        if (!has_extension(sk_X509_value(chain, i), NID_certificate_policies))
            return false;
    return true;
}

/* How many certificates below this one may do without a policy, if it says so and that is less. */
static long explicit_policy(const X509 *cert, long left)
{
    int is_critical;
    POLICY_CONSTRAINTS *constraints =
        X509_get_ext_d2i(cert, NID_policy_constraints, &is_critical, NULL);

    if (constraints && constraints->requireExplicitPolicy) {
        long wanted = ASN1_INTEGER_get(constraints->requireExplicitPolicy);
        left = wanted >= 0 && wanted < left ? wanted : left;
    }
    POLICY_CONSTRAINTS_free(constraints);
    return left;
}

/* Where one has no policy, none is valid for the whole chain: is one demanded? */
static bool demands_policy(const STACK_OF(X509) * chain)
{
    int depth = sk_X509_num(chain) - 2;
    long left = depth + 2;

    for (; depth >= 0; depth--) {
        X509 *cert = sk_X509_value(chain, depth);
        bool is_self_issued = (X509_get_extension_flags(cert) & EXFLAG_SI) != 0;
        if (left == 0)
            return true;
        if (depth == 0 || !is_self_issued)
            left--;
        left = explicit_policy(cert, left);
    }
    return left == 0;
}

static int policies_error(STACK_OF(X509) * chain)
{
    X509_POLICY_TREE *tree = NULL;
    int is_explicit = 0;

    if (!all_have_policies(chain))
        return demands_policy(chain) ? X509_V_ERR_NO_EXPLICIT_POLICY : X509_V_OK;
    STACK_OF(ASN1_OBJECT) *any = sk_ASN1_OBJECT_new_null();
    if (!any || sk_ASN1_OBJECT_push(any, OBJ_nid2obj(NID_any_policy)) <= 0) {
        sk_ASN1_OBJECT_free(any);
        return X509_V_ERR_OUT_OF_MEM;
    }
    int status = X509_policy_check(&tree, &is_explicit, chain, any, 0);
    X509_policy_tree_free(tree);
    sk_ASN1_OBJECT_free(any);
    if (status == X509_PCY_TREE_INTERNAL)
        return X509_V_ERR_OUT_OF_MEM;
    if (status == X509_PCY_TREE_INVALID)
        return X509_V_ERR_INVALID_POLICY_EXTENSION;
    return status == X509_PCY_TREE_FAILURE ? X509_V_ERR_NO_EXPLICIT_POLICY : X509_V_OK;
}

bool leati_policies_check(STACK_OF(X509) * chain, struct leati_verdict *verdict)
{
    int error = is_constrained(chain) ? policies_error(chain) : X509_V_OK;

    if (error == X509_V_ERR_OUT_OF_MEM)
        return false;
    if (error != X509_V_OK)
        leati_finding_add(verdict, 0, LEATI_RULE_POLICY, error);
    return true;
}
