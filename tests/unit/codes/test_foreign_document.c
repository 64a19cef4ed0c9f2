/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Finds every row of the document of foreign codes again through the lookup. The reader knows the
 * document only: its headings, and the shapes of its rows.
 */
#include <leat/foreign_code.h>

#include <criterion/criterion.h>
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(foreign_document, .timeout = 60);

/** A head of columns, and the table that it begins. The first one whose text starts a line and
 * that has not been used counts. */
static struct heading {
    const char *text;
    const char *table;
    bool used;
} headings[] = {
    {"值(4位", "gateway", false},
    {"错误码 含义", "composite", false},
    {"Message State Final", "message-state", false},
    {"错误码 原因分析", "decode", false},
    {"错误码 原因分析", "link", false},
    {"错误码值 错误码标识 含义", "winsock", false},
    {"错误码值 错误码标识 含义", "hpux", false},
    {"10001 EPERM Operation", "aix", false},
    {"维测错误码 网管错误码", "maintenance", false},
    {"1.1.5 EEEE", "dsmp", false},
    {"1.1.6 FFFF", "smc", false},
    {"1.1.7 GGGG", "space", false},
    {"1.1.8 XXXX", "send-failure", false},
    {"SMPP协议 CMPP协议 错误码含义", "login", false},
    {"SMPP协议 CMPP协议 错误码含义", "submit", false},
    {"0 成功", "message-result", false},
    {"E_NORIGHT", "internal", false},
    {"状态码 含义", "scp", false},
};

#define HEADING_COUNT (sizeof(headings) / sizeof(headings[0]))
/* close, http, socks5-reply, alert, errno, ndk, harmonyos: not of this document. */
#define OTHER_TABLE_COUNT 7

static size_t rows_read, rows_found;
static size_t rows_of_table[HEADING_COUNT];

static bool starts_with(const char *line, const char *text)
{
    return strncmp(line, text, strlen(text)) == 0;
}

/** The table that begins with this line, or NULL. */
static struct heading *heading_of(const char *line)
{
    for (size_t i = 0; i < HEADING_COUNT; i++) {
        if (!headings[i].used && starts_with(line, headings[i].text)) {
            headings[i].used = true;
            return &headings[i];
        }
    }
    return NULL;
}

/** Whether the lookup of `text` in the table gives a row with these numbers (and this name). */
static bool row_is_found(const char *table, const char *text, int64_t first, int64_t last,
                         const char *name)
{
    struct leat_foreign_match matches[LEAT_FOREIGN_MATCHES_MAX];
    size_t count = leat_foreign_code_find(leat_foreign_table_find(table), text, matches,
                                          LEAT_FOREIGN_MATCHES_MAX);
    for (size_t i = 0; i < count; i++) {
        int64_t a, b;
        if (leat_foreign_code_range(matches[i].code, &a, &b) && a == first && b == last &&
            (!name || strcmp(leat_foreign_code_name(matches[i].code), name) == 0)) {
            return true;
        }
    }
    return false;
}

static bool is_known(const char *table, const char *text)
{
    return leat_foreign_code_find(leat_foreign_table_find(table), text, NULL, 0) > 0;
}

static bool number_is_known(const char *table, int64_t number)
{
    char text[32];
    snprintf(text, sizeof(text), "%lld", (long long)number);
    return is_known(table, text);
}

/** A range is found by a number in its middle or at an end, and everything inside is known. */
static bool range_is_found(const char *table, int64_t first, int64_t last, const char *name)
{
    bool found = false;
    for (int64_t number = first; number <= last; number++) {
        char text[32];
        snprintf(text, sizeof(text), "%lld", (long long)number);
        found = found || row_is_found(table, text, first, last, name);
        if (!number_is_known(table, number))
            return false;
    }
    return found;
}

/** Skips what stands between the ends of a range: ~, -, an en dash, spaces. NULL = no range. */
static const char *range_separator_skip(const char *s)
{
    while (*s == ' ')
        s++;
    if (*s == '~' || *s == '-') {
        s++;
    } else if (starts_with(s, "–")) {
        s += strlen("–");
    } else {
        return NULL;
    }
    while (*s == ' ')
        s++;
    return isdigit((unsigned char)*s) ? s : NULL;
}

/** "N text" or "N~M text". */
static bool number_row_is_found(const char *table, const char *line, int base)
{
    char *end;
    int64_t first = strtoll(line, &end, base);
    const char *second = range_separator_skip(end);
    if (second)
        return range_is_found(table, first, strtoll(second, NULL, base), NULL);
    char text[32];
    snprintf(text, sizeof(text), "%.*s", (int)(end - line), line);
    return row_is_found(table, text, first, first, NULL);
}

/** "N NAME text". A name is in capitals; one row of the document has none. */
static bool socket_row_is_found(const char *table, const char *line)
{
    char number[16], name[32];
    cr_assert_eq(sscanf(line, "%15s %31s", number, name), 2, "%s", line);
    bool has_name = name[0] != '\0' && isupper((unsigned char)name[1]);
    int64_t value = strtoll(number, NULL, 10);
    return row_is_found(table, number, value, value, has_name ? name : NULL);
}

/** "2BBBB text": by its form, and by the same with digits. */
static bool form_row_is_found(const char *table, const char *line)
{
    char form[16];
    cr_assert_eq(sscanf(line, "%15s", form), 1);
    if (!is_known(table, form))
        return false;
    memset(form + strlen(form) - 4, '1', 4);
    return is_known(table, form);
}

/** "DELIVERED DELIVRD text", "MA:xxxx MA:xxxx text". */
static bool state_row_is_found(const char *table, const char *line)
{
    char state[32], final[32];
    cr_assert_eq(sscanf(line, "%31s %31s", state, final), 2);
    return is_known(table, state) && is_known(table, final) &&
           (!strchr(state, ':') || form_row_is_found(table, line));
}

/** "99001 4001 text". */
static bool twin_row_is_found(const char *table, const char *line)
{
    char number[16], twin[16];
    if (strchr(line, '~'))
        return number_row_is_found(table, line, 10);
    cr_assert_eq(sscanf(line, "%15s %15s", number, twin), 2);
    int64_t value = strtoll(number, NULL, 10);
    return row_is_found(table, number, value, value, NULL) &&
           row_is_found(table, twin, value, value, NULL);
}

/** "status=6 result=2 text", "其它 result=17~255 text". */
static bool pair_row_is_found(const char *table, const char *line)
{
    struct leat_foreign_match matches[LEAT_FOREIGN_MATCHES_MAX];
    const char *status = strstr(line, "status=");
    char *end;
    int64_t number = status ? strtoll(status + strlen("status="), NULL, 10) : 0;
    int64_t first = strtoll(strstr(line, "result=") + strlen("result="), &end, 10);
    int64_t last = *end == '~' ? strtoll(end + 1, NULL, 10) : first;
    char text[32];
    snprintf(text, sizeof(text), "result=%lld", (long long)(first + (last > first)));
    size_t count = leat_foreign_code_find(leat_foreign_table_find(table), text, matches,
                                          LEAT_FOREIGN_MATCHES_MAX);
    for (size_t i = 0; i < count; i++) {
        int64_t a, b;
        bool has_status = leat_foreign_code_range(matches[i].code, &a, &b);
        if (has_status != (status != NULL) || (has_status && a != number))
            continue;
        if (leat_foreign_code_twin_range(matches[i].code, &a, &b) && a == first && b == last)
            return true;
    }
    return false;
}

/** "E_NAME=12 text", with spaces in any place, "E_NAME=17~255 text". */
static bool named_row_is_found(const char *table, const char *line)
{
    char name[64];
    size_t len = 0;
    const char *c = line;
    for (; *c != '=' && len + 1 < sizeof(name); c++) {
        if (*c != ' ')
            name[len++] = *c;
    }
    name[len] = '\0';
    char *end;
    int64_t first = strtoll(c + 1, &end, 0);
    int64_t last = *end == '~' ? strtoll(end + 1, NULL, 10) : first;
    return row_is_found(table, name, first, last, name) && range_is_found(table, first, last, name);
}

/** Whether the line is a row of this table, and not a heading, a text or a log line. */
static bool is_row(const char *table, const char *line)
{
    size_t digits = strspn(line, "0123456789");
    if (strcmp(table, "composite") == 0) {
        size_t letters = strspn(line + digits, "ABCDEFGX");
        return letters == 4 && line[digits + letters] == ' ';
    }
    if (strcmp(table, "message-state") == 0) {
        size_t letters = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        return letters > 1 && (line[letters] == ' ' || line[letters] == ':');
    }
    if (strcmp(table, "login") == 0 || strcmp(table, "submit") == 0)
        return strstr(line, "result=");
    if (strcmp(table, "internal") == 0)
        return starts_with(line, "E_");
    if (starts_with(line, "其他 ") || starts_with(line, "一个负数 ") || starts_with(line, "-1 "))
        return true;
    return digits > 0 && line[digits] != '/' && line[digits] != '.';
}

static bool row_line_is_found(const char *table, const char *line)
{
    if (starts_with(line, "其他 "))
        return is_known(table, "0x7fffffff");
    if (starts_with(line, "一个负数 "))
        return is_known(table, "-2") && is_known(table, "-2147483648");
    static const struct {
        const char *table;
        bool (*is_found)(const char *table, const char *line);
    } shapes[] = {
        {"composite", form_row_is_found}, {"message-state", state_row_is_found},
        {"winsock", socket_row_is_found}, {"hpux", socket_row_is_found},
        {"aix", socket_row_is_found},     {"maintenance", twin_row_is_found},
        {"login", pair_row_is_found},     {"submit", pair_row_is_found},
        {"internal", named_row_is_found},
    };
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (strcmp(table, shapes[i].table) == 0)
            return shapes[i].is_found(table, line);
    }
    return number_row_is_found(table, line, strcmp(table, "smc") == 0 ? 16 : 10);
}

/** The document's own spelling of a range, a named or a paired row, up to the last of its numbers,
 * is taken as it stands. */
static bool spelling_is_found(const char *table, const char *line)
{
    const char *end = NULL;
    const char *equals = strrchr(line, '=');
    if (equals && (starts_with(line, "E_") || strstr(line, "result="))) {
        end = equals + 1 + strspn(equals + 1, " ");
        end += strspn(end, "0123456789xABCDEF~");
    } else if (strcmp(table, "composite") != 0 && strcmp(table, "message-state") != 0) {
        const char *first = line + strspn(line, "0123456789xXABCDEF");
        const char *second = range_separator_skip(first);
        end = second ? second + strspn(second, "0123456789xXABCDEF") : NULL;
    }
    if (!end)
        return true;
    char text[64];
    cr_assert((size_t)(end - line) < sizeof(text), "%s", line);
    snprintf(text, sizeof(text), "%.*s", (int)(end - line), line);
    return is_known(table, text) && leat_foreign_code_find(NULL, text, NULL, 0) > 0;
}

static void document_read(FILE *file)
{
    const struct heading *heading = NULL;
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, file) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        const struct heading *next = heading_of(line);
        heading = next ? next : heading;
        if (!heading || !is_row(heading->table, line))
            continue;
        rows_read++;
        rows_of_table[heading - headings]++;
        if (row_line_is_found(heading->table, line) && spelling_is_found(heading->table, line)) {
            rows_found++;
        } else {
            printf("not found in %s: %s\n", heading->table, line);
        }
    }
    free(line);
}

Test(foreign_document, every_row_is_found)
{
    glob_t paths;
    if (glob(LEAT_SEEDS_DIR "/001_*.txt", 0, NULL, &paths) != 0) {
        puts("left out: codes_document: there is no " LEAT_SEEDS_DIR "/001_*.txt");
        return;
    }
    FILE *file = fopen(paths.gl_pathv[0], "r");
    globfree(&paths);
    cr_assert_not_null(file);
    document_read(file);
    fclose(file);

    printf("foreign rows: %zu of %zu\n", rows_found, rows_read);
    fflush(stdout);
    cr_assert_eq(rows_found, rows_read);
    cr_assert_eq(HEADING_COUNT + OTHER_TABLE_COUNT, leat_foreign_table_count());
    for (size_t i = 0; i < HEADING_COUNT; i++) {
        const leat_foreign_table *table = leat_foreign_table_find(headings[i].table);
        cr_expect(headings[i].used, "%s", headings[i].table);
        cr_expect_eq(rows_of_table[i], leat_foreign_table_code_count(table), "%s: %zu of %zu",
                     headings[i].table, rows_of_table[i], leat_foreign_table_code_count(table));
    }
}
