/* SPDX-License-Identifier: Apache-2.0 */
/* What CONNECT says: checked, planned once, written for each round. */
#include "http/connect_engine.h"

#include "core/address.h"
#include "core/version.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <stdarg.h>
#include <string.h>

enum { HOST_MAX_BYTES = 255 }; /* room for what a resolver takes */

/* ---- what may stand in a request -------------------------------------------------------- */

static int parameter_fail(struct leati_failure *failure, const char *format, ...) LEAT_PRINTF(2, 3);

static int parameter_fail(struct leati_failure *failure, const char *format, ...)
{
    const struct leati_fault fault = {
        .code = LEAT_E_PARAMETER,
        .layer = LEAT_LAYER_HTTP_PROXY,
    };
    va_list args;

    va_start(args, format);
    int code = leati_failure_setv(failure, &fault, format, args);
    va_end(args);
    return code;
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return true;
    return false;
}

int leati_http_check_credentials(const char *user, const char *password,
                                 struct leati_failure *failure)
{
    const char *problem = leati_http_auth_credentials_problem(user, password);
    return problem ? parameter_fail(failure, "%s", problem) : LEAT_OK;
}

static bool is_name(const char *s, const char *name)
{
    return leati_text_equal_nocase(s, strlen(s), name, strlen(name));
}

/* Those that say where the request goes or where it ends are ours, as is what stands there twice.
 */
static int header_check(const struct leati_http_connect_options *options,
                        const struct leati_http_field *header, struct leati_failure *failure)
{
    bool is_kept = is_name(header->name, "Proxy-Connection") || is_name(header->name, "Connection");

    if (!leati_text_is_token(header->name, strlen(header->name)))
        return parameter_fail(failure, "a header for the proxy has a name that is not a token");
    if (has_control(header->value))
        return parameter_fail(failure, "the header %s for the proxy has a control character",
                              leati_excerpt(header->name, 64).text);
    if (is_name(header->name, "Host") || (leati_http_field_frames(header->name) && !is_kept))
        return parameter_fail(failure, "the header %s of a CONNECT request is not free",
                              header->name);
    if (options->auth && options->auth->user && is_name(header->name, "Proxy-Authorization"))
        return parameter_fail(failure, "there is a header Proxy-Authorization and a user name");
    return LEAT_OK;
}

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

/* Writes the authority-form: "host:port", without the zone, which means an interface of this
 * machine, and without the dot that ends an absolute name, because proxies look in their rules for
 * the name as it is usually written. */
static int destination_write(const struct leati_http_connect_options *options, char *buf,
                             size_t cap, struct leati_failure *failure)
{
    char host[HOST_MAX_BYTES + 1];
    struct leati_address address;
    const char *s = options->host;
    size_t len = strlen(s);

    if (options->port == 0)
        return parameter_fail(failure, "the destination's port is 0");
    if (len >= 2 && s[0] == '[' && s[len - 1] == ']') {
        s++;
        len -= 2;
    }
    bool is_ipv6 = memchr(s, ':', len);
    const char *zone = is_ipv6 ? memchr(s, '%', len) : NULL;
    if (zone)
        len = (size_t)(zone - s);
    else if (len > 0 && s[len - 1] == '.')
        len--;
    if (len == 0)
        return parameter_fail(failure, "the destination's host is empty");
    if (len > HOST_MAX_BYTES)
        return parameter_fail(failure, "the destination's host is longer than %d bytes",
                              HOST_MAX_BYTES);
    memcpy(host, s, len);
    host[len] = '\0';
    if (is_ipv6 && !leati_address_parse(host, options->port, &address))
        return parameter_fail(failure, "the destination is not an IPv6 address");
    if (is_ipv6) /* or IPv4, where it was mapped */
        leati_address_format_host(&address, host, sizeof(host));
    for (size_t i = 0; !is_ipv6 && i < len; i++)
        if (!is_host_byte(host[i]))
            return parameter_fail(failure, "the destination's host has byte 0x%02x",
                                  (unsigned char)host[i]);
    leati_host_port_format(host, options->port, buf, cap);
    return LEAT_OK;
}

static int options_check(const struct leati_http_connect_options *options,
                         struct leati_failure *failure)
{
    int code = options->auth ? leati_http_check_credentials(options->auth->user,
                                                            options->auth->password, failure)
                             : LEAT_OK;
    for (size_t i = 0; code == LEAT_OK && i < options->header_count; i++)
        code = header_check(options, &options->headers[i], failure);
    return code;
}

/* ---- the request ------------------------------------------------------------------------ */

static int memory_fail(struct leati_failure *failure)
{
    const struct leati_fault fault = {
        .code = LEAT_E_SYSTEM_INTERNAL,
        .layer = LEAT_LAYER_HTTP_PROXY,
    };
    return leati_failure_set(failure, &fault, "no memory for the CONNECT request");
}

static bool has_header(const struct leati_http_connect_options *options, const char *name)
{
    return leati_http_fields_have(options->headers, options->header_count, name);
}

static int pattern_build(struct leati_http_connect_engine *engine,
                         const struct leati_http_connect_options *options,
                         struct leati_failure *failure)
{
    const char *agent = leati_user_agent(options->user_agent);
    const struct leati_http_field own[] = {
        {"Host", engine->destination},
        {"User-Agent", has_header(options, "User-Agent") ? NULL : agent},
    };
    const struct leati_http_message_parts parts = {
        .start = (const char *const[]){"CONNECT ", engine->destination, " HTTP/1.1", NULL},
        .own = own,
        .own_count = sizeof(own) / sizeof(own[0]),
        .fields = options->headers,
        .field_count = options->header_count,
    };

    if (!leati_http_message_build(&parts, &engine->pattern))
        return memory_fail(failure);
    if (engine->pattern.len > LEATI_HTTP_CONNECT_REQUEST_MAX_BYTES)
        return parameter_fail(failure, "the CONNECT request is longer than %u bytes",
                              LEATI_HTTP_CONNECT_REQUEST_MAX_BYTES);
    return LEAT_OK;
}

int leati_http_connect_request_plan(struct leati_http_connect_engine *engine,
                                    const struct leati_http_connect_options *options,
                                    struct leati_failure *failure)
{
    int code =
        destination_write(options, engine->destination, sizeof(engine->destination), failure);
    if (code == LEAT_OK)
        code = options_check(options, failure);
    if (code == LEAT_OK)
        code = pattern_build(engine, options, failure);
    engine->has_own_credentials = code == LEAT_OK && has_header(options, "Proxy-Authorization");
    return code;
}

bool leati_http_connect_request_write(struct leati_http_connect_engine *engine, const char *value)
{
    const char *pattern = engine->pattern.bytes;
    size_t split = engine->pattern.fields_at;

    engine->request = value ? leati_asprintf("%.*sProxy-Authorization: %s\r\n%s", (int)split,
                                             pattern, value, pattern + split)
                            : leati_strdup(pattern);
    if (!engine->request)
        return false;
    engine->request_len = strlen(engine->request);
    return true;
}
