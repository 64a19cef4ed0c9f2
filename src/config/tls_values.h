/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a program says about TLS of one kind of connection, with whatever setters: leat_tls_options
 * and leat_config are handles of these. Counted, and never changed once they are shared.
 *
 * A reference may be given to another thread.
 */
#ifndef LEATI_CONFIG_TLS_VALUES_H
#define LEATI_CONFIG_TLS_VALUES_H

#include <leat/config.h>

#include "core/failure.h"
#include "tls/tls.h"

#include <stdatomic.h>
#include <stddef.h>

struct leati_tls_values {
    atomic_uint refs;

    enum leat_tls_protocol min_protocol, max_protocol;
    bool skip_verification;
    bool prefer_remote_ciphers;
    bool bidirectional; /**< both ends show a certificate */
    bool session_resumption;
    leat_tls_verify_fn verify_fn; /**< NULL = none */
    void *verify_user;
    bool cert_serves; /**< `cert` is what a server shows as well, if it has no `server_cert` */

    /* From here on: what each clone has of its own. LEATI_TLS_VALUES_OWNED is the first of them. */
    char *ca_path; /**< NULL = the system's */
    char *cipher_suite;
    char *signature_algorithms;
    char *groups;
    char *server_name; /**< NULL = the host */
    struct leati_texts ca, crl, pins, alpn;
    struct leati_cert_source cert;
    struct leati_cert_source more_certs[LEATI_TLS_MORE_CERTS_MAX]; /**< of options: beside `cert` */
    size_t more_cert_count;
    struct leati_cert_source server_cert; /**< of a configuration's server */
};
#define LEATI_TLS_VALUES_OWNED ca_path

/** The defaults: one object for everybody. Never NULL. */
struct leati_tls_values *leati_tls_values_defaults(void);
struct leati_tls_values *leati_tls_values_ref(struct leati_tls_values *values);
void leati_tls_values_unref(struct leati_tls_values *values); /**< NULL is allowed */
/** Makes `*slot` one that nobody else has, to be written. NULL: no memory, nothing has changed. */
struct leati_tls_values *leati_tls_values_edit(struct leati_tls_values **slot);

/* Setters. `member` is an offset in struct leati_tls_values. Everything is copied. All return
 * LEAT_OK, or LEAT_E_PARAMETER or LEAT_E_SYSTEM_INTERNAL, recorded; then nothing has changed. */

int leati_tls_values_set_string(struct leati_tls_values **slot, size_t member, const char *value,
                                struct leati_failure *failure);
int leati_tls_values_set_texts(struct leati_tls_values **slot, size_t member,
                               const char *const *items, size_t count,
                               struct leati_failure *failure);
/** `source` is borrowed. `cert` is then the only one. */
int leati_tls_values_set_cert(struct leati_tls_values **slot, size_t member,
                              const struct leati_cert_source *source,
                              struct leati_failure *failure);
/** One more beside `cert`, whose place it takes if there is none. */
int leati_tls_values_add_cert(struct leati_tls_values **slot,
                              const struct leati_cert_source *source,
                              struct leati_failure *failure);
int leati_tls_values_set_bool(struct leati_tls_values **slot, size_t member, bool value,
                              struct leati_failure *failure);
int leati_tls_values_set_protocols(struct leati_tls_values **slot, enum leat_tls_protocol min,
                                   enum leat_tls_protocol max, struct leati_failure *failure);
/** Names are understood, or refused, when they are set: only what is named in `names` is looked at.
 */
int leati_tls_values_check(const struct leati_tls_credentials_options *names,
                           struct leati_failure *failure);
/** Texts that are NULL are refused. */
int leati_tls_values_check_texts(const char *const *items, size_t count,
                                 struct leati_failure *failure);

/** Whether a server has a certificate to show. */
bool leati_tls_values_serve(const struct leati_tls_values *values);

/** For whom credentials are. */
enum leati_tls_role {
    LEATI_TLS_ROLE_CLIENT,
    LEATI_TLS_ROLE_ANONYMOUS, /**< a client that shows no certificate */
    LEATI_TLS_ROLE_SERVER,
};

/** What leati_tls_credentials_new() wants; borrows. `verifies`: the peer's certificate. */
struct leati_tls_credentials_options leati_tls_values_credentials(
    const struct leati_tls_values *values, enum leati_tls_role role, bool verifies);

/** Bidirectional authentication needs a certificate of the client's. @return LEAT_OK;
 * LEAT_E_PARAMETER, recorded. */
int leati_tls_values_check_client(const struct leati_tls_values *values,
                                  struct leati_failure *failure);

#endif
