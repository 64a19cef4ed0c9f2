/* SPDX-License-Identifier: Apache-2.0 */
/* Listening on a Unix socket. */
#include "testing/server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Whether nobody listens there any more, and it is a socket: then it may go. */
static bool path_is_dead(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_dead = fd >= 0 &&
                   connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return is_dead;
}

int leati_testing_unix_listen(struct leat_testing_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = server->options.unix_path;
    if (strlen(path) >= sizeof(address.sun_path))
        return LEAT_E_SOCKET_BASE + ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path));
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listener < 0 ||
        fchmod(server->listener, S_IRUSR | S_IWUSR) != 0) /* of the name that bind(2) makes */
        return LEAT_E_SOCKET_BASE + errno;
    bool is_bound = bind(server->listener, (struct sockaddr *)&address, sizeof(address)) == 0;
    if (!is_bound && errno == EADDRINUSE && path_is_dead(&address)) {
        unlink(path);
        is_bound = bind(server->listener, (struct sockaddr *)&address, sizeof(address)) == 0;
    }
    if (!is_bound)
        return LEAT_E_SOCKET_BASE + errno;
    server->owns_path = true;
    return listen(server->listener, LEATI_TESTING_BACKLOG) == 0 ? LEAT_OK
                                                                : LEAT_E_SOCKET_BASE + errno;
}
