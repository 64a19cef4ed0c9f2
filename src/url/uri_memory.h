/* SPDX-License-Identifier: Apache-2.0 */
/** @file uriparser over our allocator. */
#ifndef LEATI_URL_URI_MEMORY_H
#define LEATI_URL_URI_MEMORY_H

#include <uriparser/Uri.h>

extern UriMemoryManager leati_uri_memory;

#endif
