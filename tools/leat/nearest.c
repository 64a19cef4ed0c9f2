/* SPDX-License-Identifier: Apache-2.0 */
#include "nearest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 40 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that lead from one to the other. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_len];
}

void tool_nearest(const char *typed, size_t len, const char *candidate, const char **nearest,
                  size_t *best)
{
    size_t candidate_len = strlen(candidate);
    if (len == 0 || len > WORD_MAX || candidate_len > WORD_MAX)
        return;
    /* The beginning of a word means that word more than anything that is merely similar. */
    bool begins = len >= 2 && candidate_len > len && memcmp(typed, candidate, len) == 0;
    size_t distance = begins ? 1 : edit_distance(typed, len, candidate, candidate_len);
    if (distance <= 1 + len / 4 && distance < len && distance < *best) {
        *best = distance;
        *nearest = candidate;
    }
}

bool tool_nearest_word(const char *typed, const char *words, char *ret_word, size_t size)
{
    char word[WORD_MAX + 1];
    size_t best = SIZE_MAX;
    while (*words) {
        size_t len = strcspn(words, "|");
        size_t before = best;
        const char *nearest = NULL;
        snprintf(word, sizeof(word), "%.*s", (int)len, words);
        tool_nearest(typed, strlen(typed), word, &nearest, &best);
        if (best < before)
            snprintf(ret_word, size, "%s", word);
        words += len + (words[len] == '|');
    }
    return best != SIZE_MAX;
}
