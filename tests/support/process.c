/* SPDX-License-Identifier: Apache-2.0 */
#include "support/patience.h"
#include "support/process.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_TIMEOUT_MS PATIENCE_MS(10000)
#define STOP_TIMEOUT_MS  PATIENCE_MS(3000)
#define POLL_INTERVAL_MS 3
#define ENVIRONMENT_MAX  256

/* Where daemons live that are not on every user's PATH. */
static const char sbin_path[] = "/usr/local/sbin:/usr/sbin:/sbin";

static struct process processes[PROCESS_MAX];
static size_t process_count;

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_shortly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = POLL_INTERVAL_MS * 1000000}, NULL);
}

/* ---- start ------------------------------------------------------------------------------- */

static char *program_find(const char *program)
{
    if (strchr(program, '/'))
        return access(program, X_OK) == 0 ? strdup(program) : NULL;
    const char *search = getenv("PATH");
    char *list = NULL;
    cr_assert(asprintf(&list, "%s:%s", search ? search : "/usr/bin:/bin", sbin_path) > 0);
    char *found = NULL;
    char *rest = list;
    for (char *dir = strsep(&rest, ":"); dir && !found; dir = strsep(&rest, ":")) {
        char *path = NULL;
        cr_assert(asprintf(&path, "%s/%s", dir, program) > 0);
        if (access(path, X_OK) == 0) {
            found = path;
        } else {
            free(path);
        }
    }
    free(list);
    return found;
}

static void environment_join(char **joined, const char *const *added)
{
    extern char **environ;
    size_t count = 0;
    for (size_t i = 0; added && added[i]; ++i)
        joined[count++] = (char *)(uintptr_t)added[i];
    for (char **entry = environ; *entry && count < ENVIRONMENT_MAX; ++entry)
        joined[count++] = *entry;
    joined[count] = NULL;
}

/* Those from `first` on. glibc has a function for it, musl of Debian 12 none. */
static void descriptors_close(unsigned first)
{
    syscall(SYS_close_range, first, ~0u, 0);
}

/* Between fork and exec: system calls only, since the test may have threads. */
static void child_exec(const char *path, const struct process_options *options, char **environment,
                       const int fds[3])
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    for (int i = 0; i < 3; ++i)
        dup2(fds[i], i);
    descriptors_close(3);
    execve(path, (char *const *)(uintptr_t)options->argv, environment);
    _exit(127);
}

/* A process that waits for the end of its parent and then ends the group. PR_SET_PDEATHSIG would be
 * lost when a daemon changes its user. */
static void guard_run(int parent_fd, pid_t group)
{
    char byte;
    setpgid(0, 0);
    dup2(parent_fd, 0);
    descriptors_close(1);
    while (read(0, &byte, 1) > 0) {
    }
    kill(-group, SIGTERM);
    for (int i = 0; i < 100 && kill(-group, 0) == 0; ++i)
        pause_shortly();
    kill(-group, SIGKILL);
    _exit(0);
}

static void guard_start(struct process *process)
{
    int fds[2];
    cr_assert(pipe2(fds, O_CLOEXEC) == 0);
    process->guard = fork();
    cr_assert(process->guard >= 0);
    if (process->guard == 0) {
        close(fds[1]);
        guard_run(fds[0], process->pid);
    }
    close(fds[0]);
    process->guard_fd = fds[1];
}

static int output_open(const char *path)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
    return fd;
}

struct process *process_start(const struct process_options *options)
{
    char *path = program_find(options->argv[0]);
    cr_assert(path, "%s is not installed: script/bootstrap installs it", options->argv[0]);
    cr_assert(process_count < PROCESS_MAX, "too many processes in one test");

    struct process *process = &processes[process_count];
    char name[64];
    const char *base = strrchr(options->argv[0], '/');
    *process = (struct process){.name = base ? base + 1 : options->argv[0], .input_fd = -1};
    snprintf(name, sizeof(name), "%zu-%.40s.out", process_count, process->name);
    process->output_path = sandbox_path(name);
    snprintf(name, sizeof(name), "%zu-%.40s.err", process_count, process->name);
    process->error_path = sandbox_path(name);

    int input[2] = {-1, -1};
    cr_assert(!options->has_input || pipe2(input, O_CLOEXEC) == 0);
    int fds[3] = {options->has_input ? input[0] : open("/dev/null", O_RDONLY | O_CLOEXEC),
                  output_open(process->output_path), output_open(process->error_path)};
    char *environment[ENVIRONMENT_MAX + 1];
    environment_join(environment, options->environment);

    prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a daemon leaves behind is waited for here */
    process->pid = fork();
    cr_assert(process->pid >= 0, "fork: %s", strerror(errno));
    if (process->pid == 0)
        child_exec(path, options, environment, fds);
    setpgid(process->pid, process->pid); /* also here, so that it is done before anybody kills */
    for (int i = 0; i < 3; ++i)
        close(fds[i]);
    process->input_fd = input[1];
    guard_start(process);
    ++process_count;
    free(path);
    return process;
}

/* ---- waiting ------------------------------------------------------------------------------ */

/* Whether it still runs; if not, it has been waited for. */
static bool process_runs(struct process *process)
{
    if (process->pid != 0 &&
        waitpid(process->pid, &process->exit_status, WNOHANG) == process->pid) {
        process->pid = 0;
    }
    return process->pid != 0;
}

static void __attribute__((noreturn)) process_fail(struct process *process, const char *what)
{
    char *output = file_read(process->output_path);
    char *error = file_read(process->error_path);
    cr_assert_fail("%s (%s, exit status %d): %s\n%s\n%s", process->name,
                   process->pid ? "running" : "ended", process->exit_status, what, output, error);
    abort();
}

/* The nth of them, from 1 on. */
static bool line_find(const char *path, const char *prefix, unsigned nth, char *buf, size_t cap)
{
    char *text = file_read(path);
    unsigned count = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')) && count < nth; line = end + 1) {
        *end = '\0';
        if (strncmp(line, prefix, strlen(prefix)) == 0) {
            snprintf(buf, cap, "%s", line + strlen(prefix));
            count++;
        }
    }
    free(text);
    return count == nth;
}

void process_wait_line(struct process *process, const char *prefix, char *buf, size_t cap)
{
    process_wait_nth_line(process, prefix, 1, buf, cap);
}

void process_wait_nth_line(struct process *process, const char *prefix, unsigned nth, char *buf,
                           size_t cap)
{
    uint64_t deadline_ms = now_ms() + READY_TIMEOUT_MS;
    for (bool runs = true; runs && now_ms() < deadline_ms; pause_shortly()) {
        runs = process_runs(process); /* before looking, so that the last words are seen */
        if (line_find(process->output_path, prefix, nth, buf, cap))
            return;
    }
    process_fail(process, "did not print the awaited line");
}

void process_wait_error_text(struct process *process, const char *text)
{
    uint64_t deadline_ms = now_ms() + READY_TIMEOUT_MS;
    for (bool runs = true; runs && now_ms() < deadline_ms; pause_shortly()) {
        runs = process_runs(process);
        char *error = file_read(process->error_path);
        bool found = strstr(error, text);
        free(error);
        if (found)
            return;
    }
    process_fail(process, "did not print the awaited text");
}

/* Copies the inode numbers of the sockets that listen on a port; returns how many. */
static size_t listening_inodes(uint16_t port, unsigned long *inodes, size_t max)
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    static const unsigned state_listen = 0x0a;
    size_t count = 0;
    for (size_t i = 0; i < 2; ++i) {
        FILE *file = fopen(tables[i], "re");
        char line[512];
        while (file && fgets(line, sizeof(line), file)) {
            unsigned local_port = 0;
            unsigned state = 0;
            unsigned long inode = 0;
            int fields =
                sscanf(line, " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*u %*u %lu",
                       &local_port, &state, &inode);
            if (fields == 3 && local_port == port && state == state_listen && count < max)
                inodes[count++] = inode;
        }
        if (file)
            fclose(file);
    }
    return count;
}

static bool pid_holds_socket(pid_t pid, unsigned long inode)
{
    char path[64];
    char wanted[64];
    char target[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    bool holds = false;
    for (struct dirent *entry = readdir(dir); entry && !holds; entry = readdir(dir)) {
        ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
        target[len > 0 ? len : 0] = '\0';
        holds = strcmp(target, wanted) == 0;
    }
    closedir(dir);
    return holds;
}

bool process_wait_listening(struct process *process, uint16_t port)
{
    uint64_t deadline_ms = now_ms() + READY_TIMEOUT_MS;
    while (now_ms() < deadline_ms) {
        unsigned long inodes[8];
        size_t count = listening_inodes(port, inodes, 8);
        for (size_t i = 0; i < count; ++i) {
            if (process->pid != 0 && pid_holds_socket(process->pid, inodes[i]))
                return true;
        }
        if (!process_runs(process))
            return false;
        pause_shortly();
    }
    process_fail(process, "does not listen");
}

int process_wait(struct process *process, int timeout_ms)
{
    uint64_t deadline_ms = now_ms() + (uint64_t)timeout_ms;
    while (process_runs(process)) {
        if (now_ms() >= deadline_ms)
            process_fail(process, "did not end in time");
        pause_shortly();
    }
    int status = process->exit_status;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- end ---------------------------------------------------------------------------------- */

void process_stop(struct process *process)
{
    if (process->input_fd >= 0) {
        close(process->input_fd);
        process->input_fd = -1;
    }
    if (process->pid != 0) {
        pid_t group = process->pid;
        uint64_t deadline_ms = now_ms() + STOP_TIMEOUT_MS;
        kill(process->pid, SIGTERM);
        while (process_runs(process) && now_ms() < deadline_ms)
            pause_shortly();
        kill(-group, SIGKILL); /* whoever of the group is left */
        if (process->pid != 0) {
            waitpid(process->pid, &process->exit_status, 0);
            process->pid = 0;
        }
        while (waitpid(-group, NULL, 0) > 0) { /* its children, which are ours now */
        }
    }
    if (process->guard != 0) {
        kill(process->guard, SIGKILL); /* it has nothing left to guard */
        close(process->guard_fd);
        waitpid(process->guard, NULL, 0);
        process->guard = 0;
    }
}

void process_stop_all(void)
{
    while (process_count > 0)
        process_stop(&processes[--process_count]);
}
