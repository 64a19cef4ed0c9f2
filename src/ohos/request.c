/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of the upgrade request. */
#include "ohos/runtime.h"

#include "util/alloc.h"

#include <string.h>

/* What leat_config_add_header() takes in all. */
#define HEADERS_MAX_BYTES ((size_t)16 << 10)

/* Why leat_config_add_header() has refused one: for its own sake, or for the sum. */
static int refusal_code(const char *name, const char *value)
{
    leat_config *alone;
    if (strlen(name) + strlen(value) > HEADERS_MAX_BYTES)
        return WEBSOCKET_HEADER_EXCEEDED;
    if (leat_config_new(&alone) != LEAT_OK)
        return WEBSOCKET_CONNECTION_NO_MEMORY;
    int code = leat_config_add_header(alone, name, value);
    leat_config_free(alone);
    if (code == LEAT_E_SYSTEM_INTERNAL)
        return WEBSOCKET_CONNECTION_NO_MEMORY;
    return code == LEAT_OK ? WEBSOCKET_HEADER_EXCEEDED : WEBSOCKET_PROTOCOL_ERROR;
}

static int config_add(leat_config *config, const char *name, const char *value)
{
    if (!name || !value)
        return WEBSOCKET_NO_HEADER_CONTEXT;
    int code = leat_config_add_header(config, name, value);
    if (code == LEAT_OK)
        return WEBSOCKET_OK;
    return code == LEAT_E_SYSTEM_INTERNAL ? WEBSOCKET_CONNECTION_NO_MEMORY
                                          : refusal_code(name, value);
}

int leati_ndk_request_config(const struct leati_ndk_client *client,
                             const struct WebSocket_Header *more, leat_config **ret_config)
{
    const leat_config *base = leati_ndk_default_config();
    leat_config *config;
    if ((base ? leat_config_copy(base, &config) : leat_config_new(&config)) != LEAT_OK)
        return WEBSOCKET_CONNECTION_NO_MEMORY;

    int code = leat_config_set_origin_of_url(config, true) == LEAT_OK
                   ? WEBSOCKET_OK
                   : WEBSOCKET_CONNECTION_NO_MEMORY;
    const struct leati_ndk_header *own = client->first_header;
    const struct WebSocket_Header *first_own = own ? &own->seen : NULL;
    for (; own && code == WEBSOCKET_OK; own = own->next)
        code = config_add(config, own->name, own->value);
    /* A list that runs in circles ends at the limit. */
    for (; more && more != first_own && code == WEBSOCKET_OK; more = more->next)
        code = config_add(config, more->fieldName, more->fieldValue);
    if (code != WEBSOCKET_OK) {
        leat_config_free(config);
        return code;
    }
    *ret_config = config;
    return WEBSOCKET_OK;
}

static struct leati_ndk_header *header_new(const char *name, const char *value)
{
    size_t name_size = strlen(name) + 1;
    size_t value_size = strlen(value) + 1;
    struct leati_ndk_header *header = leati_malloc(sizeof(*header) + name_size + value_size);
    if (!header)
        return NULL;
    memcpy(header->text, name, name_size);
    memcpy(header->text + name_size, value, value_size);
    header->next = NULL;
    header->text_size = name_size + value_size;
    header->name = header->text;
    header->value = header->text + name_size;
    header->seen =
        (struct WebSocket_Header){.fieldName = header->name, .fieldValue = header->value};
    return header;
}

int leati_ndk_request_add_header(struct leati_ndk_client *client,
                                 const struct WebSocket_Header *header)
{
    const struct WebSocket_Header only = {.fieldName = header->fieldName,
                                          .fieldValue = header->fieldValue};
    leat_config *config;
    int code = leati_ndk_request_config(client, &only, &config);
    if (code != WEBSOCKET_OK)
        return code;
    leat_config_free(config);

    struct leati_ndk_header *added = header_new(only.fieldName, only.fieldValue);
    if (!added)
        return WEBSOCKET_CONNECTION_NO_MEMORY;
    if (client->last_header) {
        client->last_header->next = added;
        client->last_header->seen.next = &added->seen;
    } else {
        client->first_header = added;
        client->handle.requestOptions.headers = &added->seen;
    }
    client->last_header = added;
    return WEBSOCKET_OK;
}

void leati_ndk_request_clear_headers(struct leati_ndk_client *client)
{
    struct leati_ndk_header *header = client->first_header;
    while (header) {
        struct leati_ndk_header *next = header->next;
        leati_wipe(header->text, header->text_size); /* may hold a password or a token */
        leati_free(header);
        header = next;
    }
}
