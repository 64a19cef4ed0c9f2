/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP relay that holds every byte back for some time in each direction, because netem is not in
 * every kernel, and counts the client's flights: how often the client spoke after the other side
 * had, or at the start, and waited for an answer. Data in a SYN (RFC 7413) is taken where the
 * kernel allows it.
 *
 * usage: delay_relay MILLISECONDS TARGET_PORT
 * Prints its port, and for each connection that has ended "flights N", with that of the SYN if it
 * went alone. Ends with its input.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES 65536
#define PIECES      64

/* What was read at one time. */
struct piece {
    uint64_t due_ns;
    size_t len;
    uint8_t data[PIECE_BYTES];
};

/* One direction. */
struct pipe {
    int from, to;
    struct piece *pieces; /* a ring */
    unsigned first, count;
    bool ended;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void pipe_init(struct pipe *pipe, int from, int to)
{
    *pipe = (struct pipe){.from = from, .to = to};
    pipe->pieces = malloc(PIECES * sizeof(struct piece));
    if (!pipe->pieces)
        die("malloc");
}

/* Whether bytes came. */
static bool pipe_take(struct pipe *pipe, uint64_t delay_ns)
{
    struct piece *piece = &pipe->pieces[(pipe->first + pipe->count) % PIECES];
    ssize_t n = recv(pipe->from, piece->data, sizeof(piece->data), MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return false;
    /* The end is delayed like everything else: as a piece of no bytes. */
    pipe->ended = n <= 0;
    piece->len = n > 0 ? (size_t)n : 0;
    piece->due_ns = now_ns() + delay_ns;
    pipe->count++;
    return n > 0;
}

/* false = the end has been delivered. */
static bool pipe_give(struct pipe *pipe)
{
    while (pipe->count > 0 && pipe->pieces[pipe->first].due_ns <= now_ns()) {
        const struct piece *piece = &pipe->pieces[pipe->first];
        if (piece->len == 0)
            return false;
        if (send(pipe->to, piece->data, piece->len, MSG_NOSIGNAL) < 0)
            return false;
        pipe->first = (pipe->first + 1) % PIECES;
        pipe->count--;
    }
    return true;
}

static uint64_t earlier_due(const struct pipe *pipe, uint64_t due_ns)
{
    return pipe->count > 0 && pipe->pieces[pipe->first].due_ns < due_ns
               ? pipe->pieces[pipe->first].due_ns
               : due_ns;
}

/* Until both may read, or the next piece is due. */
static void wait_for_either(struct pipe pipes[2])
{
    uint64_t due_ns = earlier_due(&pipes[1], earlier_due(&pipes[0], UINT64_MAX));
    uint64_t now = now_ns();
    uint64_t wait_ns = due_ns == UINT64_MAX ? 1000000000u : due_ns > now ? due_ns - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(wait_ns / 1000000000u),
                               .tv_nsec = (long)(wait_ns % 1000000000u)};
    struct pollfd fds[2];

    for (int i = 0; i < 2; i++) {
        bool reads = !pipes[i].ended && pipes[i].count < PIECES;
        fds[i] = (struct pollfd){.fd = reads ? pipes[i].from : -1, .events = POLLIN};
    }
    if (ppoll(fds, 2, &timeout, NULL) < 0 && errno != EINTR)
        die("ppoll");
}

static bool came_with_syn(int client)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);

    return getsockopt(client, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           (info.tcpi_options & TCPI_OPT_SYN_DATA) != 0;
}

static void relay(int client, int target, uint64_t delay_ns)
{
    struct pipe pipes[2];
    unsigned flights = came_with_syn(client) ? 0 : 1;
    bool client_spoke = false;

    pipe_init(&pipes[0], client, target);
    pipe_init(&pipes[1], target, client);
    while (pipe_give(&pipes[0]) && pipe_give(&pipes[1])) {
        if (!pipes[0].ended && pipes[0].count < PIECES) {
            bool spoke = pipe_take(&pipes[0], delay_ns);
            flights += spoke && !client_spoke;
            client_spoke |= spoke;
            /* It has left without an answer to what it said last. */
            flights -= pipes[0].ended && client_spoke;
        }
        if (!pipes[1].ended && pipes[1].count < PIECES && pipe_take(&pipes[1], delay_ns))
            client_spoke = false;
        wait_for_either(pipes);
    }
    printf("flights %u\n", flights);
    fflush(stdout);
    free(pipes[0].pieces);
    free(pipes[1].pieces);
}

static int socket_of(uint16_t port, bool listens)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || (listens ? bind(fd, (struct sockaddr *)&address, sizeof(address))
                           : connect(fd, (struct sockaddr *)&address, sizeof(address))) < 0)
        die("socket");
    if (listens && listen(fd, 16) < 0)
        die("listen");
    if (listens)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &(int){16}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* false = our input has ended. */
static bool wait_for_client(int listener)
{
    struct pollfd fds[2] = {{.fd = listener, .events = POLLIN},
                            {.fd = STDIN_FILENO, .events = POLLIN}};

    while (poll(fds, 2, -1) < 0)
        ;
    return fds[1].revents == 0;
}

/* One connection at a time is all that the measurement needs. */
int main(int argc, char **argv)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    int on = 1;

    if (argc != 3) {
        fputs("usage: delay_relay MILLISECONDS TARGET_PORT\n", stderr);
        return 2;
    }
    uint64_t delay_ns = strtoull(argv[1], NULL, 10) * 1000000u;
    uint16_t target_port = (uint16_t)strtoul(argv[2], NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    int listener = socket_of(0, true);
    if (getsockname(listener, (struct sockaddr *)&address, &len) < 0)
        die("getsockname");
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    while (wait_for_client(listener)) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0)
            continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        int target = socket_of(target_port, false);
        relay(client, target, delay_ns);
        close(client);
        close(target);
    }
    return 0;
}
