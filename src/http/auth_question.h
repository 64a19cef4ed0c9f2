/* SPDX-License-Identifier: Apache-2.0 */
/** @file What Bearer asks the program: between the scheme and whoever puts the question. */
#ifndef LEATI_HTTP_AUTH_QUESTION_H
#define LEATI_HTTP_AUTH_QUESTION_H

#include "http/auth.h"

/** The longest token that a program may give. */
#define LEATI_HTTP_TOKEN_MAX_BYTES 16384u

/** The connection does not wait for the program any more: the question is freed, or lives until the
 * program answers. */
void leati_http_question_abandon(struct leati_http_auth *auth);

#endif
