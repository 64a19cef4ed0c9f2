/* SPDX-License-Identifier: Apache-2.0 */
/** @file The options that every connecting command understands, and the configuration they make. */
#ifndef LEAT_TOOL_OPTIONS_H
#define LEAT_TOOL_OPTIONS_H

#include <leat/leat.h>

#include <getopt.h>

/** An option of one command, beside the common ones. */
struct tool_option {
    const char *name;
    bool has_argument;
    const char *help; /**< "N  what it does"; the argument's name comes first if there is one */
    /** Takes the value; false = it is not one, and usage follows. */
    bool (*set)(const char *value, void *user);
};

struct tool_request {
    const char *url;
    leat_config *config; /**< owned by the caller */
};

/**
 * Reads the command line of `leat COMMAND URL [options]`.
 *
 * @param extra ends with a row without a name.
 * @return LEAT_EXIT_OK and a request; otherwise what to exit with (0 for --help), with everything
 *         said and `ret_request->config` NULL.
 */
int tool_options_parse(int argc, char **argv, const char *summary, const struct tool_option *extra,
                       void *user, struct tool_request *ret_request, bool *ret_done);

#endif
