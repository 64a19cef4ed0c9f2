/* SPDX-License-Identifier: Apache-2.0 */
#include "http/challenge.h"

#include "util/alloc.h"
#include "util/text.h"

#include <string.h>

static const char *white_space_skip(const char *s, const char *end)
{
    while (s < end && leati_text_is_white_space(*s))
        s++;
    return s;
}

static bool is_token_byte(char c)
{
    return leati_text_is_token(&c, 1);
}

static const char *token_end(const char *s, const char *end)
{
    while (s < end && is_token_byte(*s))
        s++;
    return s;
}

/* RFC 9110 section 11.2. */
static bool is_token68_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~+/", c));
}

/* Behind a token68 that is all there is up to a comma or the end; NULL = it is none. */
static const char *token68_end(const char *s, const char *end)
{
    const char *first = s;
    while (s < end && is_token68_byte(*s))
        s++;
    if (s == first)
        return NULL;
    while (s < end && *s == '=')
        s++;
    const char *behind = white_space_skip(s, end);
    return behind == end || *behind == ',' ? s : NULL;
}

/* `s` is at the opening quote. Behind the closing one; NULL = there is none. */
static const char *quoted_end(const char *s, const char *end)
{
    for (s++; s < end; s++) {
        if (*s == '"')
            return s + 1;
        if (*s == '\\' && s + 1 < end)
            s++;
    }
    return NULL;
}

/* Reads one parameter at `s`. Behind it; NULL = it is none. */
static const char *param_read(const char *s, const char *end, struct leati_http_param *ret_param)
{
    const char *name_end = token_end(s, end);
    const char *at = white_space_skip(name_end, end);
    if (name_end == s || at == end || *at != '=')
        return NULL;
    at = white_space_skip(at + 1, end);
    struct leati_http_param param = {.name = s, .name_len = (size_t)(name_end - s), .value = at};
    if (at < end && *at == '"') {
        const char *behind = quoted_end(at, end);
        if (!behind)
            return NULL;
        param.is_quoted = true;
        param.value = at + 1;
        param.value_len = (size_t)(behind - at) - 2;
        at = behind;
    } else {
        at = token_end(at, end);
        param.value_len = (size_t)(at - param.value);
    }
    *ret_param = param;
    return at;
}

/* ---- challenges ------------------------------------------------------------------------- */

/* Behind commas and white space. */
static const char *separators_skip(const char *s, const char *end)
{
    while (s < end && (*s == ',' || leati_text_is_white_space(*s)))
        s++;
    return s;
}

/* Whether a challenge begins here: a scheme, which no "=" follows. */
static bool is_scheme(const char *s, const char *end)
{
    const char *behind = token_end(s, end);
    if (behind == s)
        return false;
    const char *next = white_space_skip(behind, end);
    return next == end || *next == ',' || (next > behind && *next != '=');
}

/* To the comma behind which a scheme stands, or the end. A quote that is not closed ends there, too.
 */
static const char *broken_end(const char *s, const char *end)
{
    while (s < end) {
        const char *behind = *s == '"' ? quoted_end(s, end) : s + 1;
        if (!behind)
            return end;
        if (*s == ',' && is_scheme(separators_skip(s, end), end))
            return s;
        s = behind;
    }
    return end;
}

/* From the first parameter on. Returns what is behind the challenge. */
static const char *params_read(const char *s, const char *end,
                               struct leati_http_challenge *challenge)
{
    struct leati_http_param param;
    challenge->params = s;
    for (;;) {
        const char *behind = param_read(s, end, &param);
        if (!behind) {
            challenge->problem = "a parameter cannot be read";
            s = broken_end(s, end);
            break;
        }
        s = behind;
        const char *next = white_space_skip(s, end);
        if (next < end && *next != ',') {
            challenge->problem = "there is no comma behind a parameter";
            s = broken_end(next, end);
            break;
        }
        next = separators_skip(next, end);
        if (next == end || is_scheme(next, end))
            break;
        s = next;
    }
    challenge->params_len = (size_t)(s - challenge->params);
    return s;
}

bool leati_http_challenge_next(const char **cursor, struct leati_http_challenge *ret_challenge)
{
    const char *end = *cursor + strlen(*cursor);
    const char *s = separators_skip(*cursor, end);
    struct leati_http_challenge challenge = {.scheme = s};
    if (s == end) {
        *cursor = end;
        return false;
    }
    const char *behind = token_end(s, end);
    challenge.scheme_len = (size_t)(behind - s);
    if (!is_scheme(s, end)) {
        challenge.problem = "it does not begin with the name of a scheme";
        *cursor = broken_end(s, end);
        *ret_challenge = challenge;
        return true;
    }
    s = white_space_skip(behind, end);
    const char *token68 = s < end && *s != ',' ? token68_end(s, end) : NULL;
    if (token68) {
        challenge.token68 = s;
        challenge.token68_len = (size_t)(token68 - s);
        s = token68;
    } else if (s < end && *s != ',') {
        s = params_read(s, end, &challenge);
    }
    *cursor = s;
    *ret_challenge = challenge;
    return true;
}

bool leati_http_challenge_is(const struct leati_http_challenge *challenge, const char *scheme)
{
    return leati_text_equal_nocase(challenge->scheme, challenge->scheme_len, scheme,
                                   strlen(scheme));
}

/* ---- parameters ------------------------------------------------------------------------- */

bool leati_http_param_next(const char *params, size_t len, size_t *pos,
                           struct leati_http_param *ret_param)
{
    const char *end = params + len;
    const char *s = separators_skip(params + *pos, end);
    const char *behind = s < end ? param_read(s, end, ret_param) : NULL;
    *pos = behind ? (size_t)(behind - params) : len;
    return behind != NULL;
}

/* NULL without memory. */
static char *param_unquote(const struct leati_http_param *param)
{
    char *text = leati_malloc(param->value_len + 1);
    if (!text)
        return NULL;
    size_t len = 0;
    for (size_t i = 0; i < param->value_len; i++) {
        if (param->is_quoted && param->value[i] == '\\' && i + 1 < param->value_len)
            i++;
        text[len++] = param->value[i];
    }
    text[len] = '\0';
    return text;
}

bool leati_http_challenge_param(const struct leati_http_challenge *challenge, const char *name,
                                char **ret_value, bool *ret_twice)
{
    struct leati_http_param param, found = {0};
    size_t pos = 0;
    *ret_value = NULL;
    *ret_twice = false;
    if (!challenge->params)
        return true;
    while (leati_http_param_next(challenge->params, challenge->params_len, &pos, &param)) {
        if (!leati_text_equal_nocase(param.name, param.name_len, name, strlen(name)))
            continue;
        *ret_twice = found.name != NULL;
        if (*ret_twice)
            return true;
        found = param;
    }
    if (found.name)
        *ret_value = param_unquote(&found);
    return !found.name || *ret_value;
}

char *leati_http_quote(const char *text)
{
    char *quoted = leati_malloc(2 * strlen(text) + 3);
    if (!quoted)
        return NULL;
    size_t len = 0;
    quoted[len++] = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            quoted[len++] = '\\';
        quoted[len++] = *text;
    }
    quoted[len++] = '"';
    quoted[len] = '\0';
    return quoted;
}
