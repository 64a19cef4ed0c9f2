/* SPDX-License-Identifier: Apache-2.0 */
#include "support/net_namespace.h"
#include "support/patience.h"
#include "support/process.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define IP_TIMEOUT_MS    PATIENCE_MS(5000)
#define IP_ARGUMENTS_MAX 16

static int hosts[2] = {-1, -1};

static void file_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    cr_assert(written, "%s: %s", path, strerror(errno));
    close(fd);
}

/* Without root, a user namespace gives the right to have network namespaces. */
static void rights_get(void)
{
    unsigned uid = getuid();
    unsigned gid = getgid();
    if (uid == 0)
        return;
    cr_assert(unshare(CLONE_NEWUSER) == 0, "user namespaces: %s", strerror(errno));
    file_write("/proc/self/setgroups", "deny");
    file_write("/proc/self/uid_map", sandbox_format("0 %u 1", uid));
    file_write("/proc/self/gid_map", sandbox_format("0 %u 1", gid));
}

static bool loopback_up(void)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &loopback) == 0;
    if (fd >= 0)
        close(fd);
    return is_up;
}

bool net_alone(void)
{
    unsigned uid = getuid();
    unsigned gid = getgid();
    if (unshare(CLONE_NEWNET) == 0 && loopback_up())
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    file_write("/proc/self/setgroups", "deny");
    file_write("/proc/self/uid_map", sandbox_format("%u %u 1", uid, uid));
    file_write("/proc/self/gid_map", sandbox_format("%u %u 1", gid, gid));
    return loopback_up();
}

static int host_new(void)
{
    cr_assert(unshare(CLONE_NEWNET) == 0, "network namespaces: %s", strerror(errno));
    int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    cr_assert(fd >= 0, "%s", strerror(errno));
    return fd;
}

void net_namespace_enter(enum net_host host)
{
    cr_assert(setns(hosts[host], CLONE_NEWNET) == 0, "%s", strerror(errno));
}

static void ip_run(const char *const *arguments)
{
    const char *argv[IP_ARGUMENTS_MAX] = {"ip"};
    for (size_t i = 0; arguments[i]; ++i)
        argv[i + 1] = arguments[i];
    struct process *process = process_start(&(struct process_options){.argv = argv});
    int status = process_wait(process, IP_TIMEOUT_MS);
    char *error = file_read(process->error_path);
    cr_assert(status == 0, "ip: %s", error);
    free(error);
    process_stop(process);
}

void net_ip(enum net_host host, const char *const *arguments)
{
    int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    cr_assert(here >= 0);
    net_namespace_enter(host);
    ip_run(arguments);
    cr_assert(setns(here, CLONE_NEWNET) == 0);
    close(here);
}

#define IP(host, ...) net_ip(host, (const char *const[]){__VA_ARGS__, NULL})

void net_namespaces_init(void)
{
    rights_get();
    hosts[NET_FAR] = host_new();
    hosts[NET_NEAR] = host_new();
    /* the far end of the cable is put where this descriptor shows */
    const char *far = sandbox_format("/proc/%d/fd/%d", (int)getpid(), hosts[NET_FAR]);
    IP(NET_NEAR, "link", "set", "lo", "up");
    IP(NET_FAR, "link", "set", "lo", "up");
    IP(NET_NEAR, "link", "add", "cable0", "type", "veth", "peer", "name", "cable1", "netns", far);
    IP(NET_NEAR, "addr", "add", NEAR_ADDRESS "/24", "dev", "cable0");
    IP(NET_FAR, "addr", "add", FAR_ADDRESS "/24", "dev", "cable1");
    IP(NET_NEAR, "link", "set", "cable0", "up");
    IP(NET_FAR, "link", "set", "cable1", "up");
}

void net_lose_far_address(void)
{
    IP(NET_FAR, "addr", "del", FAR_ADDRESS "/24", "dev", "cable1");
}

void net_lose_cable(void)
{
    IP(NET_FAR, "link", "set", "cable1", "down");
}

void net_lose_way_back(void)
{
    IP(NET_FAR, "route", "add", "blackhole", NEAR_ADDRESS "/32");
}
