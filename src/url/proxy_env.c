/* SPDX-License-Identifier: Apache-2.0 */
#include "url/proxy_env.h"

#include "url/local_url.h"
#include "url/host.h"
#include "url/host_match.h"
#include "util/alloc.h"
#include "util/text.h"

#include <string.h>

/* ---- no_proxy --------------------------------------------------------------------------- */

static const char no_proxy_separators[] = ", \t\r\n";

/* The destination, and one entry of the list. */
struct no_proxy {
    const char *host;
    size_t host_len;
    uint16_t port;
    bool host_is_ip;
    struct leati_host_ip ip;
};

/* Takes ":port" from the end of the entry. false if it is one of another port, or none at all. */
static bool entry_take_port(const char *entry, size_t *len, uint16_t port)
{
    uint64_t value;

    const char *colon = memrchr(entry, ':', *len);
    if (!colon)
        return true;
    /* Two colons without brackets are IPv6, where a port could not be told from the address. */
    bool has_brackets = colon > entry && colon[-1] == ']';
    if (!has_brackets && memchr(entry, ':', (size_t)(colon - entry)))
        return true;
    size_t digits = (size_t)(entry + *len - colon - 1);
    *len = (size_t)(colon - entry);
    return leati_text_parse_u64(colon + 1, digits, UINT16_MAX, &value) && value == port;
}

/* Of the "." or "*." that may stand in front of a name. */
static size_t front_len(const char *name)
{
    return strncmp(name, "*.", 2) == 0 ? 2 : name[0] == '.';
}

/* Of an entry that is a name. */
static int name_matches(const struct no_proxy *destination, const char *name, size_t len,
                        bool *ret_matches)
{
    struct leati_host_ip ip;
    const char *reason;
    char *domain;

    size_t front = front_len(name);
    int result = leati_host_from_name(name + front, len - front, &domain, NULL, &reason);
    if (result == LEAT_E_PARAMETER)
        return LEAT_OK;
    if (result != LEAT_OK)
        return result;
    /* Also "127.1" and its kin. */
    if (leati_host_ip_parse(domain, strlen(domain), &ip))
        *ret_matches = destination->host_is_ip && leati_host_ip_equal(&destination->ip, &ip);
    else
        *ret_matches = strcmp(destination->host, domain) == 0 ||
                       leati_host_is_below(destination->host, domain);
    leati_free(domain);
    return LEAT_OK;
}

static int entry_matches(const struct no_proxy *destination, const char *entry, size_t len,
                         bool *ret_matches)
{
    struct leati_host_ip ip;

    if (memchr(entry, '/', len)) {
        *ret_matches = destination->host_is_ip && leati_host_ip_is_in(&destination->ip, entry, len);
        return LEAT_OK;
    }
    *ret_matches = false;
    if (!entry_take_port(entry, &len, destination->port))
        return LEAT_OK;
    if (len == 1 && entry[0] == '*') {
        *ret_matches = true;
        return LEAT_OK;
    }
    if (leati_host_ip_parse(entry, len, &ip)) {
        *ret_matches = destination->host_is_ip && leati_host_ip_equal(&destination->ip, &ip);
        return LEAT_OK;
    }
    return name_matches(destination, entry, len, ret_matches);
}

/* "ADDRESS/BITS": what stands before the slash is in its own network. */
static bool prefix_is_valid(const char *entry, size_t len)
{
    struct leati_host_ip ip;
    const char *slash = memchr(entry, '/', len);
    return leati_host_ip_parse(entry, (size_t)(slash - entry), &ip) &&
           leati_host_ip_is_in(&ip, entry, len);
}

static bool port_is_valid(const char *entry, size_t *len)
{
    uint64_t port;
    const char *colon = memrchr(entry, ':', *len);
    if (!colon || colon == entry)
        return !colon;
    if (colon[-1] != ']' && memchr(entry, ':', (size_t)(colon - entry)))
        return true; /* IPv6 */
    size_t digits = (size_t)(entry + *len - colon - 1);
    *len = (size_t)(colon - entry);
    return leati_text_parse_u64(colon + 1, digits, UINT16_MAX, &port) && port != 0;
}

int leati_no_proxy_check(const char *entry)
{
    struct leati_host_ip ip;
    const char *reason;
    char *domain;
    size_t len = strlen(entry);
    if (entry[strcspn(entry, no_proxy_separators)] != '\0')
        return LEAT_E_PARAMETER;
    if (memchr(entry, '/', len))
        return prefix_is_valid(entry, len) ? LEAT_OK : LEAT_E_PARAMETER;
    if (!port_is_valid(entry, &len))
        return LEAT_E_PARAMETER;
    if ((len == 1 && entry[0] == '*') || leati_host_ip_parse(entry, len, &ip))
        return LEAT_OK;
    size_t front = front_len(entry);
    int code = leati_host_from_name(entry + front, len - front, &domain, NULL, &reason);
    if (code == LEAT_OK)
        leati_free(domain);
    return code;
}

int leati_no_proxy_matches(const char *list, const char *host, uint16_t port, bool *ret_matches)
{
    struct no_proxy destination = {.host = host, .port = port};
    bool matches = false;

    destination.host_is_ip = leati_host_ip_parse(host, strlen(host), &destination.ip);
    while (!matches) {
        list += strspn(list, no_proxy_separators);
        size_t len = strcspn(list, no_proxy_separators);
        if (len == 0)
            break;
        int result = entry_matches(&destination, list, len, &matches);
        if (result != LEAT_OK)
            return result;
        list += len;
    }
    *ret_matches = matches;
    return LEAT_OK;
}

/* ---- which variable --------------------------------------------------------------------- */

static const char *lookup(leati_getenv_fn getenv_fn, void *user, const char *name)
{
    const char *value = getenv_fn(name, user);
    return value && *value ? value : NULL;
}

/* The first of `names` (NULL at the end) that is set, and what it is called; NULL = none. */
static const char *lookup_first(leati_getenv_fn getenv_fn, void *user, const char *const *names,
                                const char **ret_name)
{
    for (; *names; names++) {
        if (strcmp(*names, "HTTP_PROXY") == 0 && lookup(getenv_fn, user, "REQUEST_METHOD"))
            continue;
        const char *value = lookup(getenv_fn, user, *names);
        if (value) {
            *ret_name = *names;
            return value;
        }
    }
    return NULL;
}

int leati_proxy_env_select(leati_getenv_fn getenv_fn, void *user, const struct leati_url *origin,
                           struct leati_proxy_env *ret_choice)
{
    static const char *const secure[] = {"wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY",
                                         "all_proxy", "ALL_PROXY", NULL};
    static const char *const plain[] = {"ws_proxy",  "WS_PROXY",  "http_proxy", "HTTP_PROXY",
                                        "all_proxy", "ALL_PROXY", NULL};
    static const char *const other[] = {"all_proxy", "ALL_PROXY", NULL};
    static const char *const direct[] = {"no_proxy", "NO_PROXY", NULL};
    struct leati_proxy_env choice = {.variable = ""};
    bool is_direct = false;

    const char *const *names = strcmp(origin->scheme, "wss") == 0  ? secure
                               : strcmp(origin->scheme, "ws") == 0 ? plain
                                                                   : other;
    const char *url = lookup_first(getenv_fn, user, names, &choice.variable);
    if (!url) {
        *ret_choice = choice;
        return LEAT_OK;
    }
    const char *direct_variable = "";
    const char *list = lookup_first(getenv_fn, user, direct, &direct_variable);
    if (list) {
        int result = leati_no_proxy_matches(list, origin->host, origin->port, &is_direct);
        if (result != LEAT_OK)
            return result;
    }
    if (is_direct) {
        choice.variable = direct_variable;
    } else {
        choice.url =
            leati_concat(strstr(url, "://") || leati_url_is_local_proxy(url) ? "" : "http://", url);
        if (!choice.url)
            return LEAT_E_SYSTEM_INTERNAL;
    }
    *ret_choice = choice;
    return LEAT_OK;
}

void leati_proxy_env_done(struct leati_proxy_env *choice)
{
    leati_free_secret(choice->url);
    *choice = (struct leati_proxy_env){.variable = ""};
}
