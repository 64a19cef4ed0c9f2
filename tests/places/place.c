/* SPDX-License-Identifier: Apache-2.0 */
/* test_place PLACE PROGRAM [ARGUMENT...]: runs the program where the kernel lacks what docs/LIMITS.md
 * says under that name. All that the program starts is there, too. Exit status 77: left out, and
 * why. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS_MANY  3000
#define DESCRIPTORS_LIMIT 1048576u

/* A call that fails, always or with these arguments: the first, or level and option. */
struct refusal {
    long call;
    int sys_errno;
    bool has_first, has_second;
    unsigned first, second;
};

static const struct refusal no_ipv6[] = {
    {SYS_socket, EAFNOSUPPORT, true, false, AF_INET6, 0},
    {-1, 0, false, false, 0, 0},
};

/* Of setsockopt() and getsockopt() the descriptor comes first: its level and option are asked for. */
static const struct refusal no_fast_open[] = {
    {SYS_setsockopt, ENOPROTOOPT, true, true, IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
    {SYS_getsockopt, ENOPROTOOPT, true, true, IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
    {SYS_setsockopt, ENOPROTOOPT, true, true, IPPROTO_TCP, TCP_FASTOPEN},
    {-1, 0, false, false, 0, 0},
};

static const struct refusal no_reuse_port[] = {
    {SYS_setsockopt, ENOPROTOOPT, true, true, SOL_SOCKET, SO_REUSEPORT},
    {-1, 0, false, false, 0, 0},
};

/* Docker's profile, in what a program of this kind could have wanted. */
static const struct refusal container[] = {
    {SYS_io_uring_setup, EPERM, false, false, 0, 0},
    {SYS_io_uring_enter, EPERM, false, false, 0, 0},
    {SYS_io_uring_register, EPERM, false, false, 0, 0},
    {SYS_unshare, EPERM, false, false, 0, 0},
    {SYS_setns, EPERM, false, false, 0, 0},
    {SYS_add_key, EPERM, false, false, 0, 0},
    {SYS_keyctl, EPERM, false, false, 0, 0},
    {SYS_bpf, EPERM, false, false, 0, 0},
    {SYS_perf_event_open, EPERM, false, false, 0, 0},
    {SYS_userfaultfd, EPERM, false, false, 0, 0},
    {SYS_ptrace, EPERM, false, false, 0, 0},
    {SYS_clone3, ENOSYS, false, false, 0, 0},
    {-1, 0, false, false, 0, 0},
};

/* What came after Linux 5.10, and some of what came shortly before. */
static const struct refusal old_kernel[] = {
    {SYS_epoll_pwait2, ENOSYS, false, false, 0, 0},   {SYS_clone3, ENOSYS, false, false, 0, 0},
    {SYS_close_range, ENOSYS, false, false, 0, 0},    {SYS_openat2, ENOSYS, false, false, 0, 0},
    {SYS_faccessat2, ENOSYS, false, false, 0, 0},     {SYS_rseq, ENOSYS, false, false, 0, 0},
    {SYS_io_uring_setup, ENOSYS, false, false, 0, 0}, {-1, 0, false, false, 0, 0},
};

static const struct place {
    const char *name;
    const struct refusal *refusals; /* NULL = it is another matter */
} places[] = {
    {"no-ipv6", no_ipv6},     {"no-fast-open", no_fast_open}, {"no-reuse-port", no_reuse_port},
    {"container", container}, {"old-kernel", old_kernel},     {"many-files", NULL},
};

static void leave_out(const char *what)
{
    printf("left out: places: %s: %s\n", what, strerror(errno));
    exit(77);
}

/* The low half of an argument; int arguments have no other. */
static unsigned argument_offset(unsigned index)
{
    bool is_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    return (unsigned)offsetof(struct seccomp_data, args) + 8 * index + (is_big ? 4 : 0);
}

static void calls_refuse(const struct refusal *r)
{
    unsigned from = r->has_second ? 1 : 0;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)r->call, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument_offset(from)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, r->first, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument_offset(2)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, r->second, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)r->sys_errno),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    /* What is not asked for: straight on. */
    if (!r->has_first)
        filter[2] = filter[3] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 0);
    if (!r->has_second)
        filter[4] = filter[5] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 0);
    const struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        leave_out("a filter of system calls");
}

/* As many as may be, and so many open that every new number is beyond what select(2) can take. */
static void descriptors_open(void)
{
    struct rlimit limit = {DESCRIPTORS_LIMIT, DESCRIPTORS_LIMIT};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max <= DESCRIPTORS_MANY + 100)
            leave_out("so many descriptors");
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            leave_out("so many descriptors");
    }
    for (int last = -1; last < DESCRIPTORS_MANY;) {
        last = open("/dev/null", O_RDONLY);
        if (last < 0)
            leave_out("so many descriptors");
    }
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 2 && i < sizeof(places) / sizeof(places[0]); i++) {
        if (strcmp(argv[1], places[i].name) != 0)
            continue;
        if (!places[i].refusals)
            descriptors_open();
        for (const struct refusal *r = places[i].refusals; r && r->call >= 0; r++)
            calls_refuse(r);
        execv(argv[2], argv + 2);
        perror(argv[2]);
        return 1;
    }
    fprintf(stderr, "usage: test_place PLACE PROGRAM [ARGUMENT...]\n");
    return 2;
}
