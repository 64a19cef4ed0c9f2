/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Prints what is generated from the .def tables: `generate header` (include/leat/error_codes.h) and
 * `generate page` (docs/ERRORS.md). Built with the tests and run by script/generate; it includes
 * nothing that it prints itself.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct texts {
    const char *description, *causes, *remedies;
};

struct row {
    int number;
    const char *name, *class_name, *message;
    struct texts english;
};

/* clang-format off */
#define EN(description, causes, remedies) {description, causes, remedies}
#define ZH(description, causes, remedies)
#define CODE(number, name, class_name, message, en, zh) {number, #name, #class_name, message, en},
/* clang-format on */

static const struct row general[] = {
#include "errors/general.def"
};
static const struct row sockets[] = {
#include "errors/sockets.def"
};
static const struct row socks5[] = {
#include "errors/socks5.def"
};
static const struct row websocket[] = {
#include "errors/websocket.def"
};
static const struct row tls_sockets[] = {
#include "errors/tls_sockets.def"
};
static const struct row tls[] = {
#include "errors/tls.def"
};

#define SOCKET_BASE     2301000
#define TLS_SOCKET_BASE 2303100

struct family {
    const char *prefix; /* of the names, behind LEAT_E_ */
    int base;
    const char *title;
    const struct row *rows;
    size_t count;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROWS(array)  array, COUNT(array)

static const struct family families[] = {
    {"", 0, "General", ROWS(general)},
    {"SOCKET_", SOCKET_BASE, "TCP and UDP sockets: 2301000 + errno", ROWS(sockets)},
    {"", 0, "SOCKS5", ROWS(socks5)},
    {"", 0, "WebSocket", ROWS(websocket)},
    {"TLS_SOCKET_", TLS_SOCKET_BASE, "TLS socket objects: 2303100 + errno", ROWS(sockets)},
    {"", 0, "TLS", ROWS(tls)},
};

static bool family_is_tls_socket(const struct family *family)
{
    return family->base == TLS_SOCKET_BASE;
}

/** The row that tls_sockets.def has for an errno, or NULL. */
static const struct row *tls_socket_row(int number)
{
    for (size_t i = 0; i < COUNT(tls_sockets); i++)
        if (tls_sockets[i].number == number)
            return &tls_sockets[i];
    return NULL;
}

static void header_print_family(const struct family *family)
{
    printf("\n    /* %s */\n", family->title);
    if (family->base != 0)
        printf("    LEAT_E_%sBASE = %d,\n", family->prefix, family->base);
    for (size_t i = 0; i < family->count; i++) {
        const struct row *row = &family->rows[i];
        printf("    LEAT_E_%s%s = %d,\n", family->prefix, row->name, family->base + row->number);
    }
}

static void header_print(void)
{
    puts("/* SPDX-License-Identifier: Apache-2.0 */\n"
         "/* Generated from src/errors/NAME.def by script/generate: change those, not this file. "
         "*/\n"
         "/**\n"
         " * @file\n"
         " * The numbers of all codes. What each means: docs/ERRORS.md, <leat/catalogue.h>.\n"
         " */\n"
         "#ifndef LEAT_ERROR_CODES_H\n"
         "#define LEAT_ERROR_CODES_H\n"
         "\n"
         "/** The codes. Each function names those that it can return. */\n"
         "enum leat_code {\n"
         "    LEAT_OK = 0,");
    for (size_t i = 0; i < COUNT(families); i++)
        header_print_family(&families[i]);
    puts("};\n"
         "\n"
         "#endif");
}

/** A table cell without its right border: lines of `text` become <br>, bars are escaped. */
static void cell_print(const char *text)
{
    fputs("| ", stdout);
    for (; *text; text++) {
        if (*text == '\n') {
            fputs("<br>", stdout);
        } else if (*text == '|') {
            fputs("\\|", stdout);
        } else {
            putchar(*text);
        }
    }
    putchar(' ');
}

static void class_print(const char *class_name)
{
    fputs("| ", stdout);
    for (; *class_name; class_name++)
        putchar(*class_name >= 'A' && *class_name <= 'Z' ? *class_name - 'A' + 'a' : *class_name);
    putchar(' ');
}

static void page_print_row(const struct family *family, const struct row *row)
{
    const struct row *own = family_is_tls_socket(family) ? tls_socket_row(row->number) : row;
    const struct row *shown = own ? own : row;
    printf("| %d | `LEAT_E_%s%s` ", family->base + row->number, family->prefix, row->name);
    cell_print(shown->message);
    class_print(shown->class_name);
    if (own) {
        cell_print(own->english.description);
        cell_print(own->english.causes);
        cell_print(own->english.remedies);
    } else {
        printf("| as %d | | ", SOCKET_BASE + row->number);
    }
    puts("|");
}

static void page_print(void)
{
    puts(
        "<!-- Generated from src/errors/NAME.def by script/generate: change those, not this page. "
        "-->\n"
        "# Error codes\n"
        "\n"
        "Every call of leat that can fail returns `LEAT_OK` (0) or one of these codes, which are "
        "the\n"
        "codes of the HarmonyOS Network Kit. `leat_strerror()` gives the message, "
        "`leat_error_class()`\n"
        "the class, and `<leat/catalogue.h>` the rest, in English and Chinese. On a command line,\n"
        "`leat explain CODE` shows the same and also knows the codes of other systems\n"
        "(`<leat/foreign_code.h>`).\n"
        "\n"
        "The layer that failed gives the code, and the first failure is the one that is reported.\n"
        "`struct leat_error` adds the layer, the errno, the layer's own number, the hop and a "
        "text.\n"
        "\n"
        "| class | what a program can do |\n"
        "|---|---|\n"
        "| retry | Try the same again later: busy, timed out, or no way to the peer for now. |\n"
        "| closed | The connection is over. Make a new one. |\n"
        "| configuration | Have an address, an option, a file or a permission changed. |\n"
        "| proxy | Look at the proxy: wrong, away, or it does not let this client through. |\n"
        "| peer | Look at the server: it said no or broke the protocol. |\n"
        "| certificate | Do not go on: an identity could not be verified. |\n"
        "| local | Look at this machine: memory, descriptors, interfaces, disks. |\n"
        "| bug | Correct the calling program. |");
    for (size_t i = 0; i < COUNT(families); i++) {
        const struct family *family = &families[i];
        printf("\n## %s\n\n"
               "| code | name | message | class | meaning | causes | remedies |\n"
               "|---|---|---|---|---|---|---|\n",
               family->title);
        for (size_t k = 0; k < family->count; k++)
            page_print_row(family, &family->rows[k]);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "header") == 0) {
        header_print();
    } else if (argc == 2 && strcmp(argv[1], "page") == 0) {
        page_print();
    } else {
        fputs("usage: generate header|page\n", stderr);
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
