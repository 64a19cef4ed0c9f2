/* SPDX-License-Identifier: Apache-2.0 */
#include "exit_status.h"

#include <leat/catalogue.h>

#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>

static const char *const meanings[] = {
    [TOOL_EXIT_OK] = "well",
    [TOOL_EXIT_FAILED] = "failed for another reason: a file, the output, this machine",
    [TOOL_EXIT_USAGE] = "wrong usage: an option, an argument, the URL, a file that it names",
    [TOOL_EXIT_DNS] = "the host name was not resolved",
    [TOOL_EXIT_TCP] = "no TCP connection: refused, unreachable, timed out",
    [TOOL_EXIT_PROXY] = "the proxy is away, refused, or could not connect to the server",
    [TOOL_EXIT_TLS] = "TLS failed",
    [TOOL_EXIT_CERTIFICATE] = "a certificate was not accepted",
    [TOOL_EXIT_REFUSED] = "the server did not accept the WebSocket",
    [TOOL_EXIT_CLOSED] =
        "the open connection ended early or with a close code other than 1000, 1001, 1005",
};

size_t tool_exit_count(void)
{
    return sizeof(meanings) / sizeof(meanings[0]);
}

const char *tool_exit_meaning(enum tool_exit status)
{
    return meanings[status];
}

bool tool_close_is_normal(unsigned close_code)
{
    return close_code == 1000 || close_code == 1001 || close_code == 1005;
}

static enum tool_exit layer_status(enum leat_layer layer)
{
    switch (layer) {
    case LEAT_LAYER_DNS:
        return TOOL_EXIT_DNS;
    case LEAT_LAYER_TCP:
    case LEAT_LAYER_UDP:
        return TOOL_EXIT_TCP;
    case LEAT_LAYER_SOCKS5:
    case LEAT_LAYER_HTTP_PROXY:
        return TOOL_EXIT_PROXY;
    case LEAT_LAYER_TLS:
        return TOOL_EXIT_TLS;
    case LEAT_LAYER_WEBSOCKET:
        return TOOL_EXIT_REFUSED;
    case LEAT_LAYER_NONE:
        break;
    }
    return TOOL_EXIT_FAILED;
}

static enum tool_exit family_status(enum leat_family family)
{
    switch (family) {
    case LEAT_FAMILY_SOCKET:
    case LEAT_FAMILY_TLS_SOCKET:
        return TOOL_EXIT_TCP;
    case LEAT_FAMILY_SOCKS5:
        return TOOL_EXIT_PROXY;
    case LEAT_FAMILY_TLS:
        return TOOL_EXIT_TLS;
    case LEAT_FAMILY_WEBSOCKET:
        return TOOL_EXIT_REFUSED;
    case LEAT_FAMILY_GENERAL:
    case LEAT_FAMILY_NONE:
        break;
    }
    return TOOL_EXIT_FAILED;
}

int tool_exit_status(const struct leat_error *error, bool was_open)
{
    enum leat_family family = leat_code_family(error->code);
    enum leat_class class_ = leat_error_class(error->code);
    if (error->code == LEAT_OK)
        return TOOL_EXIT_OK;
    if (class_ == LEAT_CLASS_CERTIFICATE)
        return TOOL_EXIT_CERTIFICATE;
    /* What the user wrote; an errno of that class is what the kernel thought of it. */
    if (family != LEAT_FAMILY_SOCKET && class_ == LEAT_CLASS_CONFIGURATION)
        return TOOL_EXIT_USAGE;
    if (error->code == LEAT_E_PARAMETER)
        return TOOL_EXIT_USAGE;
    if (error->code == LEAT_E_SYSTEM_INTERNAL)
        return TOOL_EXIT_FAILED;
    if (was_open)
        return TOOL_EXIT_CLOSED;
    if (family == LEAT_FAMILY_SOCKS5)
        return TOOL_EXIT_PROXY;
    return (int)(error->layer != LEAT_LAYER_NONE ? layer_status(error->layer)
                                                 : family_status(family));
}

int tool_answered_exit_status(const struct leat_error *error, bool was_open, int http_status)
{
    int status = tool_exit_status(error, was_open);
    bool is_of_redirect =
        http_status != 0 && !was_open && leat_code_family(error->code) == LEAT_FAMILY_WEBSOCKET;
    return status == TOOL_EXIT_USAGE && is_of_redirect ? TOOL_EXIT_REFUSED : status;
}

bool tool_flush_line(const struct tool_command *command, int *status)
{
    errno = 0;
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    int reason = errno;
    if (!failed)
        return true;
    /* It failed before this flush, which had nothing left to write: another byte tells why. */
    if (reason == 0 && (clearerr(stdout), putchar('\n')) != EOF && fflush(stdout) != 0)
        reason = errno;
    __fpurge(stdout); /* it is said once */
    clearerr(stdout);
    if (reason == EPIPE)
        return false;
    fprintf(stderr, "leat%s%s: cannot write the output%s%s\n", command->path[0] ? " " : "",
            command->path, reason ? ": " : "", reason ? strerror(reason) : "");
    *status = *status == TOOL_EXIT_OK ? TOOL_EXIT_FAILED : *status;
    return false;
}

int tool_flush(const struct tool_command *command, int status)
{
    (void)tool_flush_line(command, &status);
    return status;
}
