/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <leat/catalogue.h>
#include <leat/foreign_code.h>

#include <inttypes.h>
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
    [LABEL_MESSAGE] = {"message",     "信息"},
    [LABEL_CLASS] = {"class",       "类别"},
    [LABEL_DESCRIPTION] = {"description", "描述"},
    [LABEL_CAUSES] = {"causes",      "原因"},
    [LABEL_REMEDIES] = {"remedies",    "处理"},
    [LABEL_MEANING] = {"meaning",     "含义"},
    [LABEL_NOTE] = {"note",        "说明"},
    [LABEL_INNER] = {"inner",       "内码"},
    [LABEL_ERRNO] = {"errno",       "内核"},
    [LABEL_LEAT_CODE] = {"leat_code",   "对应"},
};

/* Columns of the English labels; the Chinese ones are all 4 wide. */
#define LABEL_WIDTH 11

/** The options, and what has been printed so far. */
struct explain {
    enum leat_language language;
    bool json, list;
    enum leat_family family;         /* of --table, LEAT_FAMILY_NONE = not one of leat's own */
    const leat_foreign_table *table; /* of --table, NULL = not a foreign one */
    size_t item_count;
};

static void json_print_text(const char *text, size_t len)
{
    putchar('"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 0x20) {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static void json_print_string(const char *text)
{
    json_print_text(text, strlen(text));
}

/** What a person typed, without anything that a terminal would act upon. */
static void print_quoted(FILE *stream, const char *text)
{
    const size_t shown_max = 60;
    fputc('\'', stream);
    for (size_t i = 0; text[i] && i < shown_max; i++) {
        unsigned char c = (unsigned char)text[i];
        fputc(c < 0x20 || c == 0x7f ? '?' : c, stream);
    }
    fputs(strlen(text) > shown_max ? "...'" : "'", stream);
}

static void label_print(const struct explain *e, enum label label)
{
    if (e->json) {
        printf(", ");
        json_print_string(labels[label].english);
        printf(": ");
    } else if (e->language == LEAT_LANGUAGE_ZH) {
        printf("  %s  ", labels[label].chinese);
    } else {
        printf("  %-*s  ", LABEL_WIDTH, labels[label].english);
    }
}

static void field_print(const struct explain *e, enum label label, const char *text)
{
    if (!*text) {
        return;
    }
    label_print(e, label);
    if (e->json) {
        json_print_string(text);
    } else {
        puts(text);
    }
}

/** A text of several lines: a list in JSON, one below the other for people. */
static void lines_print(const struct explain *e, enum label label, const char *text)
{
    int indent = 4 + (e->language == LEAT_LANGUAGE_ZH ? 4 : LABEL_WIDTH);
    label_print(e, label);
    fputs(e->json ? "[" : "", stdout);
    for (bool first = true; *text; first = false) {
        size_t len = strcspn(text, "\n");
        if (e->json) {
            fputs(first ? "" : ", ", stdout);
            json_print_text(text, len);
        } else {
            printf("%*s- %.*s\n", first ? 0 : indent, "", (int)len, text);
        }
        text += len + (text[len] == '\n');
    }
    fputs(e->json ? "]" : "", stdout);
}

static void item_begin(struct explain *e, const char *query, const char *table)
{
    if (e->json) {
        fputs(e->item_count > 0 ? ",\n  {" : "  {", stdout);
        if (query) {
            printf("\"query\": ");
            json_print_string(query);
            printf(", ");
        }
        printf("\"table\": \"%s\"", table);
    } else if (e->item_count > 0) {
        putchar('\n');
    }
    e->item_count++;
}

static void item_end(const struct explain *e)
{
    if (e->json) {
        putchar('}');
    }
}

static void errno_print(const struct explain *e, int sys_errno)
{
    if (sys_errno == 0) {
        return;
    }
    label_print(e, LABEL_ERRNO);
    if (e->json) {
        printf("%d, \"errno_name\": \"%s\"", sys_errno, leat_errno_name(sys_errno));
    } else {
        printf("%s (%d)\n", leat_errno_name(sys_errno), sys_errno);
    }
}

static void code_print(struct explain *e, const char *query, int code)
{
    const char *table = leat_family_name(leat_code_family(code));
    item_begin(e, query, table);
    if (e->json) {
        printf(", \"code\": %d, \"name\": \"%s\"", code, leat_code_name(code));
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

static void json_print_range(const char *name, const char *first_name, const char *last_name,
                             int64_t first, int64_t last)
{
    if (first == last) {
        printf(", \"%s\": %" PRId64, name, first);
    } else {
        printf(", \"%s\": %" PRId64 ", \"%s\": %" PRId64, first_name, first, last_name, last);
    }
}

static void foreign_print_head(const struct explain *e, const char *query,
                               const leat_foreign_code *code)
{
    const leat_foreign_table *table = leat_foreign_code_table(code);
    const char *key = leat_foreign_code_key(code);
    const char *name = leat_foreign_code_name(code);
    int64_t first, last;
    if (!e->json) {
        bool is_form = leat_foreign_code_is_form(code);
        bool is_in_key = strncmp(key, name, strlen(name)) == 0;
        printf("%s%s%s%s%s  (%s: %s)\n", is_form ? query : "", is_form ? "  " : "", key,
               is_in_key ? "" : "  ", is_in_key ? "" : name, leat_foreign_table_name(table),
               leat_foreign_table_title(table, e->language));
        return;
    }
    printf(", \"key\": ");
    json_print_string(key);
    if (*name) {
        printf(", \"name\": \"%s\"", name);
    }
    if (leat_foreign_code_range(code, &first, &last)) {
        json_print_range("code", "first", "last", first, last);
    }
    if (leat_foreign_code_twin_range(code, &first, &last)) {
        json_print_range("twin", "twin_first", "twin_last", first, last);
    }
}

static void inner_print(const struct explain *e, const leat_foreign_code *form,
                        const leat_foreign_code *inner)
{
    const leat_foreign_table *table = leat_foreign_code_inner_table(form);
    if (!inner) {
        return;
    }
    const char *meaning = leat_foreign_code_meaning(inner, e->language);
    label_print(e, LABEL_INNER);
    if (e->json) {
        printf("{\"table\": \"%s\", \"key\": ", leat_foreign_table_name(table));
        json_print_string(leat_foreign_code_key(inner));
        printf(", \"meaning\": ");
        json_print_string(meaning);
        printf("}");
    } else {
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
    if (leat_code != LEAT_OK) {
        label_print(e, LABEL_LEAT_CODE);
        printf("%d", leat_code);
        if (!e->json) {
            printf("  %s\n", leat_code_name(leat_code));
        }
    }
    item_end(e);
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
    if (e->family != LEAT_FAMILY_NONE) {
        return found;
    }
    size_t match_count = leat_foreign_code_find(e->table, query, matches, LEAT_FOREIGN_MATCHES_MAX);
    for (size_t i = 0; i < match_count && i < LEAT_FOREIGN_MATCHES_MAX; i++) {
        foreign_print(e, query, &matches[i]);
    }
    return found + match_count;
}

static void family_list(struct explain *e, enum leat_family family)
{
    int width = 0;
    if (!e->json) {
        printf("%s%s\n", e->item_count++ > 0 ? "\n" : "", leat_family_name(family));
    }
    for (size_t i = 0; i < leat_code_count(); i++) {
        int len = (int)strlen(leat_code_name(leat_code_at(i)));
        width = leat_code_family(leat_code_at(i)) == family && len > width ? len : width;
    }
    for (size_t i = 0; i < leat_code_count(); i++) {
        int code = leat_code_at(i);
        if (leat_code_family(code) != family) {
            continue;
        }
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
        if (!e->table && (e->family == LEAT_FAMILY_NONE || (int)e->family == family)) {
            family_list(e, (enum leat_family)family);
        }
    }
    for (size_t i = 0; i < leat_foreign_table_count(); i++) {
        const leat_foreign_table *table = leat_foreign_table_at(i);
        if (e->family == LEAT_FAMILY_NONE && (!e->table || e->table == table)) {
            foreign_list(e, table);
        }
    }
}

static void table_names_print(FILE *stream)
{
    fputs("tables:", stream);
    for (int family = LEAT_FAMILY_GENERAL; family <= LEAT_FAMILY_TLS; family++) {
        fprintf(stream, " %s", leat_family_name((enum leat_family)family));
    }
    for (size_t i = 0; i < leat_foreign_table_count(); i++) {
        fprintf(stream, "%s%s", i % 10 == 0 ? "\n  " : " ",
                leat_foreign_table_name(leat_foreign_table_at(i)));
    }
    fputc('\n', stream);
}

static void usage_print(FILE *stream)
{
    fputs(
        "usage: leat explain CODE... [--lang en|zh] [--table NAME] [--json]\n"
        "       leat explain --list [--table NAME] [--lang en|zh] [--json]\n"
        "\n"
        "Says what a code means: its name, message, causes, remedies and class. CODE is a number\n"
        "(2301208, 10054, 0X00000040, 20021), a name (ECONNREFUSED, WSAECONNRESET, E_NORIGHT)\n"
        "or a report (MA:0053, ID:0020). Every table that knows it is shown.\n"
        "\n"
        "  --lang en|zh   language of the texts (default: from LC_ALL, LC_MESSAGES or LANG)\n"
        "  --table NAME   look into this table only\n"
        "  --list         show every row of the table, or of all tables\n"
        "  --json         print a JSON array, one object a row\n"
        "\n",
        stream);
    table_names_print(stream);
}

static int usage_fail(const char *what, const char *text)
{
    fprintf(stderr, "leat explain: %s", what);
    if (text) {
        fputc(' ', stderr);
        print_quoted(stderr, text);
    }
    fputs("\n(leat explain --help shows the usage)\n", stderr);
    return LEAT_EXIT_USAGE;
}

static enum leat_language language_default(void)
{
    static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *value = getenv(variables[i]);
        if (value && *value) {
            return strncmp(value, "zh", 2) == 0 ? LEAT_LANGUAGE_ZH : LEAT_LANGUAGE_EN;
        }
    }
    return LEAT_LANGUAGE_EN;
}

static int language_set(struct explain *e, const char *name)
{
    if (strcmp(name, "en") == 0) {
        e->language = LEAT_LANGUAGE_EN;
    } else if (strcmp(name, "zh") == 0) {
        e->language = LEAT_LANGUAGE_ZH;
    } else {
        fputs("leat explain: unknown language ", stderr);
        print_quoted(stderr, name);
        fputs(", the languages are en and zh\n", stderr);
        return LEAT_EXIT_FAILED;
    }
    return LEAT_EXIT_OK;
}

static int table_set(struct explain *e, const char *name)
{
    e->table = NULL;
    e->family = LEAT_FAMILY_NONE;
    for (int family = LEAT_FAMILY_GENERAL; family <= LEAT_FAMILY_TLS; family++) {
        if (strcasecmp(name, leat_family_name((enum leat_family)family)) == 0) {
            e->family = (enum leat_family)family;
            return LEAT_EXIT_OK;
        }
    }
    e->table = leat_foreign_table_find(name);
    if (!e->table) {
        fputs("leat explain: unknown table ", stderr);
        print_quoted(stderr, name);
        fputc('\n', stderr);
        table_names_print(stderr);
        return LEAT_EXIT_FAILED;
    }
    return LEAT_EXIT_OK;
}

/** Whether `arg` is the option `name` with a value; `*ret_value` is NULL if the value is missing,
 * and `*i` moves over a value of its own. */
static bool option_value(int argc, char **argv, int *i, const char *name, const char **ret_value)
{
    size_t len = strlen(name);
    const char *arg = argv[*i];
    if (strncmp(arg, name, len) != 0 || (arg[len] != '\0' && arg[len] != '=')) {
        return false;
    }
    if (arg[len] == '=') {
        *ret_value = arg + len + 1;
    } else {
        *ret_value = *i + 1 < argc ? argv[++*i] : NULL;
    }
    return true;
}

/** A negative number is a code; any other word with a dash in front is an option. */
static bool is_option(const char *arg)
{
    return arg[0] == '-' && (arg[1] < '0' || arg[1] > '9') && arg[1] != '\0';
}

static int option_parse(struct explain *e, int argc, char **argv, int *i)
{
    const char *arg = argv[*i];
    const char *value;
    if (strcmp(arg, "--json") == 0) {
        e->json = true;
    } else if (strcmp(arg, "--list") == 0) {
        e->list = true;
    } else if (option_value(argc, argv, i, "--lang", &value)) {
        return value ? language_set(e, value) : usage_fail("--lang needs a language", NULL);
    } else if (option_value(argc, argv, i, "--table", &value)) {
        return value ? table_set(e, value) : usage_fail("--table needs a name", NULL);
    } else {
        return usage_fail("unknown option", arg);
    }
    return LEAT_EXIT_OK;
}

/** Takes the options out of `argv`; the codes move to its front, `*ret_count` of them. */
static int arguments_parse(struct explain *e, int argc, char **argv, int *ret_count)
{
    int count = 0;
    bool options = true;
    for (int i = 1; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && is_option(argv[i])) {
            int result = option_parse(e, argc, argv, &i);
            if (result != LEAT_EXIT_OK) {
                return result;
            }
        } else {
            argv[count++] = argv[i];
        }
    }
    if (e->list && count > 0) {
        return usage_fail("--list takes no code, but there is", argv[0]);
    }
    if (!e->list && count == 0) {
        return usage_fail("no code given", NULL);
    }
    *ret_count = count;
    return LEAT_EXIT_OK;
}

static bool help_wanted(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

static int queries_explain(struct explain *e, int count, char **queries)
{
    int result = LEAT_EXIT_OK;
    for (int i = 0; i < count; i++) {
        if (query_explain(e, queries[i]) == 0) {
            fputs("leat explain: unknown code ", stderr);
            print_quoted(stderr, queries[i]);
            fputc('\n', stderr);
            result = LEAT_EXIT_FAILED;
        }
    }
    return result;
}

static int output_finish(int result)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("leat explain: cannot write the output");
        return LEAT_EXIT_FAILED;
    }
    return result;
}

int leat_cmd_explain(int argc, char **argv)
{
    struct explain e = {.language = language_default()};
    if (help_wanted(argc, argv)) {
        usage_print(stdout);
        return output_finish(LEAT_EXIT_OK);
    }
    int count;
    int result = arguments_parse(&e, argc, argv, &count);
    if (result != LEAT_EXIT_OK) {
        return result;
    }
    fputs(e.json ? "[\n" : "", stdout);
    if (e.list) {
        tables_list(&e);
    } else {
        result = queries_explain(&e, count, argv);
    }
    fputs(e.json ? (e.item_count > 0 ? "\n]\n" : "]\n") : "", stdout);
    return output_finish(result);
}
