/* SPDX-License-Identifier: Apache-2.0 */
/* What the client's side of SOCKS5 says: all of it is known from the start. */
#include "socks5/socks5_engine.h"

#include <stdio.h>
#include <string.h>

enum {
    SOCKS_VERSION = 5,
    AUTH_VERSION = 1,      /* of the subnegotiation, RFC 1929 section 2 */
    FIELD_MAX_BYTES = 255, /* what a length byte can say */
};

/* CMD of a request (RFC 1928 section 4). */
static const uint8_t command_bytes[] = {
    [LEATI_SOCKS5_CONNECT] = 1,
    [LEATI_SOCKS5_UDP_ASSOCIATE] = 3,
};

static bool is_empty(const char *s)
{
    return !s || !*s;
}

int leati_socks5_check_credentials(const char *user, const char *password,
                                   struct leati_failure *failure)
{
    if (is_empty(user) && is_empty(password))
        return LEAT_OK;
    if (is_empty(user))
        return leati_socks5_serialize_fail(
            failure, "there is a password for the proxy and no user name, which RFC 1929 wants");
    if (strlen(user) > FIELD_MAX_BYTES)
        return leati_socks5_serialize_fail(failure,
                                           "the proxy's user name is longer than 255 bytes");
    if (password && strlen(password) > FIELD_MAX_BYTES)
        return leati_socks5_serialize_fail(failure,
                                           "the proxy's password is longer than 255 bytes");
    return LEAT_OK;
}

/* Appends to a message; `messages` has room for the longest form of all. */
static void put_byte(uint8_t *message, size_t *len, size_t byte)
{
    message[(*len)++] = (uint8_t)byte;
}

static void put_field(uint8_t *message, size_t *len, const char *field)
{
    size_t field_len = strlen(field);
    put_byte(message, len, field_len);
    memcpy(message + *len, field, field_len);
    *len += field_len;
}

/* No authentication first: some proxies take the first method, not the best, of those they know,
 * and then refuse the password that they did not want. Pipelined, the proxy has no choice. */
static void greeting_write(struct leati_socks5_engine *engine)
{
    uint8_t *message = engine->messages;
    size_t *len = &engine->greeting_len;

    put_byte(message, len, SOCKS_VERSION);
    put_byte(message, len,
             (size_t)engine->offers_none + engine->offers_gss + engine->offers_password);
    if (engine->offers_none)
        put_byte(message, len, LEATI_SOCKS5_METHOD_NONE);
    if (engine->offers_gss)
        put_byte(message, len, LEATI_SOCKS5_METHOD_GSS);
    if (engine->offers_password)
        put_byte(message, len, LEATI_SOCKS5_METHOD_PASSWORD);
}

static void auth_write(struct leati_socks5_engine *engine, const char *user, const char *password)
{
    uint8_t *message = engine->messages + engine->greeting_len;

    put_byte(message, &engine->auth_len, AUTH_VERSION);
    put_field(message, &engine->auth_len, user);
    put_field(message, &engine->auth_len, password);
}

static void request_write(struct leati_socks5_engine *engine,
                          const struct leati_socks5_address *destination)
{
    uint8_t *message = engine->messages + engine->greeting_len + engine->auth_len;
    size_t *len = &engine->request_len;

    put_byte(message, len, SOCKS_VERSION);
    put_byte(message, len, command_bytes[engine->command]);
    put_byte(message, len, 0);
    *len += leati_socks5_address_write(destination, message + *len);
}

/* The others protect nothing. */
static void methods_choose(struct leati_socks5_engine *engine,
                           const struct leati_socks5_options *options)
{
    bool only_gss = options->gss && options->protection >= LEAT_SOCKS5_PROTECTION_INTEGRITY;

    engine->offers_gss = options->gss;
    engine->pipelined = !options->gss && options->pipelining != LEATI_SOCKS5_LOCK_STEP;
    engine->offers_password = !only_gss && !is_empty(options->user);
    engine->offers_none =
        !only_gss && !options->requires_user && (!engine->offers_password || !engine->pipelined);
}

/* Where a client of UDP ASSOCIATE will send from is not known before the relay is; 0.0.0.0:0 says
 * so (RFC 1928 section 4), and relays that check the field accept nothing else. */
static int destination_of(const struct leati_socks5_options *options, struct leati_failure *failure,
                          struct leati_socks5_address *ret_destination)
{
    const struct leati_address unknown = {.v4 = {.sin_family = AF_INET}};

    if (options->command == LEATI_SOCKS5_CONNECT)
        return leati_socks5_address_from_host(options->host, options->port, failure,
                                              ret_destination);
    leati_socks5_address_from_ip(&unknown, ret_destination);
    return LEAT_OK;
}

int leati_socks5_messages_write(struct leati_socks5_engine *engine,
                                const struct leati_socks5_options *options,
                                struct leati_failure *failure)
{
    struct leati_socks5_address destination;

    int result = destination_of(options, failure, &destination);
    if (result == LEAT_OK)
        result = leati_socks5_check_credentials(options->user, options->password, failure);
    if (result != LEAT_OK)
        return result;
    engine->command = options->command;
    methods_choose(engine, options);
    greeting_write(engine);
    if (engine->offers_password)
        auth_write(engine, options->user, options->password ? options->password : "");
    request_write(engine, &destination);
    if (engine->command == LEATI_SOCKS5_CONNECT)
        leati_socks5_address_format(&destination, engine->destination, sizeof(engine->destination));
    else
        snprintf(engine->destination, sizeof(engine->destination), "UDP");
    return LEAT_OK;
}
