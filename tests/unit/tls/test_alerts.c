/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/alerts.h"
#include "tls/tls.h"

#include <criterion/criterion.h>
#include <string.h>

Test(tls_alerts, names_are_those_of_the_registry)
{
    cr_assert_str_eq(leati_tls_alert_name(0), "close_notify");
    cr_assert_str_eq(leati_tls_alert_name(40), "handshake_failure");
    cr_assert_str_eq(leati_tls_alert_name(48), "unknown_ca");
    cr_assert_str_eq(leati_tls_alert_name(70), "protocol_version");
    cr_assert_str_eq(leati_tls_alert_name(116), "certificate_required");
    cr_assert_str_eq(leati_tls_alert_name(120), "no_application_protocol");
    for (unsigned i = 0; i < 256; i++)
        cr_assert(leati_tls_alert_name((uint8_t)i));
    cr_assert_str_eq(leati_tls_alert_name(255), "unknown_alert");
}

Test(tls_digest, sha1_of_known_texts)
{
    static const uint8_t abc[20] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                                    0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
    static const uint8_t empty[20] = {0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d, 0x32, 0x55,
                                      0xbf, 0xef, 0x95, 0x60, 0x18, 0x90, 0xaf, 0xd8, 0x07, 0x09};
    uint8_t digest[20];

    cr_assert(leati_tls_sha1("abc", 3, digest));
    cr_assert(memcmp(digest, abc, sizeof(abc)) == 0);
    cr_assert(leati_tls_sha1("", 0, digest));
    cr_assert(memcmp(digest, empty, sizeof(empty)) == 0);
}
