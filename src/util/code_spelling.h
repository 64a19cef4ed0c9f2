/* SPDX-License-Identifier: Apache-2.0 */
/** @file How people, logs and documents write a code, brought to one spelling. */
#ifndef LEATI_UTIL_CODE_SPELLING_H
#define LEATI_UTIL_CODE_SPELLING_H

/** Longer texts are no codes. */
enum { LEATI_CODE_SPELLING_SIZE = 128 };

/**
 * Full-width characters become ASCII, the dashes and tildes of ranges '-', and spaces beside '=',
 * '_' and the dash of a range go. Other spaces stay: "1 " is no code. "" for a text that is too
 * long.
 */
void leati_code_spelling_read(const char *text, char ret_text[LEATI_CODE_SPELLING_SIZE]);

/** Where the text goes on behind `words` and a space, colon or equals sign, and it ends there before
 * a comma or semicolon; NULL = it does not begin with them. */
char *leati_code_spelling_behind(char text[LEATI_CODE_SPELLING_SIZE], const char *words);

/** The same behind words that only say that a code follows ("ErrCode:10054"); the text itself where
 * there are none. */
char *leati_code_spelling_skip_code(char text[LEATI_CODE_SPELLING_SIZE]);

#endif
