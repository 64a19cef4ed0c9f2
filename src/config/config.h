/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The inside of leat_config: a handle of settings that may be shared with connections and copies.
 */
#ifndef LEATI_CONFIG_CONFIG_H
#define LEATI_CONFIG_CONFIG_H

#include "config/settings.h"

struct leat_config {
    struct leati_settings *settings; /**< written through leati_config_edit() only */
    struct leati_failure failure;    /**< of the last setter that failed */
};

/** The settings to write to: those that are shared become others of this configuration alone. NULL
 * without memory, recorded: the setter returns LEAT_E_SYSTEM_INTERNAL. */
struct leati_settings *leati_config_edit(leat_config *config);

/** Records why a setter failed; a newer reason replaces an older one. Returns `code`. */
int leati_config_refuse(leat_config *config, int code, const char *text);
int leati_config_no_memory(leat_config *config);

/* The parts of settings that config_network.c, config_request.c and config_tls.c own. Copying goes
 * into an empty `dst`; false without memory. */
void leati_settings_clear_network(struct leati_settings *settings);
bool leati_settings_copy_network(struct leati_settings *dst, const struct leati_settings *src);
void leati_settings_clear_request(struct leati_settings *settings);
bool leati_settings_copy_request(struct leati_settings *dst, const struct leati_settings *src);
void leati_settings_init_tls(struct leati_settings *settings);
void leati_settings_clear_tls(struct leati_settings *settings);
bool leati_settings_copy_tls(struct leati_settings *dst, const struct leati_settings *src);

#endif
