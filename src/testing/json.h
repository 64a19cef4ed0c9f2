/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * JSON (RFC 8259) as the control takes it and writes it. Strict: UTF-8, no comments, no name twice
 * in an object, no NUL in a string, nothing behind the value; and limited in size and depth.
 */
#ifndef LEATI_TESTING_JSON_H
#define LEATI_TESTING_JSON_H

#include <leat/testing.h>

#define LEATI_JSON_BYTES_MAX (1u << 20)
#define LEATI_JSON_DEPTH_MAX 16
/** Of one object or array: names are compared with each other. */
#define LEATI_JSON_MEMBERS_MAX 4096

enum leati_json_type {
    LEATI_JSON_NULL,
    LEATI_JSON_FALSE,
    LEATI_JSON_TRUE,
    LEATI_JSON_NUMBER,
    LEATI_JSON_STRING,
    LEATI_JSON_ARRAY,
    LEATI_JSON_OBJECT,
};

/** A value; members and elements are a list in their order. */
struct leati_json {
    enum leati_json_type type;
    struct leati_json *next, *first;
    char *name;    /**< of a member; NULL otherwise */
    char *text;    /**< of a string */
    double number; /**< of a number */
};

/** @return LEAT_OK, LEAT_E_PARAMETER (see `*ret_problem`), LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_json_parse(const char *text, size_t len, struct leati_json **ret_value,
                     struct leat_testing_problem *ret_problem);
void leati_json_free(struct leati_json *value);
/** A member of an object; NULL = it has none. */
const struct leati_json *leati_json_member(const struct leati_json *object, const char *name);
/** The text of a member that is a string, otherwise `otherwise`. */
const char *leati_json_text_of(const struct leati_json *object, const char *name,
                               const char *otherwise);
/** Whether it is a whole number of at most `max`, and not negative. */
bool leati_json_whole(const struct leati_json *value, uint64_t max, uint64_t *ret_number);

/** A text that grows; without memory it stays as it is, and `failed` is set. */
struct leati_json_text {
    char *data;
    size_t len, cap;
    bool failed;
    bool needs_comma;
};

void leati_json_append(struct leati_json_text *text, const char *data, size_t len);
/** What begins and ends an object or array; `name` NULL = it is no member. */
void leati_json_open(struct leati_json_text *text, const char *name, char bracket);
void leati_json_close(struct leati_json_text *text, char bracket);
void leati_json_string(struct leati_json_text *text, const char *name, const char *value);
void leati_json_number(struct leati_json_text *text, const char *name, uint64_t value);
void leati_json_real(struct leati_json_text *text, const char *name, double value);
void leati_json_bool(struct leati_json_text *text, const char *name, bool value);

#endif
