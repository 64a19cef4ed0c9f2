/* SPDX-License-Identifier: Apache-2.0 */
#include "support/dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_BYTES  12
#define PACKET_BYTES  512 /* RFC 1035 section 2.3.4 */
#define NAME_BYTES    256
#define TYPE_A        1
#define TYPE_AAAA     28
#define ADDRESS_COUNT 4
#define LATE_MS       20 /* without another query */

enum rcode {
    RCODE_OK = 0,
    RCODE_SERVER_FAILURE = 2,
    RCODE_NAME_ERROR = 3,
    RCODE_REFUSED = 5,
};

struct dns_server {
    const struct dns_record *records;
    int fd;
    int stop_fd;
    pthread_t thread;
    char address[32];
    atomic_uint queries;
    pthread_mutex_t lock;
    pthread_cond_t holds;
    uint8_t held[PACKET_BYTES + 256];
    size_t held_len; /* 0 = none */
    bool has_released;
    uint8_t released_id[2];
    struct sockaddr_in held_client;
    uint8_t late[PACKET_BYTES + 256]; /* of the server's thread only */
    size_t late_len;                  /* 0 = none */
    struct sockaddr_in late_client;
    bool loses_udp;
    int listener;
    char asked[4096];
    size_t asked_len;
};

struct question {
    char name[NAME_BYTES];
    unsigned type;
    size_t end; /* of the question section */
};

static bool question_parse(const uint8_t *packet, size_t len, struct question *ret_question)
{
    size_t at = HEADER_BYTES;
    size_t used = 0;
    while (at < len && packet[at] != 0) {
        size_t label = packet[at];
        if (label > 63 || at + 1 + label >= len || used + label + 1 >= NAME_BYTES)
            return false;
        memcpy(ret_question->name + used, packet + at + 1, label);
        used += label;
        ret_question->name[used++] = '.';
        at += 1 + label;
    }
    if (used == 0 || at + 5 > len)
        return false;
    ret_question->name[used - 1] = '\0';
    ret_question->type = (unsigned)(packet[at + 1] << 8 | packet[at + 2]);
    ret_question->end = at + 5;
    return true;
}

static const struct dns_record *record_find(const struct dns_server *server, const char *name)
{
    static const struct dns_record unknown = {.behaviour = DNS_NAME_ERROR};
    for (const struct dns_record *record = server->records; record->name; ++record) {
        if (strcasecmp(record->name, name) == 0)
            return record;
    }
    return &unknown;
}

static enum dns_behaviour record_behaviour(const struct dns_record *record, unsigned type)
{
    if (record->behaviour != DNS_ANSWER)
        return record->behaviour;
    return type == TYPE_AAAA ? record->v6_behaviour : record->v4_behaviour;
}

static enum rcode behaviour_rcode(enum dns_behaviour behaviour)
{
    switch (behaviour) {
    case DNS_NAME_ERROR:
        return RCODE_NAME_ERROR;
    case DNS_SERVER_FAILURE:
        return RCODE_SERVER_FAILURE;
    case DNS_REFUSED:
        return RCODE_REFUSED;
    case DNS_ANSWER:
    case DNS_SILENCE:
    case DNS_GARBAGE:
    case DNS_HELD:
    case DNS_LATE:
        break;
    }
    return RCODE_OK;
}

/* Appends one resource record; `at` is where. Returns where the next one begins. */
static size_t address_append(uint8_t *packet, size_t at, unsigned type, const char *text)
{
    size_t size = type == TYPE_A ? 4 : 16;
    /* a pointer to the question's name, type, class IN, 60 seconds, the length */
    uint8_t head[12] = {0xc0, HEADER_BYTES, 0, (uint8_t)type, 0, 1, 0, 0, 0, 60, 0, (uint8_t)size};
    memcpy(packet + at, head, sizeof(head));
    inet_pton(type == TYPE_A ? AF_INET : AF_INET6, text, packet + at + sizeof(head));
    return at + sizeof(head) + size;
}

static void question_note(struct dns_server *server, const struct question *question,
                          const uint8_t *packet)
{
    char line[NAME_BYTES + 32];
    const char *type = question->type == TYPE_AAAA ? "AAAA" : question->type == TYPE_A ? "A" : "?";
    int len = snprintf(line, sizeof(line), "%s %s%s\n", type, question->name,
                       packet[11] > 0 ? " edns0" : "");
    pthread_mutex_lock(&server->lock);
    if (server->asked_len + (size_t)len < sizeof(server->asked)) {
        memcpy(server->asked + server->asked_len, line, (size_t)len + 1);
        server->asked_len += (size_t)len;
    }
    pthread_mutex_unlock(&server->lock);
}

void dns_server_questions(struct dns_server *server, char *ret_text, size_t cap)
{
    pthread_mutex_lock(&server->lock);
    snprintf(ret_text, cap, "%s", server->asked);
    pthread_mutex_unlock(&server->lock);
}

/* Turns a query into its answer, in place; returns its length, 0 = none is sent. */
static size_t query_answer(struct dns_server *server, uint8_t *packet, size_t len,
                           enum dns_behaviour *ret_behaviour)
{
    struct question question;
    if (len < HEADER_BYTES || !question_parse(packet, len, &question))
        return 0;
    question_note(server, &question, packet);
    const struct dns_record *record = record_find(server, question.name);
    enum dns_behaviour behaviour = record_behaviour(record, question.type);
    *ret_behaviour = behaviour;
    if (behaviour == DNS_SILENCE)
        return 0;
    const char *const *addresses = question.type == TYPE_A      ? record->v4
                                   : question.type == TYPE_AAAA ? record->v6
                                                                : NULL;
    size_t at = question.end;
    uint8_t count = 0;
    bool answers = behaviour == DNS_ANSWER || behaviour == DNS_HELD || behaviour == DNS_LATE;
    while (answers && addresses && count < ADDRESS_COUNT && addresses[count])
        at = address_append(packet, at, question.type, addresses[count++]);
    packet[2] = (uint8_t)(0x84 | (packet[2] & 1)); /* an authoritative answer; RD as it came */
    packet[3] = (uint8_t)(0x80 | behaviour_rcode(behaviour));
    memset(packet + 4, 0, 8);
    packet[5] = 1; /* QDCOUNT; an OPT record of the query is not repeated */
    packet[7] = count;
    if (behaviour == DNS_GARBAGE) {
        packet[7] = 3; /* three answers are promised, none is there */
        return question.end;
    }
    return at;
}

static void answer_send(const struct dns_server *server, const uint8_t *packet, size_t len,
                        const struct sockaddr_in *client)
{
    (void)sendto(server->fd, packet, len, 0, (const struct sockaddr *)client, sizeof(*client));
}

static void answer_hold(struct dns_server *server, const uint8_t *packet, size_t len,
                        const struct sockaddr_in *client)
{
    pthread_mutex_lock(&server->lock);
    if (server->has_released && memcmp(packet, server->released_id, 2) == 0) {
        answer_send(server, packet, len, client);
    } else {
        memcpy(server->held, packet, len);
        server->held_len = len;
        server->held_client = *client;
        pthread_cond_signal(&server->holds);
    }
    pthread_mutex_unlock(&server->lock);
}

void dns_server_release(struct dns_server *server)
{
    pthread_mutex_lock(&server->lock);
    while (server->held_len == 0)
        pthread_cond_wait(&server->holds, &server->lock);
    answer_send(server, server->held, server->held_len, &server->held_client);
    server->held_len = 0;
    server->has_released = true;
    memcpy(server->released_id, server->held, 2);
    pthread_mutex_unlock(&server->lock);
}

static void datagram_serve(struct dns_server *server)
{
    uint8_t packet[PACKET_BYTES + 256];
    struct sockaddr_in client;
    socklen_t size = sizeof(client);
    enum dns_behaviour behaviour = DNS_SILENCE;
    ssize_t len =
        recvfrom(server->fd, packet, PACKET_BYTES, MSG_DONTWAIT, (struct sockaddr *)&client, &size);
    if (len <= 0)
        return;
    atomic_fetch_add(&server->queries, 1);
    size_t answer_len = query_answer(server, packet, (size_t)len, &behaviour);
    if (answer_len > 0 && behaviour == DNS_HELD) {
        answer_hold(server, packet, answer_len, &client);
    } else if (answer_len > 0 && behaviour == DNS_LATE) {
        memcpy(server->late, packet, answer_len);
        server->late_len = answer_len;
        server->late_client = client;
    } else if (answer_len > 0 && !server->loses_udp) {
        answer_send(server, packet, answer_len, &client);
    }
}

/* One query of a connection (RFC 1035 section 4.2.2); what is held or silent over UDP is silent. */
static bool stream_serve(struct dns_server *server, int fd)
{
    uint8_t packet[2 + PACKET_BYTES + 256];
    enum dns_behaviour behaviour = DNS_SILENCE;
    if (recv(fd, packet, 2, MSG_WAITALL) != 2)
        return false;
    size_t len = (size_t)packet[0] << 8 | packet[1];
    if (len > PACKET_BYTES || recv(fd, packet + 2, len, MSG_WAITALL) != (ssize_t)len)
        return false;
    atomic_fetch_add(&server->queries, 1);
    len = query_answer(server, packet + 2, len, &behaviour);
    packet[0] = (uint8_t)(len >> 8);
    packet[1] = (uint8_t)(len & 0xff);
    return len == 0 || behaviour == DNS_HELD ||
           send(fd, packet, len + 2, MSG_NOSIGNAL) == (ssize_t)len + 2;
}

enum {
    FD_STOP,
    FD_UDP,
    FD_LISTENER,
    FD_STREAM, /* and those behind it */
    FD_COUNT = FD_STREAM + 8,
};

static void *server_run(void *user)
{
    struct dns_server *server = user;
    struct pollfd fds[FD_COUNT] = {
        [FD_STOP] = {.fd = server->stop_fd, .events = POLLIN},
        [FD_UDP] = {.fd = server->fd, .events = POLLIN},
        [FD_LISTENER] = {.fd = server->listener, .events = POLLIN},
    };
    for (size_t i = FD_STREAM; i < FD_COUNT; ++i)
        fds[i].fd = -1;
    while (fds[FD_STOP].revents == 0) {
        int ready = poll(fds, FD_COUNT, server->late_len > 0 ? LATE_MS : -1);
        if (ready == 0) {
            answer_send(server, server->late, server->late_len, &server->late_client);
            server->late_len = 0;
        }
        if (ready <= 0)
            continue;
        if (fds[FD_UDP].revents != 0)
            datagram_serve(server);
        for (size_t i = FD_STREAM; i < FD_COUNT; ++i) {
            if (fds[i].fd >= 0 && fds[i].revents != 0 && !stream_serve(server, fds[i].fd)) {
                close(fds[i].fd);
                fds[i].fd = -1;
            }
            if (fds[i].fd < 0 && fds[FD_LISTENER].revents != 0) {
                fds[i].fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
                fds[i].events = POLLIN;
                fds[FD_LISTENER].revents = 0;
            }
        }
    }
    for (size_t i = FD_STREAM; i < FD_COUNT; ++i) {
        if (fds[i].fd >= 0)
            close(fds[i].fd);
    }
    return NULL;
}

/* Both on one port, which is any free one if `port` is 0: another one is tried if it is not free
 * for TCP. */
static bool sockets_open(struct dns_server *server, uint16_t port)
{
    for (int tries = 0; tries < 20; ++tries) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                      .sin_port = htons(port)};
        socklen_t size = sizeof(address);
        server->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(server->fd, (struct sockaddr *)&address, size) == 0 &&
            getsockname(server->fd, (struct sockaddr *)&address, &size) == 0 &&
            bind(server->listener, (struct sockaddr *)&address, size) == 0 &&
            listen(server->listener, 16) == 0) {
            snprintf(server->address, sizeof(server->address), "127.0.0.1:%u",
                     (unsigned)ntohs(address.sin_port));
            return true;
        }
        close(server->fd);
        close(server->listener);
        server->fd = server->listener = -1;
    }
    return false;
}

static struct dns_server *server_start(const struct dns_record *records, uint16_t port,
                                       bool loses_udp)
{
    struct dns_server *server = calloc(1, sizeof(*server));
    if (!server)
        return NULL;
    server->records = records;
    server->loses_udp = loses_udp;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->holds, NULL);
    server->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (server->stop_fd >= 0 && sockets_open(server, port) &&
        pthread_create(&server->thread, NULL, server_run, server) == 0) {
        return server;
    }
    close(server->fd);
    close(server->listener);
    close(server->stop_fd);
    free(server);
    return NULL;
}

struct dns_server *dns_server_start(const struct dns_record *records)
{
    return server_start(records, 0, false);
}

struct dns_server *dns_server_start_on(const struct dns_record *records, uint16_t port)
{
    return server_start(records, port, false);
}

struct dns_server *dns_server_start_tcp(const struct dns_record *records)
{
    return server_start(records, 0, true);
}

void dns_server_free(struct dns_server *server)
{
    if (server) {
        (void)eventfd_write(server->stop_fd, 1);
        pthread_join(server->thread, NULL);
        close(server->fd);
        close(server->listener);
        close(server->stop_fd);
        free(server);
    }
}

const char *dns_server_address(const struct dns_server *server)
{
    return server->address;
}

unsigned dns_server_query_count(const struct dns_server *server)
{
    return atomic_load(&server->queries);
}
