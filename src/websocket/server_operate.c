/* SPDX-License-Identifier: Apache-2.0 */
/* What whoever operates a server needs: descriptors that others have opened, restarts without a gap, new
 * certificates, numbers. */
#include "websocket/server_private.h"

#include "util/clock.h"
#include "util/known.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- descriptors ------------------------------------------------------------------------------ */

/** SD_LISTEN_FDS_START of sd_listen_fds(3). */
#define FIRST_LISTEN_FD 3

int leat_websocket_server_start_descriptor(leat_websocket_server *server, int fd,
                                           const leat_config *config)
{
    if (!server || fd < 0)
        return LEAT_E_PARAMETER;
    struct leati_clients *base = &server->base;
    if (!server->listener && !base->first)
        return leati_server_listen(server, NULL, NULL, &fd, config);
    close(fd);
    return leati_clients_refuse(base, LEAT_E_WS_EXISTS, 0,
                                server->listener
                                    ? "the server listens already"
                                    : "connections of the last start are still closing");
}

static bool variable_get(const char *name, uint64_t *ret_value)
{
    const char *text = getenv(name);
    return text && leati_text_parse_u64(text, strlen(text), INT32_MAX, ret_value);
}

size_t leat_get_listen_descriptors(int *ret_fds, size_t cap)
{
    uint64_t pid = 0, count = 0;
    if (!variable_get("LISTEN_PID", &pid) || pid != (uint64_t)getpid() ||
        !variable_get("LISTEN_FDS", &count) || count > 1024)
        return 0;
    for (size_t i = 0; i < count; i++) {
        int fd = FIRST_LISTEN_FD + (int)i;
        int flags = fcntl(fd, F_GETFD);
        if (flags < 0)
            return i; /* there are not as many as it says */
        (void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
        if (ret_fds && i < cap)
            ret_fds[i] = fd;
    }
    return (size_t)count;
}

int leat_websocket_server_release_descriptor(leat_websocket_server *server)
{
    if (!server || !server->listener)
        return -1;
    int fd = leati_tcp_listener_release(server->listener);
    server->listener = NULL;
    return fd;
}

/* ---- the end ------------------------------------------------------------------------------------ */

void leati_server_drain_over(struct leati_timer *timer, void *user)
{
    leat_websocket_server *server = user;
    (void)timer;
    for (struct leati_client *client = server->base.first; client; client = client->next)
        leati_websocket_break(&client_of(client)->ws, LEAT_E_WS_CONNECT, ETIMEDOUT,
                              "the connection did not end before the server had to");
}

int leat_websocket_server_drain(leat_websocket_server *server, uint32_t timeout_ms)
{
    if (!server)
        return LEAT_E_PARAMETER;
    int timed = leati_timer_set(&server->drain_timer, leati_clock_ms() + timeout_ms);
    int code = leat_websocket_server_stop(server);
    return code == LEAT_OK ? timed : code;
}

/* ---- certificates --------------------------------------------------------------------------------- */

int leat_websocket_server_reload_certificates(leat_websocket_server *server,
                                              const leat_config *config)
{
    const struct leati_settings *settings;
    struct leati_tls_credentials *credentials = NULL;
    if (!server)
        return LEAT_E_PARAMETER;
    struct leati_clients *base = &server->base;
    leati_failure_done(&base->failure);
    if (!config || !server->credentials)
        return leati_clients_refuse(base, LEAT_E_PARAMETER, 0,
                                    "the server does not speak TLS, or there is no configuration");
    int code = leati_settings_of(config, &base->failure, &settings);
    if (code != LEAT_OK)
        return code;
    if (leati_settings_serve_tls(settings))
        code = leati_settings_reread_server_tls(settings, &base->failure, &credentials);
    else
        code = leati_clients_refuse(base, LEAT_E_PARAMETER, 0, "there is no certificate in it");
    leati_settings_unref(settings);
    if (code != LEAT_OK) {
        leati_failure_set(&base->failure, &(struct leati_fault){.code = code}, "out of memory");
        return code;
    }
    leati_tls_credentials_unref(server->credentials);
    server->credentials = credentials;
    return LEAT_OK;
}

/* ---- memory ----------------------------------------------------------------------------------------- */

static struct server_client *longest_queue(const leat_websocket_server *server)
{
    struct server_client *longest = NULL;
    for (struct leati_client *base = server->base.first; base; base = base->next) {
        struct server_client *client = client_of(base);
        size_t len = client->ws.stream.out.len;
        if (len > (longest ? longest->ws.stream.out.len : 0))
            longest = client;
    }
    return longest;
}

void leati_server_make_room(struct leati_stream_budget *budget, size_t size)
{
    leat_websocket_server *server =
        (leat_websocket_server *)(void *)((char *)budget -
                                          offsetof(struct leat_websocket_server, budget));
    while (budget->used_bytes > budget->most_bytes - size) {
        struct server_client *client = longest_queue(server);
        char text[160];
        if (!client)
            return;
        snprintf(
            text, sizeof(text),
            "%zu bytes wait for this client, the most of %zu on all connections of the server, "
            "which may have %zu",
            client->ws.stream.out.len, budget->used_bytes, budget->most_bytes);
        server->counters.overflowed++;
        leati_websocket_break(&client->ws, LEAT_E_SOCKET_BASE + ENOBUFS, ENOBUFS, text);
        leati_stream_drop_queue(&client->ws.stream);
    }
}

/* ---- numbers --------------------------------------------------------------------------------------- */

int leat_websocket_server_get_counters(const leat_websocket_server *server,
                                       struct leat_websocket_server_counters *ret_counters,
                                       size_t size)
{
    if (!server || !ret_counters || size == 0)
        return LEAT_E_PARAMETER;
    struct leat_websocket_server_counters counters = server->counters;
    counters.open = server->base.reported_count;
    counters.handshakes = server->base.count - server->base.reported_count;
    for (struct leati_client *client = server->base.first; client; client = client->next) {
        counters.bytes_sent += client_of(client)->ws.stream.sent_bytes;
        counters.queued_bytes += client_of(client)->ws.stream.out.len;
    }
    memset(ret_counters, 0, size);
    leati_copy_known(ret_counters, size, &counters, sizeof(counters));
    return LEAT_OK;
}
