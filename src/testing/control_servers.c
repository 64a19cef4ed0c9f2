/* SPDX-License-Identifier: Apache-2.0 */
/* The servers of a control by their names, and what is asked about them. */
#include "testing/control.h"
#include "testing/diagram.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <string.h>

#define NAME_BYTES_MAX 255

void leati_served_release(struct leati_served *served)
{
    if (--served->refs == 0) {
        leati_testing_server_destroy(served->server);
        leati_free(served);
    }
}

/* ---- entries --------------------------------------------------------------------------------- */

struct leati_entry *leati_entry_find(struct leat_testing_control *control, const char *name)
{
    struct leati_entry *entry = control->entries;
    while (entry && strcmp(entry->name, name) != 0)
        entry = entry->next;
    return entry;
}

struct leati_entry *leati_entry_of(struct leati_control_request *request, const char *text)
{
    struct leati_entry *entry = leati_entry_find(request->control, request->segments[1]);
    if (!entry)
        (void)leati_refuse(&request->refusal, 404, "name", "%s", text);
    return entry;
}

void leati_toxics_clear(struct leati_entry *entry)
{
    for (size_t i = 0; i < entry->toxic_count; ++i)
        leati_free(entry->toxics[i].name);
    entry->toxic_count = 0;
}

void leati_entry_stop(struct leati_entry *entry)
{
    if (!entry->served)
        return;
    leati_testing_server_stop(entry->served->server);
    leati_served_release(entry->served);
    entry->served = NULL;
}

static void entry_free(struct leati_entry *entry)
{
    leati_toxics_clear(entry);
    leati_json_free(entry->json);
    leati_free(entry);
}

void leati_entry_remove(struct leat_testing_control *control, struct leati_entry *entry)
{
    struct leati_entry **link = &control->entries;
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    --control->entry_count;
    leati_entry_stop(entry);
    entry_free(entry);
}

/* Its CA, made when it is asked for. NULL: refused. */
leat_testing_ca *leati_control_ca_get(struct leati_control_request *request)
{
    struct leat_testing_problem problem = {.text = "no memory"};
    struct leat_testing_control *control = request->control;
    if (!control->ca && leat_testing_ca_new(NULL, &control->ca, &problem) != LEAT_OK)
        (void)leati_refuse(&request->refusal, 500, "", "there is no CA: %s", problem.text);
    return control->ca;
}

bool leati_entry_start(struct leati_control_request *request, struct leati_entry *entry)
{
    struct leati_settings settings;
    int code;
    if (entry->served)
        return true;
    if (request->control->is_stopping)
        return leati_refuse(&request->refusal, 410, "", "the control is ending");
    if (!leati_settings_read(entry->json, &settings, &request->refusal) ||
        (settings.wants_certificate && !leati_control_ca_get(request)))
        return false;
    settings.options.capture = request->control->capture;
    if (entry->port != 0)
        settings.options.port = entry->port; /* where its clients look for it */
    struct leati_served *served = leati_calloc(1, sizeof(*served));
    if (!served)
        return leati_refuse(&request->refusal, 500, "", "no memory");
    if (!leati_settings_start(&settings, request->control->ca, &served->server, &request->refusal,
                              &code)) {
        leati_free(served);
        return false;
    }
    served->refs = 1;
    entry->served = served;
    entry->port = leat_testing_server_get_port(served->server);
    return leati_entry_apply(request, entry);
}

/* Without a name it gets one. */
static bool name_check(struct leati_control_request *request, struct leati_json *json,
                       const char **ret_name)
{
    const struct leati_json *name = leati_json_member(json, "name");
    if (!name || name->type != LEATI_JSON_STRING)
        return leati_refuse(&request->refusal, 400, "name", "it is missing, or no string");
    if (name->text[0] == '\0' || strlen(name->text) > NAME_BYTES_MAX)
        return leati_refuse(&request->refusal, 400, "name", "it has 1 to 255 bytes");
    if (leati_entry_find(request->control, name->text))
        return leati_refuse(&request->refusal, 409, "name", "a server of that name already exists");
    *ret_name = name->text;
    return true;
}

struct leati_entry *leati_entry_add(struct leati_control_request *request, struct leati_json *json)
{
    struct leat_testing_control *control = request->control;
    struct leati_settings settings;
    const char *name = NULL;
    struct leati_entry *entry = NULL;
    if (!leati_settings_read(json, &settings, &request->refusal) ||
        !name_check(request, json, &name))
        goto out;
    if (control->entry_count == LEAT_TESTING_CONTROL_SERVERS_MAX) {
        (void)leati_refuse(&request->refusal, 507, "", "there are %d servers already",
                           LEAT_TESTING_CONTROL_SERVERS_MAX);
        goto out;
    }
    entry = leati_calloc(1, sizeof(*entry));
    if (!entry) {
        (void)leati_refuse(&request->refusal, 500, "", "no memory");
        goto out;
    }
    *entry = (struct leati_entry){.json = json, .name = name, .port = settings.options.port};
    json = NULL;
    if (settings.is_enabled && !leati_entry_start(request, entry)) {
        leati_entry_stop(entry);
        entry_free(entry);
        return NULL;
    }
    struct leati_entry **link = &control->entries;
    while (*link)
        link = &(*link)->next;
    *link = entry;
    ++control->entry_count;
out:
    leati_json_free(json);
    return entry;
}

/* Beside `count` conditions. */
static bool toxics_fit(struct leati_control_request *request, const struct leati_entry *entry,
                       size_t count)
{
    struct leat_testing_condition condition;
    for (size_t i = 0; i < entry->toxic_count; ++i)
        count += leati_toxic_condition(&entry->toxics[i], &condition);
    return count <= LEAT_TESTING_CONDITIONS_MAX ||
           leati_refuse(&request->refusal, 507, "conditions",
                        "a server has at most %d conditions, toxics among them",
                        LEAT_TESTING_CONDITIONS_MAX);
}

bool leati_entry_apply(struct leati_control_request *request, struct leati_entry *entry)
{
    struct leat_testing_condition all[LEAT_TESTING_CONDITIONS_MAX];
    struct leat_testing_condition *parsed = NULL;
    struct leat_testing_problem problem = {.text = "no memory"};
    const char *text = leati_json_text_of(entry->json, "conditions", NULL);
    size_t count = 0;
    if (!entry->served)
        return true;
    if (text && leat_testing_conditions_parse(text, &parsed, &count, &problem) != LEAT_OK)
        return leati_refuse(&request->refusal, 400, "conditions", "%s", problem.text);
    if (count > 0)
        memcpy(all, parsed, count * sizeof(all[0]));
    leat_testing_conditions_free(parsed);
    if (!toxics_fit(request, entry, count))
        return false;
    for (size_t i = 0; i < entry->toxic_count; ++i)
        count += leati_toxic_condition(&entry->toxics[i], &all[count]);
    return leati_testing_conditions_replace(entry->served->server, all, count) ||
           leati_refuse(&request->refusal, 500, "", "no memory");
}

/* ---- changes --------------------------------------------------------------------------------- */

/* Where a member hangs; NULL = there is none. */
static struct leati_json **member_link(struct leati_json *object, const char *name)
{
    struct leati_json **link = &object->first;
    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    return *link ? link : NULL;
}

/* Puts a member, which belongs to the object from now on, in place of the one of its name. */
static void member_put(struct leati_json *object, struct leati_json *member)
{
    struct leati_json **link = member_link(object, member->name);
    member->next = NULL;
    if (!link) {
        link = &object->first;
        while (*link)
            link = &(*link)->next;
    } else {
        struct leati_json *former = *link;
        member->next = former->next;
        former->next = NULL;
        leati_json_free(former);
    }
    *link = member;
}

bool leati_entry_set_text(struct leati_entry *entry, const char *name, const char *text)
{
    struct leati_json *member = leati_calloc(1, sizeof(*member));
    if (!member)
        return false;
    member->type = LEATI_JSON_STRING;
    member->name = leati_strdup(name);
    member->text = leati_strdup(text);
    if (!member->name || !member->text) {
        leati_json_free(member);
        return false;
    }
    member_put(entry->json, member);
    return true;
}

void leati_entry_set_port(struct leati_entry *entry, uint16_t port)
{
    struct leati_json **link = member_link(entry->json, "port");
    if (link)
        (*link)->number = port;
    entry->port = port;
}

/* Whether a server that runs takes a change without being started again. */
static bool is_soft(const char *name)
{
    return strcmp(name, "faults") == 0 || strcmp(name, "conditions") == 0 ||
           strcmp(name, "enabled") == 0;
}

static enum leat_testing_kind kind_of(const struct leati_entry *entry)
{
    struct leati_settings settings;
    struct leati_refusal refusal;
    return leati_settings_read(entry->json, &settings, &refusal) ? settings.options.kind
                                                                 : LEAT_TESTING_SCRIPT;
}

static bool conditions_check(struct leati_control_request *request, const struct leati_entry *entry,
                             const struct leati_settings *settings, enum leat_testing_kind kind)
{
    struct leat_testing_condition *conditions = NULL;
    struct leat_testing_problem problem = {.text = "no memory"};
    size_t count = 0;
    if (leat_testing_conditions_parse(settings->options.conditions, &conditions, &count,
                                      &problem) != LEAT_OK)
        return leati_refuse(&request->refusal, 400, "conditions", "%s", problem.text);
    const char *wrong = NULL;
    for (size_t i = 0; i < count && !wrong; ++i)
        wrong = leati_testing_condition_refusal(kind, &conditions[i]);
    leat_testing_conditions_free(conditions);
    if (wrong)
        return leati_refuse(&request->refusal, 400, "conditions", "%s", wrong);
    return toxics_fit(request, entry, count);
}

/* What can be wrong is looked at before anything is changed. */
static bool changes_check(struct leati_control_request *request, const struct leati_entry *entry,
                          const struct leati_json *changes, bool *ret_is_hard)
{
    struct leati_settings settings;
    *ret_is_hard = false;
    if (changes->type != LEATI_JSON_OBJECT)
        return leati_refuse(&request->refusal, 400, "", "a JSON object was expected");
    for (const struct leati_json *change = changes->first; change; change = change->next) {
        if (strcmp(change->name, "name") == 0 && strcmp(entry->name, "") != 0 &&
            (change->type != LEATI_JSON_STRING || strcmp(change->text, entry->name) != 0))
            return leati_refuse(&request->refusal, 400, "name", "a name stays");
        *ret_is_hard =
            *ret_is_hard || (!is_soft(change->name) && strcmp(change->name, "name") != 0);
    }
    bool has_kind = leati_json_member(changes, "kind");
    if (!leati_settings_read(changes, &settings, &request->refusal) &&
        (has_kind || strcmp(request->refusal.field, "kind") != 0)) {
        return false; /* but that its kind is missing is no mistake here */
    }
    request->refusal = (struct leati_refusal){0};
    return conditions_check(request, entry, &settings,
                            has_kind ? settings.options.kind : kind_of(entry));
}

static bool faults_apply(struct leati_control_request *request, struct leati_entry *entry,
                         const struct leati_json *changes)
{
    struct leat_testing_problem problem = {.text = "no memory"};
    const struct leati_json *faults = leati_json_member(changes, "faults");
    if (!faults || !entry->served)
        return true;
    return leat_testing_server_set_faults(entry->served->server, faults->text, &problem) ==
               LEAT_OK ||
           leati_refuse(&request->refusal, 400, "faults", "%s", problem.text);
}

static bool changes_apply(struct leati_control_request *request, struct leati_entry *entry,
                          struct leati_json *changes, bool is_hard)
{
    if (!is_hard && !faults_apply(request, entry, changes))
        return false;
    while (changes->first) {
        struct leati_json *change = changes->first;
        changes->first = change->next;
        if (strcmp(change->name, "name") == 0) {
            change->next = NULL;
            leati_json_free(change); /* `entry->name` points into the one that is there */
        } else {
            if (strcmp(change->name, "port") == 0)
                entry->port = 0;
            member_put(entry->json, change);
        }
    }
    const struct leati_json *enabled = leati_json_member(entry->json, "enabled");
    bool is_enabled = !enabled || enabled->type != LEATI_JSON_FALSE;
    if (is_hard || !is_enabled)
        leati_entry_stop(entry);
    return is_enabled && !entry->served ? leati_entry_start(request, entry)
                                        : leati_entry_apply(request, entry);
}

/* ---- what is told of a server ---------------------------------------------------------------- */

static void entry_write(struct leati_control_request *request, const char *name,
                        const struct leati_entry *entry)
{
    struct leati_json_text *text = &request->text;
    leat_testing_server *server = entry->served ? entry->served->server : NULL;
    const char *to = leati_json_text_of(entry->json, "to", "");
    const leat_testing_ca *ca = request->control->ca;
    leati_json_open(text, name, '{');
    leati_json_string(text, "name", entry->name);
    leati_json_string(text, "kind", leati_json_text_of(entry->json, "kind", ""));
    leati_json_bool(text, "enabled", server);
    leati_json_string(text, "url", leat_testing_server_get_url(server));
    leati_json_string(text, "address", leat_testing_server_get_address(server));
    leati_json_number(text, "port", server ? leat_testing_server_get_port(server) : entry->port);
    if (to[0])
        leati_json_string(text, "to", to);
    leati_json_string(text, "faults", leati_json_text_of(entry->json, "faults", ""));
    leati_json_string(text, "conditions", leati_json_text_of(entry->json, "conditions", ""));
    if (ca && leati_json_member(entry->json, "tls"))
        leati_json_string(text, "ca", leat_testing_ca_get_certificate(ca)->cert_path);
    leati_json_close(text, '}');
}

bool leati_control_servers_list(struct leati_control_request *request)
{
    leati_json_open(&request->text, NULL, '{');
    leati_json_open(&request->text, "servers", '[');
    for (struct leati_entry *entry = request->control->entries; entry; entry = entry->next)
        entry_write(request, NULL, entry);
    leati_json_close(&request->text, ']');
    leati_json_close(&request->text, '}');
    return true;
}

bool leati_control_server_create(struct leati_control_request *request)
{
    struct leati_json *json = NULL;
    if (!leati_control_json(request, &json))
        return false;
    struct leati_entry *entry = leati_entry_add(request, json);
    if (!entry)
        return false;
    request->status = 201;
    entry_write(request, NULL, entry);
    return true;
}

bool leati_control_server_show(struct leati_control_request *request)
{
    struct leati_entry *entry = leati_entry_of(request, "there is no such server");
    if (entry)
        entry_write(request, NULL, entry);
    return entry;
}

bool leati_control_server_change(struct leati_control_request *request)
{
    struct leati_json *changes = NULL;
    bool is_hard = false;
    struct leati_entry *entry = leati_entry_of(request, "there is no such server");
    if (!entry || !leati_control_json(request, &changes))
        return false;
    bool is_well = changes_check(request, entry, changes, &is_hard) &&
                   changes_apply(request, entry, changes, is_hard);
    leati_json_free(changes);
    if (is_well)
        entry_write(request, NULL, entry);
    return is_well;
}

bool leati_control_server_remove(struct leati_control_request *request)
{
    struct leati_entry *entry = leati_entry_of(request, "there is no such server");
    if (!entry)
        return false;
    leati_entry_remove(request->control, entry);
    request->status = 204;
    return true;
}

bool leati_control_server_release(struct leati_control_request *request)
{
    struct leati_entry *entry = leati_entry_of(request, "there is no such server");
    if (!entry)
        return false;
    if (entry->served)
        leat_testing_server_release(entry->served->server);
    request->status = 204;
    return true;
}

static void steps_write(struct leati_json_text *text, leat_testing_server *server)
{
    leati_json_open(text, "steps", '{');
    for (int step = 0; step < (int)LEATI_TESTING_STEPS; ++step) {
        if (leat_testing_kind_has_step(server->options.kind, (enum leat_testing_step)step)) {
            const char *name = leat_testing_step_name((enum leat_testing_step)step);
            leati_json_number(text, name, leati_testing_server_step_count(server, name));
        }
    }
    leati_json_close(text, '}');
}

bool leati_control_server_seen(struct leati_control_request *request)
{
    struct leati_served *served = leati_served_take(request);
    struct leat_testing_seen *seen = served ? leati_malloc(sizeof(*seen)) : NULL;
    struct leati_json_text *text = &request->text;
    if (!served)
        return false;
    if (seen) {
        leat_testing_server_get_seen(served->server, seen);
        leati_json_open(text, NULL, '{');
        leati_json_number(text, "connections", seen->connections);
        leati_json_number(text, "live", seen->live);
        leati_json_number(text, "flights", seen->flights);
        leati_json_number(text, "bytes_in", seen->bytes_in);
        leati_json_number(text, "bytes_out", seen->bytes_out);
        leati_json_number(text, "datagrams_in", seen->datagrams_in);
        leati_json_number(text, "datagrams_out", seen->datagrams_out);
        leati_json_string(text, "user", leati_excerpt(seen->user, 255).text);
        leati_json_string(text, "host", leati_excerpt(seen->host, 255).text);
        leati_json_number(text, "port", seen->port);
        leati_json_string(text, "problem", seen->problem);
        leati_json_number(text, "lost_events", leat_testing_server_get_lost_events(served->server));
        steps_write(text, served->server);
        leati_json_close(text, '}');
    }
    leati_free(seen);
    leati_served_give(request, served);
    return seen || leati_refuse(&request->refusal, 500, "", "no memory");
}

bool leati_control_server_diagram(struct leati_control_request *request)
{
    struct leati_json_text diagram = {0};
    struct leati_served *served = leati_served_take(request);
    if (!served)
        return false;
    leati_diagram_append(served->server, &diagram);
    leati_served_give(request, served);
    leati_json_append(&diagram, "", 1);
    if (!diagram.failed) {
        leati_json_open(&request->text, NULL, '{');
        leati_json_string(&request->text, "diagram", diagram.data);
        leati_json_close(&request->text, '}');
    }
    leati_free(diagram.data);
    return !diagram.failed || leati_refuse(&request->refusal, 500, "", "no memory");
}
