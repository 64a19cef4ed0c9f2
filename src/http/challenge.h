/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Challenges of WWW-Authenticate and Proxy-Authenticate (RFC 9110 section 11.6.1): a list whose
 * commas separate challenges as well as their parameters. A parser: no I/O, no memory of its own;
 * what it gives out are places in the value that it was given.
 *
 * Taken beyond the grammar: white space around "=", as section 11.2 allows to read it, and a
 * parameter without a value. What does not fit in spoils its own challenge only, which ends at the
 * comma behind it that a scheme follows: those before and behind it count.
 */
#ifndef LEATI_HTTP_CHALLENGE_H
#define LEATI_HTTP_CHALLENGE_H

#include <stdbool.h>
#include <stddef.h>

/** How many challenges of one response are looked at. */
#define LEATI_HTTP_CHALLENGES_MAX 32u

struct leati_http_challenge {
    const char *scheme;
    size_t scheme_len;
    const char *token68; /**< NULL = none; then there may be parameters */
    size_t token68_len;
    const char *params; /**< all of them, for leati_http_param_next() */
    size_t params_len;
    const char *problem; /**< why it cannot be read; NULL = it can */
};

/** One parameter. */
struct leati_http_param {
    const char *name;
    size_t name_len;
    const char *value; /**< of a quoted string: what is between the quotes, with its backslashes */
    size_t value_len;
    bool is_quoted;
};

/** Gives the next challenge of one field's value and moves `*cursor` (the value at first) behind
 * it. false = no more. */
bool leati_http_challenge_next(const char **cursor, struct leati_http_challenge *ret_challenge);

bool leati_http_challenge_is(const struct leati_http_challenge *challenge, const char *scheme);

/** Gives the next parameter; `*pos` is 0 at first. Works on any such text, as that of
 * Proxy-Authentication-Info. false = no more that can be read. */
bool leati_http_param_next(const char *params, size_t len, size_t *pos,
                           struct leati_http_param *ret_param);

/**
 * The value of the parameter of that name, without quotes and backslashes.
 *
 * @param ret_value a new string; NULL = there is none, or it comes twice, which `*ret_twice` says
 * @return false only without memory
 */
bool leati_http_challenge_param(const struct leati_http_challenge *challenge, const char *name,
                                char **ret_value, bool *ret_twice);

/** A new string in quotes, with backslashes where they are needed; NULL without memory. */
char *leati_http_quote(const char *text);

#endif
