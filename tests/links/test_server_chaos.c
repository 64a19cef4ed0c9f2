/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server among clients as they are: 10 % read slowly, 10 % vanish with a reset, some come through a proxy
 * that is killed, half of the others end with their process. What was acknowledged had arrived, in its
 * order, and memory is where it was.
 *
 * LEAT_SERVER_CHAOS_CONNECTIONS in the environment is how many there are (500), up to what
 * RLIMIT_NOFILE permits; 20000 takes some minutes.
 */
#include "integration/common.h"

#include <leat/leat.h>

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(server_chaos, .fini = sandbox_done, .timeout = 1800);

enum {
    SHORT = 500,
    MESSAGES = 4, /* of each client */
    WINDOW = 64,  /* handshakes at the same time */
    PROXIED_MAX = 100,
    SMALL_BYTES = 100,
    LARGE_BYTES = 16 << 10,
    MEMORY_SLACK_BYTES = 256 << 10,
    ROUNDS_MAX = 6,
};

/* ---- who is what, known to both ends ------------------------------------------------------- */

enum kind {
    KIND_NORMAL,
    KIND_SLOW,
    KIND_VANISHING,
    KIND_PROXIED,
};

static enum kind kind_of(unsigned index)
{
    if (index % 10 == 0)
        return KIND_SLOW;
    if (index % 10 == 1)
        return KIND_VANISHING;
    return index % 20 == 5 && index / 20 < PROXIED_MAX ? KIND_PROXIED : KIND_NORMAL;
}

static size_t size_of(unsigned index)
{
    return kind_of(index) == KIND_SLOW ? LARGE_BYTES : SMALL_BYTES;
}

/* ---- the clients, in a process of their own -------------------------------------------------- */

struct client {
    leat_websocket *ws;
    uint32_t acknowledged;
    bool has_opened, has_ended;
};

static struct {
    leat_loop *loop;
    leat_config *direct, *proxied;
    struct client *clients;
    unsigned count, connected, done; /* connected: or failed to, so that the next one may begin */
    uint64_t acknowledged;
    int orders;
    bool proxy_is_dead;
} crowd;

/* Not by Criterion: this is no test's process. */
static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "a client: %s\n", what);
    _exit(1);
}

static void client_send(struct client *client)
{
    static uint8_t message[LARGE_BYTES];
    unsigned index = (unsigned)(client - crowd.clients);
    uint32_t number = client->acknowledged + 1;
    memcpy(message, &number, sizeof(number));
    must(leat_websocket_send(client->ws, LEAT_MESSAGE_BINARY, message, size_of(index)) == LEAT_OK,
         "send");
}

static void on_opened(leat_websocket *ws, void *user)
{
    struct client *client = user;
    client->has_opened = true;
    crowd.connected++;
    if (kind_of((unsigned)(client - crowd.clients)) == KIND_SLOW)
        leat_websocket_pause(ws);
    client_send(client);
}

static void client_vanish(struct client *client)
{
    const struct linger at_once = {.l_onoff = 1};
    (void)setsockopt(leat_websocket_get_socket_fd(client->ws), SOL_SOCKET, SO_LINGER, &at_once,
                     sizeof(at_once));
    leat_websocket_free(client->ws);
    client->ws = NULL;
    client->has_ended = true;
    crowd.done++;
}

static void on_message(leat_websocket *ws, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    struct client *client = user;
    enum kind kind = kind_of((unsigned)(client - crowd.clients));
    uint32_t number = 0;
    (void)ws;
    (void)type;
    must(len >= sizeof(number), "a short message");
    memcpy(&number, data, sizeof(number));
    if (number == 0)
        return; /* to all */
    must(number == client->acknowledged + 1, "an acknowledgement out of order");
    client->acknowledged = number;
    crowd.acknowledged++;
    if (kind == KIND_VANISHING && number == MESSAGES / 2)
        client_vanish(client);
    else if (number < MESSAGES)
        client_send(client);
    else if (kind != KIND_PROXIED)
        crowd.done++;
    else if (!client->has_ended)
        crowd.done++, client->has_ended = true;
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct client *client = user;
    (void)ws;
    bool may = kind_of((unsigned)(client - crowd.clients)) == KIND_PROXIED ||
               client->acknowledged == MESSAGES;
    must(may, event->error.text);
    crowd.connected += !client->has_opened;
    if (!client->has_ended && client->acknowledged < MESSAGES)
        crowd.done++;
    client->has_ended = true;
}

static void client_start(unsigned index, unsigned port)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks), .opened = on_opened, .message = on_message, .closed = on_closed};
    struct client *client = &crowd.clients[index];
    char url[80];
    snprintf(url, sizeof(url), "ws://127.0.0.%u:%u/%u", 1 + index % 8, port, index);
    must(leat_websocket_new(crowd.loop, &callbacks, client, &client->ws) == LEAT_OK, "new");
    must(leat_websocket_connect(client->ws, url,
                                kind_of(index) == KIND_PROXIED ? crowd.proxied : crowd.direct) ==
             LEAT_OK,
         "connect");
}

/* Slow readers read a little now and then; the proxy dies in the middle. */
static void crowd_stir(unsigned turn)
{
    for (unsigned i = 0; i < crowd.count; i += 10) {
        struct client *client = &crowd.clients[i];
        if (!client->ws || client->has_ended)
            continue;
        if ((i / 10 + turn) % 4 == 0)
            leat_websocket_resume(client->ws);
        else
            leat_websocket_pause(client->ws);
    }
    if (!crowd.proxy_is_dead && crowd.acknowledged > (uint64_t)crowd.count * MESSAGES / 3) {
        crowd.proxy_is_dead = true;
        must(write(crowd.orders, "K", 1) == 1, "pipe");
    }
}

static void crowd_run(unsigned count, unsigned port, unsigned proxy_port, int orders)
{
    unsigned started = 0;
    char proxy[80];
    crowd.count = count;
    crowd.orders = orders;
    crowd.clients = calloc(count, sizeof(*crowd.clients));
    snprintf(proxy, sizeof(proxy), "socks5h://127.0.0.1:%u", proxy_port);
    must(crowd.clients && leat_loop_new(&crowd.loop) == LEAT_OK &&
             leat_config_new(&crowd.direct) == LEAT_OK &&
             leat_config_new(&crowd.proxied) == LEAT_OK &&
             leat_config_set_proxy(crowd.proxied, proxy) == LEAT_OK &&
             leat_config_set_connect_timeout(crowd.direct, 300000) == LEAT_OK,
         "configuration");
    for (unsigned turn = 0; crowd.done < count; turn++) {
        for (; started < count && started - crowd.connected < WINDOW; started++)
            client_start(started, port);
        must(leat_loop_dispatch(crowd.loop, 20) == LEAT_OK, "dispatch");
        if (turn % 4 == 0)
            crowd_stir(turn / 4);
    }
    /* Half of them say goodbye, the others are gone with the process. */
    for (unsigned i = 0; i < count; i += 2)
        if (crowd.clients[i].ws && !crowd.clients[i].has_ended)
            must(leat_websocket_close(crowd.clients[i].ws, 1000, "") != LEAT_E_PARAMETER, "close");
    must(leat_loop_dispatch(crowd.loop, 0) == LEAT_OK, "dispatch");
    must(write(orders, "R", 1) == 1, "pipe");
    for (unsigned i = 0; i < count; i++)
        must(write(orders, &crowd.clients[i].acknowledged, sizeof(uint32_t)) == sizeof(uint32_t),
             "pipe");
    _exit(0);
}

/* ---- the server -------------------------------------------------------------------------------- */

struct chaos {
    leat_loop *loop;
    leat_websocket_server *server;
    leat_topic *everybody;
    unsigned count;
    uint32_t *got; /* of each client, in order */
    uint64_t received;
};

static void on_connected(leat_websocket_server *server, leat_websocket *ws, void *user)
{
    struct chaos *chaos = user;
    (void)server;
    unsigned long index = strtoul(leat_websocket_get_target(ws) + 1, NULL, 10);
    cr_assert(index < chaos->count);
    leat_websocket_set_data(ws, &chaos->got[index]);
    cr_assert(leat_topic_subscribe(chaos->everybody, ws) == LEAT_OK);
}

static void tell_everybody(struct chaos *chaos)
{
    static const uint8_t nothing[SMALL_BYTES];
    leat_prepared_message *message;
    cr_assert(leat_prepared_message_new(LEAT_MESSAGE_BINARY, nothing, sizeof(nothing), &message) ==
              LEAT_OK);
    cr_assert(leat_topic_publish(chaos->everybody, message, NULL, NULL) == LEAT_OK);
    leat_prepared_message_free(message);
}

static void on_server_message(leat_websocket_server *server, leat_websocket *ws,
                              enum leat_message_type type, const uint8_t *data, size_t len,
                              void *user)
{
    struct chaos *chaos = user;
    uint32_t number, *got = leat_websocket_get_data(ws);
    (void)server;
    cr_assert(len >= sizeof(number));
    memcpy(&number, data, sizeof(number));
    cr_assert(number == *got + 1, "%u behind %u", number, *got);
    *got = number;
    cr_assert(leat_websocket_send(ws, type, data, len) == LEAT_OK);
    if (++chaos->received % (chaos->count / 2 + 1) == 0)
        tell_everybody(chaos);
}

static unsigned connections_wanted(void)
{
    const char *wanted = getenv("LEAT_SERVER_CHAOS_CONNECTIONS");
    unsigned count = wanted ? (unsigned)strtoul(wanted, NULL, 10) : SHORT;
    struct rlimit limit;
    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    struct rlimit raised = {.rlim_cur = count + 300, .rlim_max = count + 300};
    if (limit.rlim_max >= count + 300)
        raised.rlim_max = limit.rlim_max;
    if (limit.rlim_cur < count + 300 && setrlimit(RLIMIT_NOFILE, &raised) != 0) {
        fprintf(stderr, "left out: more than %u connections: RLIMIT_NOFILE\n",
                (unsigned)limit.rlim_cur - 300);
        count = (unsigned)limit.rlim_cur - 300;
    }
    return count < 20 ? 20 : count;
}

static void chaos_init(struct chaos *chaos)
{
    static const struct leat_websocket_server_callbacks callbacks = {
        .size = sizeof(callbacks), .connected = on_connected, .message = on_server_message};
    leat_config *config;
    *chaos = (struct chaos){.count = connections_wanted()};
    chaos->got = calloc(chaos->count, sizeof(*chaos->got));
    cr_assert(chaos->got && leat_loop_new(&chaos->loop) == LEAT_OK);
    cr_assert(leat_topic_new(NULL, &chaos->everybody) == LEAT_OK);
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_max_concurrent_clients_number(config, 100000) == LEAT_OK);
    cr_assert(leat_config_set_max_connections_for_one_client(config, 100000) == LEAT_OK);
    cr_assert(leat_websocket_server_new(chaos->loop, &callbacks, chaos, &chaos->server) == LEAT_OK);
    cr_assert(leat_websocket_server_start(chaos->server, "0.0.0.0", 0, config) == LEAT_OK);
    leat_config_free(config);
}

static void chaos_done(struct chaos *chaos)
{
    leat_websocket_server_free(chaos->server);
    leat_topic_free(chaos->everybody);
    leat_loop_free(chaos->loop);
    free(chaos->got);
}

static void microsocks_arguments(const char *port, const void *user, const char **argv)
{
    const char *const arguments[] = {"microsocks", "-i", "127.0.0.1", "-p", port, NULL};
    (void)user;
    memcpy(argv, arguments, sizeof(arguments));
}

/* Serves until the byte comes. */
static void serve_until(struct chaos *chaos, int fd, char wanted)
{
    char byte = '\0';
    ssize_t n;
    while ((n = read(fd, &byte, 1)) < 0) {
        cr_assert(errno == EAGAIN || errno == EINTR);
        cr_assert(leat_loop_dispatch(chaos->loop, 20) == LEAT_OK);
    }
    cr_assert(n == 1 && byte == wanted, "the clients have failed");
}

static struct leat_websocket_server_counters counters_of(const struct chaos *chaos)
{
    struct leat_websocket_server_counters counters;
    cr_assert(leat_websocket_server_get_counters(chaos->server, &counters, sizeof(counters)) ==
              LEAT_OK);
    return counters;
}

static void acknowledged_expect(const struct chaos *chaos, int fd)
{
    cr_assert(fcntl(fd, F_SETFL, 0) == 0);
    for (unsigned i = 0; i < chaos->count; i++) {
        uint32_t acknowledged;
        cr_assert(read(fd, &acknowledged, sizeof(acknowledged)) == (ssize_t)sizeof(acknowledged));
        cr_assert(acknowledged <= chaos->got[i], "%u of %u", acknowledged, chaos->got[i]);
        uint32_t least = kind_of(i) == KIND_VANISHING ? MESSAGES / 2
                         : kind_of(i) == KIND_PROXIED ? 0
                                                      : MESSAGES;
        cr_assert(acknowledged >= least, "client %u: %u", i, acknowledged);
    }
}

/* From the first client to when the last one is gone. @return what malloc has given out then. */
static size_t round_run(struct chaos *chaos)
{
    uint16_t proxy_port;
    struct process *proxy = peer_start_listening(microsocks_arguments, NULL, &proxy_port);
    int orders[2];
    memset(chaos->got, 0, chaos->count * sizeof(*chaos->got));
    cr_assert(pipe(orders) == 0 && fcntl(orders[0], F_SETFL, O_NONBLOCK) == 0);
    (void)fcntl(orders[1], F_SETPIPE_SZ, 1 << 20); /* all counts fit while nobody reads */
    fflush(NULL);
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(orders[0]);
        crowd_run(chaos->count, leat_websocket_server_get_port(chaos->server), proxy_port,
                  orders[1]);
    }
    close(orders[1]);
    serve_until(chaos, orders[0], 'K');
    process_stop(proxy);
    serve_until(chaos, orders[0], 'R');
    acknowledged_expect(chaos, orders[0]);
    close(orders[0]);
    cr_assert(waitpid(child, NULL, 0) == child);
    for (int i = 0; counters_of(chaos).open + counters_of(chaos).handshakes > 0; i++) {
        cr_assert(i < 20000, "%u are still there", (unsigned)counters_of(chaos).open);
        cr_assert(leat_loop_dispatch(chaos->loop, 20) == LEAT_OK);
    }
    struct mallinfo2 memory = mallinfo2();
    return memory.uordblks + memory.hblkhd;
}

Test(server_chaos, nothing_acknowledged_is_lost_and_memory_returns)
{
    struct chaos chaos;
    chaos_init(&chaos);
    struct leat_websocket_server_counters counters;
    size_t most, again = round_run(&chaos);
    unsigned rounds = 1;
    /* What is kept for later grows with how many were there at once, which is another number each time; what is lost grows
     * for ever. */
    do {
        most = again;
        counters = counters_of(&chaos);
        again = round_run(&chaos);
    } while (again > most + MEMORY_SLACK_BYTES && ++rounds < ROUNDS_MAX);
    cr_expect(again <= most + MEMORY_SLACK_BYTES, "%zu bytes, and %zu", most, again);
    cr_expect(counters_of(&chaos).opened > counters.opened);
    counters = counters_of(&chaos);
    cr_expect(counters.opened == counters.closed);
    cr_expect(counters.queued_bytes == 0);
    cr_expect(leat_topic_get_subscriber_count(chaos.everybody) == 0);
    printf("server chaos: %u connections, %u times more, %llu bytes, at the end %llu\n",
           chaos.count, rounds, (unsigned long long)most, (unsigned long long)again);
    chaos_done(&chaos);
}
