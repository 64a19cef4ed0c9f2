/* SPDX-License-Identifier: Apache-2.0 */
/* Without libcrypto. Nobody calls what needs a judge. */
#include "tls/judge/judge.h"

#include <leat/error_codes.h>

bool leati_judge_is_there(void)
{
    return false;
}

int leati_judge(const struct leati_judge_case *judged, struct leati_verdict *ret_verdict)
{
    (void)judged;
    (void)ret_verdict;
    return LEAT_E_SYSTEM_INTERNAL;
}

void leati_verdict_done(struct leati_verdict *verdict)
{
    (void)verdict;
}

uint8_t *leati_verdict_der(const struct leati_verdict *verdict, size_t depth, size_t *ret_len)
{
    (void)verdict;
    (void)depth;
    (void)ret_len;
    return NULL;
}

void leati_verdict_der_free(uint8_t *der)
{
    (void)der;
}

struct leati_anchors *leati_anchors_new(void)
{
    return NULL;
}

void leati_anchors_free(struct leati_anchors *anchors)
{
    (void)anchors;
}

int leati_anchors_add(struct leati_anchors *anchors, const uint8_t *text, size_t len,
                      struct leati_anchors_added *ret_added)
{
    (void)anchors;
    (void)text;
    (void)len;
    (void)ret_added;
    return LEAT_E_SYSTEM_INTERNAL;
}

int leati_anchors_add_file(struct leati_anchors *anchors, int fd, const char *path,
                           const uint8_t *text, size_t len, struct leati_anchors_added *ret_added)
{
    (void)fd;
    (void)path;
    return leati_anchors_add(anchors, text, len, ret_added);
}

int leati_anchors_add_directory(struct leati_anchors *anchors, int dir_fd, const char *path)
{
    (void)anchors;
    (void)dir_fd;
    (void)path;
    return LEAT_E_SYSTEM_INTERNAL;
}

int leati_crls_add(struct leati_crls **crls, const char *text, const char **ret_why)
{
    (void)crls;
    (void)text;
    *ret_why = "";
    return LEAT_E_SYSTEM_INTERNAL;
}

void leati_crls_free(struct leati_crls *crls)
{
    (void)crls;
}
