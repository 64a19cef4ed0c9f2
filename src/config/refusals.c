/* SPDX-License-Identifier: Apache-2.0 */
/* Setters that were refused. A program that forgets to look must not connect without what it wanted
 * to set, a proxy above all: so connecting is refused, too, until the same setter has succeeded. */
#include "config/config.h"

#include <string.h>

/* Whose place is shared: the name of none, so that none takes it back. */
static const char several[] = "one of several setters";

static int failure_copy(struct leati_failure *dst, const struct leati_failure *src)
{
    const struct leati_fault fault = leati_failure_fault(src);
    return leati_failure_set(dst, &fault, "%s", src->text ? src->text : "");
}

/* The place of a setter: its own, a free one, or the last, whose owner it then shares. */
static struct leati_refusal *refusal_place(leat_config *config, const char *setter)
{
    struct leati_refusal *place = config->refusals;
    while (place < config->refusals + LEATI_CONFIG_MAX_REFUSALS - 1 && place->setter &&
           strcmp(place->setter, setter) != 0)
        place++;
    return place;
}

static void refusal_note(leat_config *config, const char *setter)
{
    struct leati_refusal *place = refusal_place(config, setter);
    bool is_shared = place->setter && strcmp(place->setter, setter) != 0;
    if (is_shared) {
        place->setter = several; /* the older one is told, and stands until all are forgotten */
        return;
    }
    place->setter = setter;
    leati_failure_done(&place->failure);
    failure_copy(&place->failure, &config->failure);
}

int leati_config_refuse_failure(leat_config *config, const char *setter,
                                struct leati_failure *failure)
{
    int code = failure->code;
    leati_failure_done(&config->failure);
    config->failure = *failure;
    leati_failure_init(failure);
    refusal_note(config, setter);
    return code;
}

int leati_config_refuse_by(leat_config *config, const char *setter, int code, const char *text)
{
    struct leati_failure failure;
    leati_failure_init(&failure);
    leati_failure_set(&failure, &(struct leati_fault){.code = code}, "%s", text);
    return leati_config_refuse_failure(config, setter, &failure);
}

int leati_config_no_memory_by(leat_config *config, const char *setter)
{
    return leati_config_refuse_by(config, setter, LEAT_E_SYSTEM_INTERNAL, "out of memory");
}

void leati_config_forget_refusal(leat_config *config, const char *setter)
{
    struct leati_refusal *place = refusal_place(config, setter);
    struct leati_refusal *last = config->refusals + LEATI_CONFIG_MAX_REFUSALS - 1;
    if (!place->setter || strcmp(place->setter, setter) != 0)
        return;
    leati_failure_done(&place->failure);
    memmove(place, place + 1, (size_t)(last - place) * sizeof(*place));
    *last = (struct leati_refusal){.setter = NULL};
}

void leati_config_amend(leat_config *config, const char *setter)
{
    if (strncmp(setter, "leat_config_add_", strlen("leat_config_add_")) != 0)
        leati_config_forget_refusal(config, setter);
}

int leati_config_check(const leat_config *config, struct leati_failure *failure)
{
    const struct leati_refusal *first = config->refusals;
    if (!first->setter)
        return LEAT_OK;
    const struct leati_fault fault = {.code = first->failure.code};
    bool is_one = strncmp(first->setter, "leat_config_", strlen("leat_config_")) == 0;
    return leati_failure_set(failure, &fault, "%s%s was refused before: %s",
                             is_one ? first->setter : "a setter", is_one ? "()" : "",
                             first->failure.text ? first->failure.text : "");
}

void leati_config_drop_refusals(leat_config *config)
{
    for (size_t i = 0; i < LEATI_CONFIG_MAX_REFUSALS; i++) {
        leati_failure_done(&config->refusals[i].failure);
        config->refusals[i].setter = NULL;
    }
}

void leati_config_copy_refusals(leat_config *dst, const leat_config *src)
{
    for (size_t i = 0; i < LEATI_CONFIG_MAX_REFUSALS && src->refusals[i].setter; i++) {
        dst->refusals[i].setter = src->refusals[i].setter;
        failure_copy(&dst->refusals[i].failure, &src->refusals[i].failure);
    }
}

void leat_config_get_error(const leat_config *config, struct leat_error *ret_error)
{
    if (config && ret_error)
        leati_failure_get(&config->failure, ret_error);
}

void leat_config_clear_error(leat_config *config)
{
    if (!config)
        return;
    leati_failure_done(&config->failure);
    leati_config_drop_refusals(config);
}
