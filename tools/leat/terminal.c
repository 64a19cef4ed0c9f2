/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool tool_is_terminal(FILE *stream)
{
    return isatty(fileno(stream)) == 1;
}

size_t tool_terminal_columns(FILE *stream)
{
    const size_t usual = 80, sane_max = 1000;
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    const char *text = getenv("COLUMNS");
    char *end;
    unsigned long columns = text ? strtoul(text, &end, 10) : 0;
    return columns > 0 && columns <= sane_max && !*end ? columns : usual;
}

bool tool_terminal_has_cursor(void)
{
    const char *term = getenv("TERM");
    return term && *term && strcmp(term, "dumb") != 0;
}

bool tool_has_styles(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR");
    return !(no_color && *no_color) && tool_terminal_has_cursor() && tool_is_terminal(stream);
}

const char *tool_style(FILE *stream, enum tool_style style)
{
    static const char *const sequences[] = {
        [TOOL_STYLE_PLAIN] = "\033[0m",  [TOOL_STYLE_BOLD] = "\033[1m",
        [TOOL_STYLE_DIM] = "\033[2m",    [TOOL_STYLE_RED] = "\033[31m",
        [TOOL_STYLE_GREEN] = "\033[32m", [TOOL_STYLE_YELLOW] = "\033[33m",
        [TOOL_STYLE_CYAN] = "\033[36m",
    };
    return tool_has_styles(stream) ? sequences[style] : "";
}

size_t tool_utf8_decode(const char *text, size_t len, unsigned *ret_character)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text;
    if (len == 0)
        return 0;
    size_t size = bytes[0] < 0x80             ? 1
                  : (bytes[0] & 0xe0) == 0xc0 ? 2
                  : (bytes[0] & 0xf0) == 0xe0 ? 3
                  : (bytes[0] & 0xf8) == 0xf0 ? 4
                                              : 0;
    if (size == 0 || size > len)
        return 0;
    unsigned character = size == 1 ? bytes[0] : bytes[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (bytes[i] & 0x3fu);
    }
    if (character < least[size] || character > 0x10ffff ||
        (character >= 0xd800 && character <= 0xdfff))
        return 0;
    *ret_character = character;
    return size;
}

bool tool_character_is_safe(unsigned character)
{
    static const struct {
        unsigned first, last;
    } unsafe[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200e, 0x200f},
        {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
    };
    for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++)
        if (character >= unsafe[i].first && character <= unsafe[i].last)
            return false;
    return true;
}

void tool_print_safe(FILE *stream, const char *text, size_t len)
{
    while (len > 0) {
        unsigned character = 0;
        size_t size = tool_utf8_decode(text, len, &character);
        if (size == 0 || !tool_character_is_safe(character))
            fputc('?', stream);
        else
            fwrite(text, 1, size, stream);
        size = size ? size : 1;
        text += size;
        len -= size;
    }
}

void tool_print_formatted(FILE *stream, const char *format, va_list args)
{
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    if (len > 0)
        tool_print_safe(stream, text, (size_t)len);
    free(len < 0 ? NULL : text);
}

void tool_vformat(char *buf, size_t cap, const char *format, va_list args)
{
    const size_t ellipsis_len = 3;
    int len = vsnprintf(buf, cap, format, args);
    if (len < 0)
        buf[0] = '\0';
    if (len < 0 || (size_t)len < cap || cap <= ellipsis_len)
        return;
    size_t end = cap - 1 - ellipsis_len;
    while (end > 0 && ((unsigned char)buf[end] & 0xc0) == 0x80)
        end--;
    memcpy(buf + end, "...", ellipsis_len + 1);
}

void tool_format(char *buf, size_t cap, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tool_vformat(buf, cap, format, args);
    va_end(args);
}

struct tool_excerpt tool_excerpt(const char *text, size_t max)
{
    struct tool_excerpt excerpt;
    tool_format(excerpt.text, (max < TOOL_EXCERPT_MAX ? max : TOOL_EXCERPT_MAX) + 1, "%s", text);
    return excerpt;
}

size_t tool_text_columns(const char *text)
{
    size_t columns = 0;
    for (size_t len = strlen(text); len > 0;) {
        unsigned c = 0;
        size_t size = tool_utf8_decode(text, len, &c);
        bool combines = c >= 0x300 && c <= 0x36f;
        bool is_wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
                       (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
                       (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
                       (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) ||
                       (c >= 0x20000 && c <= 0x3fffd);
        columns += combines ? 0 : is_wide ? 2 : 1;
        size = size ? size : 1;
        text += size;
        len -= size;
    }
    return columns;
}
