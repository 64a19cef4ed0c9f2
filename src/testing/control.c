/* SPDX-License-Identifier: Apache-2.0 */
/* The control: HTTP requests, and who answers which. */
#include "testing/control.h"
#include "util/alloc.h"
#include "util/known.h"
#include "util/readable.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <leat/testing_script.h>
#include <stdio.h>
#include <string.h>

#define TEXT_OF(x)    #x
#define JOIN(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)
#define VERSION       JOIN(LEAT_VERSION_MAJOR, LEAT_VERSION_MINOR, LEAT_VERSION_PATCH)

/* ---- routes ---------------------------------------------------------------------------------- */

static bool version_show(struct leati_control_request *request)
{
    leati_json_open(&request->text, NULL, '{');
    leati_json_string(&request->text, "version", "2.12.0"); /* of toxiproxy, whose API this is */
    leati_json_string(&request->text, "leat", VERSION);
    leati_json_close(&request->text, '}');
    return true;
}

/* "*" is any segment. */
static const struct route {
    const char *method, *path;
    leati_control_handler *answer;
    bool is_unlocked; /* it takes the lock itself, because it waits */
} routes[] = {
    {"GET", "version", version_show, false},
    {"GET", "servers", leati_control_servers_list, false},
    {"POST", "servers", leati_control_server_create, false},
    {"GET", "servers/*", leati_control_server_show, false},
    {"POST", "servers/*", leati_control_server_change, false},
    {"PATCH", "servers/*", leati_control_server_change, false},
    {"DELETE", "servers/*", leati_control_server_remove, false},
    {"POST", "servers/*/release", leati_control_server_release, false},
    {"GET", "servers/*/seen", leati_control_server_seen, true},
    {"GET", "servers/*/diagram", leati_control_server_diagram, true},
    {"GET", "servers/*/wait", leati_control_server_wait, true},
    {"GET", "servers/*/events", leati_control_server_events, true},
    {"GET", "ca", leati_control_ca, false},
    {"POST", "certificates", leati_control_certificate, false},
    {"GET", "proxies", leati_proxies_list, false},
    {"POST", "proxies", leati_proxy_create, false},
    {"POST", "populate", leati_proxies_populate, false},
    {"POST", "reset", leati_proxies_reset, false},
    {"GET", "proxies/*", leati_proxy_show, false},
    {"POST", "proxies/*", leati_proxy_change, false},
    {"PATCH", "proxies/*", leati_proxy_change, false},
    {"DELETE", "proxies/*", leati_proxy_remove, false},
    {"GET", "proxies/*/toxics", leati_toxics_list, false},
    {"GET", "metrics", leati_control_metrics, false},
    {"POST", "proxies/*/toxics", leati_toxic_create, false},
    {"GET", "proxies/*/toxics/*", leati_toxic_show, false},
    {"POST", "proxies/*/toxics/*", leati_toxic_change, false},
    {"PATCH", "proxies/*/toxics/*", leati_toxic_change, false},
    {"DELETE", "proxies/*/toxics/*", leati_toxic_remove, false},
};

static bool path_matches(const char *path, const struct leati_control_request *request)
{
    for (size_t i = 0; i < request->segment_count; ++i) {
        size_t len = strcspn(path, "/");
        bool is_any = len == 1 && path[0] == '*';
        if (len == 0 || (!is_any && (strlen(request->segments[i]) != len ||
                                     memcmp(path, request->segments[i], len) != 0)))
            return false;
        path += len + (path[len] == '/');
    }
    return *path == '\0';
}

static const struct route *route_find(struct leati_control_request *request)
{
    bool is_known = false;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); ++i) {
        if (!path_matches(routes[i].path, request))
            continue;
        if (strcmp(routes[i].method, request->method) == 0)
            return &routes[i];
        is_known = true;
    }
    (void)leati_refuse(&request->refusal, is_known ? 405 : 404, is_known ? "method" : "path",
                       is_known ? "this path does not know this method" : "there is no such path");
    return NULL;
}

/* ---- the request ----------------------------------------------------------------------------- */

static bool header_get(struct leati_control_request *request, const char *name, char *ret_value,
                       size_t cap)
{
    return leati_peer_http_field(request->p, name, ret_value, cap);
}

/* Splits the target into decoded segments and the query. */
static bool target_split(struct leati_control_request *request, const char *target, size_t len)
{
    if (len == 0 || target[0] != '/' || len >= sizeof(request->target))
        return leati_refuse(&request->refusal, 400, "path", "it does not begin with /");
    memcpy(request->target, target, len);
    request->target[len] = '\0';
    request->query = strchr(request->target, '?');
    if (request->query)
        *request->query++ = '\0';
    for (char *at = request->target; at;) {
        char *segment = at + 1, *end = strchr(segment, '/');
        size_t decoded_len = 0;
        if (end)
            *end = '\0';
        if (*segment == '\0' && !end)
            break; /* one / at the end is nothing */
        if (request->segment_count == LEATI_CONTROL_SEGMENTS_MAX)
            return leati_refuse(&request->refusal, 404, "path", "there is no such path");
        char decoded[sizeof(request->target)];
        if (!leati_text_percent_decode(segment, strlen(segment), decoded, &decoded_len))
            return leati_refuse(&request->refusal, 400, "path", "an escape that is none");
        memcpy(segment, decoded, decoded_len + 1); /* it is not longer */
        request->segments[request->segment_count++] = segment;
        at = end;
    }
    return true;
}

const char *leati_control_query(const struct leati_control_request *request, const char *name)
{
    size_t len = strlen(name);
    const char *field = request->query;
    while (field) {
        if (strncmp(field, name, len) == 0 && field[len] == '=')
            return field + len + 1;
        field = strchr(field, '&');
        field = field ? field + 1 : NULL;
    }
    return NULL;
}

bool leati_control_query_number(struct leati_control_request *request, const char *name,
                                uint64_t otherwise, uint64_t max, uint64_t *ret_number)
{
    const char *text = leati_control_query(request, name);
    *ret_number = otherwise;
    return !text || leati_text_parse_u64(text, strcspn(text, "&"), max, ret_number) ||
           leati_refuse(&request->refusal, 400, name, "a whole number up to %llu was expected",
                        (unsigned long long)max);
}

bool leati_control_json(struct leati_control_request *request, struct leati_json **ret_json)
{
    struct leat_testing_problem problem = {.text = "no memory"};
    int code = leati_json_parse(request->body, request->body_len, ret_json, &problem);
    return code == LEAT_OK || leati_refuse(&request->refusal, code == LEAT_E_PARAMETER ? 400 : 500,
                                           "", "bad request body: %s", problem.text);
}

/* ---- who may ask ----------------------------------------------------------------------------- */

static bool is_equal(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    unsigned difference = a_len != b_len;
    for (size_t i = 0; i < a_len; ++i) /* as long for a wrong one as for the right one */
        difference |= (unsigned)(uint8_t)a[i] ^ (unsigned)(uint8_t)b[b_len ? i % b_len : 0];
    return difference == 0;
}

static bool token_is_shown(struct leati_control_request *request, const char *token)
{
    char value[1024], decoded[1024];
    if (!header_get(request, "Authorization", value, sizeof(value)))
        return false;
    if (leati_text_begins_nocase(value, "Bearer "))
        return is_equal(value + 7, token);
    if (!leati_text_begins_nocase(value, "Basic ") || !leati_peer_base64_decode(value + 6, decoded))
        return false;
    const char *colon = strchr(decoded, ':');
    return colon && is_equal(colon + 1, token);
}

/* A literal, or this machine's name: not a name that somebody else's DNS leads here. */
static bool host_is_own(const char *host)
{
    char name[256];
    struct in6_addr address;
    const char *end = host[0] == '[' ? strchr(host, ']') : strrchr(host, ':');
    size_t start = host[0] == '[';
    size_t len = end ? (size_t)(end - host) - start : strlen(host) - start;
    if (len >= sizeof(name))
        return false;
    memcpy(name, host + start, len);
    name[len] = '\0';
    return leati_text_is_nocase(name, "localhost") || inet_pton(AF_INET, name, &address) == 1 ||
           inet_pton(AF_INET6, name, &address) == 1;
}

static bool request_is_allowed(struct leati_control_request *request)
{
    const struct leat_testing_control *control = request->control;
    char value[512];
    if (header_get(request, "Origin", value, sizeof(value)) ||
        (header_get(request, "User-Agent", value, sizeof(value)) &&
         strncmp(value, "Mozilla/", 8) == 0))
        return leati_refuse(&request->refusal, 403, "", "this is not for pages in a browser");
    if (control->token)
        return token_is_shown(request, control->token) ||
               leati_refuse(&request->refusal, 401, "Authorization",
                            "the token is missing or wrong");
    if (!request->p->server->options.unix_path &&
        header_get(request, "Host", value, sizeof(value)) && !host_is_own(value))
        return leati_refuse(&request->refusal, 403, "Host", "it is not this machine's");
    return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool body_read(struct leati_control_request *request)
{
    char value[64];
    uint64_t len = 0;
    if (header_get(request, "Transfer-Encoding", value, sizeof(value)))
        return leati_refuse(&request->refusal, 411, "Content-Length", "it is missing");
    if (leati_peer_http_count(request->p, "Content-Length") == 0)
        return true;
    if (leati_peer_http_count(request->p, "Content-Length") > 1 ||
        !header_get(request, "Content-Length", value, sizeof(value)) ||
        !leati_text_parse_u64(value, strlen(value), UINT32_MAX, &len))
        return leati_refuse(&request->refusal, 400, "Content-Length", "it is not one number");
    if (len > LEATI_JSON_BYTES_MAX)
        return leati_refuse(&request->refusal, 413, "", "a body has at most 1 MiB");
    if (!leati_peer_need(request->p, (size_t)len))
        return leati_refuse(&request->refusal, 400, "", "the body did not come");
    request->body = (const char *)request->p->in;
    request->body_len = (size_t)len;
    return true;
}

static bool request_parse(struct leati_control_request *request)
{
    char value[64] = "";
    const char *head = request->p->request.http_head;
    size_t method_len = strcspn(head, " \r\n");
    const char *target = head + method_len + (head[method_len] == ' ');
    size_t target_len = strcspn(target, " \r\n");
    const char *version = target + target_len;
    if (method_len >= sizeof(request->method) || strncmp(version, " HTTP/1.", 8) != 0)
        return leati_refuse(&request->refusal, 400, "", "this is not HTTP/1.1");
    memcpy(request->method, head, method_len);
    bool closes = header_get(request, "Connection", value, sizeof(value)) &&
                  leati_text_is_nocase(value, "close");
    request->keeps_alive = version[8] != '0' && !closes;
    return request_is_allowed(request) && target_split(request, target, target_len);
}

/* ---- answering ------------------------------------------------------------------------------- */

static const char *status_name(int status)
{
    static const struct {
        int status;
        const char *name;
    } names[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {500, "Internal Server Error"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i)
        if (names[i].status == status)
            return names[i].name;
    return "Refused";
}

static void refusal_write(struct leati_control_request *request)
{
    const struct leati_refusal *refusal = &request->refusal;
    char error[sizeof(refusal->reason) + sizeof(refusal->field) + 2];
    snprintf(error, sizeof(error), "%s%s%s", refusal->field, refusal->field[0] ? ": " : "",
             refusal->reason);
    request->text.len = 0;
    request->text.needs_comma = false;
    request->content_type = NULL;
    leati_json_open(&request->text, NULL, '{');
    leati_json_string(&request->text, "error", error);
    leati_json_number(&request->text, "status", (uint64_t)refusal->status);
    leati_json_string(&request->text, "field", refusal->field);
    leati_json_string(&request->text, "reason", refusal->reason);
    leati_json_close(&request->text, '}');
    request->status = refusal->status;
}

static bool answer_send(struct leati_control_request *request)
{
    static const char no_memory[] = "{\"error\":\"no memory\",\"status\":500}";
    char head[320];
    const char *body = request->text.data ? request->text.data : "";
    size_t body_len = request->status == 204 ? 0 : request->text.len;
    if (request->text.failed) {
        request->status = 500;
        body = no_memory;
        body_len = sizeof(no_memory) - 1;
    }
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%s%sContent-Length: %zu\r\n\r\n",
                       request->status, status_name(request->status),
                       request->content_type ? request->content_type : "application/json",
                       request->status == 401 ? "WWW-Authenticate: Bearer\r\n" : "",
                       request->keeps_alive ? "" : "Connection: close\r\n", body_len);
    return leati_peer_wire_send(request->p, head, (size_t)len) &&
           (body_len == 0 || leati_peer_wire_send(request->p, body, body_len));
}

static bool request_answer(struct leati_control_request *request)
{
    struct leat_testing_control *control = request->control;
    const struct route *route = NULL;
    request->status = 200;
    /* Where the body was not read nobody knows where the next request begins: a page could hide one
     * in it. */
    bool is_read = request_parse(request) && body_read(request);
    request->keeps_alive = request->keeps_alive && is_read;
    if (is_read)
        route = route_find(request);
    if (route && !route->is_unlocked)
        pthread_mutex_lock(&control->lock);
    bool is_well = route && route->answer(request);
    if (route && !route->is_unlocked)
        pthread_mutex_unlock(&control->lock);
    if (request->is_streamed)
        return false;
    if (!is_well)
        refusal_write(request);
    return answer_send(request) && request->keeps_alive;
}

static void control_serve(struct leati_peer *p)
{
    struct leati_control_request *request;
    bool goes_on = true;
    while (goes_on) {
        if (!leati_peer_need(p, 1) || !leati_peer_read_http_head(p))
            break;
        request = leati_calloc(1, sizeof(*request));
        if (!request)
            break;
        request->control = p->server->serve_user;
        request->p = p;
        goes_on = request_answer(request);
        if (request->body)
            leati_peer_consume(p, request->body_len);
        leati_free(request->text.data);
        leati_free(request);
    }
    (void)leati_peer_end(p, LEATI_PEER_CLOSE);
}

/* ---- the object ------------------------------------------------------------------------------ */

static bool is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static int control_start(struct leat_testing_control *control,
                         const struct leat_testing_control_options *options,
                         struct leat_testing_problem *ret_problem)
{
    static const struct leat_script_row nothing[] = {{.action = LEAT_SCRIPT_CLOSE}};
    const char *address = options->address ? options->address : "127.0.0.1";
    bool has_token = options->token && options->token[0] != '\0';
    if (!options->unix_path && !has_token && !is_loopback(address)) {
        leati_readable_format(ret_problem->text, sizeof(ret_problem->text),
                              "others reach %s: that needs a token", address);
        return LEAT_E_PARAMETER;
    }
    if (has_token && !(control->token = leati_strdup(options->token)))
        return LEAT_E_SYSTEM_INTERNAL;
    return leati_testing_server_new(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SCRIPT, .address = address, .port = options->port,
                             .unix_path = options->unix_path, .scripts = {nothing}),
        control_serve, control, &control->server, ret_problem);
}

static void control_destroy(struct leat_testing_control *control)
{
    while (control->entries)
        leati_entry_remove(control, control->entries);
    leat_testing_ca_free(control->ca);
    pthread_mutex_destroy(&control->lock);
    leati_free_secret(control->token);
    leati_free(control->url);
    leati_free(control);
}

int leat_testing_control_new(const struct leat_testing_control_options *options,
                             leat_testing_control **ret_control,
                             struct leat_testing_problem *ret_problem)
{
    struct leat_testing_control_options known = {.size = sizeof(known)};
    struct leat_testing_problem problem = {.text = "no memory"};
    if (!ret_control || (options && !leati_replace_known(&known, sizeof(known), options)))
        return LEAT_E_PARAMETER;
    struct leat_testing_control *control = leati_calloc(1, sizeof(*control));
    if (!control)
        return LEAT_E_SYSTEM_INTERNAL;
    pthread_mutex_init(&control->lock, NULL);
    control->capture = known.capture;
    int code = control_start(control, &known, &problem);
    if (code == LEAT_OK) {
        const char *url = leat_testing_server_get_url(control->server);
        bool is_tcp = strncmp(url, "tcp:", 4) == 0;
        control->url = leati_concat(is_tcp ? "http" : "", is_tcp ? url + 3 : url);
        code = control->url ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
    }
    if (code == LEAT_OK) {
        *ret_control = control;
        return LEAT_OK;
    }
    if (ret_problem)
        *ret_problem = problem;
    leat_testing_server_free(control->server);
    control_destroy(control);
    return code;
}

void leat_testing_control_free(leat_testing_control *control)
{
    if (!control)
        return;
    if (leati_testing_server_is_inherited(control->server)) {
        leat_testing_server_free(control->server);
        return;
    }
    /* First its servers: whoever waits for one of them is told, and its thread can end. */
    pthread_mutex_lock(&control->lock);
    control->is_stopping = true;
    for (struct leati_entry *entry = control->entries; entry; entry = entry->next)
        leati_entry_stop(entry);
    pthread_mutex_unlock(&control->lock);
    leat_testing_server_free(control->server);
    control_destroy(control);
}

const char *leat_testing_control_get_url(const leat_testing_control *control)
{
    return control ? control->url : "";
}

uint16_t leat_testing_control_get_port(const leat_testing_control *control)
{
    return control ? leat_testing_server_get_port(control->server) : 0;
}
