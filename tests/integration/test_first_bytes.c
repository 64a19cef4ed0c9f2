/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that leave before anything has been agreed on: TLS 1.3 early data and TCP fast open. */
#include "common.h"

#include "support/net_namespace.h"

#include <fcntl.h>
#include <mbedtls/build_info.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4
#define HEAD_BYTES      4096
#define EARLY_MAX_BYTES 16384u

/* A system mbedTLS may have been built without it. */
#ifdef MBEDTLS_SSL_EARLY_DATA
#define IF_SENT(status) (status)
#else
#define IF_SENT(status) SSL_EARLY_DATA_NOT_SENT
#endif

INTEGRATION_SUITE(first_bytes);

/* ---- a server that takes them --------------------------------------------------------------- */

/* What the server does with the early data of one connection. */
enum early_mode {
    EARLY_TAKE,
    EARLY_REFUSE,
    EARLY_RETRY, /* HelloRetryRequest, which refuses it, too */
};

struct server_seen {
    int early_status; /* of OpenSSL */
    size_t early_len; /* bytes that came as early data */
    unsigned heads;   /* upgrade requests that came */
    bool had_data_in_syn;
    bool is_resumed;
};

struct early_server {
    int listener;
    uint16_t port;
    SSL_CTX *context; /* NULL = without TLS */
    enum early_mode modes[CONNECTIONS_MAX];
    struct server_seen seen[CONNECTIONS_MAX];
    unsigned count; /* of connections to serve */
    pthread_t thread;
};

struct server_connection {
    int fd;
    SSL *ssl;
    struct server_seen *seen;
    char head[HEAD_BYTES];
    size_t head_len;
    bool has_answered;
};

static int early_is_allowed(SSL *ssl, void *mode)
{
    (void)ssl;
    return *(const enum early_mode *)mode == EARLY_TAKE;
}

/* The answer to a whole head (RFC 6455 section 4.2.2), in `ret_answer`; 0 = it is not whole. */
static int head_answer(struct server_connection *c, char ret_answer[512])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t digest[EVP_MAX_MD_SIZE];
    char key[128], accept[64];

    c->head[c->head_len] = '\0';
    const char *found = strstr(c->head, "Sec-WebSocket-Key: ");
    if (strstr(c->head, "\r\n\r\n") == NULL || found == NULL || c->has_answered) {
        return 0;
    }
    c->has_answered = true;
    c->seen->heads++;
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

    do {
        result =
            SSL_read_early_data(c->ssl, c->head + c->head_len, HEAD_BYTES - 1 - c->head_len, &len);
        if (result == SSL_READ_EARLY_DATA_ERROR) {
            return;
        }
        c->head_len += len;
        c->seen->early_len += len;
        int answer_len = head_answer(c, answer);
        if (answer_len > 0) {
            (void)SSL_write_early_data(c->ssl, answer, (size_t)answer_len, &written);
        }
    } while (result == SSL_READ_EARLY_DATA_SUCCESS);
    (void)SSL_accept(c->ssl);
    c->seen->early_status = SSL_get_early_data_status(c->ssl);
    c->seen->is_resumed = SSL_session_reused(c->ssl) == 1;
}

static ssize_t connection_read(struct server_connection *c, void *buf, size_t cap)
{
    return c->ssl != NULL ? SSL_read(c->ssl, buf, (int)cap) : recv(c->fd, buf, cap, 0);
}

static void connection_write(struct server_connection *c, const void *data, size_t len)
{
    if (c->ssl != NULL) {
        (void)SSL_write(c->ssl, data, (int)len);
    } else {
        (void)send(c->fd, data, len, MSG_NOSIGNAL);
    }
}

/* One message comes back; the Close frame is answered. */
static void frames_serve(struct server_connection *c)
{
    static const uint8_t close_frame[] = {0x88, 2, 0x03, 0xe8};
    uint8_t frame[256];

    while (connection_read(c, frame, sizeof(frame)) > 0) {
        if (frame[0] == 0x88) {
            connection_write(c, close_frame, sizeof(close_frame));
            return;
        }
        size_t len = frame[1] & 0x7f;
        uint8_t echo[128] = {frame[0], (uint8_t)len};
        for (size_t i = 0; i < len && i < 125; ++i) {
            echo[2 + i] = frame[6 + i] ^ frame[2 + i % 4];
        }
        connection_write(c, echo, 2 + len);
    }
}

static void connection_serve(struct server_connection *c)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);
    char answer[512];

    if (c->ssl != NULL) {
        early_data_read(c);
    }
    while (!c->has_answered) {
        ssize_t len = connection_read(c, c->head + c->head_len, HEAD_BYTES - 1 - c->head_len);
        if (len <= 0) {
            return;
        }
        c->head_len += (size_t)len;
        int answer_len = head_answer(c, answer);
        connection_write(c, answer, (size_t)answer_len);
    }
    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0) {
        c->seen->had_data_in_syn = (info.tcpi_options & TCPI_OPT_SYN_DATA) != 0;
    }
    frames_serve(c);
    if (c->ssl != NULL) {
        (void)SSL_shutdown(c->ssl);
    }
}

static void *server_run(void *user)
{
    struct early_server *server = user;

    for (unsigned i = 0; i < server->count; ++i) {
        struct server_connection c = {.fd = accept(server->listener, NULL, NULL),
                                      .seen = &server->seen[i]};
        if (c.fd < 0) {
            break;
        }
        if (server->context != NULL) {
            c.ssl = SSL_new(server->context);
            SSL_set_fd(c.ssl, c.fd);
            SSL_set_allow_early_data_cb(c.ssl, early_is_allowed, &server->modes[i]);
            if (server->modes[i] == EARLY_RETRY) {
                SSL_set1_groups_list(c.ssl, "P-384");
            }
        }
        connection_serve(&c);
        SSL_free(c.ssl);
        close(c.fd);
    }
    return NULL;
}

static void server_start(struct early_server *server)
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

/* Tickets are for that much early data. */
static void server_start_tls(struct early_server *server, unsigned early_max)
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
    server_start(server);
}

static void server_done(struct early_server *server)
{
    (void)shutdown(server->listener, SHUT_RDWR);
    cr_assert_eq(pthread_join(server->thread, NULL), 0);
    close(server->listener);
    SSL_CTX_free(server->context);
}

static void open_anew(struct client_run *run, const char *url)
{
    run->opened_count = run->closed_count = 0;
    client_run_open(run, url);
}

/* ---- early data ----------------------------------------------------------------------------- */

/* Connects twice, with a message that comes back each time; gives what the server saw. */
static void connect_twice(struct early_server *server, bool early_data, unsigned early_max)
{
    struct client_run run;

    server->count = 2;
    server_start_tls(server, early_max);
    client_run_init(&run);
    cr_assert_eq(leat_config_set_early_data(run.config, early_data), LEAT_OK);
    const char *url = url_of("wss", server->port, "/");
    for (int i = 0; i < 2; ++i) {
        open_anew(&run, url);
        client_run_echo(&run, "hello");
        client_run_close(&run);
    }
    bool is_accepted = trace_has(&run, "early data accepted");
    client_run_done(&run);
    server_done(server);
    cr_expect_eq(is_accepted, server->seen[1].early_status == SSL_EARLY_DATA_ACCEPTED,
                 "the trace says what the server says");
    cr_expect_eq(server->seen[0].early_len, 0, "nothing is early without a ticket");
    cr_expect(server->seen[1].is_resumed);
    cr_expect_eq(server->seen[0].heads, 1);
    cr_expect_eq(server->seen[1].heads, 1, "the request comes once, whatever happens to it");
}

Test(first_bytes, upgrade_request_as_early_data)
{
    struct early_server server = {
        .modes = {EARLY_TAKE, EARLY_TAKE}
    };

    connect_twice(&server, true, EARLY_MAX_BYTES);
    cr_expect_eq(server.seen[1].early_status, IF_SENT(SSL_EARLY_DATA_ACCEPTED));
    cr_expect((server.seen[1].early_len > 100) ==
              (server.seen[1].early_status == SSL_EARLY_DATA_ACCEPTED));
}

Test(first_bytes, only_when_it_was_asked_for)
{
    struct early_server server = {
        .modes = {EARLY_TAKE, EARLY_TAKE}
    };

    connect_twice(&server, false, EARLY_MAX_BYTES);
    cr_expect_eq(server.seen[1].early_status, SSL_EARLY_DATA_NOT_SENT);
}

Test(first_bytes, refused_early_data_is_sent_again)
{
    struct early_server server = {
        .modes = {EARLY_TAKE, EARLY_REFUSE}
    };

    connect_twice(&server, true, EARLY_MAX_BYTES);
    cr_expect_eq(server.seen[1].early_status, IF_SENT(SSL_EARLY_DATA_REJECTED));
    cr_expect_eq(server.seen[1].early_len, 0);
}

Test(first_bytes, hello_retry_request_refuses_it)
{
    struct early_server server = {
        .modes = {EARLY_TAKE, EARLY_RETRY}
    };

    connect_twice(&server, true, EARLY_MAX_BYTES);
    cr_expect_eq(server.seen[1].early_status, IF_SENT(SSL_EARLY_DATA_REJECTED));
}

Test(first_bytes, tickets_without_early_data)
{
    struct early_server server = {
        .modes = {EARLY_TAKE, EARLY_TAKE}
    };

    connect_twice(&server, true, 0);
    cr_expect_eq(server.seen[1].early_status, SSL_EARLY_DATA_NOT_SENT);
}

/* The rest comes behind the handshake. */
Test(first_bytes, ticket_for_a_part_of_the_request)
{
    struct early_server server = {
        .modes = {EARLY_TAKE, EARLY_TAKE}
    };

    connect_twice(&server, true, 20);
    cr_expect_eq(server.seen[1].early_status, IF_SENT(SSL_EARLY_DATA_ACCEPTED));
    cr_expect_leq(server.seen[1].early_len, 20);
}

/* ---- TCP fast open -------------------------------------------------------------------------- */

static void fast_open_allow(void)
{
    net_namespaces_init();
    int fd = open("/proc/sys/net/ipv4/tcp_fastopen", O_WRONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, "3", 1) == 1, "%s", strerror(errno));
    close(fd);
}

static void fast_open_twice(const char *scheme, struct early_server *server, bool fast_open)
{
    struct client_run run;
    const char *url = url_of(scheme, server->port, "/");

    client_run_init(&run);
    cr_assert_eq(leat_config_set_tcp_fast_open(run.config, fast_open), LEAT_OK);
    for (int i = 0; i < 2; ++i) {
        open_anew(&run, url);
        client_run_echo(&run, "hello");
        client_run_close(&run);
    }
    client_run_done(&run);
    server_done(server);
    cr_expect_not(server->seen[0].had_data_in_syn, "without a cookie");
    cr_expect_eq(server->seen[1].had_data_in_syn, fast_open);
}

Test(first_bytes, upgrade_request_in_the_syn)
{
    struct early_server server = {.count = 2};

    fast_open_allow();
    server_start(&server);
    fast_open_twice("ws", &server, true);
}

Test(first_bytes, client_hello_in_the_syn)
{
    struct early_server server = {.count = 2};

    fast_open_allow();
    server_start_tls(&server, 0);
    fast_open_twice("wss", &server, true);
}

Test(first_bytes, nothing_in_the_syn_unless_asked_for)
{
    struct early_server server = {.count = 2};

    fast_open_allow();
    server_start(&server);
    fast_open_twice("ws", &server, false);
}

/* The server has forgotten the cookie: the bytes are sent again by the kernel. */
Test(first_bytes, cookie_that_is_not_good_any_more)
{
    static const uint8_t other_key[16] = {1, 2, 3};
    struct early_server server = {.count = 2};
    struct client_run run;

    fast_open_allow();
    server_start(&server);
    client_run_init(&run);
    cr_assert_eq(leat_config_set_tcp_fast_open(run.config, true), LEAT_OK);
    for (int i = 0; i < 2; ++i) {
        open_anew(&run, url_of("ws", server.port, "/"));
        client_run_echo(&run, "hello");
        client_run_close(&run);
        cr_assert_eq(setsockopt(server.listener, IPPROTO_TCP, TCP_FASTOPEN_KEY, other_key,
                                sizeof(other_key)),
                     0);
    }
    client_run_done(&run);
    server_done(&server);
    cr_expect_not(server.seen[1].had_data_in_syn);
}

Test(first_bytes, need_a_configuration)
{
    cr_expect_eq(leat_config_set_tcp_fast_open(NULL, true), LEAT_E_PARAMETER);
    cr_expect_eq(leat_config_set_early_data(NULL, true), LEAT_E_PARAMETER);
}

/* Has a cookie of 127.0.0.1, for whatever port, from a server that is gone. @return its URL. */
static const char *cookie_get(struct client_run *run)
{
    struct early_server server = {.count = 1};

    fast_open_allow();
    server_start(&server);
    client_run_init(run);
    cr_assert_eq(leat_config_set_tcp_fast_open(run->config, true), LEAT_OK);
    const char *url = url_of("ws", server.port, "/");
    open_anew(run, url);
    client_run_close(run);
    server_done(&server);
    run->opened_count = run->closed_count = 0;
    return url;
}

/* The address counts as reached when it is dialled; what is wrong with it is found by sending. */
Test(first_bytes, nobody_listens_any_more)
{
    struct client_run run;
    const char *url = cookie_get(&run);

    cr_expect_eq(client_run_refused(&run, url), LEAT_E_SOCKET_BASE + ECONNREFUSED, "%s",
                 run.close.error.text);
    cr_expect_eq(run.close.error.layer, LEAT_LAYER_TCP);
    client_run_done(&run);
}

Test(first_bytes, proxy_that_is_away)
{
    struct client_run run;

    cookie_get(&run);
    cr_assert_eq(leat_config_set_proxy(run.config,
                                       sandbox_format("socks5h://127.0.0.1:%u", refusing_port())),
                 LEAT_OK);
    cr_expect_eq(client_run_refused(&run, "ws://server.test/"), LEAT_E_SOCKS5_CONNECT_PROXY, "%s",
                 run.close.error.text);
    cr_expect_eq(run.close.error.layer, LEAT_LAYER_SOCKS5);
    cr_expect_eq(run.close.error.sys_errno, ECONNREFUSED);
    client_run_done(&run);
}

/* An address that counted as reached and refuses is followed by the next one, of a server and of a
 * proxy. */
static void next_address_expect(const char *proxy)
{
    static const struct dns_record records[] = {
        {.name = "two.test", .v4 = {"127.0.0.1", "127.0.0.2"}},
        {NULL                 }
    };
    static const struct leat_script_row server_script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row proxy_script[] = {LEAT_SCRIPT_SOCKS5_OPEN,
                                                          LEAT_SCRIPT_UPGRADE,
                                                          {LEAT_SCRIPT_SERVE_ECHO},
                                                          {LEAT_SCRIPT_CLOSE}};
    struct client_run run;
    uint16_t port = 0;

    cr_assert_eq(sscanf(cookie_get(&run), "ws://127.0.0.1:%hu/", &port), 1);
    struct dns_server *dns = dns_server_start(records);
    leat_testing_server *second = script_server_new(&(struct leat_testing_options){
        .scripts = {proxy ? proxy_script : server_script}, .address = "127.0.0.2", .port = port});
    cr_assert(dns != NULL && second != NULL);
    cr_assert_eq(leat_config_set_dns_servers(run.config, dns_server_address(dns)), LEAT_OK);
    if (proxy)
        cr_assert_eq(
            leat_config_set_proxy(run.config, sandbox_format("%s://two.test:%u", proxy, port)),
            LEAT_OK);
    client_run_open(&run, proxy ? "ws://server.test/" : sandbox_format("ws://two.test:%u/", port));
    client_run_echo(&run, "there");
    client_run_close(&run);
    /* The connection that got the cookie, the one that seemed to be there, and the one that is. */
    const char *at = run.trace;
    for (int i = 0; i < 3; ++i) {
        at = strstr(at, "end tcp 0");
        cr_assert(at != NULL, "%d connections: %s", i, run.trace);
        at++;
    }
    client_run_done(&run);
    leat_testing_server_free(second);
    dns_server_free(dns);
}

Test(first_bytes, the_next_address_of_a_server)
{
    next_address_expect(NULL);
}

Test(first_bytes, the_next_address_of_a_proxy)
{
    next_address_expect("socks5h");
}

/* Without the kernel's permission it is a connection like any other. */
Test(first_bytes, fast_open_that_is_forbidden)
{
    struct early_server server = {.count = 2};
    struct client_run run;

    net_namespaces_init();
    int fd = open("/proc/sys/net/ipv4/tcp_fastopen", O_WRONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, "0", 1) == 1, "%s", strerror(errno));
    close(fd);
    server_start(&server);
    client_run_init(&run);
    cr_assert_eq(leat_config_set_tcp_fast_open(run.config, true), LEAT_OK);
    for (int i = 0; i < 2; ++i) {
        open_anew(&run, url_of("ws", server.port, "/"));
        client_run_close(&run);
    }
    client_run_done(&run);
    server_done(&server);
    cr_expect_not(server.seen[1].had_data_in_syn);
}
