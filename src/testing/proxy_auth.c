/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges of an HTTP proxy: Basic (RFC 7617), Digest (RFC 7616), Bearer (RFC 6750), and those of Negotiate (RFC 4559)
 * and NTLM, whose tokens are not looked into: a test says which tokens come, not whether they are good. */
#include "testing/proxy_auth.h"
#include "util/alloc.h"
#include "util/fork.h"
#include "util/random.h"
#include "util/readable.h"
#include "util/text.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define REALM "leat-testing"

enum { HASH_HEX_SIZE = 65 };

/* ---- Basic ----------------------------------------------------------------------------------- */

static bool user_is_right(struct leati_peer *p, const char *user, const char *password)
{
    const struct leat_testing_options *options = &p->server->options;
    struct leati_peer_request *asked = &p->request;
    leati_readable_format(asked->user, sizeof(asked->user), "%s", user);
    leati_readable_format(asked->password, sizeof(asked->password), "%s", password);
    leati_peer_show_request(p);
    return strcmp(user, options->user) == 0 &&
           strcmp(password, options->password ? options->password : "") == 0;
}

static bool basic_check(struct leati_peer *p, const char *token)
{
    char decoded[1024];
    if (!leati_peer_base64_decode(token, decoded))
        return false;
    char *colon = strchr(decoded, ':');
    if (!colon)
        return false;
    *colon = '\0';
    bool is_right = user_is_right(p, decoded, colon + 1);
    leati_wipe(decoded, sizeof(decoded));
    return is_right;
}

/* ---- Digest ---------------------------------------------------------------------------------- */

/* A parameter of the field, without quotes. */
static bool parameter_get(const char *field, const char *name, char *ret_value, size_t cap)
{
    size_t name_len = strlen(name);
    for (const char *at = field; *at != '\0';) {
        at += strspn(at, " ,\t");
        size_t len = strcspn(at, "=");
        bool is_it = leati_text_equal_nocase(at, len, name, name_len);
        at += len + (at[len] == '=');
        bool is_quoted = *at == '"';
        at += is_quoted;
        size_t value_len = strcspn(at, is_quoted ? "\"" : ", \t");
        if (is_it && value_len < cap) {
            memcpy(ret_value, at, value_len);
            ret_value[value_len] = '\0';
            return true;
        }
        at += value_len + (is_quoted && at[value_len] == '"');
    }
    return false;
}

static void hash_hex(bool is_md5, const char *text, char ret_hex[HASH_HEX_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    leati_fork_hold();
    if (EVP_Digest(text, strlen(text), digest, &len, is_md5 ? EVP_md5() : EVP_sha256(), NULL) != 1)
        len = 0;
    leati_fork_let();
    for (unsigned i = 0; i < len && i < 32; ++i)
        snprintf(ret_hex + 2 * (size_t)i, 3, "%02x", digest[i]);
    ret_hex[2 * (size_t)(len < 32 ? len : 32)] = '\0';
}

/* RFC 7616 section 3.4.1, with qop=auth. */
static bool response_make(struct leati_peer *p, const char *field, char ret_response[HASH_HEX_SIZE])
{
    const struct leat_testing_options *options = &p->server->options;
    bool is_md5 = options->auth == LEAT_TESTING_AUTH_DIGEST_MD5;
    char uri[1024], nc[16], cnonce[256], a1[HASH_HEX_SIZE], a2[HASH_HEX_SIZE];
    const char *head = p->request.http_head;
    if (!parameter_get(field, "uri", uri, sizeof(uri)) ||
        !parameter_get(field, "nc", nc, sizeof(nc)) ||
        !parameter_get(field, "cnonce", cnonce, sizeof(cnonce)))
        return false;
    char *text = leati_asprintf("%s:%s:%s", options->user, REALM,
                                options->password ? options->password : "");
    char *target = leati_asprintf("%.*s:%s", (int)strcspn(head, " "), head, uri);
    if (text && target) {
        hash_hex(is_md5, text, a1);
        hash_hex(is_md5, target, a2);
    }
    bool is_made = text && target;
    leati_free_secret(text);
    leati_free(target);
    text = is_made ? leati_asprintf("%s:%s:%s:%s:auth:%s", a1, p->server->nonce, nc, cnonce, a2)
                   : NULL;
    if (text)
        hash_hex(is_md5, text, ret_response);
    is_made = text;
    leati_free(text);
    return is_made;
}

static bool digest_check(struct leati_peer *p, const char *field)
{
    char user[256], nonce[64], uri[1024], response[HASH_HEX_SIZE], right[HASH_HEX_SIZE];
    const char *target = strchr(p->request.http_head, ' ');
    if (!parameter_get(field, "username", user, sizeof(user)) ||
        !parameter_get(field, "nonce", nonce, sizeof(nonce)) ||
        !parameter_get(field, "uri", uri, sizeof(uri)) ||
        !parameter_get(field, "response", response, sizeof(response)) ||
        !response_make(p, field, right) || !target)
        return false;
    leati_readable_format(p->request.user, sizeof(p->request.user), "%s", user);
    leati_peer_show_request(p);
    size_t target_len = strcspn(target + 1, " \r\n");
    /* Of an absolute form some name only what is behind the host. */
    size_t uri_len = strlen(uri);
    bool is_target = uri_len > 0 && uri_len <= target_len &&
                     memcmp(uri, target + 1 + target_len - uri_len, uri_len) == 0 &&
                     (uri_len == target_len || uri[0] == '/');
    return strcmp(user, p->server->options.user) == 0 && strcmp(nonce, p->server->nonce) == 0 &&
           is_target && leati_text_is_nocase(response, right);
}

/* ---- NTLM ------------------------------------------------------------------------------------ */

/* [MS-NLMP] section 2.2.1.2: a CHALLENGE_MESSAGE of a server without a domain. */
static void ntlm_challenge(char *buf, size_t cap)
{
    uint8_t message[56 + 4] = "NTLMSSP";
    static const uint8_t flags[] = {0x05, 0x82, 0x8a, 0x20}; /* Unicode, NTLM, target info, 128 */
    message[8] = 2;
    message[16] = 56;
    memcpy(message + 20, flags, sizeof(flags));
    (void)leati_random_bytes(message + 24, 8);
    message[40] = message[42] = 4; /* the list that ends at once */
    message[44] = 56;
    if (!leati_text_base64_encode(message, sizeof(message), buf, cap))
        buf[0] = '\0';
}

/* The kind of a message; 0 = it is none. */
static unsigned ntlm_kind(const char *token)
{
    unsigned char decoded[1024];
    size_t len = strlen(token);
    if (len < 12 || len > 1024 || len % 4 != 0)
        return 0;
    int decoded_len = EVP_DecodeBlock(decoded, (const unsigned char *)token, (int)len);
    return decoded_len >= 12 && memcmp(decoded, "NTLMSSP", 8) == 0 ? decoded[8] : 0;
}

/* ---- Bearer ---------------------------------------------------------------------------------- */

static bool bearer_check(struct leati_peer *p, const char *token)
{
    struct leati_peer_request *asked = &p->request;
    size_t len = strcspn(token, " \t");
    leati_readable_format(asked->user, sizeof(asked->user), "%.*s", (int)len, token);
    leati_peer_show_request(p);
    p->auth_round = 1;
    return strlen(p->server->options.user) == len &&
           memcmp(token, p->server->options.user, len) == 0;
}

/* ---- who is there ---------------------------------------------------------------------------- */

static const char *const schemes[] = {"Basic", "Digest", "Digest", "Negotiate", "NTLM", "Bearer"};

bool leati_proxy_auth_check(struct leati_peer *p)
{
    const struct leat_testing_options *options = &p->server->options;
    const char *scheme = schemes[options->auth];
    size_t len = strlen(scheme);
    char value[4096];
    if (!options->user)
        return true;
    p->auth_round = 0;
    if (!leati_peer_http_field(p, "Proxy-Authorization", value, sizeof(value)) ||
        !leati_text_begins_nocase(value, scheme) || value[len] != ' ')
        return false;
    const char *token = value + len + strspn(value + len, " ");
    switch (options->auth) {
    case LEAT_TESTING_AUTH_BASIC:
        return basic_check(p, token);
    case LEAT_TESTING_AUTH_DIGEST:
    case LEAT_TESTING_AUTH_DIGEST_MD5:
        return digest_check(p, token);
    case LEAT_TESTING_AUTH_NEGOTIATE:
        return token[0] != '\0';
    case LEAT_TESTING_AUTH_NTLM:
        p->auth_round = ntlm_kind(token);
        return p->auth_round == 3;
    case LEAT_TESTING_AUTH_BEARER:
        return bearer_check(p, token);
    }
    return false;
}

void leati_proxy_auth_challenge(struct leati_peer *p, char *buf, size_t cap)
{
    enum leat_testing_auth auth = p->server->options.auth;
    char token[128] = "";
    switch (auth) {
    case LEAT_TESTING_AUTH_DIGEST:
    case LEAT_TESTING_AUTH_DIGEST_MD5:
        snprintf(buf, cap,
                 "Proxy-Authenticate: Digest realm=\"" REALM
                 "\", nonce=\"%s\", qop=\"auth\", algorithm=%s\r\n",
                 p->server->nonce, auth == LEAT_TESTING_AUTH_DIGEST ? "SHA-256" : "MD5");
        return;
    case LEAT_TESTING_AUTH_NTLM:
        if (p->auth_round == 1)
            ntlm_challenge(token, sizeof(token));
        snprintf(buf, cap, "Proxy-Authenticate: NTLM%s%s\r\n", token[0] ? " " : "", token);
        return;
    case LEAT_TESTING_AUTH_NEGOTIATE:
        snprintf(buf, cap, "Proxy-Authenticate: Negotiate\r\n");
        return;
    case LEAT_TESTING_AUTH_BEARER:
        snprintf(buf, cap, "Proxy-Authenticate: Bearer realm=\"" REALM "\"%s\r\n",
                 p->auth_round == 1 ? ", error=\"invalid_token\"" : "");
        return;
    case LEAT_TESTING_AUTH_BASIC:
        snprintf(buf, cap, "Proxy-Authenticate: Basic realm=\"" REALM "\"\r\n");
        return;
    }
}
