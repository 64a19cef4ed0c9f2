/* SPDX-License-Identifier: Apache-2.0 */
#include "url/url.h"

#include "url/host.h"
#include "url/local_url.h"
#include "url/uri_memory.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

struct url_scheme {
    const char *name;
    uint16_t default_port;
    const char *meaning; /* the name that struct leati_url has for it; NULL = the same */
};

enum { URL_SCHEMES_MAX = 7 };

/* One kind of URL: what it may be and how a failure is reported. */
struct url_kind {
    const char *noun;
    struct url_scheme schemes[URL_SCHEMES_MAX]; /* ends early with one without a name */
    const char *scheme_names;
    int code;
    enum leat_layer layer;
    bool quotes; /* whether a text may show the URL */
};

static const struct url_kind websocket_kind = {
    .noun = "URL",
    .schemes = {{"ws", 80, NULL}, {"wss", 443, NULL}},
    .scheme_names = "ws and wss",
    .code = LEAT_E_WS_URL,
    .layer = LEAT_LAYER_WEBSOCKET,
    .quotes = true,
};

static const struct url_kind proxy_kind = {
    .noun = "proxy URL",
    /* GNOME's settings write "socks"; programs that read them let the proxy resolve. */
    .schemes = {{"socks5", 1080, NULL},
                {"socks5h", 1080, NULL},
                {"socks", 1080, "socks5h"},
                {"socks4", 1080, NULL},
                {"socks4a", 1080, NULL},
                {"http", 80, NULL},
                {"https", 443, NULL}},
    .scheme_names = "socks5, socks5h (or socks), socks4, socks4a, http and https",
    .code = LEAT_E_PARAMETER,
    .layer = LEAT_LAYER_NONE,
    .quotes = false,
};

struct url_parser {
    const struct url_kind *kind;
    struct leati_failure *failure;
    const char *text;
    const char *authority; /* in `text`, with its end */
    const char *authority_end;
    char *normal;     /* what uriparser gets: no zone, ASCII only; may hold a password */
    const char *zone; /* of an IPv6 literal, in `text` without its "%25"; NULL = none */
    size_t zone_len;
    UriUriA uri; /* points into `normal` */
};

/* ---- failures ------------------------------------------------------------------------ */

/* Not where a password may stand in it. */
static bool url_may_be_quoted(const struct url_parser *parser)
{
    return parser->kind->quotes && !strchr(parser->text, '@');
}

static int url_fail(const struct url_parser *parser, const char *format, ...) LEAT_PRINTF(2, 3);

/* The culprit, then, if it may be shown, the URL up to its query, which may hold a token. */
static int url_fail(const struct url_parser *parser, const char *format, ...)
{
    const struct leati_fault fault = {.code = parser->kind->code, .layer = parser->kind->layer};
    char reason[160];
    char quote[160] = "";
    size_t len = strcspn(parser->text, "?#");
    va_list args;

    va_start(args, format);
    leati_readable_vformat(reason, sizeof(reason), format, args);
    va_end(args);
    if (url_may_be_quoted(parser) && len < sizeof(quote)) {
        for (size_t i = 0; i < len; i++)
            quote[i] = isascii(parser->text[i]) && isprint(parser->text[i]) ? parser->text[i] : '?';
    }
    return leati_failure_set(parser->failure, &fault, "%s%s%s", reason, *quote ? ": " : "", quote);
}

static int memory_fail(const struct url_parser *parser)
{
    const struct leati_fault fault = {
        .code = LEAT_E_SYSTEM_INTERNAL,
        .layer = parser->kind->layer,
    };
    return leati_failure_set(parser->failure, &fault, "no memory for the %s", parser->kind->noun);
}

/* Of leati_host_from_...(). */
static int host_fail(const struct url_parser *parser, int code, const char *reason)
{
    return code == LEAT_E_PARAMETER ? url_fail(parser, "%s", reason) : memory_fail(parser);
}

static size_t range_len(const UriTextRangeA *range)
{
    return range->first ? (size_t)(range->afterLast - range->first) : 0;
}

/* ---- before uriparser: what it does not know or could not name ----------------------- */

/* What may stand in user info as it is (RFC 3986 section 3.2.1), and UTF-8, which is escaped here.
 */
static bool is_user_info(char c)
{
    return !isascii(c) || isalnum(c) || strchr("-._~!$&'()*+,;=:", c);
}

/* A password is often put into a proxy's URL as it is. What it holds then ends the authority, or is
 * taken for something else, and the message would be about a port or a path: so this comes first.
 */
static int user_info_check(const struct url_parser *parser)
{
    const char *at = strrchr(parser->authority, '@');

    if (parser->kind != &proxy_kind || !at || parser->authority == parser->text ||
        parser->authority[-1] != '/')
        return LEAT_OK;
    for (const char *s = parser->authority; s < at; s++) {
        bool is_escape =
            *s == '%' && isascii(s[1]) && isxdigit(s[1]) && isascii(s[2]) && isxdigit(s[2]);
        if (!is_escape && isascii(*s) && isprint(*s) && !is_user_info(*s))
            return url_fail(parser,
                            "\"%c\" in the user name or the password of the proxy URL must be "
                            "written as %%%02X",
                            *s, (unsigned)*s);
    }
    return LEAT_OK;
}

/* RFC 3986 knows printable ASCII; a host in UTF-8 is common enough to be taken as it is. */
static int bytes_check(const struct url_parser *parser)
{
    for (const char *s = parser->text; *s; s++) {
        unsigned char byte = (unsigned char)*s;
        size_t offset = (size_t)(s - parser->text);
        if (byte == ' ')
            return url_fail(parser, "the %s has a space at offset %zu", parser->kind->noun, offset);
        if (byte < ' ' || byte == 0x7f)
            return url_fail(parser, "the %s has the control byte 0x%02x at offset %zu",
                            parser->kind->noun, byte, offset);
        if (byte >= 0x80 && (s < parser->authority || s >= parser->authority_end))
            return url_fail(parser,
                            "the %s has byte 0x%02x at offset %zu, which must be percent-encoded",
                            parser->kind->noun, byte, offset);
    }
    return LEAT_OK;
}

static const struct url_scheme *scheme_find(const struct url_kind *kind, const char *name,
                                            size_t len)
{
    for (size_t i = 0; i < URL_SCHEMES_MAX && kind->schemes[i].name; i++) {
        const struct url_scheme *scheme = &kind->schemes[i];
        if (leati_text_equal_nocase(scheme->name, strlen(scheme->name), name, len))
            return scheme;
    }
    return NULL;
}

static int outline_parse(struct url_parser *parser, const struct url_scheme **ret_scheme)
{
    const struct url_kind *kind = parser->kind;
    const char *text = parser->text;
    size_t scheme_len = strcspn(text, ":/?#");

    if (!*text)
        return url_fail(parser, "the %s is empty", kind->noun);
    if (strlen(text) > LEATI_URL_MAX_BYTES)
        return url_fail(parser, "the %s is longer than %d bytes", kind->noun, LEATI_URL_MAX_BYTES);
    parser->authority = text + scheme_len;
    parser->authority_end = parser->authority;
    if (strncmp(parser->authority, "://", 3) == 0) {
        parser->authority += 3;
        parser->authority_end = parser->authority + strcspn(parser->authority, "/?#");
    }
    int result = user_info_check(parser);
    if (result == LEAT_OK)
        result = bytes_check(parser);
    if (result != LEAT_OK)
        return result;
    if (text[scheme_len] != ':')
        return url_fail(parser, "the %s has no scheme", kind->noun);
    *ret_scheme = scheme_find(kind, text, scheme_len);
    if (!*ret_scheme)
        return url_fail(parser, "the scheme of the %s is not one of %s", kind->noun,
                        kind->scheme_names);
    if (strchr(text, '#'))
        return url_fail(parser, "the %s has a fragment", kind->noun);
    return LEAT_OK;
}

/* Where "%25zone" of "[fe80::1%25zone]" stands (RFC 6874 section 2), which uriparser does not know:
 * `*ret_zone` to `*ret_end`. A bare "%" is taken as well, as that section suggests. */
static void zone_find(struct url_parser *parser, const char **ret_zone, const char **ret_end)
{
    size_t authority_len = (size_t)(parser->authority_end - parser->authority);
    const char *bracket = memrchr(parser->authority, '[', authority_len);
    const char *end = memrchr(parser->authority, ']', authority_len);

    *ret_zone = *ret_end = parser->authority_end;
    if (!bracket || !end || end < bracket)
        return;
    const char *zone = memchr(bracket, '%', (size_t)(end - bracket));
    if (!zone)
        return;
    *ret_zone = zone;
    *ret_end = end;
    zone += strncmp(zone, "%25", 3) == 0 ? 3 : 1;
    parser->zone = zone;
    parser->zone_len = (size_t)(end - zone);
}

/* Writes `normal`: the text without a zone, and with escapes for what is not ASCII. */
static int normal_write(struct url_parser *parser)
{
    const char *zone;
    const char *zone_end;
    zone_find(parser, &zone, &zone_end);
    size_t cap = 3 * strlen(parser->text) + 1;
    size_t pos = 0;
    parser->normal = leati_malloc(cap);
    if (!parser->normal)
        return memory_fail(parser);
    for (const char *s = parser->text; *s; s++) {
        if (s == zone)
            s = zone_end;
        if (isascii(*s))
            parser->normal[pos++] = *s;
        else
            leati_text_append(parser->normal, cap, &pos, "%%%02X", (unsigned char)*s);
    }
    parser->normal[pos] = '\0';
    return LEAT_OK;
}

/* ---- the parts ----------------------------------------------------------------------- */

/* Why uriparser refuses the authority, if it is one of the two mistakes that are made most: it
 * takes what stands before a wrong port for user info, and names a byte far behind it. */
static const char *authority_fault(const struct url_parser *parser)
{
    const char *end = parser->authority_end;
    const char *at = memrchr(parser->authority, '@', (size_t)(end - parser->authority));
    const char *host = at ? at + 1 : parser->authority;
    const char *first = memchr(host, ':', (size_t)(end - host));
    const char *last = memrchr(host, ':', (size_t)(end - host));

    if (!last || memchr(last, ']', (size_t)(end - last)))
        return NULL;
    if (*host != '[' && first != last)
        return "an IPv6 address must stand in brackets in a URL";
    if (strspn(last + 1, "0123456789") < (size_t)(end - last - 1))
        return "the port is not a number from 1 to 65535";
    return NULL;
}

static int uri_parse(struct url_parser *parser)
{
    const char *fault = authority_fault(parser);
    const char *error = NULL;
    const char *end = parser->normal + strlen(parser->normal);
    int result =
        uriParseSingleUriExMmA(&parser->uri, parser->normal, end, &error, &leati_uri_memory);

    if (result == URI_ERROR_MALLOC)
        return memory_fail(parser);
    if (result != URI_SUCCESS && fault)
        return url_fail(parser, "%s", fault);
    if (result != URI_SUCCESS && url_may_be_quoted(parser) && error && error < end)
        return url_fail(parser, "the URL is not valid at its character '%c'", *error);
    if (result != URI_SUCCESS)
        return url_fail(parser, "the %s is not valid", parser->kind->noun);
    return LEAT_OK;
}

static int ipv6_parse(const struct url_parser *parser, char **ret_host, const char **ret_reason)
{
    const UriTextRangeA *host = &parser->uri.hostText;

    if (!parser->zone)
        return leati_host_from_ipv6(host->first, range_len(host), ret_host, ret_reason);
    char *literal = leati_asprintf("%.*s%%%.*s", (int)range_len(host), host->first,
                                   (int)parser->zone_len, parser->zone);
    if (!literal)
        return LEAT_E_SYSTEM_INTERNAL;
    int result = leati_host_from_ipv6(literal, strlen(literal), ret_host, ret_reason);
    leati_free(literal);
    return result;
}

static int host_parse(const struct url_parser *parser, struct leati_url *url)
{
    const UriTextRangeA *host = &parser->uri.hostText;
    const char *reason = NULL;
    int result;

    if (range_len(host) == 0)
        return url_fail(parser, "the %s has no host", parser->kind->noun);
    if (parser->uri.hostData.ipFuture.first)
        return url_fail(parser, "the host is an IP literal of an unknown version");
    url->host_is_ipv6 = parser->uri.hostData.ip6;
    if (url->host_is_ipv6)
        result = ipv6_parse(parser, &url->host, &reason);
    else
        result = leati_host_from_name(host->first, range_len(host), &url->host,
                                      &url->host_is_absolute, &reason);
    return result == LEAT_OK ? result : host_fail(parser, result, reason);
}

/* An empty port is the default one (RFC 3986 section 3.2.3). */
static int port_parse(const struct url_parser *parser, const struct url_scheme *scheme,
                      struct leati_url *url)
{
    const UriTextRangeA *text = &parser->uri.portText;
    uint64_t port = scheme->default_port;

    if (range_len(text) > 0 &&
        (!leati_text_parse_u64(text->first, range_len(text), UINT16_MAX, &port) || port == 0))
        return url_fail(parser, "the port is not a number from 1 to 65535");
    url->port = (uint16_t)port;
    url->default_port = url->port == scheme->default_port;
    return LEAT_OK;
}

/* Decodes `len` bytes at `s` to a new string. */
static int secret_decode(const struct url_parser *parser, const char *s, size_t len, char **ret)
{
    char *decoded = leati_malloc(len + 1);
    if (!decoded)
        return memory_fail(parser);
    if (!leati_text_percent_decode(s, len, decoded, &len)) {
        leati_wipe(decoded, len + 1);
        leati_free(decoded);
        return url_fail(parser, "the user name or the password of the %s holds an encoded NUL",
                        parser->kind->noun);
    }
    *ret = decoded;
    return LEAT_OK;
}

static int user_info_parse(const struct url_parser *parser, struct leati_url *url)
{
    const UriTextRangeA *info = &parser->uri.userInfo;

    if (!info->first)
        return LEAT_OK;
    size_t len = range_len(info);
    const char *colon = memchr(info->first, ':', len);
    size_t user_len = colon ? (size_t)(colon - info->first) : len;
    int result = secret_decode(parser, info->first, user_len, &url->user);
    if (result == LEAT_OK && colon)
        result = secret_decode(parser, colon + 1, len - user_len - 1, &url->password);
    return result;
}

static int target_write(const struct url_parser *parser, struct leati_url *url)
{
    const char *rest = parser->authority_end;
    url->target = leati_concat(*rest == '/' ? "" : "/", rest);
    return url->target ? LEAT_OK : memory_fail(parser);
}

static int parts_parse(struct url_parser *parser, struct leati_url *url)
{
    const struct url_scheme *scheme = NULL;
    int result = outline_parse(parser, &scheme);
    if (result == LEAT_OK)
        result = normal_write(parser);
    if (result == LEAT_OK)
        result = uri_parse(parser);
    if (result == LEAT_OK)
        result = host_parse(parser, url);
    if (result == LEAT_OK)
        result = port_parse(parser, scheme, url);
    if (result == LEAT_OK)
        result = user_info_parse(parser, url);
    if (result == LEAT_OK)
        result = target_write(parser, url);
    if (result != LEAT_OK)
        return result;
    url->scheme = leati_strdup(scheme->meaning ? scheme->meaning : scheme->name);
    return url->scheme ? LEAT_OK : memory_fail(parser);
}

/* What only one kind of URL may or may not have. */
static int kind_check(const struct url_parser *parser, const struct leati_url *url)
{
    if (parser->kind == &websocket_kind && url->user)
        return url_fail(parser, "the URL has user info, which WebSocket URLs do not carry");
    if (parser->kind == &proxy_kind && strcmp(url->target, "/") != 0)
        return url_fail(parser, "the proxy URL has a path or a query");
    return LEAT_OK;
}

static int url_parse(const struct url_kind *kind, const char *text, struct leati_failure *failure,
                     struct leati_url *ret_url)
{
    struct url_parser parser = {.kind = kind, .failure = failure, .text = text ? text : ""};
    struct leati_url url = {0};

    int result = parts_parse(&parser, &url);
    if (result == LEAT_OK)
        result = kind_check(&parser, &url);
    uriFreeUriMembersMmA(&parser.uri, &leati_uri_memory);
    leati_free_secret(parser.normal);
    if (result == LEAT_OK)
        *ret_url = url;
    else
        leati_url_done(&url);
    return result;
}

int leati_url_parse_websocket(const char *text, struct leati_failure *failure,
                              struct leati_url *ret_url)
{
    return url_parse(&websocket_kind, text, failure, ret_url);
}

int leati_url_parse_proxy(const char *text, struct leati_failure *failure,
                          struct leati_url *ret_url)
{
    if (text && leati_url_is_local_proxy(text))
        return leati_url_parse_local_proxy(text, failure, ret_url);
    return url_parse(&proxy_kind, text, failure, ret_url);
}

void leati_url_done(struct leati_url *url)
{
    leati_free(url->scheme);
    leati_free(url->host);
    leati_free(url->target);
    leati_free(url->unix_path);
    leati_free_secret(url->user);
    leati_free_secret(url->password);
    *url = (struct leati_url){0};
}

bool leati_url_is_scheme(const struct leati_url *url, const char *scheme)
{
    return strcmp(url->scheme, scheme) == 0;
}

bool leati_url_is_socks5(const struct leati_url *url)
{
    return strncmp(url->scheme, "socks5", strlen("socks5")) == 0;
}

bool leati_url_is_socks4(const struct leati_url *url)
{
    return strncmp(url->scheme, "socks4", strlen("socks4")) == 0;
}

bool leati_url_is_socks(const struct leati_url *url)
{
    return leati_url_is_socks4(url) || leati_url_is_socks5(url);
}
