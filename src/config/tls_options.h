/* SPDX-License-Identifier: Apache-2.0 */
/** @file The inside of leat_tls_options. */
#ifndef LEATI_CONFIG_TLS_OPTIONS_H
#define LEATI_CONFIG_TLS_OPTIONS_H

#include <leat/tls_options.h>

#include "config/tls_shared.h"
#include "config/tls_values.h"

struct leat_tls_options {
    struct leati_tls_values *values; /**< written through leati_tls_values_edit() only */
    /** What sockets and servers made of them share since the last change; NULL = nothing yet. */
    struct leati_tls_shared *shared;
    struct leati_failure failure; /**< of the last setter that failed */
};

/** With the defaults. */
void leati_tls_options_init(leat_tls_options *options);
void leati_tls_options_done(leat_tls_options *options);

/** What is shared, made if it is not there. NULL: no memory. */
struct leati_tls_shared *leati_tls_options_shared(leat_tls_options *options);

#endif
