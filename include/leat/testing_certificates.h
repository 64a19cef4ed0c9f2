/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Certificates for tests, good ones and every kind of bad one. Part of libleat-testing.
 *
 *     leat_testing_ca *ca = NULL;
 *     const struct leat_testing_certificate *expired;
 *     int code = leat_testing_ca_new(NULL, &ca, NULL);
 *     if (!code)
 *         code = leat_testing_ca_issue(
 *             ca, LEAT_TESTING_CERTIFICATE(.faults = LEAT_TESTING_CERTIFICATE_EXPIRED), &expired,
 * NULL);
 *     ... a server shows expired->cert_path and expired->key_path,
 *         a client trusts leat_testing_ca_get_certificate(ca)->cert_path
 *     leat_testing_ca_free(ca);
 *
 * Everything is there as PEM text and as files in a folder that the CA owns. The folder has mode
 * 0700, keys have 0600, and all of it is gone after leat_testing_ca_free(). Never trust such a CA
 * outside of a test.
 *
 * A CA belongs to one thread at a time. Serial numbers are random (RFC 5280 section 4.1.2.2).
 */
#ifndef LEAT_TESTING_CERTIFICATES_H
#define LEAT_TESTING_CERTIFICATES_H

#include <leat/testing.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A CA with all that it has made. Opaque. */
typedef struct leat_testing_ca leat_testing_ca;

/** The kinds of keys. */
enum leat_testing_key {
    LEAT_TESTING_KEY_P256, /**< default */
    LEAT_TESTING_KEY_P384,
    LEAT_TESTING_KEY_RSA_2048,
    LEAT_TESTING_KEY_RSA_3072,
    LEAT_TESTING_KEY_RSA_1024, /**< too weak */
    LEAT_TESTING_KEY_ED25519,  /**< unknown to mbedTLS, so to leat */
};

/** The digest of the signature on a certificate. */
enum leat_testing_digest {
    LEAT_TESTING_DIGEST_SHA256, /**< default; an Ed25519 key signs in its own way */
    LEAT_TESTING_DIGEST_SHA384,
    LEAT_TESTING_DIGEST_SHA512,
    LEAT_TESTING_DIGEST_SHA1, /**< too weak */
    LEAT_TESTING_DIGEST_MD5,  /**< too weak; only an RSA key can sign so */
};

/** What a certificate is for. */
enum leat_testing_use {
    LEAT_TESTING_USE_SERVER, /**< default */
    LEAT_TESTING_USE_CLIENT,
    LEAT_TESTING_USE_CA, /**< one that issues others */
};

/** What can be wrong with a certificate. Several may be combined; they overrule the other options.
 */
enum leat_testing_certificate_fault {
    LEAT_TESTING_CERTIFICATE_EXPIRED = 1 << 0,       /**< a month old, ended yesterday */
    LEAT_TESTING_CERTIFICATE_NOT_YET_VALID = 1 << 1, /**< begins tomorrow */
    LEAT_TESTING_CERTIFICATE_WRONG_HOST = 1 << 2,    /**< for wrong-host.example */
    LEAT_TESTING_CERTIFICATE_NO_NAMES = 1 << 3,      /**< the name is in the subject only */
    LEAT_TESTING_CERTIFICATE_WRONG_USAGE = 1 << 4,   /**< a server's for clients, and vice versa */
    LEAT_TESTING_CERTIFICATE_WEAK_KEY = 1 << 5,      /**< RSA of 1024 bits */
    LEAT_TESTING_CERTIFICATE_SHA1 = 1 << 6,          /**< signed with SHA-1 */
    /** Signed with MD5, by an intermediate that has an RSA key. */
    LEAT_TESTING_CERTIFICATE_MD5 = 1 << 7,
    LEAT_TESTING_CERTIFICATE_SELF_SIGNED = 1 << 8,
    LEAT_TESTING_CERTIFICATE_UNKNOWN_CA = 1 << 9,     /**< by a CA that nobody trusts */
    LEAT_TESTING_CERTIFICATE_BAD_SIGNATURE = 1 << 10, /**< with one bit flipped */
    LEAT_TESTING_CERTIFICATE_OTHER_KEY = 1 << 11,     /**< the key file does not fit */
    LEAT_TESTING_CERTIFICATE_REVOKED = 1 << 12,       /**< see leat_testing_ca_make_crl() */
    /** The chain in the file lacks the intermediates: the issuer of the options, or a new one. */
    LEAT_TESTING_CERTIFICATE_MISSING_INTERMEDIATE = 1 << 13,
    /** Who has signed it says CA:FALSE, ... */
    LEAT_TESTING_CERTIFICATE_INTERMEDIATE_NOT_CA = 1 << 14,
    /** ... has a keyUsage without keyCertSign, ... */
    LEAT_TESTING_CERTIFICATE_INTERMEDIATE_CANNOT_SIGN = 1 << 15,
    /** ... or is expired. */
    LEAT_TESTING_CERTIFICATE_INTERMEDIATE_EXPIRED = 1 << 16,
};

/** A certificate and its key. Lives as long as its CA. */
struct leat_testing_certificate {
    const char *name;      /**< of its files */
    const char *cert_path; /**< NAME.pem */
    const char *key_path;  /**< NAME.key */
    /** The certificate and those between it and the CA's own, in this order. */
    const char *cert_pem;
    const char *key_pem;      /**< PKCS #8 */
    const char *key_password; /**< NULL if the key is not encrypted */
    /** "sha256/" and the Base64 of the SHA-256 of its SubjectPublicKeyInfo, as
     * leat_tls_options_set_public_key_pins() takes it. */
    const char *public_key_pin;
    const struct leat_testing_certificate *issuer; /**< NULL if it is self-signed */
};

/** What a CA is to be. Members that are not named are 0 or NULL and mean the default. */
struct leat_testing_ca_options {
    /** sizeof(struct leat_testing_ca_options) */
    size_t size;
    /** Where its folder is made. NULL = $TMPDIR, or /tmp. */
    const char *parent_dir;
    /** NULL = "leat testing CA". At most 64 bytes, as everywhere (RFC 5280 appendix A.1). */
    const char *common_name;
    enum leat_testing_key key; /**< of its key */
    /** The time from which validity is counted, in seconds since 1970. 0 = that of the call. */
    int64_t now_s;
};

/** What a certificate is to be. Members that are not named are 0 or NULL and mean the default. */
struct leat_testing_certificate_options {
    /** sizeof(struct leat_testing_certificate_options) */
    size_t size;
    /** Of the files: letters, digits, '.', '-', '_'. NULL = after its faults or its use, numbered.
     * A name that is taken is LEAT_E_PARAMETER. */
    const char *name;
    enum leat_testing_use use; /**< what it is for */
    /** Host names and IP addresses for its subjectAltName, separated by commas. "" = none. NULL =
     * "localhost,127.0.0.1,::1" for a server, none for others. */
    const char *hosts;
    /** NULL = the first of its hosts, or its name. */
    const char *common_name;
    enum leat_testing_key key;       /**< of its key */
    enum leat_testing_digest digest; /**< of the signature on it */
    /** Its validity, in seconds from the CA's time; may be negative. 0 = an hour ago; in a year. */
    int64_t not_before_s;
    int64_t not_after_s; /**< see not_before_s */
    /** NULL = the CA. It need not be able to issue. */
    const struct leat_testing_certificate *issuer;
    /** So many new intermediates between the issuer and it. */
    unsigned intermediates;
    /** Takes this one's key instead of a new one. */
    const struct leat_testing_certificate *key_of;
    /** Encrypts the key (AES-128-CBC, PBES2). NULL = plain. */
    const char *key_password;
    /** Bits of enum leat_testing_certificate_fault. */
    unsigned faults;
};

/** A revocation list. Lives as long as its CA. */
struct leat_testing_crl {
    const char *path; /**< NAME.crl */
    const char *pem;  /**< the same as text */
};

/** What a revocation list is to be. */
struct leat_testing_crl_options {
    /** sizeof(struct leat_testing_crl_options) */
    size_t size;
    /** Of the file, as with certificates. NULL = "crl", numbered. */
    const char *name;
    /** Whose list. NULL = the CA's. */
    const struct leat_testing_certificate *issuer;
    /** From when until when, in seconds from the CA's time. 0 = an hour ago; in a year. */
    int64_t this_update_s;
    int64_t next_update_s; /**< see this_update_s */
};

/** Options in place, as the arguments of the functions below. */
#define LEAT_TESTING_CA(...)                                                                       \
    (&(struct leat_testing_ca_options){.size = sizeof(struct leat_testing_ca_options), __VA_ARGS__})
/** As LEAT_TESTING_CA(). */
#define LEAT_TESTING_CERTIFICATE(...)                                                              \
    (&(struct leat_testing_certificate_options){                                                   \
        .size = sizeof(struct leat_testing_certificate_options), __VA_ARGS__})
/** As LEAT_TESTING_CA(). */
#define LEAT_TESTING_CRL(...)                                                                      \
    (&(struct leat_testing_crl_options){.size = sizeof(struct leat_testing_crl_options),           \
                                        __VA_ARGS__})

/**
 * Makes a CA: its folder, its key and its self-signed certificate "ca", valid for ten years before
 * and after now.
 *
 * @param options NULL = the defaults.
 * @param ret_problem written only on failure; NULL = not wanted. Here and below.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_WS_CERT_FILE (the folder or a file cannot be made),
 * LEAT_E_TLS_ENGINE (libcrypto refuses), LEAT_E_SYSTEM_INTERNAL (no memory).
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_ca_new(const struct leat_testing_ca_options *options,
                                                 leat_testing_ca **ret_ca,
                                                 struct leat_testing_problem *ret_problem);

/** Removes its folder with everything in it, wipes the keys and frees. In a process that was forked
 * after leat_testing_ca_new() the folder stays. NULL is allowed. */
LEAT_API void leat_testing_ca_free(leat_testing_ca *ca);

/** Its own certificate: whom to trust. Lives as long as the CA. */
LEAT_API const struct leat_testing_certificate *leat_testing_ca_get_certificate(
    const leat_testing_ca *ca);

/** Its folder. Lives as long as the CA. */
LEAT_API const char *leat_testing_ca_get_dir(const leat_testing_ca *ca);

/**
 * Makes a certificate.
 *
 * @param options NULL = the defaults: a server's, for localhost, 127.0.0.1 and ::1.
 * @param ret_certificate owned by the CA.
 * @return LEAT_OK or as leat_testing_ca_new().
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_ca_issue(
    leat_testing_ca *ca, const struct leat_testing_certificate_options *options,
    const struct leat_testing_certificate **ret_certificate,
    struct leat_testing_problem *ret_problem);

/** Puts a certificate on the lists that its issuer makes from now on.
 * @return LEAT_OK, LEAT_E_PARAMETER (not of this CA). */
LEAT_API LEAT_MUST_CHECK int leat_testing_ca_revoke(
    leat_testing_ca *ca, const struct leat_testing_certificate *certificate);

/**
 * Makes a revocation list (RFC 5280 section 5) of what an issuer has revoked so far.
 *
 * @param options NULL = the CA's, valid now.
 * @param ret_crl owned by the CA.
 * @return LEAT_OK or as leat_testing_ca_new().
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_ca_make_crl(
    leat_testing_ca *ca, const struct leat_testing_crl_options *options,
    const struct leat_testing_crl **ret_crl, struct leat_testing_problem *ret_problem);

/** The name of one fault: "expired", "wrong-host" ...: the constant's in lower case with '-'. NULL
 * if there is none with this bit; the bits are used from 1 << 0 upwards without a gap. Static.
 * @thread any. */
LEAT_API const char *leat_testing_certificate_fault_name(unsigned fault);

/** Names of faults, separated by commas, as bits. "" = none.
 * @return LEAT_OK, LEAT_E_PARAMETER (an unknown name: its position is told). @thread any. */
LEAT_API LEAT_MUST_CHECK int leat_testing_certificate_faults_parse(
    const char *names, unsigned *ret_faults, struct leat_testing_problem *ret_problem);

#ifdef __cplusplus
}
#endif

#endif
