/* SPDX-License-Identifier: Apache-2.0 */
#include "early_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define HEAD_BYTES 4096

struct server_connection {
    int fd;
    SSL *ssl;
    struct server_seen *seen;
    enum early_mode mode;
    bool is_early; /* reads early data */
    char head[HEAD_BYTES];
    size_t head_len;
    bool has_answered;
};

static int early_is_allowed(SSL *ssl, void *mode)
{
    enum early_mode is = *(const enum early_mode *)mode;

    (void)ssl;
    return is != EARLY_REFUSE && is != EARLY_RETRY && is != LATE_IS_TOO_EARLY;
}

/* RFC 8470 section 5.2; NULL = the request may be acted on. */
static const char *head_refusal(const struct server_connection *c)
{
    if (c->mode == EARLY_WITHOUT_BODY && c->is_early)
        return "HTTP/1.1 425 Too Early\r\nContent-Length: 10\r\n\r\nearly";
    return c->mode == ALL_IS_TOO_EARLY || c->mode == LATE_IS_TOO_EARLY ||
                   (c->mode == EARLY_IS_TOO_EARLY && c->is_early)
               ? "HTTP/1.1 425 Too Early\r\nContent-Length: 0\r\n\r\n"
               : NULL;
}

/* The answer to a whole head (RFC 6455 section 4.2.2), in `ret_answer`; 0 = it is not whole. */
static int head_answer(struct server_connection *c, char ret_answer[512])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t digest[EVP_MAX_MD_SIZE];
    char key[128], accept[64];

    c->head[c->head_len] = '\0';
    const char *found = strstr(c->head, "Sec-WebSocket-Key: ");
    if (!strstr(c->head, "\r\n\r\n") || !found || c->has_answered)
        return 0;
    c->has_answered = true;
    c->seen->heads++;
    if (head_refusal(c))
        return snprintf(ret_answer, 512, "%s", head_refusal(c));
    snprintf(key, sizeof(key), "%.24s%s", found + strlen("Sec-WebSocket-Key: "), guid);
    EVP_Digest(key, strlen(key), digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)accept, digest, 20);
    return snprintf(ret_answer, 512,
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                    accept);
}

static void early_data_read(struct server_connection *c)
{
    char answer[512];
    size_t len = 0, written;
    int result;

    c->is_early = true;
    do {
        result =
            SSL_read_early_data(c->ssl, c->head + c->head_len, HEAD_BYTES - 1 - c->head_len, &len);
        if (result == SSL_READ_EARLY_DATA_ERROR)
            return;
        c->head_len += len;
        c->seen->early_len += len;
        int answer_len = head_answer(c, answer);
        if (answer_len > 0)
            (void)SSL_write_early_data(c->ssl, answer, (size_t)answer_len, &written);
    } while (result == SSL_READ_EARLY_DATA_SUCCESS);
    c->is_early = false;
    (void)SSL_accept(c->ssl);
    c->seen->early_status = SSL_get_early_data_status(c->ssl);
    c->seen->is_resumed = SSL_session_reused(c->ssl) == 1;
}

static ssize_t connection_read(struct server_connection *c, void *buf, size_t cap)
{
    return c->ssl ? SSL_read(c->ssl, buf, (int)cap) : recv(c->fd, buf, cap, 0);
}

static void connection_write(struct server_connection *c, const void *data, size_t len)
{
    if (c->ssl) {
        (void)SSL_write(c->ssl, data, (int)len);
    } else {
        (void)send(c->fd, data, len, MSG_NOSIGNAL);
    }
}

/* One message comes back; the Close frame is answered. false = the client broke off. */
static bool frames_serve(struct server_connection *c)
{
    static const uint8_t close_frame[] = {0x88, 2, 0x03, 0xe8};
    uint8_t frame[256];

    while (connection_read(c, frame, sizeof(frame)) > 0) {
        if (frame[0] == 0x88) {
            connection_write(c, close_frame, sizeof(close_frame));
            return true;
        }
        size_t len = frame[1] & 0x7f;
        uint8_t echo[128] = {frame[0], (uint8_t)len};
        for (size_t i = 0; i < len && i < 125; ++i)
            echo[2 + i] = frame[6 + i] ^ frame[2 + i % 4];
        connection_write(c, echo, 2 + len);
    }
    return false;
}

static void connection_serve(struct server_connection *c)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);
    char answer[512];

    if (c->ssl)
        early_data_read(c);
    while (!c->has_answered) {
        ssize_t len = connection_read(c, c->head + c->head_len, HEAD_BYTES - 1 - c->head_len);
        if (len <= 0)
            return;
        c->head_len += (size_t)len;
        int answer_len = head_answer(c, answer);
        connection_write(c, answer, (size_t)answer_len);
    }
    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
        c->seen->had_data_in_syn = (info.tcpi_options & TCPI_OPT_SYN_DATA) != 0;
    bool goes_on = frames_serve(c);
    if (c->ssl && goes_on)
        (void)SSL_shutdown(c->ssl);
}

static void *server_run(void *user)
{
    struct early_server *server = user;
    sigset_t pipe;

    /* OpenSSL writes to clients that are gone. */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    for (unsigned i = 0; i < server->count; ++i) {
        struct server_connection c = {.fd = accept(server->listener, NULL, NULL),
                                      .seen = &server->seen[i],
                                      .mode = server->modes[i]};
        if (c.fd < 0)
            break;
        if (server->context) {
            c.ssl = SSL_new(server->context);
            SSL_set_fd(c.ssl, c.fd);
            SSL_set_allow_early_data_cb(c.ssl, early_is_allowed, &server->modes[i]);
            if (server->modes[i] == EARLY_RETRY)
                SSL_set1_groups_list(c.ssl, "P-384");
        }
        connection_serve(&c);
        SSL_free(c.ssl);
        close(c.fd);
    }
    return NULL;
}

void early_server_start(struct early_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int queue = 16;

    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(server->listener, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(setsockopt(server->listener, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)), 0);
    cr_assert_eq(listen(server->listener, 16), 0);
    cr_assert_eq(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&server->thread, NULL, server_run, server), 0);
}

void early_server_start_tls(struct early_server *server, unsigned early_max)
{
    server->context = SSL_CTX_new(TLS_server_method());
    cr_assert_not_null(server->context);
    cr_assert_eq(
        SSL_CTX_use_certificate_chain_file(server->context, certificate_path("server.pem")), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey_file(server->context, certificate_path("server.key"),
                                             SSL_FILETYPE_PEM),
                 1);
    SSL_CTX_set_options(server->context, SSL_OP_NO_ANTI_REPLAY);
    SSL_CTX_set_max_early_data(server->context, early_max);
    SSL_CTX_set_recv_max_early_data(server->context, EARLY_MAX_BYTES);
    early_server_start(server);
}

void early_server_done(struct early_server *server)
{
    (void)shutdown(server->listener, SHUT_RDWR);
    cr_assert_eq(pthread_join(server->thread, NULL), 0);
    close(server->listener);
    SSL_CTX_free(server->context);
}
