/* SPDX-License-Identifier: Apache-2.0 */
#include <leat/catalogue.h>

#include "util/code_spelling.h"
#include "util/text.h"

#include <limits.h>
#include <string.h>

struct texts {
    const char *description, *causes, *remedies;
};

/* Of LEAT_EXPLANATIONS: `en` and `zh` of an entry. */
#ifdef LEAT_EXPLANATIONS
#define TEXTS(...) .texts = {__VA_ARGS__}
#else
#define TEXTS(...)
#endif

struct entry {
    int code;
    enum leat_class class_;
    bool documented;
    const char *name;
    const char *message;
#ifdef LEAT_EXPLANATIONS
    struct texts texts[2]; /* by enum leat_language */
#endif
};

struct family {
    const char *name;
    const struct entry *entries; /* ascending */
    size_t count;
};

/* clang-format off */
#define EN(description, causes, remedies) {description, causes, remedies}
#define ZH(description, causes, remedies) {description, causes, remedies}

#define CODE(number, name, class_name, message, en, zh) \
    {LEAT_E_##name, LEAT_CLASS_##class_name, true, "LEAT_E_" #name, message, TEXTS(en, zh)},
static const struct entry general_entries[] = {
#include "errors/general.def"
};
static const struct entry socks5_entries[] = {
#include "errors/socks5.def"
};
static const struct entry websocket_entries[] = {
#include "errors/websocket.def"
};
static const struct entry tls_entries[] = {
#include "errors/tls.def"
};
#undef CODE

/* The documents print 1 to 4 and refer to errno for the others. */
#define LAST_PRINTED_ERRNO 4

#define CODE(number, name, class_name, message, en, zh) \
    {LEAT_E_SOCKET_##name, LEAT_CLASS_##class_name, number <= LAST_PRINTED_ERRNO, \
     "LEAT_E_SOCKET_" #name, message, TEXTS(en, zh)},
static const struct entry socket_entries[] = {
#include "errors/sockets.def"
};
#undef CODE

#define CODE(number, name, class_name, message, en, zh) \
    {LEAT_E_TLS_SOCKET_##name, LEAT_CLASS_##class_name, false, \
     "LEAT_E_TLS_SOCKET_" #name, message, TEXTS(en, zh)},
static const struct entry tls_socket_entries[] = {
#include "errors/sockets.def"
};
#undef CODE

#define CODE(number, name, class_name, message, en, zh) \
    {LEAT_E_TLS_SOCKET_##name, LEAT_CLASS_##class_name, true, \
     "LEAT_E_TLS_SOCKET_" #name, message, TEXTS(en, zh)},
static const struct entry documented_tls_socket_entries[] = {
#include "errors/tls_sockets.def"
};
#undef CODE
/* clang-format on */

static const struct entry success = {
    LEAT_OK,   LEAT_CLASS_NONE, false,
    "LEAT_OK", "Success.",      TEXTS(EN("The call succeeded.", "", ""), ZH("调用成功。", "", ""))};
static const struct entry unknown = {
    INT_MIN,   LEAT_CLASS_NONE,  false,
    "unknown", "Unknown error.", TEXTS(EN("", "", ""), ZH("", "", ""))};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct family families[] = {
    [LEAT_FAMILY_NONE] = {"none", NULL, 0},
    [LEAT_FAMILY_GENERAL] = {"general", general_entries, COUNT(general_entries)},
    [LEAT_FAMILY_SOCKET] = {"socket", socket_entries, COUNT(socket_entries)},
    [LEAT_FAMILY_SOCKS5] = {"socks5", socks5_entries, COUNT(socks5_entries)},
    [LEAT_FAMILY_WEBSOCKET] = {"websocket", websocket_entries, COUNT(websocket_entries)},
    [LEAT_FAMILY_TLS_SOCKET] = {"tls-socket", tls_socket_entries, COUNT(tls_socket_entries)},
    [LEAT_FAMILY_TLS] = {"tls", tls_entries, COUNT(tls_entries)},
};

static const char *const class_names[] = {
    [LEAT_CLASS_NONE] = "none",
    [LEAT_CLASS_RETRY] = "retry",
    [LEAT_CLASS_CLOSED] = "closed",
    [LEAT_CLASS_CONFIGURATION] = "configuration",
    [LEAT_CLASS_PROXY] = "proxy",
    [LEAT_CLASS_PEER] = "peer",
    [LEAT_CLASS_CERTIFICATE] = "certificate",
    [LEAT_CLASS_LOCAL] = "local",
    [LEAT_CLASS_BUG] = "bug",
};

static const struct {
    const char *second_name, *name;
} aliases[] = {
#define ALIAS(second_name, name) {#second_name, #name},
#include "errors/aliases.def"
#undef ALIAS
};

static const struct entry *entries_find(const struct entry *entries, size_t count, int code)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (entries[middle].code == code)
            return &entries[middle];
        if (entries[middle].code < code) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return NULL;
}

/** Never NULL; `*ret_family` is always written. */
static const struct entry *entry_find(int code, enum leat_family *ret_family)
{
    *ret_family = LEAT_FAMILY_NONE;
    if (code == LEAT_OK)
        return &success;
    for (size_t i = 0; i < COUNT(families); i++) {
        const struct entry *entry = entries_find(families[i].entries, families[i].count, code);
        if (!entry)
            continue;
        *ret_family = (enum leat_family)i;
        if (i == LEAT_FAMILY_TLS_SOCKET) {
            const struct entry *own = entries_find(documented_tls_socket_entries,
                                                   COUNT(documented_tls_socket_entries), code);
            return own ? own : entry;
        }
        return entry;
    }
    return &unknown;
}

static const struct entry *entry_of(int code)
{
    enum leat_family family;
    return entry_find(code, &family);
}

static const struct texts *texts_of(int code, enum leat_language language)
{
#ifdef LEAT_EXPLANATIONS
    return &entry_of(code)->texts[language == LEAT_LANGUAGE_ZH];
#else
    static const struct texts none = {"", "", ""};
    (void)code, (void)language;
    return &none;
#endif
}

const char *leat_strerror(int code)
{
    return entry_of(code)->message;
}

const char *leat_code_name(int code)
{
    return entry_of(code)->name;
}

enum leat_class leat_error_class(int code)
{
    return entry_of(code)->class_;
}

bool leat_code_is_documented(int code)
{
    return entry_of(code)->documented;
}

const char *leat_code_description(int code, enum leat_language language)
{
    return texts_of(code, language)->description;
}

const char *leat_code_causes(int code, enum leat_language language)
{
    return texts_of(code, language)->causes;
}

const char *leat_code_remedies(int code, enum leat_language language)
{
    return texts_of(code, language)->remedies;
}

enum leat_family leat_code_family(int code)
{
    enum leat_family family;
    entry_find(code, &family);
    return family;
}

const char *leat_class_name(enum leat_class class_)
{
    return (size_t)class_ < COUNT(class_names) ? class_names[class_] : "none";
}

const char *leat_family_name(enum leat_family family)
{
    return (size_t)family < COUNT(families) ? families[family].name : "none";
}

int leat_code_errno(int code)
{
    switch (leat_code_family(code)) {
    case LEAT_FAMILY_SOCKET:
        return code - LEAT_E_SOCKET_BASE;
    case LEAT_FAMILY_TLS_SOCKET:
        return code - LEAT_E_TLS_SOCKET_BASE;
    default:
        return 0;
    }
}

/** The part of a socket code's name that is the errno's. */
static const char *entry_errno_name(const struct entry *entry)
{
    return entry->name + sizeof("LEAT_E_SOCKET_") - 1;
}

const char *leat_errno_name(int sys_errno)
{
    if (sys_errno <= 0 || sys_errno > INT_MAX - LEAT_E_SOCKET_BASE)
        return "";
    const struct entry *entry =
        entries_find(socket_entries, COUNT(socket_entries), LEAT_E_SOCKET_BASE + sys_errno);
    return entry ? entry_errno_name(entry) : "";
}

size_t leat_code_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT(families); i++)
        count += families[i].count;
    return count;
}

int leat_code_at(size_t index)
{
    for (size_t i = 0; i < COUNT(families); i++) {
        if (index < families[i].count)
            return families[i].entries[index].code;
        index -= families[i].count;
    }
    return LEAT_OK;
}

static bool names_equal(const char *a, const char *b)
{
    return leati_text_equal_nocase(a, strlen(a), b, strlen(b));
}

static size_t code_find_number(const char *text, int *ret_codes, size_t cap)
{
    uint64_t number;
    if (!leati_text_parse_u64(text, strlen(text), INT_MAX, &number))
        return 0;
    int code = (int)number;
    if (entry_of(code) == &unknown)
        return 0;
    if (cap > 0)
        ret_codes[0] = code;
    return 1;
}

static size_t code_find_enumerator(const char *text, int *ret_codes, size_t cap)
{
    for (size_t i = 0; i < leat_code_count(); i++) {
        int code = leat_code_at(i);
        if (names_equal(text, leat_code_name(code))) {
            if (cap > 0)
                ret_codes[0] = code;
            return 1;
        }
    }
    return 0;
}

static size_t code_find_errno(const char *text, int *ret_codes, size_t cap)
{
    for (size_t i = 0; i < COUNT(aliases); i++)
        if (names_equal(text, aliases[i].second_name))
            text = aliases[i].name;
    for (size_t i = 0; i < COUNT(socket_entries); i++) {
        if (!names_equal(text, entry_errno_name(&socket_entries[i])))
            continue;
        if (cap > 0)
            ret_codes[0] = socket_entries[i].code;
        if (cap > 1)
            ret_codes[1] = tls_socket_entries[i].code;
        return 2;
    }
    return 0;
}

size_t leat_code_find(const char *text, int *ret_codes, size_t cap)
{
    char spelling[LEATI_CODE_SPELLING_SIZE];
    if (!text || (!ret_codes && cap > 0))
        return 0;
    leati_code_spelling_read(text, spelling);
    const char *errno_text = leati_code_spelling_behind(spelling, "errno");
    if (errno_text)
        return code_find_errno(errno_text, ret_codes, cap);
    const char *rest = leati_code_spelling_skip_code(spelling);
    size_t count = code_find_number(rest, ret_codes, cap);
    if (count == 0)
        count = code_find_enumerator(rest, ret_codes, cap);
    if (count == 0)
        count = code_find_errno(rest, ret_codes, cap);
    return count;
}
