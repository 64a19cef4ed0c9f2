/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The client's side of Digest (RFC 7616, and RFC 2069 where a challenge has no qop): reads a
 * challenge, writes the answer. No I/O, no clock, no random numbers of its own.
 *
 * Known: MD5, SHA-256 and SHA-512-256, each also with -sess; qop "auth", and "auth-int" of requests
 * without a body; userhash; user names outside of ASCII as they are given, or as username* where the
 * proxy says UTF-8; what a response says about itself (rspauth).
 */
#ifndef LEATI_HTTP_DIGEST_H
#define LEATI_HTTP_DIGEST_H

#include "http/challenge.h"

#include <stdint.h>

/** The most bytes of realm, nonce and opaque together. */
#define LEATI_HTTP_DIGEST_MAX_BYTES 8192u
#define LEATI_HTTP_CNONCE_SIZE      65u
/** The longest hash. */
#define LEATI_HTTP_HASH_MAX_BYTES 32u

/** false: it cannot be computed here. */
typedef bool leati_http_hash_fn(const void *data, size_t len, uint8_t *ret_digest);

/** What computes the hashes; NULL = that one is not there. */
struct leati_http_hashes {
    leati_http_hash_fn *md5;
    leati_http_hash_fn *sha256;
    leati_http_hash_fn *sha512_256;
};

struct leati_http_digest_algorithm;

/** A challenge, and how often it was answered. */
struct leati_http_digest {
    char *realm, *nonce;
    char *opaque; /**< NULL = none */
    const struct leati_http_digest_algorithm *algorithm;
    bool names_algorithm;
    const char *qop; /**< that is taken: "auth", "auth-int"; NULL = the challenge has none */
    bool hashes_user;
    bool is_utf8;
    bool is_stale;
    uint32_t nc;                         /**< of the last answer */
    char cnonce[LEATI_HTTP_CNONCE_SIZE]; /**< of all answers; "" = none yet */
};

/** Who asks for what; there is no body. */
struct leati_http_digest_request {
    const char *user, *password;
    const char *method, *uri;
};

enum leati_http_digest_result {
    LEATI_HTTP_DIGEST_OK,
    LEATI_HTTP_DIGEST_UNFIT, /**< nobody here can answer it */
    LEATI_HTTP_DIGEST_NO_MEMORY,
};

/** Reads a challenge. `*ret_reason` is written for UNFIT. */
enum leati_http_digest_result leati_http_digest_read(const struct leati_http_challenge *challenge,
                                                     const struct leati_http_hashes *hashes,
                                                     struct leati_http_digest *ret_digest,
                                                     const char **ret_reason);
void leati_http_digest_done(struct leati_http_digest *digest);
/** Into an empty one; false without memory, which leaves it empty. */
bool leati_http_digest_copy(struct leati_http_digest *ret_copy,
                            const struct leati_http_digest *digest);
/** A new nonce from Proxy-Authentication-Info. false without memory. */
bool leati_http_digest_renew(struct leati_http_digest *digest, const char *nonce);

/** "SHA-256-sess". */
const char *leati_http_digest_algorithm_name(const struct leati_http_digest *digest);
/** The stronger of two challenges has the higher one. */
int leati_http_digest_strength(const struct leati_http_digest *digest);

/** Answers once more, with the next nc: the value of Authorization or Proxy-Authorization, without
 * secrets. cnonce is there. NULL without memory, and if a hash cannot be computed. */
char *leati_http_digest_answer(struct leati_http_digest *digest,
                               const struct leati_http_digest_request *request,
                               const struct leati_http_hashes *hashes);

/** Judges what the response to the last answer says about itself (section 3.5): `info` has the
 * parameters of Proxy-Authentication-Info. OK: it proves that the other end knows the password, or
 * says nothing of that. UNFIT: `*ret_reason` says what is wrong with it. */
enum leati_http_digest_result leati_http_digest_verify(
    const struct leati_http_digest *digest, const struct leati_http_digest_request *request,
    const struct leati_http_hashes *hashes, const struct leati_http_challenge *info,
    const char **ret_reason);

#endif
