/* SPDX-License-Identifier: Apache-2.0 */
/** @file The object identifiers of mechanisms and of kinds of names. */
#ifndef LEATI_GSS_MECHANISMS_H
#define LEATI_GSS_MECHANISMS_H

#include "gss/gss.h"
#include "gss/gss_api.h"

extern const struct leati_gss_oid leati_gss_nt_hostbased_service; /**< RFC 2743 section 4.1 */
extern const struct leati_gss_oid leati_gss_nt_user_name;         /**< RFC 2743 section 4.2 */
extern const struct leati_gss_oid leati_gss_oid_kerberos;         /**< RFC 4121 section 1 */
extern const struct leati_gss_oid_set leati_gss_only_kerberos;

const struct leati_gss_oid *leati_gss_mechanism_oid(enum leati_gss_mechanism mechanism);
/** With that mechanism alone. */
const struct leati_gss_oid_set *leati_gss_mechanism_set(enum leati_gss_mechanism mechanism);

#endif
