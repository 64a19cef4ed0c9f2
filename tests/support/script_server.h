/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Scripted servers (leat/testing_script.h) for tests, in one word.
 */
#ifndef LEAT_TESTS_SUPPORT_SCRIPT_SERVER_H
#define LEAT_TESTS_SUPPORT_SCRIPT_SERVER_H

#include <leat/testing_script.h>

/** Starts a server that plays the scripts of these options, whose kind and size may be left out.
 * @return NULL if it cannot. */
static inline leat_testing_server *script_server_new(const struct leat_testing_options *options)
{
    struct leat_testing_options complete = *options;
    leat_testing_server *server = NULL;
    complete.size = sizeof(complete);
    complete.kind = LEAT_TESTING_SCRIPT;
    return leat_testing_server_new(&complete, &server, NULL) == LEAT_OK ? server : NULL;
}

/** The same with one script. */
static inline leat_testing_server *script_server_start(const struct leat_script_row *script)
{
    return script_server_new(&(struct leat_testing_options){.scripts = {script}});
}

#endif
