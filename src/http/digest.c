/* SPDX-License-Identifier: Apache-2.0 */
#include "http/digest.h"

#include "util/alloc.h"
#include "util/text.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define HEX_SIZE (2 * LEATI_HTTP_HASH_MAX_BYTES + 1)

struct leati_http_digest_algorithm {
    const char *name;
    size_t hash_len;
    size_t hash; /* where it stands in struct leati_http_hashes */
    int strength;
    bool is_session;
};

/* RFC 7616 section 6.1. The first one is what a challenge without a name means. */
static const struct leati_http_digest_algorithm algorithms[] = {
    {"MD5", 16, offsetof(struct leati_http_hashes, md5), 0, false},
    {"MD5-sess", 16, offsetof(struct leati_http_hashes, md5), 0, true},
    {"SHA-256", 32, offsetof(struct leati_http_hashes, sha256), 1, false},
    {"SHA-256-sess", 32, offsetof(struct leati_http_hashes, sha256), 1, true},
    {"SHA-512-256", 32, offsetof(struct leati_http_hashes, sha512_256), 2, false},
    {"SHA-512-256-sess", 32, offsetof(struct leati_http_hashes, sha512_256), 2, true},
};

static leati_http_hash_fn *hash_of(const struct leati_http_digest_algorithm *algorithm,
                                   const struct leati_http_hashes *hashes)
{
    leati_http_hash_fn *fn;
    memcpy(&fn, (const char *)hashes + algorithm->hash, sizeof(fn));
    return fn;
}

const char *leati_http_digest_algorithm_name(const struct leati_http_digest *digest)
{
    return digest->algorithm->name;
}

int leati_http_digest_strength(const struct leati_http_digest *digest)
{
    return digest->algorithm->strength;
}

void leati_http_digest_done(struct leati_http_digest *digest)
{
    leati_free(digest->realm);
    leati_free(digest->nonce);
    leati_free(digest->opaque);
    *digest = (struct leati_http_digest){0};
}

bool leati_http_digest_copy(struct leati_http_digest *ret_copy,
                            const struct leati_http_digest *digest)
{
    *ret_copy = *digest;
    ret_copy->realm = leati_strdup(digest->realm);
    ret_copy->nonce = leati_strdup(digest->nonce);
    bool has_opaque = leati_strdup_optional(&ret_copy->opaque, digest->opaque);
    if (ret_copy->realm && ret_copy->nonce && has_opaque)
        return true;
    leati_http_digest_done(ret_copy);
    return false;
}

bool leati_http_digest_renew(struct leati_http_digest *digest, const char *nonce)
{
    char *copy = leati_strdup(nonce);
    if (!copy)
        return false;
    leati_free(digest->nonce);
    digest->nonce = copy;
    digest->nc = 0;
    return true;
}

/* ---- the challenge ---------------------------------------------------------------------- */

static bool is_word(const char *text, const char *word)
{
    return leati_text_equal_nocase(text, strlen(text), word, strlen(word));
}

/* A list within a quoted string: "auth,auth-int". */
static bool list_has(const char *list, const char *word)
{
    while (*list) {
        list += strspn(list, ", \t");
        size_t len = strcspn(list, ", \t");
        if (leati_text_equal_nocase(list, len, word, strlen(word)))
            return true;
        list += len;
    }
    return false;
}

/* "auth-int" protects a body, and a request without one has nothing to protect. NULL = none of them. */
static const char *qop_known(const char *list)
{
    return list_has(list, "auth") ? "auth" : list_has(list, "auth-int") ? "auth-int" : NULL;
}

/* What a challenge may have besides its nonce. */
enum { ALGORITHM, QOP, STALE, USERHASH, CHARSET, REALM, NONCE, OPAQUE, WORD_COUNT };

/* Takes what is to be kept out of `words`. Returns why it cannot be answered; NULL = it can. */
static const char *words_judge(char **words, const struct leati_http_hashes *hashes,
                               struct leati_http_digest *digest)
{
    const char *name = words[ALGORITHM] ? words[ALGORITHM] : algorithms[0].name;
    if (!words[REALM])
        return "it has no realm";
    if (!words[NONCE] || !*words[NONCE])
        return "it has no nonce";
    if (strlen(words[REALM]) + strlen(words[NONCE]) + (words[OPAQUE] ? strlen(words[OPAQUE]) : 0) >
        LEATI_HTTP_DIGEST_MAX_BYTES)
        return "its realm, nonce and opaque are too long";
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (is_word(name, algorithms[i].name) && hash_of(&algorithms[i], hashes))
            digest->algorithm = &algorithms[i];
    if (!digest->algorithm)
        return "its algorithm is not known here";
    digest->qop = words[QOP] ? qop_known(words[QOP]) : NULL;
    if (words[QOP] && !digest->qop)
        return "its qop is neither \"auth\" nor \"auth-int\"";
    digest->names_algorithm = words[ALGORITHM];
    digest->is_stale = words[STALE] && is_word(words[STALE], "true");
    digest->hashes_user = words[USERHASH] && is_word(words[USERHASH], "true");
    digest->is_utf8 = words[CHARSET] && is_word(words[CHARSET], "UTF-8");
    digest->realm = words[REALM];
    digest->nonce = words[NONCE];
    digest->opaque = words[OPAQUE];
    words[REALM] = words[NONCE] = words[OPAQUE] = NULL;
    return NULL;
}

enum leati_http_digest_result leati_http_digest_read(const struct leati_http_challenge *challenge,
                                                     const struct leati_http_hashes *hashes,
                                                     struct leati_http_digest *ret_digest,
                                                     const char **ret_reason)
{
    static const char *const names[WORD_COUNT] = {
        [ALGORITHM] = "algorithm", [QOP] = "qop",     [STALE] = "stale", [USERHASH] = "userhash",
        [CHARSET] = "charset",     [REALM] = "realm", [NONCE] = "nonce", [OPAQUE] = "opaque",
    };
    char *words[WORD_COUNT] = {NULL};
    struct leati_http_digest digest = {0};
    const char *reason = challenge->problem;
    bool has_memory = true;
    bool is_twice;
    for (size_t i = 0; i < WORD_COUNT && !reason && has_memory; i++) {
        has_memory = leati_http_challenge_param(challenge, names[i], &words[i], &is_twice);
        if (is_twice)
            reason = "a parameter comes twice";
    }
    if (has_memory && !reason)
        reason = words_judge(words, hashes, &digest);
    for (size_t i = 0; i < WORD_COUNT; i++)
        leati_free(words[i]);
    if (!has_memory)
        return LEATI_HTTP_DIGEST_NO_MEMORY;
    if (reason) {
        *ret_reason = reason;
        return LEATI_HTTP_DIGEST_UNFIT;
    }
    *ret_digest = digest;
    return LEATI_HTTP_DIGEST_OK;
}

/* ---- the answer ------------------------------------------------------------------------- */

struct answer {
    const struct leati_http_digest *digest;
    const struct leati_http_digest_request *request;
    leati_http_hash_fn *hash;
};

/* H() of section 3.3, in lower-case hexadecimal, of `text`, which is wiped and freed. false without
 * memory, which `text` NULL means too. */
static bool hash_text(const struct answer *a, char *text, char ret_hex[HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[LEATI_HTTP_HASH_MAX_BYTES];
    bool is_done = text && a->hash(text, strlen(text), digest);
    leati_free_secret(text);
    if (!is_done)
        return false;
    size_t len = a->digest->algorithm->hash_len;
    for (size_t i = 0; i < len; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[2 * len] = '\0';
    leati_wipe(digest, sizeof(digest));
    return true;
}

/* Section 3.4.2. */
static bool hash_a1(const struct answer *a, char ret_hex[HEX_SIZE])
{
    const struct leati_http_digest_request *request = a->request;
    if (!hash_text(a,
                   leati_asprintf("%s:%s:%s", request->user, a->digest->realm,
                                  request->password ? request->password : ""),
                   ret_hex))
        return false;
    return !a->digest->algorithm->is_session ||
           hash_text(a, leati_asprintf("%s:%s:%s", ret_hex, a->digest->nonce, a->digest->cnonce),
                     ret_hex);
}

/* Section 3.4.3, of a message without a body. */
static bool hash_a2(const struct answer *a, const char *method, const char *qop,
                    char ret_hex[HEX_SIZE])
{
    const char *uri = a->request->uri;
    char body[HEX_SIZE];
    if (!qop || strcmp(qop, "auth-int") != 0)
        return hash_text(a, leati_asprintf("%s:%s", method, uri), ret_hex);
    return hash_text(a, leati_strdup(""), body) &&
           hash_text(a, leati_asprintf("%s:%s:%s", method, uri, body), ret_hex);
}

/* Section 3.4.1, and RFC 2069 section 2.1.2: of a request, or of the response to it, whose method is
 * "" and which may have another qop. */
static bool hash_response(const struct answer *a, const char *method, const char *qop,
                          char ret_hex[HEX_SIZE])
{
    const struct leati_http_digest *digest = a->digest;
    char a1[HEX_SIZE], a2[HEX_SIZE];
    bool is_done = hash_a1(a, a1) && hash_a2(a, method, qop, a2) &&
                   hash_text(a,
                             qop ? leati_asprintf("%s:%s:%08" PRIx32 ":%s:%s:%s", a1, digest->nonce,
                                                  digest->nc, digest->cnonce, qop, a2)
                                 : leati_asprintf("%s:%s:%s", a1, digest->nonce, a2),
                             ret_hex);
    leati_wipe(a1, sizeof(a1));
    return is_done;
}

/* RFC 8187 section 3.2. NULL without memory. */
static char *encode_extended(const char *text)
{
    size_t cap = 3 * strlen(text) + sizeof("UTF-8''");
    char *encoded = leati_malloc(cap);
    size_t pos = 0;
    if (!encoded)
        return NULL;
    leati_text_append(encoded, cap, &pos, "UTF-8''");
    for (; *text; text++) {
        bool is_plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                        (*text >= '0' && *text <= '9') || strchr("!#$&+-.^_`|~", *text);
        leati_text_append(encoded, cap, &pos, is_plain ? "%c" : "%%%02X", (unsigned char)*text);
    }
    return encoded;
}

/* A char has a sign on some processors only. */
static bool is_ascii(const char *text)
{
    while (*text && (unsigned char)*text < 0x80)
        text++;
    return *text == '\0';
}

/* Section 3.4.4: the parameter with its name. NULL without memory. */
static char *write_user(const struct answer *a)
{
    const char *user = a->request->user;
    char hex[HEX_SIZE];
    char *value;
    char *param = NULL;
    if (a->digest->hashes_user)
        return hash_text(a, leati_asprintf("%s:%s", user, a->digest->realm), hex)
                   ? leati_asprintf("username=\"%s\", userhash=true", hex)
                   : NULL;
    if (a->digest->is_utf8 && !is_ascii(user)) {
        value = encode_extended(user);
        param = value ? leati_asprintf("username*=%s", value) : NULL;
    } else {
        value = leati_http_quote(user);
        param = value ? leati_asprintf("username=%s", value) : NULL;
    }
    leati_free(value);
    return param;
}

/* NULL without memory. */
static char *write_answer(const struct answer *a, const char *user, const char *response)
{
    const struct leati_http_digest *digest = a->digest;
    char *realm = leati_http_quote(digest->realm);
    char *nonce = leati_http_quote(digest->nonce);
    char *opaque = digest->opaque ? leati_http_quote(digest->opaque) : NULL;
    char rest[LEATI_HTTP_CNONCE_SIZE + 48] = "";
    char algorithm[40] = "";
    char *answer = NULL;
    if (digest->qop)
        snprintf(rest, sizeof(rest), ", qop=%s, nc=%08" PRIx32 ", cnonce=\"%s\"", digest->qop,
                 digest->nc, digest->cnonce);
    else if (digest->algorithm->is_session) /* it is part of the hash */
        snprintf(rest, sizeof(rest), ", cnonce=\"%s\"", digest->cnonce);
    if (digest->names_algorithm)
        snprintf(algorithm, sizeof(algorithm), ", algorithm=%s", digest->algorithm->name);
    if (realm && nonce && (opaque || !digest->opaque))
        answer =
            leati_asprintf("Digest %s, realm=%s, nonce=%s, uri=\"%s\"%s, response=\"%s\"%s%s%s",
                           user, realm, nonce, a->request->uri, algorithm, response, rest,
                           opaque ? ", opaque=" : "", opaque ? opaque : "");
    leati_free(realm);
    leati_free(nonce);
    leati_free(opaque);
    return answer;
}

char *leati_http_digest_answer(struct leati_http_digest *digest,
                               const struct leati_http_digest_request *request,
                               const struct leati_http_hashes *hashes)
{
    char response[HEX_SIZE];
    const struct answer a = {
        .digest = digest, .request = request, .hash = hash_of(digest->algorithm, hashes)};
    digest->nc++;
    bool is_done = hash_response(&a, request->method, digest->qop, response);
    char *user = is_done ? write_user(&a) : NULL;
    char *answer = user ? write_answer(&a, user, response) : NULL;
    leati_free(user);
    return answer;
}

/* ---- what the response says about itself ------------------------------------------------- */

enum { RSPAUTH, RESPONSE_QOP, CNONCE, NC, INFO_COUNT };

/* Whether a value is the one that we have said, or is left out. */
static bool is_echoed(const char *value, const char *ours)
{
    return !value || is_word(value, ours);
}

static enum leati_http_digest_result info_judge(const struct answer *a, char *const *words,
                                                const char **ret_reason)
{
    const char *qop = words[RESPONSE_QOP] ? qop_known(words[RESPONSE_QOP]) : a->digest->qop;
    char expected[HEX_SIZE], nc[9];
    snprintf(nc, sizeof(nc), "%08" PRIx32, a->digest->nc);
    *ret_reason = "its Proxy-Authentication-Info belongs to another request";
    if (!is_echoed(words[CNONCE], a->digest->cnonce) || !is_echoed(words[NC], nc) || !qop)
        return LEATI_HTTP_DIGEST_UNFIT;
    if (!hash_response(a, "", qop, expected))
        return LEATI_HTTP_DIGEST_NO_MEMORY;
    *ret_reason = "its rspauth is wrong: it does not know the password";
    return is_word(words[RSPAUTH], expected) ? LEATI_HTTP_DIGEST_OK : LEATI_HTTP_DIGEST_UNFIT;
}

enum leati_http_digest_result leati_http_digest_verify(
    const struct leati_http_digest *digest, const struct leati_http_digest_request *request,
    const struct leati_http_hashes *hashes, const struct leati_http_challenge *info,
    const char **ret_reason)
{
    static const char *const names[INFO_COUNT] = {
        [RSPAUTH] = "rspauth", [RESPONSE_QOP] = "qop", [CNONCE] = "cnonce", [NC] = "nc"};
    const struct answer a = {
        .digest = digest, .request = request, .hash = hash_of(digest->algorithm, hashes)};
    enum leati_http_digest_result result = LEATI_HTTP_DIGEST_OK;
    char *words[INFO_COUNT] = {NULL};
    bool is_twice;
    for (size_t i = 0; i < INFO_COUNT && result == LEATI_HTTP_DIGEST_OK; i++) {
        if (!leati_http_challenge_param(info, names[i], &words[i], &is_twice))
            result = LEATI_HTTP_DIGEST_NO_MEMORY;
        else if (is_twice)
            result = LEATI_HTTP_DIGEST_UNFIT;
        *ret_reason = "a parameter of its Proxy-Authentication-Info comes twice";
    }
    /* RFC 2069 has no such thing. */
    if (result == LEATI_HTTP_DIGEST_OK && words[RSPAUTH] && digest->qop)
        result = info_judge(&a, words, ret_reason);
    for (size_t i = 0; i < INFO_COUNT; i++)
        leati_free(words[i]);
    return result;
}
