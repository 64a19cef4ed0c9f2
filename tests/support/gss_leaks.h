/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the libraries behind GSS-API lose: gss-ntlmssp with what libcrypto gives it, and MIT's on
 * messages that come twice. That is nothing that leat can free. For one source file of a test
 * program that does GSS-API for real.
 */
#ifndef TESTS_SUPPORT_GSS_LEAKS_H
#define TESTS_SUPPORT_GSS_LEAKS_H

__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:gss_krb5int_unseal_token_v3\nleak:gssntlmssp.so\nleak:libcrypto.so\n";
}

#endif
