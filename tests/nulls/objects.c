/* SPDX-License-Identifier: Apache-2.0 */
#include "nulls/nulls.h"

#include "fork/child.h"
#include "support/certificates.h"
#include "support/raw_socket.h"
#include "support/sandbox.h"
#include "support/script_server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define ROOM_BYTES 65536u
#define ROOMS      16
/* Rounds of the loop behind the call. */
#define ROUNDS 5

struct nulls_objects {
    enum nulls_state state;
    unsigned opened, closed;
    leat_loop *loop;
    leat_timer *timer;
    leat_config *config;
    leat_websocket *websocket;
    leat_websocket *asking; /* for a token */
    leat_config *asking_config;
    leat_proxy_challenge *proxy_challenge;
    unsigned asked, asking_closed;
    leat_websocket_server *websocket_server;
    leat_blocking_websocket *blocking_websocket;
    leat_reconnect *reconnect;
    leat_prepared_message *prepared_message;
    leat_topic *topic;
    leat_loop_threads *loop_threads;
    leat_websocket_server *http_server;
    leat_http_request *http_request; /* that nobody answers before the end */
    int http_client;
    leat_tcp_socket *tcp_socket;
    leat_tcp_socket_server *tcp_socket_server;
    leat_local_socket *local_socket;
    leat_local_socket_server *local_socket_server;
    leat_tls_options *tls_options;
    leat_tls_socket *tls_socket;
    leat_tls_socket_server *tls_socket_server;
    leat_udp_socket *udp_socket;
    leat_testing_server *testing_server;
    leat_testing_ca *testing_ca;
    leat_testing_conformance *conformance;
    struct WebSocket *ndk_client;
    uint8_t *rooms[ROOMS];
    size_t room_count;
};

/* ---- the other ends -------------------------------------------------------------------------- */

enum peer { ECHO, REFUSING, BEARER, PLAIN, TLS_PLAIN, PEERS };

static uint16_t ports[PEERS];
static pid_t peers_process = -1;
static struct leat_testing_tls tls;

static void url_write(char url[64], enum peer peer)
{
    snprintf(url, 64, "ws://127.0.0.1:%u/", ports[peer]);
}

/* In a process that does nothing else. Tells their ports and stays. */
static void peers_run(int ports_fd)
{
    static const struct leat_script_row echo_rows[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row refusing_rows[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nbody")},
        {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row bearer_rows[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND,
         LEAT_SCRIPT_BYTES("HTTP/1.1 407 Who\r\nProxy-Authenticate: Bearer realm=\"r\"\r\n"
                           "Content-Length: 0\r\n\r\n")},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row plain_rows[] = {{LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row tls_rows[] = {
        {LEAT_SCRIPT_TLS_ACCEPT, .tls = &tls}, {LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row *const rows[PEERS] = {
        [ECHO] = echo_rows,   [REFUSING] = refusing_rows, [BEARER] = bearer_rows,
        [PLAIN] = plain_rows, [TLS_PLAIN] = tls_rows,
    };
    for (size_t i = 0; i < PEERS; ++i) {
        const leat_testing_server *peer = script_server_start(rows[i]);
        CHILD_CHECK(peer);
        ports[i] = leat_testing_server_get_port(peer);
    }
    CHILD_CHECK(write(ports_fd, ports, sizeof(ports)) == sizeof(ports));
    for (;;)
        pause();
}

/* Their threads are in a process of their own: a child of ours, of which each call has one, could find the allocator of
 * AddressSanitizer locked by a thread (tests/fork/CMakeLists.txt). */
void nulls_peers_start(void)
{
    int fds[2];
    tls.cert_path = certificate_path("server.pem");
    tls.key_path = certificate_path("server.key");
    cr_assert(pipe(fds) == 0);
    pid_t parent = getpid();
    fflush(NULL);
    peers_process = fork();
    cr_assert(peers_process >= 0);
    if (peers_process == 0) {
        CHILD_CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent);
        peers_run(fds[1]);
    }
    close(fds[1]);
    cr_assert(read(fds[0], ports, sizeof(ports)) == sizeof(ports));
    close(fds[0]);
}

void nulls_peers_free(void)
{
    kill(peers_process, SIGKILL);
    cr_assert(waitpid(peers_process, NULL, 0) == peers_process);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void on_websocket_opened(leat_websocket *ws, void *user)
{
    (void)ws;
    ((struct nulls_objects *)user)->opened++;
}

static void on_websocket_closed(leat_websocket *ws, const struct leat_close_event *e, void *user)
{
    (void)ws, (void)e;
    ((struct nulls_objects *)user)->closed++;
}

static void on_tcp_connected(leat_tcp_socket *tcp, void *user)
{
    (void)tcp;
    ((struct nulls_objects *)user)->opened++;
}

static void on_tls_connected(leat_tls_socket *socket, void *user)
{
    (void)socket;
    ((struct nulls_objects *)user)->opened++;
}

static void on_local_connected(leat_local_socket *local, void *user)
{
    (void)local;
    ((struct nulls_objects *)user)->opened++;
}

static void on_udp_listening(leat_udp_socket *udp, void *user)
{
    (void)udp;
    ((struct nulls_objects *)user)->opened++;
}

static void wait_for(struct nulls_objects *o, const unsigned *counter)
{
    while (*counter == 0)
        CHILD_CHECK(leat_loop_dispatch(o->loop, -1) == LEAT_OK);
}

/* ---- what everything needs ------------------------------------------------------------------- */

int nulls_text_len(const char *text)
{
    return text ? (int)strlen(text) : -1;
}

void nulls_function(void)
{
}

struct nulls_objects *nulls_objects_new(enum nulls_state state)
{
    struct nulls_objects *o = calloc(1, sizeof(*o));
    CHILD_CHECK(o);
    o->state = state;
    return o;
}

void *nulls_room(struct nulls_objects *o)
{
    CHILD_CHECK(o->room_count < ROOMS);
    uint8_t *room = calloc(1, ROOM_BYTES);
    CHILD_CHECK(room);
    return o->rooms[o->room_count++] = room;
}

void *nulls_sized(struct nulls_objects *o, size_t size)
{
    size_t *room = nulls_room(o);
    *room = size;
    return room;
}

leat_loop *nulls_leat_loop(struct nulls_objects *o)
{
    CHILD_CHECK(o->loop || leat_loop_new(&o->loop) == LEAT_OK);
    return o->loop;
}

static void on_timer(leat_timer *timer, void *user)
{
    (void)timer, (void)user;
}

leat_timer *nulls_leat_timer(struct nulls_objects *o)
{
    CHILD_CHECK(o->timer || leat_timer_new(nulls_leat_loop(o), on_timer, o, &o->timer) == LEAT_OK);
    return o->timer;
}

leat_config *nulls_leat_config(struct nulls_objects *o)
{
    CHILD_CHECK(o->config || leat_config_new(&o->config) == LEAT_OK);
    return o->config;
}

leat_tls_options *nulls_leat_tls_options(struct nulls_objects *o)
{
    if (!o->tls_options) {
        CHILD_CHECK(leat_tls_options_new(&o->tls_options) == LEAT_OK);
        CHILD_CHECK(leat_tls_options_set_ca_path(o->tls_options, certificate_path("ca.pem")) ==
                    LEAT_OK);
    }
    return o->tls_options;
}

leat_reconnect *nulls_leat_reconnect(struct nulls_objects *o)
{
    CHILD_CHECK(o->reconnect || leat_reconnect_new(NULL, &o->reconnect) == LEAT_OK);
    return o->reconnect;
}

leat_prepared_message *nulls_leat_prepared_message(struct nulls_objects *o)
{
    CHILD_CHECK(o->prepared_message || leat_prepared_message_new(LEAT_MESSAGE_TEXT, "text", 4,
                                                                 &o->prepared_message) == LEAT_OK);
    return o->prepared_message;
}

leat_topic *nulls_leat_topic(struct nulls_objects *o)
{
    CHILD_CHECK(o->topic || leat_topic_new(NULL, &o->topic) == LEAT_OK);
    return o->topic;
}

static int loop_begin(leat_loop *loop, unsigned index, void *user, void **ret_object)
{
    (void)loop;
    (void)index;
    (void)user;
    *ret_object = NULL;
    return LEAT_OK;
}

static void loop_end(leat_loop *loop, unsigned index, void *object, void *user)
{
    (void)loop;
    (void)index;
    (void)object;
    (void)user;
}

leat_loop_threads *nulls_leat_loop_threads(struct nulls_objects *o)
{
    CHILD_CHECK(o->loop_threads ||
                leat_loop_threads_new(1, loop_begin, loop_end, o, &o->loop_threads) == LEAT_OK);
    return o->loop_threads;
}

static void on_http_request(leat_websocket_server *server, leat_http_request *request, void *user)
{
    struct nulls_objects *o = user;
    (void)server;
    o->http_request = request;
}

leat_http_request *nulls_leat_http_request(struct nulls_objects *o)
{
    static const struct leat_websocket_server_callbacks callbacks = {
        .size = sizeof(callbacks), .http_request = on_http_request};
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    if (o->http_request)
        return o->http_request;
    CHILD_CHECK(leat_websocket_server_new(nulls_leat_loop(o), &callbacks, o, &o->http_server) ==
                LEAT_OK);
    CHILD_CHECK(leat_websocket_server_start(o->http_server, "127.0.0.1", 0, NULL) == LEAT_OK);
    o->http_client = raw_connect(NULL, leat_websocket_server_get_port(o->http_server));
    CHILD_CHECK(raw_send(o->http_client, text, sizeof(text) - 1));
    while (!o->http_request)
        CHILD_CHECK(leat_loop_dispatch(nulls_leat_loop(o), 10000) == LEAT_OK);
    return o->http_request;
}

/* ---- connections ----------------------------------------------------------------------------- */

leat_websocket *nulls_leat_websocket(struct nulls_objects *o)
{
    static const struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks), .opened = on_websocket_opened, .closed = on_websocket_closed};
    char url[64];
    if (o->websocket)
        return o->websocket;
    CHILD_CHECK(leat_websocket_new(nulls_leat_loop(o), &callbacks, o, &o->websocket) == LEAT_OK);
    if (o->state != NULLS_FRESH) {
        url_write(url, o->state == NULLS_OPEN ? ECHO : REFUSING);
        CHILD_CHECK(leat_websocket_connect(o->websocket, url, NULL) == LEAT_OK);
        wait_for(o, o->state == NULLS_OPEN ? &o->opened : &o->closed);
    }
    return o->websocket;
}

static void on_asking_closed(leat_websocket *ws, const struct leat_close_event *e, void *user)
{
    (void)ws, (void)e;
    ((struct nulls_objects *)user)->asking_closed++;
}

static void on_challenge(leat_proxy_challenge *challenge, void *user)
{
    struct nulls_objects *o = user;
    o->proxy_challenge = challenge;
    o->asked++;
}

leat_proxy_challenge *nulls_leat_proxy_challenge(struct nulls_objects *o)
{
    static const struct leat_websocket_callbacks callbacks = {.size = sizeof(callbacks),
                                                              .closed = on_asking_closed};
    char proxy[64];
    if (o->proxy_challenge)
        return o->proxy_challenge;
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", ports[BEARER]);
    CHILD_CHECK(leat_config_new(&o->asking_config) == LEAT_OK);
    CHILD_CHECK(leat_config_set_proxy(o->asking_config, proxy) == LEAT_OK);
    CHILD_CHECK(leat_config_set_proxy_token_callback(o->asking_config, on_challenge, o) == LEAT_OK);
    CHILD_CHECK(leat_websocket_new(nulls_leat_loop(o), &callbacks, o, &o->asking) == LEAT_OK);
    CHILD_CHECK(leat_websocket_connect(o->asking, "ws://unused.test/", o->asking_config) ==
                LEAT_OK);
    wait_for(o, &o->asked);
    return o->proxy_challenge;
}

leat_blocking_websocket *nulls_leat_blocking_websocket(struct nulls_objects *o)
{
    char url[64];
    url_write(url, ECHO);
    CHILD_CHECK(o->blocking_websocket || leat_blocking_websocket_connect(
                                             url, NULL, &o->blocking_websocket, NULL) == LEAT_OK);
    return o->blocking_websocket;
}

leat_tcp_socket *nulls_leat_tcp_socket(struct nulls_objects *o)
{
    static const struct leat_tcp_socket_callbacks callbacks = {.size = sizeof(callbacks),
                                                               .connected = on_tcp_connected};
    if (o->tcp_socket)
        return o->tcp_socket;
    CHILD_CHECK(leat_tcp_socket_new(nulls_leat_loop(o), &callbacks, o, &o->tcp_socket) == LEAT_OK);
    if (o->state == NULLS_OPEN) {
        CHILD_CHECK(leat_tcp_socket_connect(o->tcp_socket, "127.0.0.1", ports[PLAIN], NULL) ==
                    LEAT_OK);
        wait_for(o, &o->opened);
    }
    return o->tcp_socket;
}

leat_tls_socket *nulls_leat_tls_socket(struct nulls_objects *o)
{
    static const struct leat_tls_socket_callbacks callbacks = {.size = sizeof(callbacks),
                                                               .connected = on_tls_connected};
    if (o->tls_socket)
        return o->tls_socket;
    CHILD_CHECK(leat_tls_socket_new(nulls_leat_loop(o), &callbacks, o, &o->tls_socket) == LEAT_OK);
    if (o->state == NULLS_OPEN) {
        CHILD_CHECK(leat_tls_socket_connect(o->tls_socket, "127.0.0.1", ports[TLS_PLAIN],
                                            nulls_leat_tls_options(o), NULL) == LEAT_OK);
        wait_for(o, &o->opened);
    }
    return o->tls_socket;
}

leat_udp_socket *nulls_leat_udp_socket(struct nulls_objects *o)
{
    static const struct leat_udp_socket_callbacks callbacks = {.size = sizeof(callbacks),
                                                               .listening = on_udp_listening};
    if (o->udp_socket)
        return o->udp_socket;
    CHILD_CHECK(leat_udp_socket_new(nulls_leat_loop(o), &callbacks, o, &o->udp_socket) == LEAT_OK);
    if (o->state == NULLS_OPEN) {
        CHILD_CHECK(leat_udp_socket_bind(o->udp_socket, "127.0.0.1", 0, NULL) == LEAT_OK);
        wait_for(o, &o->opened);
    }
    return o->udp_socket;
}

leat_local_socket *nulls_leat_local_socket(struct nulls_objects *o)
{
    static const struct leat_local_socket_callbacks callbacks = {.size = sizeof(callbacks),
                                                                 .connected = on_local_connected};
    if (o->local_socket)
        return o->local_socket;
    CHILD_CHECK(leat_local_socket_new(nulls_leat_loop(o), &callbacks, o, &o->local_socket) ==
                LEAT_OK);
    if (o->state == NULLS_OPEN) {
        (void)nulls_leat_local_socket_server(o);
        CHILD_CHECK(leat_local_socket_connect(o->local_socket, sandbox_path("local"), NULL) ==
                    LEAT_OK);
        wait_for(o, &o->opened);
    }
    return o->local_socket;
}

/* ---- servers --------------------------------------------------------------------------------- */

leat_websocket_server *nulls_leat_websocket_server(struct nulls_objects *o)
{
    static const struct leat_websocket_server_callbacks callbacks = {.size = sizeof(callbacks)};
    if (!o->websocket_server) {
        CHILD_CHECK(leat_websocket_server_new(nulls_leat_loop(o), &callbacks, o,
                                              &o->websocket_server) == LEAT_OK);
        CHILD_CHECK(o->state != NULLS_OPEN ||
                    leat_websocket_server_start(o->websocket_server, "127.0.0.1", 0, NULL) ==
                        LEAT_OK);
    }
    return o->websocket_server;
}

leat_tcp_socket_server *nulls_leat_tcp_socket_server(struct nulls_objects *o)
{
    static const struct leat_tcp_socket_server_callbacks callbacks = {.size = sizeof(callbacks)};
    if (!o->tcp_socket_server) {
        CHILD_CHECK(leat_tcp_socket_server_new(nulls_leat_loop(o), &callbacks, o,
                                               &o->tcp_socket_server) == LEAT_OK);
        CHILD_CHECK(o->state != NULLS_OPEN ||
                    leat_tcp_socket_server_listen(o->tcp_socket_server, "127.0.0.1", 0, NULL) ==
                        LEAT_OK);
    }
    return o->tcp_socket_server;
}

leat_local_socket_server *nulls_leat_local_socket_server(struct nulls_objects *o)
{
    static const struct leat_local_socket_server_callbacks callbacks = {.size = sizeof(callbacks)};
    if (!o->local_socket_server) {
        unlink(sandbox_path("local"));
        CHILD_CHECK(leat_local_socket_server_new(nulls_leat_loop(o), &callbacks, o,
                                                 &o->local_socket_server) == LEAT_OK);
        CHILD_CHECK(o->state != NULLS_OPEN ||
                    leat_local_socket_server_listen(o->local_socket_server, sandbox_path("local"),
                                                    NULL) == LEAT_OK);
    }
    return o->local_socket_server;
}

leat_tls_socket_server *nulls_leat_tls_socket_server(struct nulls_objects *o)
{
    static const struct leat_tls_socket_server_callbacks callbacks = {.size = sizeof(callbacks)};
    CHILD_CHECK(o->tls_socket_server ||
                leat_tls_socket_server_new(nulls_leat_loop(o), &callbacks, o,
                                           &o->tls_socket_server) == LEAT_OK);
    return o->tls_socket_server;
}

/* ---- the rest -------------------------------------------------------------------------------- */

const leat_foreign_table *nulls_leat_foreign_table(struct nulls_objects *o)
{
    (void)o;
    return leat_foreign_table_at(0);
}

const leat_foreign_code *nulls_leat_foreign_code(struct nulls_objects *o)
{
    return leat_foreign_table_code_at(nulls_leat_foreign_table(o), 0);
}

leat_testing_server *nulls_leat_testing_server(struct nulls_objects *o)
{
    CHILD_CHECK(o->testing_server ||
                leat_testing_server_new(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_SOCKS5),
                                        &o->testing_server, NULL) == LEAT_OK);
    return o->testing_server;
}

leat_testing_ca *nulls_leat_testing_ca(struct nulls_objects *o)
{
    CHILD_CHECK(o->testing_ca ||
                leat_testing_ca_new(LEAT_TESTING_CA(0), &o->testing_ca, NULL) == LEAT_OK);
    return o->testing_ca;
}

leat_testing_conformance *nulls_leat_testing_conformance(struct nulls_objects *o)
{
    CHILD_CHECK(o->conformance ||
                leat_testing_conformance_new(LEAT_TESTING_CONFORMANCE_OPTIONS(.url = NULL),
                                             &o->conformance, NULL) == LEAT_OK);
    return o->conformance;
}

const struct leat_testing_options *nulls_testing_options(struct nulls_objects *o)
{
    struct leat_testing_options *options = nulls_sized(o, sizeof(*options));
    options->kind = LEAT_TESTING_SOCKS5;
    return options;
}

const struct leat_testing_certificate *nulls_testing_certificate(struct nulls_objects *o)
{
    const struct leat_testing_certificate *certificate = NULL;
    CHILD_CHECK(leat_testing_ca_issue(nulls_leat_testing_ca(o), NULL, &certificate, NULL) ==
                LEAT_OK);
    return certificate;
}

const struct leat_close_event *nulls_close_event(struct nulls_objects *o)
{
    struct leat_close_event *event = nulls_room(o);
    event->reason = "";
    return event;
}

const char *nulls_local_path(struct nulls_objects *o)
{
    (void)o;
    const char *path = sandbox_path("given");
    unlink(path);
    return path;
}

/* Of every use: a name of ALPN, a pin, a PEM that nobody has parsed yet. */
const char *const *nulls_texts(struct nulls_objects *o)
{
    const char **texts = nulls_room(o);
    texts[0] = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    return texts;
}

struct WebSocket *nulls_WebSocket(struct nulls_objects *o)
{
    if (!o->ndk_client)
        o->ndk_client = OH_WebSocketClient_Constructor(NULL, NULL, NULL, NULL);
    CHILD_CHECK(o->ndk_client);
    return o->ndk_client;
}

void nulls_objects_end(struct nulls_objects *o)
{
    for (int i = 0; o->loop && i < ROUNDS; ++i)
        CHILD_CHECK(leat_loop_dispatch(o->loop, 0) == LEAT_OK);
    /* It is closed by an answer, at once; one that has none yet is given one. */
    if (o->proxy_challenge && o->asking_closed == 0)
        CHILD_CHECK(leat_proxy_challenge_answer(o->proxy_challenge, NULL) == LEAT_OK);
    leat_websocket_free(o->asking);
    leat_config_free(o->asking_config);
    if (o->ndk_client)
        (void)OH_WebSocketClient_Destroy(o->ndk_client);
    leat_blocking_websocket_free(o->blocking_websocket);
    leat_timer_free(o->timer);
    leat_websocket_free(o->websocket);
    leat_websocket_server_free(o->websocket_server);
    leat_tcp_socket_free(o->tcp_socket);
    leat_tcp_socket_server_free(o->tcp_socket_server);
    leat_local_socket_free(o->local_socket);
    leat_local_socket_server_free(o->local_socket_server);
    leat_tls_socket_free(o->tls_socket);
    leat_tls_socket_server_free(o->tls_socket_server);
    leat_udp_socket_free(o->udp_socket);
    leat_tls_options_free(o->tls_options);
    leat_config_free(o->config);
    leat_reconnect_free(o->reconnect);
    leat_prepared_message_free(o->prepared_message);
    leat_topic_free(o->topic);
    leat_loop_threads_free(o->loop_threads);
    leat_http_request_free(o->http_request);
    leat_websocket_server_free(o->http_server);
    if (o->http_server)
        close(o->http_client);
    leat_testing_server_free(o->testing_server);
    leat_testing_ca_free(o->testing_ca);
    leat_testing_conformance_free(o->conformance);
    leat_loop_free(o->loop);
    while (o->room_count > 0)
        free(o->rooms[--o->room_count]);
    free(o);
}
