/* SPDX-License-Identifier: Apache-2.0 */
#include "support/worlds.h"

#include "support/net_namespace.h"
#include "support/sandbox.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

void world_without_route(void)
{
    net_namespaces_init();
}

static void world_with_route(const char *kind)
{
    const char *const route[] = {"route", "add", kind, WORLD_ELSEWHERE "/32", NULL};
    net_namespaces_init();
    net_ip(NET_NEAR, route);
}

void world_with_prohibited_route(void)
{
    world_with_route("prohibit");
}

void world_with_unreachable_route(void)
{
    world_with_route("unreachable");
}

void world_with_blackhole_route(void)
{
    world_with_route("blackhole");
}

void world_without_free_ports(void)
{
    static const char range[] = "61000 61000\n";
    net_namespaces_init();
    int setting = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY | O_CLOEXEC);
    cr_assert(setting >= 0 && write(setting, range, sizeof(range) - 1) > 0, "%s", strerror(errno));
    close(setting);

    /* A listener on port 9 and one connection to it, which takes the only local port. */
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                  listen(listener, 8) == 0 &&
                  connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0,
              "%s", strerror(errno));
}

void world_without_descriptors(void)
{
    static const rlim_t loop_descriptors = 3; /* epoll, timer, event */
    struct rlimit limit = {.rlim_cur = 0, .rlim_max = 4096};
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert(next >= 0);
    close(next);
    limit.rlim_cur = (rlim_t)next + loop_descriptors;
    cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0, "%s", strerror(errno));
}

void world_with_name_server(void)
{
    const char *resolv_conf = sandbox_write("resolv.conf", "nameserver 127.0.0.1\n");
    net_namespaces_init();
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        cr_skip_test("no mount namespace: %s", strerror(errno));
    cr_assert(mount(resolv_conf, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0,
              "/etc/resolv.conf: %s", strerror(errno));
}
