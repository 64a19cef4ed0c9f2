/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of certificates goes into failures and logs, so nothing but them may be in it. */
#include "tls/certificate_text.h"

#include <criterion/criterion.h>
#include <string.h>

/* An empty subject is allowed (RFC 5280 section 4.1.2.6), and a certificate that could not be read
 * has one, too. The buffer of the caller is what the stack has left there. */
Test(tls_certificate_text, a_name_without_attributes_is_empty)
{
    char text[LEATI_TLS_DN_SIZE];
    const mbedtls_x509_name none = {.next = NULL};

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    cr_assert(leati_tls_dn_format(&none, text));
    cr_expect_str_empty(text);
}
