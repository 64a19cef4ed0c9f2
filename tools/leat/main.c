/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

static const struct tool_command *const commands[] = {&tool_ws, &tool_check, &tool_explain, NULL};

const struct tool_command tool_root = {
    .path = "",
    .summary = "WebSockets over TLS through proxies, and what went wrong with them",
    .subcommands = commands,
};

int main(int argc, char **argv)
{
    return tool_run(&tool_root, argc, argv);
}
