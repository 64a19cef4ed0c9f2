/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The rows of the foreign tables, as foreign_tables.c makes them from the .def files and
 * foreign_find.c searches them.
 */
#ifndef LEATI_CODES_FOREIGN_H
#define LEATI_CODES_FOREIGN_H

#include <leat/foreign_code.h>

enum leati_foreign_table_id {
    LEATI_FOREIGN_NONE, /**< so that a row without an inner table need not say so */
    /* What people ask for most comes first. */
    LEATI_FOREIGN_CLOSE,
    LEATI_FOREIGN_HTTP,
    LEATI_FOREIGN_SOCKS5_REPLY,
    LEATI_FOREIGN_ALERT,
    LEATI_FOREIGN_ERRNO,
    LEATI_FOREIGN_NDK,
    LEATI_FOREIGN_HARMONYOS,
    /* Those of the document about gateways. */
    LEATI_FOREIGN_GATEWAY,
    LEATI_FOREIGN_COMPOSITE,
    LEATI_FOREIGN_SEND_FAILURE,
    LEATI_FOREIGN_SCP,
    LEATI_FOREIGN_DSMP,
    LEATI_FOREIGN_SMC,
    LEATI_FOREIGN_SPACE,
    LEATI_FOREIGN_MESSAGE_STATE,
    LEATI_FOREIGN_DECODE,
    LEATI_FOREIGN_LINK,
    LEATI_FOREIGN_WINSOCK,
    LEATI_FOREIGN_HPUX,
    LEATI_FOREIGN_AIX,
    LEATI_FOREIGN_MAINTENANCE,
    LEATI_FOREIGN_LOGIN,
    LEATI_FOREIGN_SUBMIT,
    LEATI_FOREIGN_MESSAGE_RESULT,
    LEATI_FOREIGN_INTERNAL,
    LEATI_FOREIGN_END,
};

enum leati_foreign_kind {
    LEATI_FOREIGN_ROW,  /**< stands for its numbers and names */
    LEATI_FOREIGN_FORM, /**< stands for every key of its form: what comes before, and four digits */
    LEATI_FOREIGN_OTHERS, /**< stands for every number that no other row of the table has */
};

struct leati_foreign_range {
    int64_t first, last;
};

struct leati_foreign_texts {
    const char *meaning, *note;
};

struct leat_foreign_code {
    const char *key;
    const char *name; /**< NULL = none */
    struct leati_foreign_range range, twin;
    struct leati_foreign_texts texts[2]; /**< by enum leat_language */
    int leat_code;
    uint8_t table;  /**< enum leati_foreign_table_id */
    uint8_t inner;  /**< of a form: enum leati_foreign_table_id */
    uint8_t kind;   /**< enum leati_foreign_kind */
    uint8_t digits; /**< how many are written, 0 = any number of them */
    bool has_range, has_twin, hexadecimal;
    bool any_base; /**< written in hexadecimal, and as often in decimal */
};

struct leat_foreign_table {
    const char *name;
    const char *title[2]; /**< by enum leat_language */
    const leat_foreign_code *codes;
    size_t count;
    bool hexadecimal;                 /**< the digits of a form that belong to this table */
    const char *column, *twin_column; /**< what may stand before a number: "status"; NULL = none */
};

/** By enum leati_foreign_table_id; the first one is empty. */
extern const struct leat_foreign_table leati_foreign_tables[LEATI_FOREIGN_END];

#endif
