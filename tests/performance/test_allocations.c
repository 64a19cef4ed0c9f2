/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the steady state a message costs no allocation: neither in the client nor in the server, which
 * is leat's too and in the same process, nor in mbedTLS and libcrypto below them.
 */
#include "support/certificates.h"
#include "support/client_run.h"
#include "support/sandbox.h"
#include "support/server_run.h"

#include "util/alloc.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define WARM_UP_MESSAGES 200
#define MESSAGES         400
#define ROUNDS           20

TestSuite(allocations, .fini = sandbox_done, .timeout = 60);

/* The server has a thread of its own. */
static atomic_size_t allocations;

static bool count_allocation(void)
{
    atomic_fetch_add(&allocations, 1);
    return false;
}

static void *libcrypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    atomic_fetch_add(&allocations, 1);
    return malloc(size);
}

static void *libcrypto_realloc(void *ptr, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    atomic_fetch_add(&allocations, 1);
    return realloc(ptr, size);
}

static void libcrypto_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    free(ptr);
}

/* libcrypto, which may compute for mbedTLS, takes them only before its first allocation. */
__attribute__((constructor)) static void libcrypto_count(void)
{
    if (CRYPTO_set_mem_functions(libcrypto_malloc, libcrypto_realloc, libcrypto_free) != 1)
        abort();
}

/* No pointers: each test is a process of its own. */
struct row {
    bool secure;
    enum leat_message_type type;
    size_t size;
    size_t in_flight;
};

struct echoes {
    struct client_run run;
    const struct row *row;
    uint8_t *payload;
    size_t sent;
    size_t target;
};

static void echo_send(struct echoes *echoes)
{
    cr_assert(leat_websocket_send(echoes->run.ws, echoes->row->type, echoes->payload,
                                  echoes->row->size) == LEAT_OK);
    echoes->sent++;
}

static void on_event(struct client_run *run, const char *callback)
{
    struct echoes *echoes = run->user;

    if (strcmp(callback, "message") == 0 && echoes->sent < echoes->target)
        echo_send(echoes);
}

static bool all_are_back(const struct client_run *run)
{
    const struct echoes *echoes = run->user;

    return run->message_count == echoes->target;
}

static void echoes_run(struct echoes *echoes, size_t count)
{
    echoes->target += count;
    for (size_t i = 0; i < echoes->row->in_flight; i++)
        echo_send(echoes);
    cr_assert(client_run_until(&echoes->run, all_are_back), "%zu of %zu messages came back",
              echoes->run.message_count, echoes->target);
}

ParameterizedTestParameters(allocations, none_per_message)
{
    static struct row rows[] = {
        {false, LEAT_MESSAGE_BINARY, 64, 1},
        {false, LEAT_MESSAGE_TEXT, 64, 64},
        {false, LEAT_MESSAGE_TEXT, 4096, 4},
        /* More than one read, so it is collected. */
        {false, LEAT_MESSAGE_BINARY, 100000, 2},
        {true, LEAT_MESSAGE_BINARY, 64, 1},
        {true, LEAT_MESSAGE_TEXT, 64, 64},
        {true, LEAT_MESSAGE_TEXT, 4096, 4},
        /* More than one record. */
        {true, LEAT_MESSAGE_BINARY, 100000, 2},
    };
    return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *row, allocations, none_per_message)
{
    const char *scheme = row->secure ? "wss" : "ws";
    const struct server_run_options options = {.cert = row->secure ? "server.pem" : NULL};
    /* Before there is another thread. */
    leati_alloc_fail_hook = count_allocation;
    struct server_run *server = server_run_start(&options);
    struct echoes echoes = {.row = row, .payload = malloc(row->size)};

    cr_assert_not_null(echoes.payload);
    memset(echoes.payload, 'x', row->size);
    client_run_init(&echoes.run);
    echoes.run.drop_messages = true;
    echoes.run.on_event = on_event;
    echoes.run.user = &echoes;
    client_run_open(&echoes.run,
                    sandbox_format("%s://127.0.0.1:%u/echo", scheme, server_run_port(server)));
    echoes_run(&echoes, WARM_UP_MESSAGES);
    cr_assert(atomic_exchange(&allocations, 0) > 0, "the hook does not count");

    /* How deep the queues get depends on who runs when: the pools may still grow for a while. What
     * a message costs, it costs in every round. */
    size_t found = SIZE_MAX;
    for (int round = 0; round < ROUNDS && found != 0; round++) {
        atomic_store(&allocations, 0);
        echoes_run(&echoes, MESSAGES);
        found = atomic_load(&allocations);
    }
    cr_expect(found == 0, "%s, %zu bytes, %zu in flight: %zu allocations for %d messages", scheme,
              row->size, row->in_flight, found, MESSAGES);

    client_run_close(&echoes.run);
    client_run_done(&echoes.run);
    server_run_free(server);
    free(echoes.payload);
}
