/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Compares the catalogue with the documents of the codes: each heading and each message.
 */
#include <leat/catalogue.h>

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(documents, .timeout = 60);

/** What has been read of a document. */
struct document {
    int heading; /* the code of the section, 0 = outside of one */
    bool message_follows;
    int headings, messages;
};

static void heading_read(struct document *document, const char *line)
{
    char *end;
    document->heading = (int)strtol(line + strlen("## "), &end, 10);
    cr_assert(*end == ' ', "a heading without a number: %s", line);
    cr_assert_neq(leat_code_family(document->heading), LEAT_FAMILY_NONE, "%s", line);
    cr_assert(leat_code_is_documented(document->heading), "%s", line);
    document->headings++;
}

static void line_read(struct document *document, char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    if (strncmp(line, "## ", 3) == 0) {
        heading_read(document, line);
    } else if (strcmp(line, "**错误信息**") == 0 || strcmp(line, "**Error Message**") == 0) {
        document->message_follows = true;
    } else if (document->message_follows && *line) {
        cr_assert_str_eq(leat_strerror(document->heading), line, "%d", document->heading);
        document->message_follows = false;
        document->messages++;
    }
}

/** Returns how many codes the document has; -1 if it is not there. */
static int document_check(const char *pattern)
{
    glob_t paths;
    if (glob(pattern, 0, NULL, &paths) != 0) {
        printf("left out: errors_documents: there is no %s\n", pattern);
        return -1;
    }
    FILE *file = fopen(paths.gl_pathv[0], "r");
    globfree(&paths);
    cr_assert_not_null(file);
    struct document document = {0};
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, file) > 0)
        line_read(&document, line);
    free(line);
    fclose(file);
    cr_assert_gt(document.headings, 0);
    cr_assert_eq(document.headings, document.messages);
    return document.headings;
}

Test(documents, have_the_same_headings_and_messages)
{
    int sockets = document_check(LEAT_SEEDS_DIR "/000_*.txt");
    int websocket = document_check(LEAT_SEEDS_DIR "/002_*.txt");
    if (sockets < 0 || websocket < 0)
        return;
    int documented = 0;
    for (size_t i = 0; i < leat_code_count(); i++)
        documented += leat_code_is_documented(leat_code_at(i));
    printf("documented codes: %d of %d\n", sockets + websocket, documented - 1);
    fflush(stdout);
    cr_assert_eq(sockets + websocket, documented - 1, "401 is printed in another document");
}
