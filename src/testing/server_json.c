/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/server_json.h"
#include "testing/peer.h"
#include "util/readable.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

bool leati_refuse(struct leati_refusal *refusal, int status, const char *field, const char *format,
                  ...)
{
    va_list args;
    va_start(args, format);
    leati_readable_vformat(refusal->reason, sizeof(refusal->reason), format, args);
    va_end(args);
    refusal->status = status;
    leati_readable_format(refusal->field, sizeof(refusal->field), "%s", field);
    return false;
}

static bool refuse_type(struct leati_refusal *refusal, const char *field, const char *expected)
{
    return leati_refuse(refusal, 400, field, "%s was expected", expected);
}

/* ---- members that are simple ----------------------------------------------------------------- */

struct member {
    const char *name;
    enum { TEXT, FLAG, WORD, NUMBER16, NUMBER64, SIZE } type;
    size_t offset;
    uint64_t max;
    const char *const *words; /* of an enum, whose values they are */
};

/* The number of one of the words; NULL is behind the last one. */
static bool word_set(const struct leati_json *json, const char *const *words, unsigned *ret_number,
                     struct leati_refusal *refusal)
{
    size_t count = 0;
    for (; words[count]; ++count) {
        if (json->type == LEATI_JSON_STRING && strcmp(words[count], json->text) == 0) {
            *ret_number = (unsigned)count;
            return true;
        }
    }
    return leati_refuse(refusal, 400, json->name, "it is one of %s to %s", words[0],
                        words[count - 1]);
}

static bool member_set(const struct member *member, const struct leati_json *json, void *target,
                       struct leati_refusal *refusal)
{
    uint64_t number = 0;
    void *place = (char *)target + member->offset;
    if (json->type == LEATI_JSON_NULL)
        return true;
    if (member->type == TEXT) {
        if (json->type != LEATI_JSON_STRING)
            return refuse_type(refusal, json->name, "a string");
        *(const char **)place = json->text;
        return true;
    }
    if (member->type == FLAG) {
        if (json->type != LEATI_JSON_TRUE && json->type != LEATI_JSON_FALSE)
            return refuse_type(refusal, json->name, "true or false");
        *(bool *)place = json->type == LEATI_JSON_TRUE;
        return true;
    }
    if (member->type == WORD)
        return word_set(json, member->words, place, refusal);
    if (!leati_json_whole(json, member->max, &number))
        return leati_refuse(refusal, 400, json->name, "a whole number up to %llu was expected",
                            (unsigned long long)member->max);
    if (member->type == NUMBER16)
        *(uint16_t *)place = (uint16_t)number;
    else if (member->type == NUMBER64)
        *(uint64_t *)place = number;
    else
        *(size_t *)place = (size_t)number;
    return true;
}

/* The row of a member; NULL = there is none. */
static const struct member *member_find(const struct member *members, const char *name)
{
    while (members->name && strcmp(members->name, name) != 0)
        ++members;
    return members->name ? members : NULL;
}

static bool object_read(const struct member *members, const struct leati_json *object, void *target,
                        struct leati_refusal *refusal)
{
    for (const struct leati_json *json = object->first; json; json = json->next) {
        const struct member *member = member_find(members, json->name);
        if (!member)
            return leati_refuse(refusal, 400, json->name, "there is no such field in %s",
                                object->name);
        if (!member_set(member, json, target, refusal))
            return false;
    }
    return true;
}

#define OPTION(field) offsetof(struct leati_settings, options.field)

static const char *const auth_words[] = {"basic", "digest", "digest-md5", "negotiate",
                                         "ntlm",  "bearer", NULL};
static const char *const proxy_header_words[] = {"none", "allowed", "required", NULL};
static const char *const match_words[] = {"messages", "exact", "any", NULL};

static const struct member members[] = {
    {"name", TEXT, offsetof(struct leati_settings, name), 0, NULL},
    {"enabled", FLAG, offsetof(struct leati_settings, is_enabled), 0, NULL},
    {"auth", WORD, OPTION(auth), 0, auth_words},
    {"proxy_header", WORD, OPTION(proxy_header), 0, proxy_header_words},
    {"match", WORD, OPTION(match), 0, match_words},
    {"address", TEXT, OPTION(address), 0, NULL},
    {"port", NUMBER16, OPTION(port), UINT16_MAX, NULL},
    {"faults", TEXT, OPTION(faults), 0, NULL},
    {"conditions", TEXT, OPTION(conditions), 0, NULL},
    {"seed", NUMBER64, OPTION(seed), 1ull << 53, NULL},
    {"user", TEXT, OPTION(user), 0, NULL},
    {"password", TEXT, OPTION(password), 0, NULL},
    {"headers", TEXT, OPTION(headers), 0, NULL},
    {"close_code", NUMBER16, OPTION(close_code), 4999, NULL},
    {"close_reason", TEXT, OPTION(close_reason), 0, NULL},
    {"fragment_bytes", SIZE, OPTION(fragment_bytes), UINT32_MAX, NULL},
    {"no_echo", FLAG, OPTION(no_echo), 0, NULL},
    {"to", TEXT, OPTION(to), 0, NULL},
    {"records", TEXT, OPTION(records), 0, NULL},
    {"unix_path", TEXT, OPTION(unix_path), 0, NULL},
    {"record", TEXT, OPTION(record_path), 0, NULL},
    {"replay", TEXT, OPTION(replay_path), 0, NULL},
    {"keep_times", FLAG, OPTION(keeps_times), 0, NULL},
    {"session_tickets", FLAG, OPTION(session_tickets), 0, NULL},
    {"deflate", FLAG, OPTION(deflate), 0, NULL},
    {NULL, TEXT, 0, 0, NULL},
};

/* ---- members that are not -------------------------------------------------------------------- */

static bool kind_read(const struct leati_json *json, struct leati_settings *settings,
                      struct leati_refusal *refusal)
{
    if (json->type != LEATI_JSON_STRING)
        return refuse_type(refusal, json->name, "a string");
    const char *name = strcmp(json->text, "echo") == 0 ? "websocket" : json->text;
    for (int kind = 0; leat_testing_kind_name((enum leat_testing_kind)kind); ++kind) {
        if (kind != LEAT_TESTING_SCRIPT &&
            strcmp(leat_testing_kind_name((enum leat_testing_kind)kind), name) == 0) {
            settings->options.kind = (enum leat_testing_kind)kind;
            return true;
        }
    }
    return leati_refuse(refusal, 400, json->name, "there is no kind of server named %s",
                        leati_excerpt(json->text, 40).text);
}

static bool names_read(const struct leati_json *json, struct leati_settings *settings,
                       struct leati_refusal *refusal)
{
    size_t count = 0;
    if (json->type != LEATI_JSON_OBJECT)
        return refuse_type(refusal, json->name, "an object of names and addresses");
    for (const struct leati_json *name = json->first; name; name = name->next) {
        if (count == LEATI_JSON_STRINGS_MAX || name->type != LEATI_JSON_STRING)
            return refuse_type(refusal, json->name, "an object of at most 64 addresses");
        settings->names[count++] = (struct leat_testing_name){name->name, name->text};
    }
    settings->options.names = settings->names;
    return true;
}

static bool strings_read(const struct leati_json *json, const char *texts[LEATI_JSON_STRINGS_MAX],
                         size_t *ret_count, struct leati_refusal *refusal)
{
    size_t count = 0;
    if (json->type != LEATI_JSON_ARRAY)
        return refuse_type(refusal, json->name, "an array of strings");
    for (const struct leati_json *item = json->first; item; item = item->next) {
        if (count == LEATI_JSON_STRINGS_MAX || item->type != LEATI_JSON_STRING)
            return refuse_type(refusal, json->name, "an array of at most 64 strings");
        texts[count++] = item->text;
    }
    *ret_count = count;
    return true;
}

static bool subprotocols_read(const struct leati_json *json, struct leati_settings *settings,
                              struct leati_refusal *refusal)
{
    size_t count;
    settings->options.subprotocols = settings->subprotocols;
    return strings_read(json, settings->subprotocols, &count, refusal);
}

static bool messages_read(const struct leati_json *json, struct leati_settings *settings,
                          struct leati_refusal *refusal)
{
    const char *texts[LEATI_JSON_STRINGS_MAX];
    size_t count = 0;
    bool is_good = strings_read(json, texts, &count, refusal);
    for (size_t i = 0; i < count; ++i)
        settings->messages[i] =
            (struct leat_testing_message){LEAT_TESTING_MESSAGE_TEXT, texts[i], strlen(texts[i])};
    settings->options.messages = settings->messages;
    settings->options.message_count = count;
    return is_good;
}

struct tls_texts {
    const char *certificate, *key, *client_ca, *min, *max, *hosts, *certificate_faults;
};

static bool version_read(const char *field, const char *text, int *ret_version,
                         struct leati_refusal *refusal)
{
    if (!text)
        return true;
    *ret_version = strcmp(text, "1.2") == 0 ? 0x0303 : strcmp(text, "1.3") == 0 ? 0x0304 : 0;
    return *ret_version != 0 || leati_refuse(refusal, 400, field, "it is 1.2 or 1.3");
}

static bool tls_read(const struct leati_json *json, struct leati_settings *settings,
                     struct leati_refusal *refusal)
{
    static const struct member tls_members[] = {
        {"certificate", TEXT, offsetof(struct tls_texts, certificate), 0, NULL},
        {"key", TEXT, offsetof(struct tls_texts, key), 0, NULL},
        {"client_ca", TEXT, offsetof(struct tls_texts, client_ca), 0, NULL},
        {"min", TEXT, offsetof(struct tls_texts, min), 0, NULL},
        {"max", TEXT, offsetof(struct tls_texts, max), 0, NULL},
        {"hosts", TEXT, offsetof(struct tls_texts, hosts), 0, NULL},
        {"certificate_faults", TEXT, offsetof(struct tls_texts, certificate_faults), 0, NULL},
        {NULL, TEXT, 0, 0, NULL},
    };
    struct tls_texts texts = {0};
    if (json->type == LEATI_JSON_FALSE)
        return true;
    if (json->type != LEATI_JSON_TRUE && json->type != LEATI_JSON_OBJECT)
        return refuse_type(refusal, json->name, "true, false or an object");
    if (!object_read(tls_members, json, &texts, refusal))
        return false;
    if (!texts.certificate != !texts.key)
        return leati_refuse(refusal, 400, "tls", "certificate and key go together");
    settings->tls = (struct leat_testing_tls){
        .cert_path = texts.certificate, .key_path = texts.key, .client_ca_path = texts.client_ca};
    settings->wants_certificate = !texts.certificate;
    settings->certificate_hosts = texts.hosts;
    settings->certificate_faults = texts.certificate_faults;
    settings->options.tls = &settings->tls;
    return version_read("min", texts.min, &settings->tls.min_version, refusal) &&
           version_read("max", texts.max, &settings->tls.max_version, refusal);
}

static bool to_tls_read(const struct leati_json *json, struct leati_settings *settings,
                        struct leati_refusal *refusal)
{
    static const struct member to_members[] = {
        {"name", TEXT, offsetof(struct leat_testing_to_tls, name), 0, NULL},
        {"ca", TEXT, offsetof(struct leat_testing_to_tls, ca_path), 0, NULL},
        {"insecure", FLAG, offsetof(struct leat_testing_to_tls, no_verify), 0, NULL},
        {NULL, TEXT, 0, 0, NULL},
    };
    if (json->type == LEATI_JSON_FALSE)
        return true;
    if (json->type != LEATI_JSON_TRUE && json->type != LEATI_JSON_OBJECT)
        return refuse_type(refusal, json->name, "true, false or an object");
    settings->options.to_tls = &settings->to_tls;
    return object_read(to_members, json, &settings->to_tls, refusal);
}

static const struct {
    const char *name;
    bool (*read)(const struct leati_json *json, struct leati_settings *settings,
                 struct leati_refusal *refusal);
} readers[] = {
    {"kind", kind_read},         {"names", names_read}, {"subprotocols", subprotocols_read},
    {"messages", messages_read}, {"tls", tls_read},     {"to_tls", to_tls_read},
};

static bool field_read(const struct leati_json *json, struct leati_settings *settings,
                       struct leati_refusal *refusal)
{
    const struct member *member = member_find(members, json->name);
    if (member)
        return member_set(member, json, settings, refusal);
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); ++i)
        if (strcmp(readers[i].name, json->name) == 0)
            return json->type == LEATI_JSON_NULL || readers[i].read(json, settings, refusal);
    return leati_refuse(refusal, 400, json->name, "a server has no such field");
}

bool leati_settings_read(const struct leati_json *json, struct leati_settings *ret_settings,
                         struct leati_refusal *refusal)
{
    if (json->type != LEATI_JSON_OBJECT)
        return leati_refuse(refusal, 400, "", "a JSON object was expected");
    *ret_settings = (struct leati_settings){.options.size = sizeof(ret_settings->options),
                                            .options.is_changeable = true,
                                            .is_enabled = true};
    for (const struct leati_json *field = json->first; field; field = field->next)
        if (!field_read(field, ret_settings, refusal))
            return false;
    if (!leati_json_member(json, "kind"))
        return leati_refuse(refusal, 400, "kind", "it is missing");
    return true;
}

/* ---- starting -------------------------------------------------------------------------------- */

bool leati_certificate_issue(leat_testing_ca *ca, const char *hosts, const char *faults,
                             const struct leat_testing_certificate **ret_certificate,
                             struct leati_refusal *refusal)
{
    struct leat_testing_problem problem = {.text = "no memory"};
    unsigned parsed = 0;
    if (!ca)
        return leati_refuse(refusal, 400, "tls", "there is no CA: name certificate and key");
    if (faults && leat_testing_certificate_faults_parse(faults, &parsed, &problem) != LEAT_OK)
        return leati_refuse(refusal, 400, "certificate_faults", "%s", problem.text);
    int code = leat_testing_ca_issue(ca, LEAT_TESTING_CERTIFICATE(.hosts = hosts, .faults = parsed),
                                     ret_certificate, &problem);
    return code == LEAT_OK || leati_refuse(refusal, code == LEAT_E_PARAMETER ? 400 : 500,
                                           "certificate", "%s", problem.text);
}

/* The member that a problem is about: the texts of the library begin with other words. */
static const char *field_of(const struct leati_settings *settings, int code, const char *text)
{
    const struct leat_testing_options *options = &settings->options;
    struct leat_testing_fault *faults = NULL;
    struct leat_testing_condition *conditions = NULL;
    size_t count = 0;
    if (code >= LEAT_E_SOCKET_BASE && code < LEAT_E_SOCKET_BASE + 200)
        return strncmp(text, "cannot record", 13) == 0   ? "record"
               : strncmp(text, "cannot replay", 13) == 0 ? "replay"
                                                         : "port";
    if (options->kind == LEAT_TESTING_REPLAY && !options->replay_path)
        return "replay";
    if (leat_testing_faults_parse(options->faults, &faults, &count, NULL) != LEAT_OK)
        return "faults";
    leat_testing_faults_free(faults);
    if (leat_testing_conditions_parse(options->conditions, &conditions, &count, NULL) != LEAT_OK)
        return "conditions";
    leat_testing_conditions_free(conditions);
    if ((options->kind == LEAT_TESTING_TCP || options->kind == LEAT_TESTING_UDP) &&
        !leati_testing_destination_parse(options->to, NULL, NULL))
        return "to";
    return "";
}

bool leati_settings_start(struct leati_settings *settings, leat_testing_ca *ca,
                          leat_testing_server **ret_server, struct leati_refusal *refusal,
                          int *ret_code)
{
    struct leat_testing_problem problem = {.text = "no memory"};
    const struct leat_testing_certificate *certificate = NULL;
    *ret_code = LEAT_E_PARAMETER;
    if (settings->wants_certificate) {
        if (!leati_certificate_issue(ca, settings->certificate_hosts, settings->certificate_faults,
                                     &certificate, refusal))
            return false;
        settings->tls.cert_path = certificate->cert_path;
        settings->tls.key_path = certificate->key_path;
    }
    *ret_code = leat_testing_server_new(&settings->options, ret_server, &problem);
    if (*ret_code == LEAT_OK)
        return true;
    int status = *ret_code == LEAT_E_PARAMETER         ? 400
                 : *ret_code == LEAT_E_SYSTEM_INTERNAL ? 500
                                                       : 409;
    return leati_refuse(refusal, status, field_of(settings, *ret_code, problem.text), "%s",
                        problem.text);
}

int leat_testing_server_new_json(const char *json, size_t len, leat_testing_ca *ca,
                                 leat_testing_server **ret_server,
                                 struct leat_testing_problem *ret_problem)
{
    struct leat_testing_problem problem = {.text = "no memory"};
    struct leati_refusal refusal = {0};
    struct leati_settings settings;
    struct leati_json *tree = NULL;
    if (!json || !ret_server)
        return LEAT_E_PARAMETER;
    int code = leati_json_parse(json, len == SIZE_MAX ? strlen(json) : len, &tree, &problem);
    if (code == LEAT_OK && (!leati_settings_read(tree, &settings, &refusal) ||
                            !leati_settings_start(&settings, ca, ret_server, &refusal, &code))) {
        code = code == LEAT_OK ? LEAT_E_PARAMETER : code;
        leati_readable_format(problem.text, sizeof(problem.text), "%s%s%s", refusal.field,
                              refusal.field[0] ? ": " : "", refusal.reason);
    }
    leati_json_free(tree);
    if (code != LEAT_OK && ret_problem)
        *ret_problem = problem;
    return code;
}
