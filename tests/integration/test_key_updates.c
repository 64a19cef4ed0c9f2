/* SPDX-License-Identifier: Apache-2.0 */
/* leat_websocket_update_keys(), against OpenSSL, which counts what comes, and between both ends of
 * leat. */
#include "common.h"

#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { HANDSHAKE_RECORD = 22, KEY_UPDATE = 24, SERVER_UPDATES_EVERY = 3 };

INTEGRATION_SUITE(key_updates);

/* ---- a wss server by OpenSSL ----------------------------------------------------------------- */

struct openssl_server {
    int listener;
    SSL_CTX *context;
    pthread_t thread;
    bool echoes_back_keys; /* it changes its own as well, now and then */
};

static unsigned updates_read, requests_read;

static void message_seen(int write, int version, int type, const void *data, size_t len, SSL *ssl,
                         void *user)
{
    const uint8_t *message = data;

    (void)version;
    (void)ssl;
    (void)user;
    if (write || type != HANDSHAKE_RECORD || len != 5 || message[0] != KEY_UPDATE)
        return;
    updates_read++;
    requests_read += message[4];
}

static void upgrade(SSL *ssl)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char head[4096], text[128], accept[64], answer[256];
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    int n = 1;

    do {
        n = SSL_read(ssl, head + len, (int)(sizeof(head) - 1 - len));
        len += n > 0 ? (size_t)n : 0;
        head[len] = '\0';
    } while (n > 0 && !strstr(head, "\r\n\r\n"));
    const char *key = strstr(head, "Sec-WebSocket-Key: ");
    if (!key)
        return;
    snprintf(text, sizeof(text), "%.24s%s", key + strlen("Sec-WebSocket-Key: "), guid);
    EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)accept, digest, 20);
    n = snprintf(answer, sizeof(answer),
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\n\r\n",
                 accept);
    (void)SSL_write(ssl, answer, n);
}

/* Short messages come back, and the Close frame. Each is in a record of its own. */
static void frames_serve(const struct openssl_server *server, SSL *ssl)
{
    uint8_t frame[256];

    for (int count = 1; SSL_read(ssl, frame, sizeof(frame)) > 6; count++) {
        uint8_t len = frame[1] & 0x7f;
        uint8_t echo[128] = {frame[0], len};
        for (size_t i = 0; i < len && i < 125; i++)
            echo[2 + i] = frame[6 + i] ^ frame[2 + i % 4];
        if (server->echoes_back_keys && count % SERVER_UPDATES_EVERY == 0)
            (void)SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
        (void)SSL_write(ssl, echo, 2 + len);
        if (frame[0] == 0x88)
            return;
    }
}

static void *server_run(void *user)
{
    const struct openssl_server *server = user;
    int fd;

    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        SSL *ssl = SSL_new(server->context);
        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1) {
            upgrade(ssl);
            frames_serve(server, ssl);
            (void)SSL_shutdown(ssl);
        }
        SSL_free(ssl);
        close(fd);
    }
    return NULL;
}

static const char *server_start(struct openssl_server *server, int max_version)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    updates_read = requests_read = 0;
    server->context = SSL_CTX_new(TLS_server_method());
    cr_assert(SSL_CTX_use_certificate_chain_file(server->context, certificate_path("server.pem")) ==
              1);
    cr_assert(SSL_CTX_use_PrivateKey_file(server->context, certificate_path("server.key"),
                                          SSL_FILETYPE_PEM) == 1);
    cr_assert(SSL_CTX_set_max_proto_version(server->context, max_version) == 1);
    SSL_CTX_set_msg_callback(server->context, message_seen);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(server->listener, (struct sockaddr *)&address, size) == 0);
    cr_assert(listen(server->listener, 4) == 0);
    cr_assert(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0);
    cr_assert(pthread_create(&server->thread, NULL, server_run, server) == 0);
    return url_of("wss", ntohs(address.sin_port), "/");
}

/* What it has counted can be looked at then. */
static void server_stop(struct openssl_server *server)
{
    (void)shutdown(server->listener, SHUT_RDWR);
    cr_assert(pthread_join(server->thread, NULL) == 0);
    close(server->listener);
    SSL_CTX_free(server->context);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void echo_with_updates(bool echoes_back_keys)
{
    enum { ROUNDS = 30 };
    struct openssl_server server = {.echoes_back_keys = echoes_back_keys};
    struct client_run run;

    client_run_init(&run);
    client_run_open(&run, server_start(&server, TLS1_3_VERSION));
    for (int i = 0; i < ROUNDS; i++) {
        cr_assert(leat_websocket_update_keys(run.ws) == LEAT_OK);
        client_run_echo(&run, "hello");
    }
    client_run_close(&run);
    client_run_done(&run);
    server_stop(&server);
    cr_expect(requests_read == ROUNDS, "%u", requests_read);
    /* Besides, each of the server's is answered. */
    cr_expect(updates_read == ROUNDS + (echoes_back_keys ? ROUNDS / SERVER_UPDATES_EVERY : 0), "%u",
              updates_read);
}

Test(key_updates, of_the_client)
{
    echo_with_updates(false);
}

Test(key_updates, of_both)
{
    echo_with_updates(true);
}

/* They are not only sent together with a message. */
Test(key_updates, without_messages)
{
    struct openssl_server server = {0};
    struct client_run run;

    client_run_init(&run);
    client_run_open(&run, server_start(&server, TLS1_3_VERSION));
    for (int i = 0; i < 100; i++)
        cr_assert(leat_websocket_update_keys(run.ws) == LEAT_OK);
    client_run_close(&run);
    cr_expect(leat_websocket_update_keys(run.ws) == LEAT_E_SOCKET_BASE + EBADF);
    client_run_done(&run);
    server_stop(&server);
    cr_expect(updates_read == 16, "%u: more change nothing", updates_read);
}

Test(key_updates, where_there_are_none)
{
    struct openssl_server server = {0};
    struct client_run run;

    cr_expect(leat_websocket_update_keys(NULL) == LEAT_E_PARAMETER);
    client_run_init(&run);
    cr_expect(leat_websocket_update_keys(run.ws) == LEAT_E_SOCKET_BASE + ENOTCONN);
    client_run_open(&run, server_start(&server, TLS1_2_VERSION));
    cr_expect(leat_websocket_update_keys(run.ws) == LEAT_E_PARAMETER);
    client_run_echo(&run, "still there");
    client_run_close(&run);
    client_run_done(&run);
    server_stop(&server);
}

/* ---- both ends are leat ---------------------------------------------------------------------- */

static void echo(leat_websocket_server *from, leat_websocket *ws, enum leat_message_type type,
                 const uint8_t *data, size_t len, void *user)
{
    (void)from;
    (void)user;
    cr_expect(leat_websocket_update_keys(ws) == LEAT_OK);
    cr_expect(leat_websocket_send(ws, type, data, len) == LEAT_OK);
    cr_expect(leat_websocket_update_keys(ws) == LEAT_OK);
}

Test(key_updates, between_leat_and_leat)
{
    struct leat_websocket_server_callbacks callbacks = {.size = sizeof(callbacks), .message = echo};
    leat_websocket_server *server;
    struct client_run run;

    client_run_init(&run);
    leat_config *config = client_config_new();
    cr_assert(leat_config_set_server_cert(config, certificate_path("server.pem"),
                                          certificate_path("server.key"), NULL) == LEAT_OK);
    cr_assert(leat_websocket_server_new(run.loop, &callbacks, NULL, &server) == LEAT_OK);
    cr_assert(leat_websocket_server_start(server, "127.0.0.1", 0, config) == LEAT_OK);
    leat_config_free(config);
    client_run_open(&run, url_of("wss", leat_websocket_server_get_port(server), "/"));
    for (int i = 0; i < 50; i++) {
        cr_assert(leat_websocket_update_keys(run.ws) == LEAT_OK);
        client_run_echo(&run, "hello");
    }
    client_run_close(&run);
    leat_websocket_server_free(server);
    client_run_done(&run);
}
