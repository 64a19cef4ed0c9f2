/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the libraries behind GSS-API do wrong, and leat cannot mend: gss-ntlmssp loses what
 * libcrypto gives it, and MIT's what it makes of messages that come twice; Samba's libwbclient, which
 * gss-ntlmssp asks, writes one path into one place from each thread; MIT's tears its locks down at
 * exit(3), whoever still stands behind one. For one source file of a test program that does GSS-API
 * for real.
 */
#ifndef TESTS_SUPPORT_GSS_FOREIGN_H
#define TESTS_SUPPORT_GSS_FOREIGN_H

__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:gss_krb5int_unseal_token_v3\nleak:gssntlmssp.so\nleak:libcrypto.so\n";
}

const char *__tsan_default_suppressions(void)
{
    return "race:libwbclient.so\nrace:libgssapi_krb5.so\n";
}

#endif
