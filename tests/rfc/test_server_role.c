/* SPDX-License-Identifier: Apache-2.0 */
/* Every case against our server, whose connections share one loop: several at a time, so that good
 * ones stand beside and follow those that fail, and some that stay for the whole time. */
#include "rfc/play.h"
#include "support/client_run.h"
#include "support/sandbox.h"
#include "support/server_run.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(rfc_server, .fini = sandbox_done, .timeout = 60);

#define PLAYERS 4

static struct leati_ws_cases cases;
static uint16_t port;
static atomic_size_t next;

struct player {
    pthread_t thread;
    size_t played;
    char problem[400]; /* the first one */
};

static void configure(leat_config *config)
{
    const struct leat_compression compression = {.size = sizeof(compression), .threshold_bytes = 1};
    cr_assert(leat_config_set_compression(config, &compression) == LEAT_OK);
    cr_assert(leat_config_set_max_message_bytes(config, LEATI_WS_LIMIT_BYTES) == LEAT_OK);
}

/* The case and the way it is cut. */
static void play(struct player *player, size_t index)
{
    const struct leati_ws_case *now = &cases.items[index / RFC_CHUNKS];
    size_t chunk = rfc_chunks[index % RFC_CHUNKS];
    char problem[256];
    if (!rfc_chunk_fits(now, chunk))
        return;
    int fd = rfc_client_open(port, now, problem, sizeof(problem));
    if (problem[0] == '\0')
        (void)rfc_play(fd, now, true, chunk, problem, sizeof(problem));
    close(fd);
    ++player->played;
    if (problem[0] != '\0' && player->problem[0] == '\0') {
        snprintf(player->problem, sizeof(player->problem), "%s, cut by %zu: %s", now->id, chunk,
                 problem);
    }
}

static void *player_run(void *user)
{
    struct player *player = user;
    char text[64];
    int stays = rfc_client_open(port, NULL, player->problem, sizeof(player->problem));
    for (size_t index; (index = atomic_fetch_add(&next, 1)) < cases.count * RFC_CHUNKS;) {
        play(player, index);
        snprintf(text, sizeof(text), "still here after %zu", index);
        if (!rfc_echo(stays, text) && player->problem[0] == '\0') {
            snprintf(player->problem, sizeof(player->problem),
                     "%s has harmed the connection beside it",
                     cases.items[index / RFC_CHUNKS].id);
        }
    }
    close(stays);
    return NULL;
}

Test(rfc_server, every_case_on_one_loop)
{
    struct server_run *server =
        server_run_start(&(struct server_run_options){.configure = configure});
    struct player players[PLAYERS] = {0};
    struct server_seen seen;
    size_t played = 0;

    cases = leati_ws_cases_new(true);
    port = server_run_port(server);
    for (int i = 0; i < PLAYERS; ++i)
        cr_assert(pthread_create(&players[i].thread, NULL, player_run, &players[i]) == 0);
    for (int i = 0; i < PLAYERS; ++i) {
        pthread_join(players[i].thread, NULL);
        cr_expect(players[i].problem[0] == '\0', "%s", players[i].problem);
        played += players[i].played;
    }
    server_run_until_closed(server, (unsigned)played + PLAYERS);
    server_run_seen(server, &seen);
    cr_expect(seen.connected == played + PLAYERS && played > 2 * cases.count);
    server_run_free(server);
    leati_ws_cases_free(&cases);
}
