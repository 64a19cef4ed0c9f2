/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A security context of GSS-API (RFC 2743) from the initiator's side: who we are is shown to a
 * service, by Kerberos (RFC 4121), by SPNEGO (RFC 4178), or by NTLM where gss-ntlmssp is installed.
 *
 * What may wait for a KDC runs on a helper thread (gss/helper.h) and is told on the loop's thread;
 * giving up never waits. leati_gss_wrap() and leati_gss_unwrap() only compute, and are done at once.
 * Credentials are never delegated.
 *
 * All functions are called by the thread of the loop.
 */
#ifndef LEATI_GSS_GSS_H
#define LEATI_GSS_GSS_H

#include <leat/loop.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The longest token that is taken from or given to the other end: what the length field of RFC 1961
 * section 3.4 can say, and more than any ticket needs. */
#define LEATI_GSS_TOKEN_MAX_BYTES 65535u

enum leati_gss_mechanism {
    LEATI_GSS_KERBEROS,
    LEATI_GSS_SPNEGO, /**< Kerberos, and NTLM if that is allowed, as the other end wants */
    LEATI_GSS_NTLM,
};

struct leati_gss_options {
    leat_loop *loop;
    /** On the loop's thread: the turn is no longer LEATI_GSS_WORKING. */
    void (*ready)(void *user);
    void *user;
    enum leati_gss_mechanism mechanism;
    bool allows_ntlm;    /**< within SPNEGO */
    bool protects;       /**< leati_gss_wrap() will be wanted, with integrity and confidentiality */
    const char *service; /**< "HTTP"; with the host it makes the name of the service */
    const char *host;
    /** NULL or "" = the credentials of the environment: the ticket that `kinit` got. */
    const char *user_name;
    const char *password; /**< NULL = an empty one */
};

/** Whose turn it is. */
enum leati_gss_turn {
    LEATI_GSS_NEW,       /**< leati_gss_step() without a token begins */
    LEATI_GSS_WORKING,   /**< the helper's */
    LEATI_GSS_CONTINUES, /**< there is a token to send; its answer is the next step */
    LEATI_GSS_DONE,      /**< there may be a last token to send */
    LEATI_GSS_FAILED,
};

/** Why it has failed, as far as programs can help. */
enum leati_gss_reason {
    LEATI_GSS_OTHER,
    LEATI_GSS_NO_MEMORY,
    LEATI_GSS_NO_LIBRARY,     /**< or not the mechanism */
    LEATI_GSS_NO_CREDENTIALS, /**< nobody has done `kinit` */
    LEATI_GSS_EXPIRED,
    LEATI_GSS_WRONG_PASSWORD, /**< or an unknown user */
    LEATI_GSS_TARGET_UNKNOWN,
    LEATI_GSS_REALM_UNKNOWN,
    LEATI_GSS_CLOCK_SKEW,
    LEATI_GSS_KDC_AWAY,
    LEATI_GSS_BAD_TOKEN, /**< the other end has sent nonsense, or is not who it should be */
    LEATI_GSS_FORKED,
};

enum { LEATI_GSS_TEXT_SIZE = 512 };

struct leati_gss_failure {
    enum leati_gss_reason reason;
    uint32_t major, minor;          /**< of the library; 0 = it had no say */
    char text[LEATI_GSS_TEXT_SIZE]; /**< what it says, and the remedy */
};

struct leati_gss;

/** `options` and what they point to are copied. @return NULL without memory. */
struct leati_gss *leati_gss_new(const struct leati_gss_options *options);
/** NULL is allowed. Wipes; what the helper is inside of is freed when it comes back. */
void leati_gss_free(struct leati_gss *gss);

/** Hands the other end's token to the library; the first step has none. In NEW and CONTINUES. */
void leati_gss_step(struct leati_gss *gss, const uint8_t *token, size_t len);
enum leati_gss_turn leati_gss_turn(const struct leati_gss *gss);
/** The token to send, of CONTINUES and DONE; 0 = none. Valid until the next call that is not const. */
size_t leati_gss_token(const struct leati_gss *gss, const uint8_t **ret_token);
/** Of FAILED. */
const struct leati_gss_failure *leati_gss_failure(const struct leati_gss *gss);
/** "rcmd@proxy.example", for texts. */
const char *leati_gss_target(const struct leati_gss *gss);
const char *leati_gss_mechanism_name(enum leati_gss_mechanism mechanism);

/** Of DONE: whether the other end has proved who it is, and what leati_gss_wrap() can do. */
bool leati_gss_is_mutual(const struct leati_gss *gss);
bool leati_gss_has_integrity(const struct leati_gss *gss);
bool leati_gss_has_confidentiality(const struct leati_gss *gss);

/** Bytes that the library has allocated. */
struct leati_gss_bytes {
    uint8_t *data;
    size_t len;
};

/** Of DONE. @return whether the library could; if not, leati_gss_failure() says why not, and the turn
 * stays as it is. */
bool leati_gss_wrap(struct leati_gss *gss, bool confidential, const void *data, size_t len,
                    struct leati_gss_bytes *ret_token);
/** Takes nothing that is less protected than `confidential` says. */
bool leati_gss_unwrap(struct leati_gss *gss, bool confidential, const void *token, size_t len,
                      struct leati_gss_bytes *ret_data);
/** The same for datagrams, which may be lost or come late; one that comes twice is not taken. */
bool leati_gss_unwrap_datagram(struct leati_gss *gss, bool confidential, const void *token,
                               size_t len, struct leati_gss_bytes *ret_data);
void leati_gss_bytes_done(struct leati_gss *gss, struct leati_gss_bytes *bytes);

#endif
