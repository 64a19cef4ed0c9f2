/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/conformance.h"

const struct conformance_layer *const conformance_layers[] = {
    &conformance_null,
    &conformance_socks5,
    &conformance_socks5_password,
    &conformance_socks5_gss,
    &conformance_gss_integrity,
    &conformance_gss_confidentiality,
    &conformance_socks4,
    &conformance_upgrade,
    &conformance_connect,
    &conformance_connect_rounds,
    &conformance_accept,
    &conformance_tls_1_2,
    &conformance_tls_1_3,
    &conformance_tls_server,
    NULL,
};
