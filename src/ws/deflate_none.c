/* SPDX-License-Identifier: Apache-2.0 */
/* A build without zlib. */
#include "ws/deflate.h"

bool leati_deflate_is_built_in(void)
{
    return false;
}

void leati_deflater_init(struct leati_deflater *deflater,
                         const struct leati_deflater_options *options)
{
    *deflater = (struct leati_deflater){.options = *options};
}

void leati_deflater_done(struct leati_deflater *deflater)
{
    (void)deflater;
}

enum leati_deflate_result leati_deflater_feed(struct leati_deflater *deflater, const uint8_t **data,
                                              size_t *len, uint8_t *out, size_t cap,
                                              size_t *ret_out_len)
{
    (void)deflater, (void)data, (void)len, (void)out, (void)cap;
    *ret_out_len = 0;
    return LEATI_DEFLATE_NO_MEMORY;
}

enum leati_deflate_result leati_deflater_end(struct leati_deflater *deflater, uint8_t *out,
                                             size_t cap, size_t *ret_out_len)
{
    (void)deflater, (void)out, (void)cap;
    *ret_out_len = 0;
    return LEATI_DEFLATE_NO_MEMORY;
}

void leati_deflater_trim(struct leati_deflater *deflater)
{
    (void)deflater;
}

void leati_inflater_init(struct leati_inflater *inflater,
                         const struct leati_inflater_options *options)
{
    *inflater = (struct leati_inflater){.options = *options};
}

void leati_inflater_done(struct leati_inflater *inflater)
{
    (void)inflater;
}

enum leati_deflate_result leati_inflater_feed(struct leati_inflater *inflater, const uint8_t **data,
                                              size_t *len, uint8_t *out, size_t cap,
                                              size_t *ret_out_len)
{
    (void)inflater, (void)data, (void)len, (void)out, (void)cap;
    *ret_out_len = 0;
    return LEATI_DEFLATE_CORRUPT;
}

enum leati_deflate_result leati_inflater_end(struct leati_inflater *inflater, uint8_t *out,
                                             size_t cap, size_t *ret_out_len)
{
    (void)inflater, (void)out, (void)cap;
    *ret_out_len = 0;
    return LEATI_DEFLATE_CORRUPT;
}

void leati_inflater_trim(struct leati_inflater *inflater)
{
    (void)inflater;
}
