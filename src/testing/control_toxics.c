/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of toxiproxy 2 as its documentation has it: a proxy is a relay of the control, its
 * toxics are conditions of the link. Fields that are not known are passed over, as there: its clients
 * send back what they were told. */
#include "testing/control.h"
#include "testing/resolve.h"
#include "util/alloc.h"
#include "util/readable.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

#define ALL_PPM        1000000u
#define NAME_BYTES_MAX 255

static const struct toxic_type {
    const char *name;
    enum leat_testing_condition_kind kind;
    const char *attributes[3]; /* in the order of a toxic's values */
    uint64_t max[3];
} types[] = {
    {"latency",
     LEAT_TESTING_CONDITION_LATENCY,
     {"latency", "jitter"},
     {LEAT_TESTING_TIME_MS_MAX, LEAT_TESTING_TIME_MS_MAX, 0}},
    {"bandwidth", LEAT_TESTING_CONDITION_BANDWIDTH, {"rate"}, {UINT32_MAX / 1000}},
    {"slow_close", LEAT_TESTING_CONDITION_SLOW_CLOSE, {"delay"}, {LEAT_TESTING_TIME_MS_MAX}},
    {"timeout", LEAT_TESTING_CONDITION_TIMEOUT, {"timeout"}, {LEAT_TESTING_TIME_MS_MAX}},
    {"reset_peer", LEAT_TESTING_CONDITION_RESET, {"timeout"}, {LEAT_TESTING_TIME_MS_MAX}},
    {"slicer",
     LEAT_TESTING_CONDITION_SLICE,
     {"average_size", "size_variation", "delay"},
     {UINT32_MAX, UINT32_MAX, UINT32_MAX}},
    {"limit_data", LEAT_TESTING_CONDITION_LIMIT, {"bytes"}, {UINT32_MAX}},
};

enum { LATENCY, BANDWIDTH, SLOW_CLOSE, TIMEOUT, RESET_PEER, SLICER, LIMIT_DATA, TYPES };

bool leati_toxic_condition(const struct leati_toxic *toxic,
                           struct leat_testing_condition *ret_condition)
{
    const uint64_t *values = toxic->values;
    struct leat_testing_condition condition = {
        .kind = types[toxic->type].kind,
        .direction = toxic->is_up ? LEAT_TESTING_UP : LEAT_TESTING_DOWN,
        .spared_ppm = ALL_PPM - (uint32_t)(toxic->toxicity * ALL_PPM + 0.5),
    };
    if ((toxic->type == BANDWIDTH || toxic->type == SLICER) && values[0] == 0)
        return false; /* no limit */
    if (toxic->type == BANDWIDTH) {
        condition.bytes = values[0] * 1000;
    } else if (toxic->type == SLICER) {
        condition.bytes = values[0];
        condition.variation_bytes = values[1] < values[0] ? values[1] : values[0] - 1;
        condition.gap_us = (uint32_t)values[2];
    } else if (toxic->type == LIMIT_DATA) {
        condition.bytes = values[0];
    } else {
        condition.delay_ms = (uint32_t)values[0];
        condition.jitter_ms = toxic->type == LATENCY ? (uint32_t)values[1] : 0;
    }
    *ret_condition = condition;
    return true;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void toxic_write(struct leati_json_text *text, const struct leati_toxic *toxic)
{
    const struct toxic_type *type = &types[toxic->type];
    leati_json_open(text, NULL, '{');
    leati_json_open(text, "attributes", '{');
    for (size_t i = 0; i < 3 && type->attributes[i]; ++i)
        leati_json_number(text, type->attributes[i], toxic->values[i]);
    leati_json_close(text, '}');
    leati_json_string(text, "name", toxic->name);
    leati_json_string(text, "type", type->name);
    leati_json_string(text, "stream", toxic->is_up ? "upstream" : "downstream");
    leati_json_real(text, "toxicity", toxic->toxicity);
    leati_json_close(text, '}');
}

static void toxics_write(struct leati_json_text *text, const char *name,
                         const struct leati_entry *entry)
{
    leati_json_open(text, name, '[');
    for (size_t i = 0; i < entry->toxic_count; ++i)
        toxic_write(text, &entry->toxics[i]);
    leati_json_close(text, ']');
}

static const char *address_of(const struct leati_entry *entry)
{
    return leati_json_text_of(entry->json, "address", "127.0.0.1");
}

static void proxy_write(struct leati_json_text *text, const char *name,
                        const struct leati_entry *entry)
{
    char listen[128];
    const char *address = address_of(entry);
    snprintf(listen, sizeof(listen), strchr(address, ':') ? "[%s]:%u" : "%s:%u", address,
             entry->port);
    leati_json_open(text, name, '{');
    leati_json_string(text, "name", entry->name);
    leati_json_string(text, "listen", listen);
    leati_json_string(text, "upstream", leati_json_text_of(entry->json, "to", NULL));
    leati_json_bool(text, "enabled", entry->served);
    toxics_write(text, "toxics", entry);
    leati_json_close(text, '}');
}

/* ---- proxies --------------------------------------------------------------------------------- */

/* What a client says of a proxy; NULL: it says nothing of that. */
struct proxy_wish {
    const char *name, *listen, *upstream;
    char address[64];
    uint16_t port;
    bool says_enabled, is_enabled;
};

/* "127.0.0.1:0", "localhost:1", "[::]:1", ":1", "". */
static bool listen_parse(struct leati_control_request *request, struct proxy_wish *wish)
{
    char host[256] = "0.0.0.0";
    uint64_t port = 0;
    const char *listen = wish->listen, *colon = strrchr(listen, ':');
    struct sockaddr_storage address;
    if (listen[0] == '\0') {
        snprintf(wish->address, sizeof(wish->address), "127.0.0.1");
        return true;
    }
    size_t len = colon ? (size_t)(colon - listen) : 0;
    if (!colon || len > 255 || !leati_text_parse_u64(colon + 1, strlen(colon + 1), 65535, &port))
        return leati_refuse(&request->refusal, 400, "listen", "HOST:PORT was expected");
    if (len > 2 && listen[0] == '[' && listen[len - 1] == ']')
        snprintf(host, sizeof(host), "%.*s", (int)(len - 2), listen + 1);
    else if (len > 0)
        snprintf(host, sizeof(host), "%.*s", (int)len, listen);
    if (strcmp(host, "localhost") == 0)
        snprintf(host, sizeof(host), "127.0.0.1");
    if (strlen(host) >= sizeof(wish->address) || !leati_testing_address_parse(host, 0, &address))
        return leati_refuse(&request->refusal, 400, "listen",
                            "the host is an IPv4 or IPv6 address, or localhost");
    memcpy(wish->address, host, strlen(host) + 1);
    wish->port = (uint16_t)port;
    return true;
}

static bool refuse_type(struct leati_control_request *request, const char *field,
                        const char *expected)
{
    return leati_refuse(&request->refusal, 400, field, "bad request body: %s was expected",
                        expected);
}

static bool wish_text(struct leati_control_request *request, const struct leati_json *json,
                      const char *name, const char **ret_text)
{
    const struct leati_json *member = leati_json_member(json, name);
    *ret_text = NULL;
    if (!member || member->type == LEATI_JSON_NULL)
        return true;
    if (member->type != LEATI_JSON_STRING)
        return refuse_type(request, name, "a string");
    *ret_text = member->text;
    return true;
}

static bool wish_read(struct leati_control_request *request, const struct leati_json *json,
                      struct proxy_wish *ret_wish)
{
    *ret_wish = (struct proxy_wish){.is_enabled = true};
    if (json->type != LEATI_JSON_OBJECT)
        return refuse_type(request, "", "an object");
    const struct leati_json *enabled = leati_json_member(json, "enabled");
    if (enabled && enabled->type != LEATI_JSON_NULL) {
        if (enabled->type != LEATI_JSON_TRUE && enabled->type != LEATI_JSON_FALSE)
            return refuse_type(request, "enabled", "true or false");
        ret_wish->says_enabled = true;
        ret_wish->is_enabled = enabled->type == LEATI_JSON_TRUE;
    }
    if (!wish_text(request, json, "name", &ret_wish->name) ||
        !wish_text(request, json, "listen", &ret_wish->listen) ||
        !wish_text(request, json, "upstream", &ret_wish->upstream))
        return false;
    if (ret_wish->upstream && ret_wish->upstream[0] != '\0' &&
        !leati_testing_destination_parse(ret_wish->upstream, NULL, NULL))
        return leati_refuse(&request->refusal, 400, "upstream", "HOST:PORT was expected");
    return !ret_wish->listen || listen_parse(request, ret_wish);
}

/* The same as JSON of a server. NULL: no memory. */
static struct leati_json *wish_json(const struct proxy_wish *wish)
{
    struct leati_json_text text = {0};
    struct leati_json *json = NULL;
    struct leat_testing_problem problem;
    leati_json_open(&text, NULL, '{');
    leati_json_string(&text, "name", wish->name);
    leati_json_string(&text, "kind", "tcp");
    leati_json_string(&text, "address", wish->address[0] ? wish->address : "127.0.0.1");
    leati_json_number(&text, "port", wish->port);
    leati_json_string(&text, "to", wish->upstream);
    leati_json_bool(&text, "enabled", wish->is_enabled);
    leati_json_close(&text, '}');
    if (!text.failed && leati_json_parse(text.data, text.len, &json, &problem) != LEAT_OK)
        json = NULL;
    leati_free(text.data);
    return json;
}

static struct leati_entry *wish_add(struct leati_control_request *request,
                                    const struct proxy_wish *wish)
{
    struct leati_json *json = wish_json(wish);
    if (!json)
        (void)leati_refuse(&request->refusal, 500, "", "no memory");
    return json ? leati_entry_add(request, json) : NULL;
}

static bool wish_is_whole(struct leati_control_request *request, const struct proxy_wish *wish)
{
    const char *missing = !wish->name || wish->name[0] == '\0'           ? "name"
                          : !wish->upstream || wish->upstream[0] == '\0' ? "upstream"
                                                                         : NULL;
    return !missing || leati_refuse(&request->refusal, 400, missing, "missing required field");
}

static bool is_proxy(const struct leati_entry *entry)
{
    return strcmp(leati_json_text_of(entry->json, "kind", ""), "tcp") == 0 &&
           leati_json_text_of(entry->json, "to", NULL);
}

static struct leati_entry *proxy_of(struct leati_control_request *request)
{
    struct leati_entry *entry = leati_entry_of(request, "proxy not found");
    if (entry && !is_proxy(entry)) {
        (void)leati_refuse(&request->refusal, 404, "name", "proxy not found");
        return NULL;
    }
    return entry;
}

bool leati_proxies_list(struct leati_control_request *request)
{
    leati_json_open(&request->text, NULL, '{');
    for (struct leati_entry *entry = request->control->entries; entry; entry = entry->next)
        if (is_proxy(entry))
            proxy_write(&request->text, entry->name, entry);
    leati_json_close(&request->text, '}');
    return true;
}

bool leati_proxy_create(struct leati_control_request *request)
{
    struct proxy_wish wish;
    struct leati_json *json = NULL;
    struct leati_entry *entry = NULL;
    if (!leati_control_json(request, &json))
        return false;
    if (wish_read(request, json, &wish) && wish_is_whole(request, &wish))
        entry = wish_add(request, &wish);
    leati_json_free(json);
    if (entry) {
        proxy_write(&request->text, NULL, entry);
        request->status = 201;
    }
    return entry;
}

bool leati_proxy_show(struct leati_control_request *request)
{
    struct leati_entry *entry = proxy_of(request);
    if (entry)
        proxy_write(&request->text, NULL, entry);
    return entry;
}

bool leati_proxy_remove(struct leati_control_request *request)
{
    struct leati_entry *entry = proxy_of(request);
    if (!entry)
        return false;
    leati_entry_remove(request->control, entry);
    request->status = 204;
    return true;
}

/* Whether a wish is what a proxy is already. */
static bool wish_is_met(const struct leati_entry *entry, const struct proxy_wish *wish)
{
    bool is_there = !wish->listen || (strcmp(wish->address, address_of(entry)) == 0 &&
                                      (wish->port == 0 || wish->port == entry->port));
    return is_there && (!wish->upstream ||
                        strcmp(wish->upstream, leati_json_text_of(entry->json, "to", NULL)) == 0);
}

static bool proxy_apply(struct leati_control_request *request, struct leati_entry *entry,
                        const struct proxy_wish *wish)
{
    bool was_enabled = entry->served;
    if (!wish_is_met(entry, wish)) {
        leati_entry_stop(entry);
        if ((wish->listen && !leati_entry_set_text(entry, "address", wish->address)) ||
            (wish->upstream && !leati_entry_set_text(entry, "to", wish->upstream)))
            return leati_refuse(&request->refusal, 500, "", "no memory");
        if (wish->listen)
            leati_entry_set_port(entry, wish->port);
    }
    if (wish->says_enabled ? wish->is_enabled : was_enabled)
        return leati_entry_start(request, entry);
    leati_entry_stop(entry);
    return true;
}

bool leati_proxy_change(struct leati_control_request *request)
{
    struct proxy_wish wish;
    struct leati_json *json = NULL;
    struct leati_entry *entry = proxy_of(request);
    if (!entry || !leati_control_json(request, &json))
        return false;
    bool is_well = wish_read(request, json, &wish) && proxy_apply(request, entry, &wish);
    leati_json_free(json);
    if (is_well)
        proxy_write(&request->text, NULL, entry);
    return is_well;
}

/* One that is there as it is wished stays; its port and its toxics as well. */
static bool proxy_populate(struct leati_control_request *request, const struct proxy_wish *wish)
{
    struct leati_entry *entry = leati_entry_find(request->control, wish->name);
    if (entry && is_proxy(entry) && wish_is_met(entry, wish)) {
        bool is_well = !wish->is_enabled || leati_entry_start(request, entry);
        if (is_well && !wish->is_enabled)
            leati_entry_stop(entry);
        if (is_well)
            proxy_write(&request->text, NULL, entry);
        return is_well;
    }
    if (entry)
        leati_entry_remove(request->control, entry);
    entry = wish_add(request, wish);
    if (entry)
        proxy_write(&request->text, NULL, entry);
    return entry;
}

bool leati_proxies_populate(struct leati_control_request *request)
{
    struct proxy_wish wish;
    struct leati_json *json = NULL;
    if (!leati_control_json(request, &json))
        return false;
    bool is_well =
        json->type == LEATI_JSON_ARRAY || refuse_type(request, "", "an array of proxies");
    for (const struct leati_json *item = is_well ? json->first : NULL; item && is_well;
         item = item->next) { /* all of them before the first one changes anything */
        is_well = wish_read(request, item, &wish) && wish_is_whole(request, &wish);
    }
    leati_json_open(&request->text, NULL, '{');
    leati_json_open(&request->text, "proxies", '[');
    for (const struct leati_json *item = is_well ? json->first : NULL; item && is_well;
         item = item->next)
        is_well = wish_read(request, item, &wish) && proxy_populate(request, &wish);
    leati_json_close(&request->text, ']');
    leati_json_close(&request->text, '}');
    leati_json_free(json);
    request->status = 201;
    return is_well;
}

bool leati_proxies_reset(struct leati_control_request *request)
{
    bool is_well = true;
    for (struct leati_entry *entry = request->control->entries; entry && is_well;
         entry = entry->next) {
        if (!is_proxy(entry))
            continue;
        leati_toxics_clear(entry);
        is_well = leati_entry_start(request, entry) && leati_entry_apply(request, entry);
    }
    request->status = 204;
    return is_well;
}

/* ---- toxics ---------------------------------------------------------------------------------- */

static struct leati_toxic *toxic_find(struct leati_entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->toxic_count; ++i)
        if (strcmp(entry->toxics[i].name, name) == 0)
            return &entry->toxics[i];
    return NULL;
}

/* The toxic that the path names. */
static struct leati_toxic *toxic_of(struct leati_control_request *request,
                                    struct leati_entry **ret_entry)
{
    *ret_entry = proxy_of(request);
    struct leati_toxic *toxic = *ret_entry ? toxic_find(*ret_entry, request->segments[3]) : NULL;
    if (*ret_entry && !toxic)
        (void)leati_refuse(&request->refusal, 404, "name", "toxic not found");
    return toxic;
}

static bool attributes_read(struct leati_control_request *request,
                            const struct leati_json *attributes, struct leati_toxic *toxic)
{
    const struct toxic_type *type = &types[toxic->type];
    if (!attributes || attributes->type == LEATI_JSON_NULL)
        return true;
    if (attributes->type != LEATI_JSON_OBJECT)
        return refuse_type(request, "attributes", "an object");
    for (const struct leati_json *json = attributes->first; json; json = json->next) {
        size_t i = 0;
        while (i < 3 && type->attributes[i] && strcmp(type->attributes[i], json->name) != 0)
            ++i;
        if (i == 3 || !type->attributes[i])
            return leati_refuse(&request->refusal, 400, json->name,
                                "bad request body: %s has no such attribute", type->name);
        if (!leati_json_whole(json, type->max[i], &toxic->values[i]))
            return leati_refuse(&request->refusal, 400, json->name,
                                "bad request body: a whole number up to %llu was expected",
                                (unsigned long long)type->max[i]);
    }
    return true;
}

static bool toxicity_read(struct leati_control_request *request, const struct leati_json *json,
                          struct leati_toxic *toxic)
{
    const struct leati_json *toxicity = leati_json_member(json, "toxicity");
    if (!toxicity || toxicity->type == LEATI_JSON_NULL)
        return true;
    if (toxicity->type != LEATI_JSON_NUMBER || toxicity->number < 0 || toxicity->number > 1)
        return refuse_type(request, "toxicity", "a number from 0 to 1");
    toxic->toxicity = toxicity->number;
    return true;
}

/* What a new toxic is, but for its name. */
static bool toxic_read(struct leati_control_request *request, const struct leati_json *json,
                       struct leati_toxic *toxic)
{
    const char *type = NULL, *stream = NULL;
    *toxic = (struct leati_toxic){.toxicity = 1};
    if (json->type != LEATI_JSON_OBJECT)
        return refuse_type(request, "", "an object");
    if (!wish_text(request, json, "type", &type) || !wish_text(request, json, "stream", &stream))
        return false;
    stream = stream && stream[0] != '\0' ? stream : "downstream";
    toxic->is_up = strcmp(stream, "upstream") == 0;
    if (!toxic->is_up && strcmp(stream, "downstream") != 0)
        return leati_refuse(&request->refusal, 400, "stream",
                            "stream was invalid, can be either upstream or downstream");
    while (toxic->type < TYPES && (!type || strcmp(types[toxic->type].name, type) != 0))
        ++toxic->type;
    if (toxic->type == TYPES)
        return leati_refuse(&request->refusal, 400, "type", "invalid toxic type");
    return toxicity_read(request, json, toxic) &&
           attributes_read(request, leati_json_member(json, "attributes"), toxic);
}

static bool toxic_add(struct leati_control_request *request, struct leati_entry *entry,
                      const struct leati_json *json)
{
    struct leati_toxic toxic;
    const char *name = NULL;
    if (!toxic_read(request, json, &toxic) || !wish_text(request, json, "name", &name))
        return false;
    if (name && strlen(name) > NAME_BYTES_MAX)
        return leati_refuse(&request->refusal, 400, "name", "it has at most 255 bytes");
    toxic.name = name && name[0] != '\0' ? leati_strdup(name)
                                         : leati_asprintf("%s_%s", types[toxic.type].name,
                                                          toxic.is_up ? "upstream" : "downstream");
    if (!toxic.name)
        return leati_refuse(&request->refusal, 500, "", "no memory");
    bool is_taken = toxic_find(entry, toxic.name);
    if (is_taken || entry->toxic_count == LEAT_TESTING_CONTROL_TOXICS_MAX) {
        leati_free(toxic.name);
        return leati_refuse(&request->refusal, is_taken ? 409 : 507, "name", "%s",
                            is_taken ? "toxic already exists" : "a proxy has at most 16 toxics");
    }
    entry->toxics[entry->toxic_count++] = toxic;
    if (leati_entry_apply(request, entry))
        return true;
    leati_free(entry->toxics[--entry->toxic_count].name);
    return false;
}

bool leati_toxics_list(struct leati_control_request *request)
{
    struct leati_entry *entry = proxy_of(request);
    if (entry)
        toxics_write(&request->text, NULL, entry);
    return entry;
}

bool leati_toxic_create(struct leati_control_request *request)
{
    struct leati_json *json = NULL;
    struct leati_entry *entry = proxy_of(request);
    if (!entry || !leati_control_json(request, &json))
        return false;
    bool is_well = toxic_add(request, entry, json);
    if (is_well)
        toxic_write(&request->text, &entry->toxics[entry->toxic_count - 1]);
    leati_json_free(json);
    return is_well;
}

bool leati_toxic_show(struct leati_control_request *request)
{
    struct leati_entry *entry = NULL;
    const struct leati_toxic *toxic = toxic_of(request, &entry);
    if (toxic)
        toxic_write(&request->text, toxic);
    return toxic;
}

bool leati_toxic_change(struct leati_control_request *request)
{
    struct leati_json *json = NULL;
    struct leati_entry *entry = NULL;
    struct leati_toxic *toxic = toxic_of(request, &entry);
    if (!toxic || !leati_control_json(request, &json))
        return false;
    struct leati_toxic changed = *toxic;
    bool is_well = json->type == LEATI_JSON_OBJECT || refuse_type(request, "", "an object");
    is_well = is_well && toxicity_read(request, json, &changed) &&
              attributes_read(request, leati_json_member(json, "attributes"), &changed);
    leati_json_free(json);
    if (!is_well)
        return false;
    const struct leati_toxic former = *toxic;
    *toxic = changed;
    is_well = leati_entry_apply(request, entry);
    if (is_well)
        toxic_write(&request->text, toxic);
    else
        *toxic = former;
    return is_well;
}

bool leati_toxic_remove(struct leati_control_request *request)
{
    struct leati_entry *entry = NULL;
    struct leati_toxic *toxic = toxic_of(request, &entry);
    if (!toxic)
        return false;
    leati_free(toxic->name);
    size_t behind = (size_t)(&entry->toxics[entry->toxic_count] - toxic) - 1;
    memmove(toxic, toxic + 1, behind * sizeof(*toxic));
    --entry->toxic_count;
    request->status = 204;
    return leati_entry_apply(request, entry);
}
