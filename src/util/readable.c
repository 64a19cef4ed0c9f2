/* SPDX-License-Identifier: Apache-2.0 */
#include "util/readable.h"

#include "util/utf8.h"

#include <stdio.h>
#include <string.h>

static const char ellipsis[] = "...";

enum {
    ELLIPSIS_LEN = sizeof(ellipsis) - 1,
    /* How much is given up for a text that ends with a whole word. */
    WORD_BYTES_MAX = 24,
};

bool leati_readable_allows(uint32_t c)
{
    /* Controls, and what turns the text around it (bidirectional) or hides in it. */
    static const struct {
        uint32_t first, last;
    } refused[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200e, 0x200f},
        {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (c >= refused[i].first && c <= refused[i].last)
            return false;
    return true;
}

/* In place: it never becomes longer. */
static void text_clean(char *text)
{
    size_t len = strlen(text);
    char *to = text;

    for (const char *from = text; len > 0;) {
        uint32_t character = 0;
        size_t size = leati_utf8_decode(from, len, &character);
        if (size == 0 || !leati_readable_allows(character)) {
            *to++ = '?';
        } else {
            memmove(to, from, size);
            to += size;
        }
        size = size > 0 ? size : 1;
        from += size;
        len -= size;
    }
    *to = '\0';
}

static bool is_inside_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Ends a text that was longer than its `len` bytes, which are all the room there is. */
static void text_cut(char *text, size_t len)
{
    size_t end = len > ELLIPSIS_LEN ? len - ELLIPSIS_LEN : 0;

    while (end > 0 && is_inside_character(text[end]))
        end--;
    size_t word = end;
    while (word > 0 && end - word < WORD_BYTES_MAX && text[word] != ' ')
        word--;
    if (word > 0 && text[word] == ' ')
        end = word + (len - word > ELLIPSIS_LEN); /* "all of it ..." */
    for (size_t i = 0; i < ELLIPSIS_LEN && end < len; i++)
        text[end++] = ellipsis[i];
    text[end] = '\0';
}

void leati_readable_vformat(char *buf, size_t cap, const char *format, va_list args)
{
    int len = vsnprintf(buf, cap, format, args);

    if (len < 0)
        buf[0] = '\0';
    else if ((size_t)len >= cap)
        text_cut(buf, cap - 1);
    text_clean(buf);
}

void leati_readable_format(char *buf, size_t cap, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    leati_readable_vformat(buf, cap, format, args);
    va_end(args);
}

void leati_readable_append(char *buf, size_t cap, size_t *pos, const char *format, ...)
{
    if (cap == 0 || *pos >= cap - 1)
        return;

    va_list args;
    va_start(args, format);
    int len = vsnprintf(buf + *pos, cap - *pos, format, args);
    va_end(args);
    if (len < 0)
        buf[*pos] = '\0';
    bool is_cut = len >= 0 && (size_t)len >= cap - *pos;
    if (is_cut)
        text_cut(buf, cap - 1);
    if (strlen(buf) > *pos)
        text_clean(buf + *pos);
    *pos = is_cut ? cap - 1 : strlen(buf);
}

struct leati_excerpt leati_excerpt_of(const char *text, size_t len, size_t max)
{
    struct leati_excerpt excerpt;

    if (max > LEATI_EXCERPT_MAX)
        max = LEATI_EXCERPT_MAX;
    leati_readable_format(excerpt.text, max + 1, "%.*s", len > max ? (int)max + 1 : (int)len, text);
    return excerpt;
}

struct leati_excerpt leati_excerpt(const char *text, size_t max)
{
    return leati_excerpt_of(text, strlen(text), max);
}
