/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/worlds.h"

#include "support/process.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define IP_TIMEOUT_MS 10000

void world_without_network(void)
{
    cr_assert(unshare(CLONE_NEWNET) == 0, "a network namespace needs root: %s", strerror(errno));
}

/* Runs `ip` in the present namespace. */
static void ip_run(const char *const *arguments)
{
    const char *argv[16] = {"ip"};
    for (size_t i = 0; arguments[i] != NULL; ++i) {
        argv[1 + i] = arguments[i];
    }
    struct process *process = process_start(&(struct process_options){.argv = argv});
    cr_assert(process_wait(process, IP_TIMEOUT_MS) == 0, "ip %s %s failed", argv[1], argv[2]);
    process_stop(process);
}

static void world_with_loopback(void)
{
    static const char *const up[] = {"link", "set", "lo", "up", NULL};
    world_without_network();
    ip_run(up);
}

static void world_with_route(const char *kind)
{
    const char *const route[] = {"route", "add", kind, "192.0.2.1/32", NULL};
    world_with_loopback();
    ip_run(route);
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
    world_with_loopback();
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
