/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap.h"

#include "terminal.h"

#include <string.h>

/** How much of the text goes onto a line of so many columns: up to a space, or between characters
 * that are wide. All of a word that is longer than the line. */
static size_t line_length(const char *text, size_t len, size_t columns)
{
    size_t at = 0, used = 0, fits = 0;
    while (at < len) {
        char one[5] = "";
        unsigned character = 0;
        size_t size = tool_utf8_decode(text + at, len - at, &character);
        memcpy(one, text + at, size);
        size_t width = size ? tool_text_columns(one) : 1;
        bool may_break = text[at] == ' ' || (width == 2 && at > 0 && character < 0x3001) ||
                         (width == 2 && at > 0 && character > 0x3002 && character < 0xff00);
        if (may_break)
            fits = at;
        if (used + width > columns && fits > 0)
            return fits;
        used += width;
        at += size ? size : 1;
    }
    return len;
}

void tool_print_wrapped_at(FILE *out, const char *text, size_t len, size_t column, size_t indent)
{
    const size_t columns_min = 20;
    size_t columns = tool_is_terminal(out) ? tool_terminal_columns(out) : 0;
    size_t most = column > indent ? column : indent;
    while (columns >= most + columns_min && len > 0) {
        size_t line = line_length(text, len, columns - column);
        if (line == len)
            break;
        tool_print_safe(out, text, line);
        fprintf(out, "\n%*s", (int)indent, "");
        line += text[line] == ' ';
        text += line;
        len -= line;
        column = indent;
    }
    tool_print_safe(out, text, len);
}

void tool_print_wrapped(FILE *out, const char *text, size_t len, size_t indent)
{
    tool_print_wrapped_at(out, text, len, indent, indent);
}
