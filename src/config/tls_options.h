/* SPDX-License-Identifier: Apache-2.0 */
/** @file The inside of leat_tls_options. */
#ifndef LEATI_CONFIG_TLS_OPTIONS_H
#define LEATI_CONFIG_TLS_OPTIONS_H

#include <leat/tls_options.h>

#include "config/tls_shared.h"
#include "config/tls_values.h"

/** So many setters that were refused are told apart. */
#define LEATI_TLS_OPTIONS_MAX_REFUSALS 8u

struct leat_tls_options {
    struct leati_tls_values *values; /**< written through leati_tls_values_edit() only */
    /** What sockets and servers made of them share since the last change; NULL = nothing yet. */
    struct leati_tls_shared *shared;
    struct leati_failure failure; /**< of the last setter that failed */
    /** Names of setters whose last call was refused, the oldest first; NULL = no more. */
    const char *refused[LEATI_TLS_OPTIONS_MAX_REFUSALS];
};

/** With the defaults. */
void leati_tls_options_init(leat_tls_options *options);
void leati_tls_options_done(leat_tls_options *options);

/** Whoever takes options asks: a program that forgets to look must not connect without what it wanted
 * to set, pins above all. @return LEAT_OK; recorded: the code with which a setter was refused. */
int leati_tls_options_check(const leat_tls_options *options, struct leati_failure *failure);

/** What is shared, made if it is not there. NULL: no memory. */
struct leati_tls_shared *leati_tls_options_shared(leat_tls_options *options);

#endif
