/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the certificate maker is made of: a folder of files, certificates by libcrypto, and the CA
 * that keeps both (certificates.c).
 */
#ifndef LEATI_TESTING_CERTIFICATES_H
#define LEATI_TESTING_CERTIFICATES_H

#include <leat/testing_certificates.h>

#include <openssl/x509.h>
#include <sys/types.h>

/** A certificate with what libcrypto knows of it. The CA holds a list of them. */
struct leati_testing_certificate {
    struct leat_testing_certificate shown; /* first: what users hold is this address */
    struct leati_testing_certificate *next;
    X509 *x509;
    EVP_PKEY *key;
    int64_t revoked_at_s; /* 0 = is not */
};

/** Describes a failure for the user and returns its code. */
int leati_certificate_fail(struct leat_testing_problem *problem, int code, const char *format, ...)
    LEAT_PRINTF(3, 4);

/* ---- certificate_folder.c -------------------------------------------------------------------- */

/** A folder that belongs to one process, with nothing but files in it. */
struct leati_folder {
    char *path; /* NULL = none */
    pid_t owner;
};

/** Makes it below `parent` (NULL = $TMPDIR or /tmp). */
int leati_folder_init(struct leati_folder *folder, const char *parent,
                      struct leat_testing_problem *problem);
/** Removes it and what is in it, unless this is another process. */
void leati_folder_done(struct leati_folder *folder);
/** Writes a new file; its path is to be freed with leati_free(). */
int leati_folder_write(const struct leati_folder *folder, const char *name, const char *suffix,
                       const char *text, mode_t mode, char **ret_path,
                       struct leat_testing_problem *problem);

/* ---- certificate_faults.c -------------------------------------------------------------------- */

#define LEATI_INTERMEDIATE_FAULTS                                                                  \
    (LEAT_TESTING_CERTIFICATE_INTERMEDIATE_NOT_CA |                                                \
     LEAT_TESTING_CERTIFICATE_INTERMEDIATE_CANNOT_SIGN |                                           \
     LEAT_TESTING_CERTIFICATE_INTERMEDIATE_EXPIRED)

/** Turns the faults into the options that have them. What concerns others, the issuer above all, is
 * left to the caller. */
void leati_certificate_faults_apply(struct leat_testing_certificate_options *options);

/* ---- certificate_x509.c ---------------------------------------------------------------------- */

/** What goes into a certificate. */
struct leati_x509_plan {
    enum leat_testing_use use;
    const char *hosts;       /* separated by commas, "" = none */
    const char *common_name; /* not NULL */
    enum leat_testing_digest digest;
    int64_t not_before_s, not_after_s;              /* since 1970 */
    EVP_PKEY *key;                                  /* the subject's */
    const struct leati_testing_certificate *issuer; /* NULL = self-signed */
    bool is_not_ca, cannot_sign;                    /* a CA's */
    bool has_bad_signature;
};

/** Around all below. Empties libcrypto's queue of errors: at the start so that the first one in it
 * is ours, at the end for whoever uses it next. No fork(2) comes in between. */
void leati_x509_begin(void);
void leati_x509_end(void);
int leati_x509_new_key(enum leat_testing_key kind, EVP_PKEY **ret_key,
                       struct leat_testing_problem *problem);
int leati_x509_new(const struct leati_x509_plan *plan, X509 **ret_x509,
                   struct leat_testing_problem *problem);
/** The certificate as PEM, to be freed with leati_free(). */
int leati_x509_format(X509 *x509, char **ret_pem, struct leat_testing_problem *problem);
/** PKCS #8; to be freed with leati_free_secret(). */
int leati_x509_format_key(EVP_PKEY *key, const char *password, char **ret_pem,
                          struct leat_testing_problem *problem);
/** "sha256/..." as in RFC 7469 section 2.4, to be freed with leati_free(). */
int leati_x509_format_pin(EVP_PKEY *key, char **ret_pin, struct leat_testing_problem *problem);
/** The list of what `issuer` has revoked among `all`, as PEM, to be freed with leati_free(). */
int leati_x509_format_crl(const struct leati_testing_certificate *issuer,
                          const struct leati_testing_certificate *all, int64_t this_update_s,
                          int64_t next_update_s, char **ret_pem,
                          struct leat_testing_problem *problem);

#endif
