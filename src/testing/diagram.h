/* SPDX-License-Identifier: Apache-2.0 */
/** @file What a server has seen, as a sequence diagram. */
#ifndef LEATI_TESTING_DIAGRAM_H
#define LEATI_TESTING_DIAGRAM_H

#include "testing/json.h"
#include "testing/server.h"

/** Appends it to an empty text, which is left as it is where it fails. */
void leati_diagram_append(struct leat_testing_server *server, struct leati_json_text *text);

#endif
