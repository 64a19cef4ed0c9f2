/* SPDX-License-Identifier: Apache-2.0 */
#include "links/hostile.h"
#include "support/raw_socket.h"
#include "util/alloc.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- peers
 * ----------------------------------------------------------------------------------------- */

static void child_begin(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

uint16_t hostile_server_start(hostile_fn play, int upgrades, pid_t *ret_pid)
{
    uint16_t port;
    int listener = raw_listen(&port);
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        char head[4096] = "";
        char answer[512];
        child_begin();
        int fd = accept(listener, NULL, NULL);
        raw_recv_until(fd, "\r\n\r\n", head, sizeof(head));
        raw_upgrade_answer(head, answer, sizeof(answer));
        if (!upgrades || raw_send(fd, answer, strlen(answer)))
            play(fd);
        _exit(0);
    }
    close(listener);
    *ret_pid = pid;
    return port;
}

pid_t hostile_client_start(hostile_fn play, const char *path, uint16_t port)
{
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        char head[4096];
        child_begin();
        int fd = raw_connect(NULL, port);
        if (!path || (raw_send(fd, path, strlen(path)) &&
                      raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)))) {
            play(fd);
        }
        _exit(0);
    }
    return pid;
}

void hostile_stop(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* ---- memory
 * ---------------------------------------------------------------------------------------- */

extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static atomic_size_t start_bytes;
static atomic_size_t peak_bytes;

static size_t bytes_held(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

void memory_watch_sample(void)
{
    size_t now = bytes_held();
    size_t start = atomic_load(&start_bytes);
    size_t beyond = now > start ? now - start : 0;
    size_t peak = atomic_load(&peak_bytes);
    while (beyond > peak && !atomic_compare_exchange_weak(&peak_bytes, &peak, beyond)) {
    }
}

static bool sample_hook(void)
{
    memory_watch_sample();
    return false;
}

void memory_watch_start(void)
{
    atomic_store(&start_bytes, bytes_held());
    atomic_store(&peak_bytes, 0);
    leati_alloc_fail_hook = sample_hook;
}

size_t memory_watch_peak(void)
{
    memory_watch_sample();
    leati_alloc_fail_hook = NULL;
    return atomic_load(&peak_bytes);
}
