/* SPDX-License-Identifier: Apache-2.0 */
/* One value of Proxy-Authenticate, the program's parameters of it, and the answer of Digest, and what it would
 * prove. */
#include "fuzz/fuzz.h"
#include "http/digest.h"
#include "util/alloc.h"
#include "util/text.h"

#include <stdlib.h>

static bool hash_anything(const void *data, size_t len, uint8_t *ret_digest)
{
    const uint8_t *bytes = data;
    memset(ret_digest, 0xa5, 16);
    for (size_t i = 0; i < len; i++)
        ret_digest[i % 16] = (uint8_t)(ret_digest[i % 16] * 31 + bytes[i]);
    return true;
}

static const struct leati_http_hashes hashes = {.md5 = hash_anything};

static void params_read(const struct leati_http_challenge *challenge)
{
    struct leati_http_param param;
    size_t pos = 0;
    while (leati_http_param_next(challenge->params, challenge->params_len, &pos, &param)) {
        char *name = leati_bytes_dup(param.name, param.name_len);
        char *value;
        bool is_twice;
        FUZZ_MUST(name && pos <= challenge->params_len);
        FUZZ_MUST(leati_text_is_token(name, param.name_len));
        FUZZ_MUST(leati_http_challenge_param(challenge, name, &value, &is_twice));
        FUZZ_MUST(is_twice != (value != NULL));
        FUZZ_MUST(!value || strlen(value) <= param.value_len);
        leati_free(value);
        leati_free(name);
    }
}

/* What we write about it can be read again, and says the same. */
static void answer_read(const char *answer, const struct leati_http_digest *digest)
{
    struct leati_http_challenge challenge;
    char *nonce;
    bool is_twice;
    FUZZ_MUST(leati_http_challenge_next(&answer, &challenge));
    FUZZ_MUST(leati_http_challenge_is(&challenge, "Digest") && !challenge.problem);
    FUZZ_MUST(leati_http_challenge_param(&challenge, "nonce", &nonce, &is_twice));
    FUZZ_MUST(nonce && strcmp(nonce, digest->nonce) == 0);
    FUZZ_MUST(!leati_http_challenge_next(&answer, &challenge));
    leati_free(nonce);
}

static void digest_read(const struct leati_http_challenge *challenge)
{
    static const struct leati_http_digest_request request = {"al\"i\\ce\xc3\xa9", "p", "CONNECT",
                                                             "h:443"};
    struct leati_http_digest digest;
    const char *reason = NULL;
    if (leati_http_digest_read(challenge, &hashes, &digest, &reason) != LEATI_HTTP_DIGEST_OK) {
        FUZZ_MUST(reason);
        return;
    }
    char *answer = leati_http_digest_answer(&digest, &request, &hashes);
    FUZZ_MUST(answer);
    answer_read(answer, &digest);
    leati_free(answer);
    /* The same text as that of Proxy-Authentication-Info. */
    enum leati_http_digest_result result =
        leati_http_digest_verify(&digest, &request, &hashes, challenge, &reason);
    FUZZ_MUST(result == LEATI_HTTP_DIGEST_OK || (result == LEATI_HTTP_DIGEST_UNFIT && reason));
    leati_http_digest_done(&digest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* As a field's value: without control characters, its end is a NUL. */
    char *value = malloc(size + 1);
    FUZZ_MUST(value);
    for (size_t i = 0; i < size; i++)
        value[i] = data[i] < ' ' || data[i] == 0x7f ? '\t' : (char)data[i];
    value[size] = '\0';
    const char *cursor = value;
    struct leati_http_challenge challenge;
    size_t count = 0;
    while (leati_http_challenge_next(&cursor, &challenge)) {
        FUZZ_MUST(++count <= size);
        FUZZ_MUST(cursor > challenge.scheme && cursor <= value + size);
        FUZZ_MUST(!challenge.token68 || !challenge.params);
        if (challenge.params)
            params_read(&challenge);
        digest_read(&challenge);
    }
    free(value);
    return 0;
}
