/* SPDX-License-Identifier: Apache-2.0 */
#include "exit_status.h"
#include "explain_hint.h"
#include "options.h"
#include "report.h"
#include "terminal.h"
#include "wrap.h"

#include <leat/catalogue.h>
#include <leat/foreign_code.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum label {
    LABEL_MESSAGE,
    LABEL_CLASS,
    LABEL_DESCRIPTION,
    LABEL_CAUSES,
    LABEL_REMEDIES,
    LABEL_MEANING,
    LABEL_NOTE,
    LABEL_INNER,
    LABEL_ERRNO,
    LABEL_LEAT_CODE,
};

/* The name of a JSON member is also the English label. */
static const struct {
    const char *english, *chinese;
} labels[] = {
    [LABEL_MESSAGE] = {"message", "信息"},
    [LABEL_CLASS] = {"class", "类别"},
    [LABEL_DESCRIPTION] = {"description", "描述"},
    [LABEL_CAUSES] = {"causes", "原因"},
    [LABEL_REMEDIES] = {"remedies", "处理"},
    [LABEL_MEANING] = {"meaning", "含义"},
    [LABEL_NOTE] = {"note", "说明"},
    [LABEL_INNER] = {"inner", "内码"},
    [LABEL_ERRNO] = {"errno", "内核"},
    [LABEL_LEAT_CODE] = {"leat_code", "对应"},
};

/* Columns of the English labels; the Chinese ones are all 4 wide. */
#define LABEL_WIDTH 11

/** The options, and what has been printed so far. */
struct explain {
    unsigned language; /* enum leat_language */
    bool json, list;
    enum leat_family family;         /* of --table, LEAT_FAMILY_NONE = not one of leat's own */
    const leat_foreign_table *table; /* of --table, NULL = not a foreign one */
    size_t item_count;
    struct tool_json document;
};

static void label_print(const struct explain *e, enum label label)
{
    if (e->language == LEAT_LANGUAGE_ZH) {
        printf("  %s  ", labels[label].chinese);
    } else {
        printf("  %-*s  ", LABEL_WIDTH, labels[label].english);
    }
}

/** Where a text behind a label begins. */
static size_t text_column(const struct explain *e)
{
    return 4 + (e->language == LEAT_LANGUAGE_ZH ? 4 : LABEL_WIDTH);
}

static void field_print(struct explain *e, enum label label, const char *text)
{
    if (*text && e->json) {
        tool_json_string(&e->document, labels[label].english, text);
    } else if (*text) {
        label_print(e, label);
        tool_print_wrapped(stdout, text, strlen(text), text_column(e));
        putchar('\n');
    }
}

/** A text of several lines: a list in JSON, one below the other for people. */
static void lines_print(struct explain *e, enum label label, const char *text)
{
    const size_t dash_columns = 2;
    size_t indent = text_column(e);
    if (!*text && !e->json)
        return;
    if (e->json) {
        tool_json_array(&e->document, labels[label].english);
    } else {
        label_print(e, label);
    }
    for (bool first = true; *text; first = false) {
        size_t len = strcspn(text, "\n");
        if (e->json) {
            tool_json_text(&e->document, NULL, text, len);
        } else {
            printf("%*s- ", first ? 0 : (int)indent, "");
            tool_print_wrapped(stdout, text, len, indent + dash_columns);
            putchar('\n');
        }
        text += len + (text[len] == '\n');
    }
    if (e->json)
        tool_json_array_end(&e->document);
}

static void item_begin(struct explain *e, const char *query, const char *table)
{
    if (e->json) {
        tool_json_break(&e->document);
        tool_json_object(&e->document, NULL);
        if (query)
            tool_json_string(&e->document, "query", query);
        tool_json_string(&e->document, "table", table);
    } else if (e->item_count > 0) {
        putchar('\n');
    }
    e->item_count++;
}

static void item_end(struct explain *e)
{
    if (e->json)
        tool_json_object_end(&e->document);
}

static void errno_print(struct explain *e, int sys_errno)
{
    if (sys_errno != 0 && e->json) {
        tool_json_number(&e->document, "errno", sys_errno);
        tool_json_string(&e->document, "errno_name", leat_errno_name(sys_errno));
    } else if (sys_errno != 0) {
        label_print(e, LABEL_ERRNO);
        printf("%s (%d)\n", leat_errno_name(sys_errno), sys_errno);
    }
}

static void code_print(struct explain *e, const char *query, int code)
{
    const char *table = leat_family_name(leat_code_family(code));
    item_begin(e, query, table);
    if (e->json) {
        tool_json_number(&e->document, "code", code);
        tool_json_string(&e->document, "name", leat_code_name(code));
    } else {
        printf("%d  %s  (%s)\n", code, leat_code_name(code), table);
    }
    field_print(e, LABEL_MESSAGE, leat_strerror(code));
    field_print(e, LABEL_CLASS, leat_class_name(leat_error_class(code)));
    errno_print(e, leat_code_errno(code));
    field_print(e, LABEL_DESCRIPTION, leat_code_description(code, e->language));
    lines_print(e, LABEL_CAUSES, leat_code_causes(code, e->language));
    lines_print(e, LABEL_REMEDIES, leat_code_remedies(code, e->language));
    item_end(e);
}

static void range_print(struct explain *e, const char *name, const char *first_name,
                        const char *last_name, int64_t first, int64_t last)
{
    if (first == last) {
        tool_json_number(&e->document, name, first);
    } else {
        tool_json_number(&e->document, first_name, first);
        tool_json_number(&e->document, last_name, last);
    }
}

static void foreign_print_head(struct explain *e, const char *query, const leat_foreign_code *code)
{
    const leat_foreign_table *table = leat_foreign_code_table(code);
    const char *key = leat_foreign_code_key(code);
    const char *name = leat_foreign_code_name(code);
    int64_t first, last;
    if (!e->json) {
        bool is_form = leat_foreign_code_is_form(code);
        bool is_in_key = strncmp(key, name, strlen(name)) == 0;
        char head[512];
        tool_format(head, sizeof(head), "%s%s%s%s%s  (%s: %s)", is_form ? query : "",
                    is_form ? "  " : "", key, is_in_key ? "" : "  ", is_in_key ? "" : name,
                    leat_foreign_table_name(table), leat_foreign_table_title(table, e->language));
        tool_print_wrapped_at(stdout, head, strlen(head), 0, 2);
        putchar('\n');
        return;
    }
    tool_json_string(&e->document, "key", key);
    if (*name)
        tool_json_string(&e->document, "name", name);
    if (leat_foreign_code_range(code, &first, &last))
        range_print(e, "code", "first", "last", first, last);
    if (leat_foreign_code_twin_range(code, &first, &last))
        range_print(e, "twin", "twin_first", "twin_last", first, last);
}

static void inner_print(struct explain *e, const leat_foreign_code *form,
                        const leat_foreign_code *inner)
{
    const leat_foreign_table *table = leat_foreign_code_inner_table(form);
    if (!inner)
        return;
    const char *meaning = leat_foreign_code_meaning(inner, e->language);
    if (e->json) {
        tool_json_object(&e->document, "inner");
        tool_json_string(&e->document, "table", leat_foreign_table_name(table));
        tool_json_string(&e->document, "key", leat_foreign_code_key(inner));
        tool_json_string(&e->document, "meaning", meaning);
        tool_json_object_end(&e->document);
    } else {
        label_print(e, LABEL_INNER);
        printf("%s  %s  (%s)\n", leat_foreign_code_key(inner), meaning,
               leat_foreign_table_name(table));
    }
}

static void foreign_print(struct explain *e, const char *query,
                          const struct leat_foreign_match *match)
{
    const leat_foreign_code *code = match->code;
    int leat_code = leat_foreign_code_leat_code(code);
    item_begin(e, query, leat_foreign_table_name(leat_foreign_code_table(code)));
    foreign_print_head(e, query, code);
    field_print(e, LABEL_MEANING, leat_foreign_code_meaning(code, e->language));
    inner_print(e, code, match->inner);
    field_print(e, LABEL_NOTE, leat_foreign_code_note(code, e->language));
    errno_print(e, leat_foreign_code_errno(code));
    if (leat_code != LEAT_OK && e->json) {
        tool_json_number(&e->document, "leat_code", leat_code);
    } else if (leat_code != LEAT_OK) {
        label_print(e, LABEL_LEAT_CODE);
        printf("%d  %s\n", leat_code, leat_code_name(leat_code));
    }
    item_end(e);
}

/** Whether the row says no more than leat's own code: its errno, or a range of HarmonyOS. */
static bool is_said_by(const struct leat_foreign_match *match, int code)
{
    const char *table = leat_foreign_table_name(leat_foreign_code_table(match->code));
    return strcmp(table, "harmonyos") == 0 ||
           (strcmp(table, "errno") == 0 && leat_foreign_code_leat_code(match->code) == code);
}

/** Prints what leat's own codes and the foreign tables know; returns how much that is. */
static size_t query_explain(struct explain *e, const char *query)
{
    int codes[2];
    struct leat_foreign_match matches[LEAT_FOREIGN_MATCHES_MAX];
    size_t found = 0;
    size_t code_count = e->table ? 0 : leat_code_find(query, codes, 2);
    for (size_t i = 0; i < code_count; i++) {
        if (e->family == LEAT_FAMILY_NONE || e->family == leat_code_family(codes[i])) {
            code_print(e, query, codes[i]);
            found++;
        }
    }
    if (e->family != LEAT_FAMILY_NONE)
        return found;
    size_t match_count = leat_foreign_code_find(e->table, query, matches, LEAT_FOREIGN_MATCHES_MAX);
    for (size_t i = 0; i < match_count && i < LEAT_FOREIGN_MATCHES_MAX; i++) {
        if (code_count == 0 || !is_said_by(&matches[i], codes[0]))
            foreign_print(e, query, &matches[i]);
    }
    return found + match_count;
}

static void family_list(struct explain *e, enum leat_family family)
{
    int width = 0;
    if (!e->json)
        printf("%s%s\n", e->item_count++ > 0 ? "\n" : "", leat_family_name(family));
    for (size_t i = 0; i < leat_code_count(); i++) {
        int len = (int)strlen(leat_code_name(leat_code_at(i)));
        width = leat_code_family(leat_code_at(i)) == family && len > width ? len : width;
    }
    for (size_t i = 0; i < leat_code_count(); i++) {
        int code = leat_code_at(i);
        if (leat_code_family(code) != family)
            continue;
        if (e->json) {
            code_print(e, NULL, code);
        } else {
            printf("  %-7d  %-*s  %s\n", code, width, leat_code_name(code), leat_strerror(code));
        }
    }
}

static void foreign_list(struct explain *e, const leat_foreign_table *table)
{
    int key_width = 0, name_width = 0;
    size_t count = leat_foreign_table_code_count(table);
    if (!e->json) {
        printf("%s%s: %s\n", e->item_count++ > 0 ? "\n" : "", leat_foreign_table_name(table),
               leat_foreign_table_title(table, e->language));
    }
    for (size_t i = 0; i < count; i++) {
        const leat_foreign_code *code = leat_foreign_table_code_at(table, i);
        int key_len = (int)strlen(leat_foreign_code_key(code));
        int name_len = (int)strlen(leat_foreign_code_name(code));
        key_width = key_len > key_width ? key_len : key_width;
        name_width = name_len > name_width ? name_len : name_width;
    }
    for (size_t i = 0; i < count; i++) {
        const leat_foreign_code *code = leat_foreign_table_code_at(table, i);
        if (e->json) {
            foreign_print(e, NULL, &(struct leat_foreign_match){.code = code});
        } else {
            printf("  %-*s  %-*s%s%s\n", key_width, leat_foreign_code_key(code), name_width,
                   leat_foreign_code_name(code), name_width > 0 ? "  " : "",
                   leat_foreign_code_meaning(code, e->language));
        }
    }
}

static void tables_list(struct explain *e)
{
    for (int family = LEAT_FAMILY_GENERAL; family <= LEAT_FAMILY_TLS; family++) {
        if (!e->table && (e->family == LEAT_FAMILY_NONE || (int)e->family == family))
            family_list(e, (enum leat_family)family);
    }
    for (size_t i = 0; i < leat_foreign_table_count(); i++) {
        const leat_foreign_table *table = leat_foreign_table_at(i);
        if (e->family == LEAT_FAMILY_NONE && (!e->table || e->table == table))
            foreign_list(e, table);
    }
}

static bool set_table(struct tool_setting *setting)
{
    struct explain *e = setting->target;
    e->table = NULL;
    e->family = LEAT_FAMILY_NONE;
    for (int family = LEAT_FAMILY_GENERAL; family <= LEAT_FAMILY_TLS; family++) {
        if (strcasecmp(setting->value, leat_family_name((enum leat_family)family)) == 0) {
            e->family = (enum leat_family)family;
            return true;
        }
    }
    e->table = leat_foreign_table_find(setting->value);
    if (e->table)
        return true;
    return tool_refuse_word(setting);
}

static const struct tool_option explain_options[] = {
    TOOL_LANGUAGE_OPTION(struct explain, language),
    {.name = "table",
     .is_usual = true,
     .argument = "NAME",
     .value = TOOL_VALUE_WORD,
     .words = "general|socket|socks5|websocket|tls-socket|tls|close|http|socks5-reply|alert|errno|"
              "ndk|harmonyos|gateway|composite|send-failure|scp|"
              "dsmp|smc|space|message-state|decode|link|winsock|hpux|aix|maintenance|login|submit|"
              "message-result|internal",
     .help = "look into this table only",
     .set = set_table},
    {.name = "list",
     .is_usual = true,
     .help = "show every row of the table, or of all tables",
     .set = tool_set_flag,
     .offset = offsetof(struct explain, list)},
    {.name = "json",
     .is_usual = true,
     .help = "print a JSON array, one object a row",
     .set = tool_set_flag,
     .offset = offsetof(struct explain, json)},
    {0},
};

static const struct tool_section explain_sections[] = {{"options", explain_options, 0}, {0}};

static const struct tool_example explain_examples[] = {
    {"leat explain 2301208", "a code of leat"},
    {"leat explain 1006 407 alert 40", "a close code, an HTTP status, a TLS alert"},
    {"leat explain ECONNREFUSED --lang zh", "an errno, in Chinese"},
    {"leat explain --list --table winsock", "all codes of a table"},
    {0},
};

/* "alert 40", "status= 30 result=11", "E_SCP_SEND_FAIL = 100": one code in several arguments. */
enum { WORDS_MAX = 4, QUERY_SIZE = 256 };

static bool is_known(const struct explain *e, const char *query)
{
    return leat_code_find(query, NULL, 0) > 0 ||
           leat_foreign_code_find(e->table, query, NULL, 0) > 0;
}

/** Joins as many of the arguments as are one code together; returns how many, at least one. */
static size_t query_join(const struct explain *e, size_t count, char **arguments,
                         char ret_query[QUERY_SIZE])
{
    for (size_t words = count < WORDS_MAX ? count : WORDS_MAX; words > 1; words--) {
        size_t len = 0;
        for (size_t i = 0; i < words && len < QUERY_SIZE; i++) {
            len += (size_t)snprintf(ret_query + len, QUERY_SIZE - len, "%s%s", i > 0 ? " " : "",
                                    arguments[i]);
        }
        if (len < QUERY_SIZE && is_known(e, ret_query))
            return words;
    }
    return 1;
}

static int queries_explain(struct explain *e, size_t count, char **arguments)
{
    int result = TOOL_EXIT_OK;
    for (size_t i = 0; i < count;) {
        char joined[QUERY_SIZE];
        size_t words = query_join(e, count - i, arguments + i, joined);
        const char *query = words > 1 ? joined : arguments[i];
        if (query_explain(e, query) == 0) {
            explain_hint(query);
            result = TOOL_EXIT_FAILED;
        }
        i += words;
    }
    return result;
}

static int explain_command(const struct tool_command *command, int argc, char **argv)
{
    struct explain e = {.language = tool_language(), .document.out = stdout};
    struct tool_line line;
    int status;
    if (!tool_options_parse(command, argc, argv, &e, &line, &status))
        return status;
    if (e.list && line.count > 0)
        return tool_usage_error(command, "--list takes no code");
    if (!e.list && line.count == 0)
        return tool_usage_error(command, "CODE is missing");
    if (e.json)
        tool_json_array(&e.document, NULL);
    if (e.list) {
        tables_list(&e);
        status = TOOL_EXIT_OK;
    } else {
        status = queries_explain(&e, line.count, line.arguments);
    }
    if (e.json) {
        tool_json_array_end(&e.document);
        tool_json_end(&e.document);
    }
    return tool_flush(command, status);
}

const struct tool_command tool_explain = {
    .path = "explain",
    .argument = "CODE...",
    .arguments_max = SIZE_MAX,
    .summary = "what an error code means, why it happens and what helps",
    .detail = "CODE is a number (2301208, 1006, 407, 0x05, 10054), a name (ECONNREFUSED, "
              "handshake_failure, E_NORIGHT) or a report (MA:0053, ID:0020); a word in front names "
              "the table: alert 40, http 502, errno 111. Every table that knows it is shown, those "
              "that have the very code first.",
    .sections = explain_sections,
    .examples = explain_examples,
    .run = explain_command,
};
