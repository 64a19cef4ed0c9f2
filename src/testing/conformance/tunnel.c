/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/conformance/tunnel.h"

#include "testing/resolve.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LARGE_BYTES = 1 << 20, PIECE_BYTES = 16384 };

static const struct {
    enum leati_tunnel_demand demand;
    const char *id, *title, *expected;
} demands[] = {
    {LEATI_TUNNEL_SPEAK, "tunnel.speak", "a text each way", "both arrive"},
    {LEATI_TUNNEL_LARGE, "tunnel.large", "1 MiB each way", "all of it arrives as it was"},
    {LEATI_TUNNEL_CLIENT_FIN, "tunnel.client-fin",
     "the client ends its direction, then the target speaks",
     "the target sees the end, and the client gets what it says"},
    {LEATI_TUNNEL_TARGET_FIN, "tunnel.target-fin",
     "the target ends its direction, then the client speaks",
     "the client sees the end, and the target gets what it says"},
    {LEATI_TUNNEL_CLIENT_RESET, "tunnel.client-reset", "the client resets TCP",
     "the target's connection ends, too"},
    {LEATI_TUNNEL_TARGET_RESET, "tunnel.target-reset", "the target resets TCP",
     "the client's connection ends, too"},
};

void leati_tunnel_collect(struct leat_testing_conformance *judge, const char *section,
                          leati_trial_play *play)
{
    for (size_t i = 0; i < sizeof(demands) / sizeof(demands[0]); ++i)
        leati_judge_add(judge, demands[i].id, section, demands[i].title, demands[i].expected, play,
                        &demands[i].demand);
}

bool leati_tunnel_listen(struct leat_testing_conformance *judge, struct leati_tunnel *tunnel,
                         bool is_v6)
{
    const char *host = judge->options.target_address ? judge->options.target_address : "127.0.0.1";
    socklen_t size = sizeof(tunnel->address);
    *tunnel = (struct leati_tunnel){.listener = -1};
    snprintf(tunnel->host, sizeof(tunnel->host), "%s", is_v6 ? "::1" : host);
    if (!leati_testing_address_parse(tunnel->host, 0, &tunnel->address))
        return false;
    tunnel->listener =
        socket(tunnel->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (tunnel->listener < 0 ||
        bind(tunnel->listener, (struct sockaddr *)&tunnel->address,
             leati_testing_address_size(&tunnel->address)) != 0 ||
        listen(tunnel->listener, 8) != 0 ||
        getsockname(tunnel->listener, (struct sockaddr *)&tunnel->address, &size) != 0)
        return false;
    tunnel->port = ntohs(tunnel->address.ss_family == AF_INET6
                             ? ((struct sockaddr_in6 *)&tunnel->address)->sin6_port
                             : ((struct sockaddr_in *)&tunnel->address)->sin_port);
    return true;
}

bool leati_tunnel_accept(struct leat_testing_conformance *judge, struct leati_tunnel *tunnel)
{
    struct pollfd fds[] = {{.fd = tunnel->listener, .events = POLLIN},
                           {.fd = judge->stop_fd, .events = POLLIN}};
    if (poll(fds, 2, (int)judge->options.patience_ms) <= 0 || !fds[0].revents)
        return false;
    int fd = accept4(tunnel->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return false;
    leati_wire_init(&tunnel->target, fd, judge->stop_fd, judge->options.patience_ms);
    leati_wire_limit(&tunnel->target);
    tunnel->has_target = true;
    return true;
}

void leati_tunnel_close(struct leati_tunnel *tunnel)
{
    if (tunnel->has_client)
        leati_wire_close(&tunnel->client);
    if (tunnel->has_target)
        leati_wire_close(&tunnel->target);
    if (tunnel->listener >= 0)
        close(tunnel->listener);
    *tunnel = (struct leati_tunnel){.listener = -1};
}

/* ---- speaking ------------------------------------------------------------------------------- */

static bool say(struct leati_wire *from, struct leati_wire *to, const char *text)
{
    size_t len = strlen(text);
    bool done = leati_wire_send(from, text, len, 0) && leati_wire_need(to, len) &&
                memcmp(to->in.data, text, len) == 0;
    if (done)
        leati_bytes_consume(&to->in, len);
    return done;
}

bool leati_tunnel_speak(struct leati_tunnel *tunnel, struct leati_finding *finding)
{
    if (!say(&tunnel->client, &tunnel->target, "from the client"))
        return leati_judge_tell(&tunnel->target, finding, FAIL,
                                "what the client says does not arrive");
    if (!say(&tunnel->target, &tunnel->client, "from the target"))
        return leati_judge_tell(&tunnel->client, finding, FAIL,
                                "what the target says does not arrive");
    leati_find(finding, PASS, "both directions carry");
    return true;
}

/* Pieces by turns, so that no buffer in between has to hold all of it. */
static bool large_carry(struct leati_wire *from, struct leati_wire *to)
{
    uint8_t piece[PIECE_BYTES];
    for (size_t at = 0; at < LARGE_BYTES; at += sizeof(piece)) {
        for (size_t i = 0; i < sizeof(piece); ++i)
            piece[i] = (uint8_t)((at + i) * 2654435761u >> 13);
        if (!leati_wire_send(from, piece, sizeof(piece), 0) ||
            !leati_wire_need(to, sizeof(piece)) || memcmp(to->in.data, piece, sizeof(piece)) != 0)
            return false;
        leati_bytes_consume(&to->in, sizeof(piece));
    }
    return true;
}

static void fin_judge(struct leati_wire *first, struct leati_wire *second,
                      struct leati_finding *finding)
{
    leati_wire_shut(first);
    if (!leati_wire_wait_end(second, second->patience_ms))
        (void)leati_judge_tell(second, finding, FAIL, "the end is not told");
    else if (second->end != LEATI_WIRE_FIN)
        (void)leati_judge_tell(second, finding, NON_STRICT, "an orderly end becomes another one");
    else if (!say(second, first, "the last words"))
        (void)leati_judge_tell(
            first, finding, NON_STRICT,
            "with one direction the other one ends, and what is said there is lost");
    else
        leati_find(finding, PASS, "the directions end by themselves");
}

static void reset_judge(struct leati_wire *first, struct leati_wire *second,
                        struct leati_finding *finding)
{
    leati_wire_reset(first);
    if (!leati_wire_wait_end(second, second->patience_ms))
        (void)leati_judge_tell(second, finding, FAIL, "the end is not told");
    else
        leati_find(finding, PASS, "%s", leati_wire_describe(second));
}

void leati_tunnel_judge(struct leati_tunnel *tunnel, enum leati_tunnel_demand demand,
                        struct leati_finding *finding)
{
    struct leati_wire *client = &tunnel->client, *target = &tunnel->target;
    if (!leati_tunnel_speak(tunnel, finding))
        return;
    switch (demand) {
    case LEATI_TUNNEL_SPEAK:
        return;
    case LEATI_TUNNEL_LARGE:
        if (!large_carry(client, target))
            (void)leati_judge_tell(target, finding, FAIL,
                                   "1 MiB of the client does not arrive whole");
        else if (!large_carry(target, client))
            (void)leati_judge_tell(client, finding, FAIL,
                                   "1 MiB of the target does not arrive whole");
        return;
    case LEATI_TUNNEL_CLIENT_FIN:
        fin_judge(client, target, finding);
        return;
    case LEATI_TUNNEL_TARGET_FIN:
        fin_judge(target, client, finding);
        return;
    case LEATI_TUNNEL_CLIENT_RESET:
        reset_judge(client, target, finding);
        return;
    case LEATI_TUNNEL_TARGET_RESET:
        reset_judge(target, client, finding);
        return;
    }
}

/* ---- a tunnel that stays beside the cases ---------------------------------------------------- */

bool leati_tunnel_beside_check(struct leat_testing_conformance *judge, void *worker,
                               struct leati_finding *finding)
{
    struct leati_tunnel *beside = worker;
    (void)judge;
    if (beside->has_client)
        leati_wire_limit(&beside->client);
    if (beside->has_target)
        leati_wire_limit(&beside->target);
    struct leati_finding own = {.seen = ""};
    if (!beside->has_client || leati_tunnel_speak(beside, &own) || own.verdict == NOT_RUN)
        return true;
    const struct leati_excerpt seen = leati_excerpt(finding->seen, 100);
    leati_find(finding, FAIL, "another connection, which was open, was harmed: %s; %s",
               leati_excerpt(own.seen, 80).text, seen.text);
    leati_tunnel_close(beside);
    return false;
}

void leati_tunnel_beside_end(void *worker)
{
    leati_tunnel_close(worker);
    leati_free(worker);
}
