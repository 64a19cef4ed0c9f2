/* SPDX-License-Identifier: Apache-2.0 */
/* What the library says of a failure, and what helps. */
#include "gss/mechanisms.h"
#include "gss/session.h"
#include "util/readable.h"

/* Minor statuses of MIT Kerberos: its error table "krb5" begins at -1765328384, and its first 128
 * rows are the error codes of the protocol (RFC 4120 section 7.5.9). */
#define KRB5(n) (UINT32_C(0x96c73a00) + (n))

static enum leati_gss_reason reason_of_minor(uint32_t minor)
{
    switch (minor) {
    case KRB5(6):   /* KDC_ERR_C_PRINCIPAL_UNKNOWN */
    case KRB5(24):  /* KDC_ERR_PREAUTH_FAILED */
    case KRB5(31):  /* KRB_AP_ERR_BAD_INTEGRITY */
    case KRB5(130): /* KRB5_LIBOS_CANTREADPWD */
        return LEATI_GSS_WRONG_PASSWORD;
    case KRB5(7): /* KDC_ERR_S_PRINCIPAL_UNKNOWN */
        return LEATI_GSS_TARGET_UNKNOWN;
    case KRB5(11):  /* KDC_ERR_NEVER_VALID */
    case KRB5(33):  /* KRB_AP_ERR_TKT_NYV */
    case KRB5(37):  /* KRB_AP_ERR_SKEW */
    case KRB5(148): /* KRB5_KDCREP_SKEW */
        return LEATI_GSS_CLOCK_SKEW;
    case KRB5(23): /* KDC_ERR_KEY_EXPIRED */
    case KRB5(32): /* KRB_AP_ERR_TKT_EXPIRED */
        return LEATI_GSS_EXPIRED;
    case KRB5(141): /* KRB5_CC_NOTFOUND */
    case KRB5(195): /* KRB5_FCC_NOFILE */
        return LEATI_GSS_NO_CREDENTIALS;
    case KRB5(154): /* KRB5_REALM_UNKNOWN */
    case KRB5(217): /* KRB5_ERR_HOST_REALM_UNKNOWN */
    case KRB5(224): /* KRB5_CONFIG_NODEFREALM */
        return LEATI_GSS_REALM_UNKNOWN;
    case KRB5(156): /* KRB5_KDC_UNREACH */
    case KRB5(220): /* KRB5_REALM_CANT_RESOLVE */
        return LEATI_GSS_KDC_AWAY;
    default:
        return LEATI_GSS_OTHER;
    }
}

static enum leati_gss_reason reason_of_major(const struct leati_gss_session *session,
                                             uint32_t major)
{
    switch (LEATI_GSS_ERROR(major)) {
    case LEATI_GSS_S_BAD_MECH:
        return LEATI_GSS_NO_LIBRARY;
    case LEATI_GSS_S_NO_CRED:
        return LEATI_GSS_NO_CREDENTIALS;
    case LEATI_GSS_S_CREDENTIALS_EXPIRED:
        return LEATI_GSS_EXPIRED;
    default:
        /* It only says that it has no file of users. */
        if (session->mechanism == LEATI_GSS_NTLM && !session->cred)
            return LEATI_GSS_NO_CREDENTIALS;
        /* The first token is ours alone. */
        return session->context ? LEATI_GSS_BAD_TOKEN : LEATI_GSS_OTHER;
    }
}

static const char *remedy_of(const struct leati_gss_session *session, enum leati_gss_reason reason)
{
    bool is_ntlm = session->mechanism == LEATI_GSS_NTLM;

    switch (reason) {
    case LEATI_GSS_NO_LIBRARY:
        return is_ntlm ? "install gss-ntlmssp" : "install libgssapi-krb5-2";
    case LEATI_GSS_NO_CREDENTIALS:
        return is_ntlm ? "give a user and a password"
                       : "get a ticket with `kinit`, or give a user and a password";
    case LEATI_GSS_EXPIRED:
        return "the ticket has expired: get another one with `kinit`";
    case LEATI_GSS_WRONG_PASSWORD:
        return "check user (name@REALM) and password";
    case LEATI_GSS_TARGET_UNKNOWN:
        return "the realm has no service of that name: give the proxy's own host name instead of "
               "an alias or "
               "an address, or another service name";
    case LEATI_GSS_REALM_UNKNOWN:
        return "name the realm and its KDC in /etc/krb5.conf ([realms], [domain_realm])";
    case LEATI_GSS_CLOCK_SKEW:
        /* Behind the first step it is the proxy that says so. */
        return session->context ? "set this machine's clock, or the proxy's: Kerberos allows 5 "
                                  "minutes of difference"
                                : "set this machine's clock: Kerberos allows 5 minutes of "
                                  "difference";
    case LEATI_GSS_KDC_AWAY:
        return "the KDC does not answer: is its network (a VPN?) connected?";
    case LEATI_GSS_BAD_TOKEN:
        return "the proxy's answer is damaged, or it is not who it should be";
    case LEATI_GSS_OTHER:
    case LEATI_GSS_NO_MEMORY:
    case LEATI_GSS_FORKED:
        break;
    }
    return "";
}

/* All parts of what the library says of one status; nothing of "success". */
static void status_append(const struct leati_gss_session *session, uint32_t status, int type,
                          char *text, size_t cap, size_t *pos)
{
    const struct leati_gss_api *api = session->api;
    uint32_t more = 0;

    for (int parts = 0; parts < 4; parts++) {
        struct leati_gss_buffer part = {0};
        uint32_t unused;
        uint32_t major = api->display_status(
            &unused, status, type, leati_gss_mechanism_oid(session->mechanism), &more, &part);
        if (LEATI_GSS_ERROR(major))
            return;
        leati_readable_append(text, cap, pos, "%s%s", *pos > 0 ? "; " : "",
                              leati_excerpt_of(part.value, part.length, 200).text);
        api->release_buffer(&unused, &part);
        if (more == 0)
            return;
    }
}

void leati_gss_session_fail(struct leati_gss_session *session, const char *call, uint32_t major,
                            uint32_t minor)
{
    struct leati_gss_failure *failure = &session->failure;
    char said[300] = "";
    size_t pos = 0;

    session->turn = LEATI_GSS_FAILED;
    *failure = (struct leati_gss_failure){
        .reason = reason_of_minor(minor), .major = major, .minor = minor};
    if (failure->reason == LEATI_GSS_OTHER)
        failure->reason = reason_of_major(session, major);
    /* The mechanism knows better than the interface does. */
    if (minor != 0)
        status_append(session, minor, LEATI_GSS_C_MECH_CODE, said, sizeof(said), &pos);
    if (pos == 0)
        status_append(session, major, LEATI_GSS_C_GSS_CODE, said, sizeof(said), &pos);
    const char *remedy = remedy_of(session, failure->reason);
    leati_readable_format(failure->text, sizeof(failure->text), "%s for %s: %s (%s)%s%s",
                          leati_gss_mechanism_name(session->mechanism), session->target, said, call,
                          *remedy ? ": " : "", remedy);
}

void leati_gss_session_refuse(struct leati_gss_session *session, enum leati_gss_reason reason,
                              const char *text)
{
    session->turn = LEATI_GSS_FAILED;
    session->failure = (struct leati_gss_failure){.reason = reason};
    leati_readable_format(session->failure.text, sizeof(session->failure.text), "%s for %s: %s",
                          leati_gss_mechanism_name(session->mechanism), session->target, text);
}
