/* SPDX-License-Identifier: Apache-2.0 */
#include "gss/mechanisms.h"

#define OID(bytes)                                                                                 \
    {                                                                                              \
        sizeof(bytes) - 1, (bytes)                                                                 \
    }

const struct leati_gss_oid leati_gss_nt_hostbased_service =
    OID("\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04"); /* 1.2.840.113554.1.2.1.4 */
const struct leati_gss_oid leati_gss_nt_user_name =
    OID("\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x01"); /* 1.2.840.113554.1.2.1.1 */
const struct leati_gss_oid leati_gss_oid_kerberos =
    OID("\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"); /* 1.2.840.113554.1.2.2 */
static const struct leati_gss_oid oid_spnego = OID("\x2b\x06\x01\x05\x05\x02"); /* 1.3.6.1.5.5.2 */
static const struct leati_gss_oid oid_ntlm =
    OID("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"); /* 1.3.6.1.4.1.311.2.2.10 */

const struct leati_gss_oid_set leati_gss_only_kerberos = {1, &leati_gss_oid_kerberos};

const struct leati_gss_oid *leati_gss_mechanism_oid(enum leati_gss_mechanism mechanism)
{
    static const struct leati_gss_oid *const oids[] = {
        [LEATI_GSS_KERBEROS] = &leati_gss_oid_kerberos,
        [LEATI_GSS_SPNEGO] = &oid_spnego,
        [LEATI_GSS_NTLM] = &oid_ntlm,
    };
    return oids[mechanism];
}

const struct leati_gss_oid_set *leati_gss_mechanism_set(enum leati_gss_mechanism mechanism)
{
    static const struct leati_gss_oid_set spnego = {1, &oid_spnego};
    static const struct leati_gss_oid_set ntlm = {1, &oid_ntlm};
    static const struct leati_gss_oid_set *const sets[] = {
        [LEATI_GSS_KERBEROS] = &leati_gss_only_kerberos,
        [LEATI_GSS_SPNEGO] = &spnego,
        [LEATI_GSS_NTLM] = &ntlm,
    };
    return sets[mechanism];
}

const char *leati_gss_mechanism_name(enum leati_gss_mechanism mechanism)
{
    static const char *const names[] = {
        [LEATI_GSS_KERBEROS] = "Kerberos",
        [LEATI_GSS_SPNEGO] = "SPNEGO",
        [LEATI_GSS_NTLM] = "NTLM",
    };
    return names[mechanism];
}
