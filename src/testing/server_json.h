/* SPDX-License-Identifier: Apache-2.0 */
/** @file The options of a server as JSON. */
#ifndef LEATI_TESTING_SERVER_JSON_H
#define LEATI_TESTING_SERVER_JSON_H

#include "testing/json.h"

#include <leat/testing_control.h>

/** Of names, subprotocols, messages. */
#define LEATI_JSON_STRINGS_MAX 64

/** Why a request is refused. */
struct leati_refusal {
    int status;
    char field[64]; /**< "" = none in particular */
    char reason[256];
};

/** Notes it. @return false, for `return`. */
bool leati_refuse(struct leati_refusal *refusal, int status, const char *field, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/** What JSON says of a server. Texts belong to the JSON. */
struct leati_settings {
    struct leat_testing_options options;
    const char *name;
    bool is_enabled;
    struct leat_testing_tls tls;
    bool wants_certificate;
    const char *certificate_hosts, *certificate_faults;
    struct leat_testing_to_tls to_tls;
    struct leat_testing_name names[LEATI_JSON_STRINGS_MAX + 1];
    const char *subprotocols[LEATI_JSON_STRINGS_MAX + 1];
    struct leat_testing_message messages[LEATI_JSON_STRINGS_MAX];
};

/** Reads an object; its members are checked one by one. */
bool leati_settings_read(const struct leati_json *json, struct leati_settings *ret_settings,
                         struct leati_refusal *refusal);
/** Starts what the settings say. */
bool leati_settings_start(struct leati_settings *settings, leat_testing_ca *ca,
                          leat_testing_server **ret_server, struct leati_refusal *refusal,
                          int *ret_code);
/** A member of a certificate: `ca` makes it. */
bool leati_certificate_issue(leat_testing_ca *ca, const char *hosts, const char *faults,
                             const struct leat_testing_certificate **ret_certificate,
                             struct leati_refusal *refusal);

#endif
