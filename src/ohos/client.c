/* SPDX-License-Identifier: Apache-2.0 */
#include "ohos/client.h"

#include "util/alloc.h"

#include <string.h>

struct leati_ndk_client *leati_ndk_client_new(void)
{
    struct leati_ndk_client *client = leati_calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    leati_ndk_messages_init(&client->outbox);
    leati_ndk_messages_init(&client->unsent);
    return client;
}

void leati_ndk_client_free(struct leati_ndk_client *client)
{
    leati_ndk_request_clear_headers(client);
    leati_ndk_messages_clear(&client->outbox);
    leati_ndk_messages_clear(&client->unsent);
    leati_free_secret(client->connect_url);
    leat_config_free(client->connect_config);
    leati_free(client);
}

struct leati_ndk_message *leati_ndk_message_new(const void *data, size_t len)
{
    struct leati_ndk_message *message = leati_malloc(sizeof(*message) + len);
    if (!message)
        return NULL;
    message->next = NULL;
    message->len = len;
    memcpy(message->data, data, len);
    return message;
}

void leati_ndk_messages_init(struct leati_ndk_messages *messages)
{
    messages->first = NULL;
    messages->end = &messages->first;
}

void leati_ndk_messages_append(struct leati_ndk_messages *messages,
                               struct leati_ndk_message *message)
{
    *messages->end = message;
    messages->end = &message->next;
}

void leati_ndk_messages_clear(struct leati_ndk_messages *messages)
{
    struct leati_ndk_message *message = messages->first;
    leati_ndk_messages_init(messages);
    while (message) {
        struct leati_ndk_message *next = message->next;
        leati_free(message);
        message = next;
    }
}
