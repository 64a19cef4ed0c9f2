/* SPDX-License-Identifier: Apache-2.0 */
#include "http/response.h"

#include "util/alloc.h"

struct leati_http_response *leati_http_response_take(struct leati_http_head *head,
                                                     struct leati_http_body *body)
{
    struct leati_http_response *response = leati_malloc(sizeof(*response));

    if (!response)
        return NULL;
    /* Both own their bytes by pointer and nothing points into them. */
    response->head = *head;
    response->body = *body;
    leati_http_head_init(head, LEATI_HTTP_RESPONSE);
    *body = (struct leati_http_body){.state = LEATI_HTTP_BODY_DONE};
    return response;
}

void leati_http_response_free(struct leati_http_response *response)
{
    if (!response)
        return;
    leati_http_head_done(&response->head);
    leati_http_body_done(&response->body);
    leati_free(response);
}
