/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The inside of leat_config: a handle of settings that may be shared with connections and copies.
 */
#ifndef LEATI_CONFIG_CONFIG_H
#define LEATI_CONFIG_CONFIG_H

#include "config/settings.h"

/** So many setters that were refused are told apart; those beyond share the last place. */
#define LEATI_CONFIG_MAX_REFUSALS 8u

/** A setter whose last call was refused: what it should have set is missing. */
struct leati_refusal {
    const char
        *setter; /**< its name, which lives for ever; NULL = a free place, as are all behind */
    struct leati_failure failure;
};

struct leat_config {
    struct leati_settings *settings; /**< written through leati_config_edit() only */
    struct leati_failure failure;    /**< of the last setter that failed */
    struct leati_refusal refusals[LEATI_CONFIG_MAX_REFUSALS]; /**< the oldest first */
};

/* Each of these is called by the public setter, whose name it takes; a helper that several setters
 * share is given the name, and passes it on to the second form. */

/** The settings to write to: those that are shared become others of this configuration alone. NULL
 * without memory, recorded: the setter returns LEAT_E_SYSTEM_INTERNAL. Implies
 * leati_config_amend(). */
#define leati_config_edit(config) leati_config_edit_by(config, __func__)
struct leati_settings *leati_config_edit_by(leat_config *config, const char *setter);

/** The whole beginning of a setter: `refusal` is why the value is refused, NULL = it is not.
 * @return LEAT_OK and the settings to write to; LEAT_E_PARAMETER (also for a NULL `config`),
 * LEAT_E_SYSTEM_INTERNAL, recorded. */
#define leati_config_change(config, refusal, ret_settings)                                         \
    leati_config_change_by(config, __func__, refusal, ret_settings)
int leati_config_change_by(leat_config *config, const char *setter, const char *refusal,
                           struct leati_settings **ret_settings);

/** All of a setter that writes one value: `field` of the settings becomes `value`. */
#define leati_config_set(config, refusal, field, value)                                            \
    leati_config_set_by(config, __func__, refusal, offsetof(struct leati_settings, field),         \
                        &(__typeof__(((struct leati_settings *)0)->field)){(value)},               \
                        sizeof(((struct leati_settings *)0)->field))
int leati_config_set_by(leat_config *config, const char *setter, const char *refusal, size_t offset,
                        const void *value, size_t size);
/** The same for a text, of which the settings have a copy; NULL = none. */
#define leati_config_set_text(config, refusal, field, text)                                        \
    leati_config_set_text_by(config, __func__, refusal, offsetof(struct leati_settings, field),    \
                             text)
int leati_config_set_text_by(leat_config *config, const char *setter, const char *refusal,
                             size_t offset, const char *text);

/** Records why a setter failed, for leat_config_get_error() and for whoever connects. Returns
 * `code`. */
#define leati_config_refuse(config, code, text) leati_config_refuse_by(config, __func__, code, text)
int leati_config_refuse_by(leat_config *config, const char *setter, int code, const char *text);
#define leati_config_no_memory(config) leati_config_no_memory_by(config, __func__)
int leati_config_no_memory_by(leat_config *config, const char *setter);
/** The same with the record of a parser, which is taken. */
int leati_config_refuse_failure(leat_config *config, const char *setter,
                                struct leati_failure *failure);

/** The setter is about to succeed: what it was refused before does not count any more, unless it is
 * one that adds. */
void leati_config_amend(leat_config *config, const char *setter);
void leati_config_forget_refusal(leat_config *config, const char *setter);
/** The oldest refusal that stands, recorded in `failure`. @return its code, LEAT_OK without one. */
int leati_config_check(const leat_config *config, struct leati_failure *failure);
/** Forgets them all. */
void leati_config_drop_refusals(leat_config *config);
/** Without memory their texts are lost. */
void leati_config_copy_refusals(leat_config *dst, const leat_config *src);

/* The parts of settings that config_network.c, config_request.c (with the lists of a server) and
 * config_tls.c own. Copying goes into an empty `dst`; false without memory. */
void leati_settings_clear_network(struct leati_settings *settings);
bool leati_settings_copy_network(struct leati_settings *dst, const struct leati_settings *src);
void leati_settings_clear_request(struct leati_settings *settings);
bool leati_settings_copy_request(struct leati_settings *dst, const struct leati_settings *src);
void leati_settings_init_tls(struct leati_settings *settings);
void leati_settings_clear_tls(struct leati_settings *settings);
bool leati_settings_copy_tls(struct leati_settings *dst, const struct leati_settings *src);

#endif
