/* SPDX-License-Identifier: Apache-2.0 */
/** @file How people, logs and documents write a code, brought to one spelling. */
#ifndef LEATI_ERRORS_CODE_TEXT_H
#define LEATI_ERRORS_CODE_TEXT_H

#include "errors/foreign.h"

/** Longer texts are no codes. */
enum { LEATI_CODE_TEXT_SIZE = 128 };

/** A text that may be a code. */
struct leati_code_text {
    char text[LEATI_CODE_TEXT_SIZE]; /**< what is left; "" for a text that is too long */
    /** The table that the words in front of it name ("alert 40"), LEATI_FOREIGN_NONE = none. */
    enum leati_foreign_table_id table;
};

/**
 * Full-width characters become ASCII, the dashes and tildes of ranges '-', spaces beside '=', '_'
 * and the dash of a range go, and so do words in front that only say that a code follows
 * ("ErrCode:10054"). Words that name a table go too, into `table`. Other spaces stay: "1 " is no
 * code.
 */
void leati_code_text_read(const char *text, struct leati_code_text *ret_text);

#endif
