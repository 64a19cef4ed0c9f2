/* SPDX-License-Identifier: Apache-2.0 */
/** @file A text that may be a code of another system, and the table that it names itself. */
#ifndef LEATI_CODES_CODE_TEXT_H
#define LEATI_CODES_CODE_TEXT_H

#include "codes/foreign.h"
#include "util/code_spelling.h"

struct leati_code_text {
    char text[LEATI_CODE_SPELLING_SIZE]; /**< what is left; "" for a text that is too long */
    /** The table that the words in front of it name ("alert 40"), LEATI_FOREIGN_NONE = none. */
    enum leati_foreign_table_id table;
};

/** Brought to one spelling (util/code_spelling.h), without the words in front that name a table, which
 * go into `table`, or only say that a code follows. */
void leati_code_text_read(const char *text, struct leati_code_text *ret_text);

#endif
