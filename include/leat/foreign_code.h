/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Codes that are not leat's own: close codes of WebSocket, HTTP status, REP of SOCKS5, alerts of TLS,
 * errno, what the HarmonyOS NDK returns, and other modules of HarmonyOS; those of an SMS gateway and
 * the centres behind it (SCP, DSMP, SMC, SPACE, next ISMG), and the socket codes of Windows, HP-UX
 * and AIX in its logs. They are kept in tables; a row is one number, a range of numbers, a name, or a
 * form such as "2BBBB" whose last four digits are a code of another table.
 *
 * They are a library of their own, libleat-codes (`leat::codes`, `pkg-config leat-codes`), which needs
 * no other; leat/leat.h does not include this header.
 *
 * Tables and rows are static and live as long as the program; strings are UTF-8, static and never
 * NULL. Nothing here allocates or takes a lock. A pointer to a table or row must not be NULL.
 * @thread any.
 */
#ifndef LEAT_FOREIGN_CODE_H
#define LEAT_FOREIGN_CODE_H

#include <leat/catalogue.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A table of codes. Opaque. */
typedef struct leat_foreign_table leat_foreign_table;
/** A row of a table. Opaque. */
typedef struct leat_foreign_code leat_foreign_code;

/** How many tables there are. */
LEAT_API size_t leat_foreign_table_count(void);
/** The table at an index below leat_foreign_table_count(); NULL beyond. */
LEAT_API const leat_foreign_table *leat_foreign_table_at(size_t index);
/** The table of this name; case does not matter. NULL if there is none. */
LEAT_API const leat_foreign_table *leat_foreign_table_find(const char *name);

/** A short name for options and scripts: "winsock", "smc". */
LEAT_API const char *leat_foreign_table_name(const leat_foreign_table *table);
/** What the table holds: "Windows Sockets". */
LEAT_API const char *leat_foreign_table_title(const leat_foreign_table *table,
                                              enum leat_language language);
/** How many rows it has. */
LEAT_API size_t leat_foreign_table_code_count(const leat_foreign_table *table);
/** The row at an index below leat_foreign_table_code_count(), in the order of the table; NULL
 * beyond. */
LEAT_API const leat_foreign_code *leat_foreign_table_code_at(const leat_foreign_table *table,
                                                             size_t index);

/** The table that a row belongs to. */
LEAT_API const leat_foreign_table *leat_foreign_code_table(const leat_foreign_code *code);
/** The code as the table writes it: "10054", "0x00000040", "14-49", "status=6 result=2", "2BBBB",
 * "MA:xxxx", "E_NORIGHT=12". */
LEAT_API const char *leat_foreign_code_key(const leat_foreign_code *code);
/** The symbol of the code, "WSAECONNRESET"; the short form of a message state, "DELIVRD"; "" if it
 * has none. */
LEAT_API const char *leat_foreign_code_name(const leat_foreign_code *code);
/** The numbers that the row stands for, one or a range. false if it stands for none. */
LEAT_API bool leat_foreign_code_range(const leat_foreign_code *code, int64_t *ret_first,
                                      int64_t *ret_last);
/** The same in the second system of numbers: the result of CMPP beside the status of SMPP, network
 * management's beside the maintenance code. false if the row has none. */
LEAT_API bool leat_foreign_code_twin_range(const leat_foreign_code *code, int64_t *ret_first,
                                           int64_t *ret_last);
/** What it means, in a few words. */
LEAT_API const char *leat_foreign_code_meaning(const leat_foreign_code *code,
                                               enum leat_language language);
/** What else is known: when it happens, what happens next. "" if nothing. */
LEAT_API const char *leat_foreign_code_note(const leat_foreign_code *code,
                                            enum leat_language language);
/** The Linux errno of the same name (a socket code of another platform), 0 if there is none. */
LEAT_API int leat_foreign_code_errno(const leat_foreign_code *code);
/** The code that leat has for that errno, LEAT_E_SOCKET_BASE + errno; LEAT_OK if there is none. */
LEAT_API int leat_foreign_code_leat_code(const leat_foreign_code *code);
/** Whether the row is a form: a key whose last four letters stand for digits. */
LEAT_API bool leat_foreign_code_is_form(const leat_foreign_code *code);
/** The table in which the last four digits of a form are looked up. NULL if the row is no form, or
 * if no table has them. */
LEAT_API const leat_foreign_table *leat_foreign_code_inner_table(const leat_foreign_code *code);

/** A row that a text stands for. */
struct leat_foreign_match {
    const leat_foreign_code *code; /**< the row */
    /** The row of the inner table that the digits of a form stand for; NULL if `code` is no form,
     * or if the inner table does not know them. */
    const leat_foreign_code *inner;
};

/** Room that is enough for every text and all tables. */
#define LEAT_FOREIGN_MATCHES_MAX 64

/**
 * Finds the rows that a text stands for:
 * - a number, in decimal ("10054", "0053", "-1") or hexadecimal ("0X00000040"). In all tables at
 *   once, a hexadecimal number finds what is written so, and a decimal one what is not; in one
 *   table both find the same;
 * - one column of a row with two numbers: "status=6", "result=2";
 * - a name or key: "WSAECONNRESET", "E_NORIGHT", "DELIVRD", "ID:0020";
 * - a form with digits: "20021", "MA:0053";
 * - one of these behind words that name a table or say that a code follows: "alert 40", "http 502",
 *   "errno 111", "ErrCode:10054".
 * Case does not matter; full-width characters, other dashes, '~' in ranges and spaces beside '=' are
 * taken. In all tables at once, rows for the very code come first, then ranges, then forms; a code
 * that is written with four digits is found by four. In each table a row for the very code hides
 * ranges and forms that hold it, but in one with two columns only forms. The rest of a table
 * ("other: reserved") is found only if the table is given, or named in front. What is above
 * 0x7FFFFFFF is found in decimal, too, with or without a sign.
 *
 * @param table NULL = all tables.
 * @param ret_matches room for `cap` matches; may be NULL if `cap` is 0.
 * @return how many there are, 0 if none. At most `cap` of them are written.
 */
LEAT_API size_t leat_foreign_code_find(const leat_foreign_table *table, const char *text,
                                       struct leat_foreign_match *ret_matches, size_t cap);

/**
 * Finds a number in one table, as above.
 *
 * @return the row; where several have the number, the first one. NULL if there is none.
 */
LEAT_API const leat_foreign_code *leat_foreign_code_find_number(const leat_foreign_table *table,
                                                                int64_t number);

#ifdef __cplusplus
}
#endif

#endif
