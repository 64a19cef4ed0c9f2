/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEY_LEN 24u

/* The value of a header, up to the end of the head. */
static const char *header_find(const char *head, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':')
            return line + len + 1 + strspn(line + len + 1, " ");
    }
    return NULL;
}

static uint64_t query_number(const char *query, const char *name)
{
    const char *found = query ? strstr(query, name) : NULL;

    return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

static void accept_key(const char *key, char accept[32])
{
    char joined[KEY_LEN + 37];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_len = 0;

    int len = snprintf(joined, sizeof(joined), "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                       (int)KEY_LEN, key);
    EVP_Digest(joined, (size_t)len, digest, &digest_len, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)accept, digest, (int)digest_len);
}

/* Without takeover each compressed message stands alone, so that it can be sent back as it came. */
static const char *extension_answer(const char *head)
{
    const char *offer = header_find(head, "Sec-WebSocket-Extensions");

    if (!offer || strncmp(offer, "permessage-deflate", 18) != 0)
        return "";
    return "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
           "client_no_context_takeover\r\n";
}

size_t upgrade_answer(const char *head, struct upgrade_request *ret_request,
                      char response[UPGRADE_RESPONSE_MAX])
{
    const char *key = header_find(head, "Sec-WebSocket-Key");
    char target[256];
    char accept[32];

    if (!key || strlen(key) < KEY_LEN || sscanf(head, "GET %255s HTTP/1.1", target) != 1)
        return 0;
    const char *query = strchr(target, '?');
    size_t path_len = query ? (size_t)(query - target) : strlen(target);
    *ret_request = (struct upgrade_request){
        .count = query_number(query, "count="),
        .size = query_number(query, "size="),
        .text = query_number(query, "text=") != 0,
    };
    snprintf(ret_request->path, sizeof(ret_request->path), "%.*s", (int)path_len, target);
    accept_key(key, accept);
    int len = snprintf(response, UPGRADE_RESPONSE_MAX,
                       "HTTP/1.1 101 Switching Protocols\r\n"
                       "Upgrade: websocket\r\n"
                       "Connection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n%s\r\n",
                       accept, extension_answer(head));
    return (size_t)len;
}
