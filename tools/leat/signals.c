/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

static struct {
    int wake_fd;
    bool has_terminal;
    struct termios terminal;
    volatile sig_atomic_t end, end_count, resized, resumed;
} caught = {.wake_fd = -1};

static void terminal_restore(void)
{
    if (caught.has_terminal)
        tcsetattr(STDIN_FILENO, TCSANOW, &caught.terminal);
}

/* Only what may be called from a handler. */
static void on_signal(int number)
{
    int saved_errno = errno;
    const uint64_t one = 1;
    if (number == SIGWINCH) {
        caught.resized = 1;
    } else if (number == SIGCONT) {
        caught.resumed = 1;
    } else if (++caught.end_count > 1) {
        terminal_restore();
        signal(number, SIG_DFL);
        raise(number);
    } else {
        caught.end = number;
    }
    ssize_t written = write(caught.wake_fd, &one, sizeof(one));
    (void)written; /* it can only fail because it is readable already */
    errno = saved_errno;
}

int tool_signals_catch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT};
    caught.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (caught.wake_fd < 0)
        return -1;
    caught.has_terminal = tcgetattr(STDIN_FILENO, &caught.terminal) == 0;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct sigaction found;
        /* Whoever started us with nohup or in the background of a shell without job control wants
         * these to be ignored. */
        if (sigaction(numbers[i], NULL, &found) == 0 && found.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
    return caught.wake_fd;
}

struct tool_signals tool_signals_take(void)
{
    uint64_t count;
    ssize_t size = read(caught.wake_fd, &count, sizeof(count));
    (void)size; /* EAGAIN: none has come */
    struct tool_signals taken = {caught.end, caught.resized, caught.resumed};
    caught.end = caught.resized = caught.resumed = 0;
    return taken;
}

void tool_signals_die(int number)
{
    terminal_restore();
    signal(number, SIG_DFL);
    raise(number);
    _exit(128 + number);
}
