/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a WebSocket over a local socket: no name, no proxy, and connect(2) says at once how it went, or that
 * the server has no room yet. */
#include "conn/route_private.h"

#include "tcp/local_address.h"
#include "url/local_url.h"
#include "util/alloc.h"

#include <errno.h>
#include <unistd.h>

static int local_fail(const char *path, int sys_errno, struct leati_failure *failure)
{
    const struct leati_fault fault = leati_errno_fault(LEAT_LAYER_TCP, sys_errno, path);
    return leati_failure_set(failure, &fault, "cannot connect to the local socket %s: %s",
                             leati_excerpt(path, 120).text, leati_errno_reason(sys_errno).text);
}

int leati_route_connect_local(struct leati_route *route, const char *path,
                              struct leati_failure *failure)
{
    struct leati_local_address address;
    int code = leati_local_address_parse(path, &address);
    if (code == LEAT_E_PARAMETER)
        return leati_failure_set(failure, &(struct leati_fault){.code = LEAT_E_WS_URL},
                                 "the abstract name of the local socket is empty");
    if (code != LEAT_OK)
        return local_fail(path, code - LEAT_E_SOCKET_BASE, failure);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return local_fail(path, errno, failure);
    int sys_errno = 0;
    if (connect(fd, (const struct sockaddr *)&address.un, address.size) < 0)
        sys_errno = errno;
    if (sys_errno != 0 && sys_errno != EAGAIN) {
        close(fd);
        return local_fail(path, sys_errno, failure);
    }
    route->adopted_server.size = 0;
    if (sys_errno == EAGAIN)
        route->adopted_server = address;
    route->adopted_from = (struct leati_address){.any.sa_family = AF_UNIX};
    route->adopted_fd = fd;
    return LEAT_OK;
}

int leati_route_plan_local(struct leati_route *route, const char *url,
                           struct leati_failure *failure)
{
    char *path;
    int code = leati_url_parse_local(url, failure, &path, &route->origin);
    if (code != LEAT_OK)
        return code;
    route->on_top = LEATI_ON_TOP_UPGRADE;
    route->hops = leati_calloc(1, sizeof(*route->hops));
    route->origin_field = leati_strdup(route->origin.host);
    if (route->hops) {
        route->hop_count = 1;
        route->hops[0].text = leati_asprintf("unix:%s", path);
    }
    if (!route->hops || !route->hops[0].text || !route->origin_field)
        code = LEAT_E_SYSTEM_INTERNAL;
    if (code == LEAT_OK)
        code = leati_route_check_policy(route, failure);
    if (code == LEAT_OK)
        code = leati_route_connect_local(route, path, failure);
    route->adopts = code == LEAT_OK;
    leati_free(path);
    return code;
}
