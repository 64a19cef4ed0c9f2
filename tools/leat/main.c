/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <leat/leat.h>

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"ws",      leat_cmd_ws,      "lines from standard input out as messages, messages in as lines"},
    {"check",   leat_cmd_check,   "connect, show each phase, send one echo round trip, close"      },
    {"explain", leat_cmd_explain, "what an error code means, why it happens and what helps"        },
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void print_usage(FILE *out)
{
    fprintf(out, "usage: leat COMMAND ...\n\ncommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\nleat COMMAND --help tells more; leat --version tells the version\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return LEAT_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("leat %s\n", leat_version());
        return LEAT_EXIT_OK;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_usage(stdout);
        return LEAT_EXIT_OK;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "leat: unknown command: %s\n", name);
    print_usage(stderr);
    return LEAT_EXIT_USAGE;
}
