/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <fcntl.h>
#include <unistd.h>

static const struct tool_command *const commands[] = {
    &tool_ws,    &tool_check, &tool_explain,
#ifdef LEAT_TOOL_SERVE /* needs libleat-testing, so OpenSSL */
    &tool_serve,
#endif
    NULL,
};

const struct tool_command tool_root = {
    .path = "",
    .summary = "WebSockets over TLS through proxies, and what went wrong with them",
    .url_command = &tool_ws,
    .subcommands = commands,
};

/* A file or a socket must not be taken for a standard stream that was closed by whoever started us.
 * What stands in for one fails when it is used. */
static bool streams_fill(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    if (!streams_fill())
        return TOOL_EXIT_FAILED;
    return tool_run(&tool_root, argc, argv);
}
