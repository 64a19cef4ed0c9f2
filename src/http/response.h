/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A response that outlives the layer that read it, for the program to look at.
 */
#ifndef LEATI_HTTP_RESPONSE_H
#define LEATI_HTTP_RESPONSE_H

#include "http/body.h"
#include "http/head.h"

struct leati_http_response {
    struct leati_http_head head; /**< complete */
    struct leati_http_body body;
};

/** Moves a complete head and what is kept of its body out of their owner, which is left with empty
 * ones. NULL without memory; then nothing is moved. */
struct leati_http_response *leati_http_response_take(struct leati_http_head *head,
                                                     struct leati_http_body *body);
/** NULL is allowed. */
void leati_http_response_free(struct leati_http_response *response);

#endif
