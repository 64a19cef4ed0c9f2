/* SPDX-License-Identifier: Apache-2.0 */
/* The header of the PROXY protocol in front of everything: what HAProxy and nginx have read of it
 * comes back in the response. */
#include "peers/common.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

PEERS_SUITE(proxy_protocol);

struct front {
    bool has_tls;
    uint16_t upstream_port;
};

/* ---- peers ----------------------------------------------------------------------------------- */

/* One file with the certificate and its key, as HAProxy takes it. */
static const char *both_pem(void)
{
    char *certificate = file_read(certificate_path("server.pem"));
    char *key = file_read(certificate_path("server.key"));
    const char *path = sandbox_write("both.pem", "%s%s", certificate, key);
    free(certificate);
    free(key);
    return path;
}

static void argv_take(const char **argv, const char *const *from)
{
    for (size_t i = 0; from[i]; ++i)
        argv[i] = from[i];
}

static void haproxy_arguments(const char *port, const void *user, const char **argv)
{
    const struct front *front = user;
    const char *config =
        sandbox_write("haproxy.cfg",
                      "defaults\n"
                      "    mode http\n"
                      "    timeout connect 20s\n"
                      "    timeout client 60s\n"
                      "    timeout server 60s\n"
                      "frontend front\n"
                      "    bind 127.0.0.1:%s accept-proxy%s%s\n"
                      "    http-after-response set-header X-Source %%[src]:%%[src_port]\n"
                      "    http-after-response set-header X-Destination %%[dst]:%%[dst_port]\n"
                      "    default_backend back\n"
                      "backend back\n"
                      "    server one 127.0.0.1:%u\n",
                      port, front->has_tls ? " ssl alpn http/1.1 crt " : "",
                      front->has_tls ? both_pem() : "", front->upstream_port);
    const char *const fixed[] = {"haproxy", "-q", "-f", config, NULL};
    argv_take(argv, fixed);
}

static void nginx_arguments(const char *port, const void *user, const char **argv)
{
    const struct front *front = user;
    const char *dir = sandbox_dir();
    const char *tls = front->has_tls ? sandbox_format("ssl_certificate \"%s\";\n"
                                                      "ssl_certificate_key \"%s\";\n",
                                                      certificate_path("server.pem"),
                                                      certificate_path("server.key"))
                                     : "";
    const char *config = sandbox_write(
        "proxied.conf",
        "daemon off;\nmaster_process off;\npid \"%s/proxied.pid\";\nerror_log stderr notice;\n"
        "events { worker_connections 64; }\n"
        "http {\n"
        "access_log off;\n"
        "client_body_temp_path \"%s/a\";\nproxy_temp_path \"%s/b\";\n"
        "fastcgi_temp_path \"%s/c\";\nuwsgi_temp_path \"%s/d\";\nscgi_temp_path \"%s/e\";\n"
        "server {\n"
        "listen 127.0.0.1:%s %sproxy_protocol;\n%s"
        "location / {\n"
        "proxy_pass http://127.0.0.1:%u;\nproxy_http_version 1.1;\n"
        "proxy_set_header Upgrade $http_upgrade;\n"
        "proxy_set_header Connection $http_connection;\n"
        "add_header X-Source $proxy_protocol_addr:$proxy_protocol_port always;\n"
        "add_header X-Destination $proxy_protocol_server_addr:$proxy_protocol_server_port always;\n"
        "}\n}\n}\n",
        dir, dir, dir, dir, dir, dir, port, front->has_tls ? "ssl " : "", tls,
        front->upstream_port);
    const char *const fixed[] = {"nginx", "-p", dir, "-c", config, "-e", "stderr", NULL};
    argv_take(argv, fixed);
}

static uint16_t front_start(bool is_haproxy, bool has_tls)
{
    uint16_t port;
    const struct front front = {has_tls, python_server_start(&(struct server_options){0})};
    peer_start_listening(is_haproxy ? haproxy_arguments : nginx_arguments, &front, &port);
    return port;
}

/* ---- what they have read --------------------------------------------------------------------- */

static struct {
    char source[80], destination[80];
} read_by_peer;

static void header_note(const struct client_run *run, const char *name, char note[80])
{
    const char *value = leat_websocket_get_http_header(run->ws, name);
    snprintf(note, 80, "%s", value ? value : "");
}

static void opened_note(struct client_run *run, const char *callback)
{
    if (strcmp(callback, "opened") != 0)
        return;
    header_note(run, "X-Source", read_by_peer.source);
    header_note(run, "X-Destination", read_by_peer.destination);
}

static void set(struct client_run *run, enum leat_proxy_protocol version, const char *client)
{
    client_run_init(run);
    run->on_event = opened_note;
    cr_assert_eq(leat_config_set_sent_proxy_protocol(run->config, version, client), LEAT_OK);
}

static const char *own_address(const struct client_run *run)
{
    struct sockaddr_in local;
    socklen_t size = sizeof(local);
    int fd = leat_websocket_get_socket_fd(run->ws);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&local, &size), 0);
    return sandbox_format("127.0.0.1:%u", ntohs(local.sin_port));
}

static void check(bool is_haproxy, bool has_tls, enum leat_proxy_protocol version)
{
    struct client_run run;
    uint16_t port = front_start(is_haproxy, has_tls);
    set(&run, version, NULL);
    client_run_open(&run, sandbox_format("%s://localhost:%u/echo", has_tls ? "wss" : "ws", port));
    cr_expect_str_eq(read_by_peer.source, own_address(&run));
    cr_expect_str_eq(read_by_peer.destination, sandbox_format("127.0.0.1:%u", port));
    cr_expect(trace_has(&run, "end proxy_protocol 0"), "%s", run.trace);
    client_run_echo(&run, "behind the header");
    client_run_close(&run);
    client_run_done(&run);
}

Test(proxy_protocol, haproxy_version_1)
{
    check(true, false, LEAT_PROXY_PROTOCOL_1);
}

Test(proxy_protocol, haproxy_version_2)
{
    check(true, false, LEAT_PROXY_PROTOCOL_2);
}

Test(proxy_protocol, haproxy_in_front_of_tls)
{
    check(true, true, LEAT_PROXY_PROTOCOL_2);
}

Test(proxy_protocol, nginx_version_1)
{
    check(false, false, LEAT_PROXY_PROTOCOL_1);
}

Test(proxy_protocol, nginx_version_2_in_front_of_tls)
{
    check(false, true, LEAT_PROXY_PROTOCOL_2);
}

/* For somebody else, of either family. */
Test(proxy_protocol, of_a_client)
{
    struct client_run run;
    uint16_t port = front_start(true, false);
    set(&run, LEAT_PROXY_PROTOCOL_1, "198.51.100.7");
    client_run_open(&run, sandbox_format("ws://localhost:%u/echo", port));
    const char *own_port = strchr(own_address(&run), ':');
    cr_expect_str_eq(read_by_peer.source, sandbox_format("198.51.100.7%s", own_port));
    client_run_close(&run);
    client_run_done(&run);
    set(&run, LEAT_PROXY_PROTOCOL_2, "2001:db8::7");
    client_run_open(&run, sandbox_format("ws://localhost:%u/echo", port));
    own_port = strchr(own_address(&run), ':');
    cr_expect_str_eq(read_by_peer.source, sandbox_format("2001:db8::7%s", own_port));
    client_run_close(&run);
    client_run_done(&run);
}

/* Through a proxy it travels behind its handshake, and names nobody: then the proxy's own address
 * counts, unless there is a client. */
Test(proxy_protocol, through_a_proxy)
{
    struct client_run run;
    uint16_t port = front_start(true, true);
    const char *url = sandbox_format("wss://127.0.0.1:%u/echo", port);
    const char *proxy = sandbox_format("socks5h://127.0.0.1:%u", microsocks_start(NULL, NULL));
    for (int i = 0; i < 2; ++i) {
        set(&run, i == 0 ? LEAT_PROXY_PROTOCOL_1 : LEAT_PROXY_PROTOCOL_2,
            i == 0 ? NULL : "198.51.100.7");
        cr_assert_eq(leat_config_set_proxy(run.config, proxy), LEAT_OK);
        client_run_open(&run, url);
        const char *source = read_by_peer.source;
        const char *expected = i == 0 ? "127.0.0.1:" : "198.51.100.7:";
        cr_assert(strncmp(source, expected, strlen(expected)) == 0, "%s", source);
        cr_expect(i != 0 || strcmp(source, own_address(&run)) != 0, "%s", source);
        client_run_echo(&run, "behind both");
        client_run_close(&run);
        client_run_done(&run);
    }
}

/* Who expects none takes it for a request, and that is told. */
Test(proxy_protocol, to_a_server_that_expects_none)
{
    struct client_run run;
    uint16_t port = nginx_start(&(struct server_options){.cert = "server.pem"}, 1);
    set(&run, LEAT_PROXY_PROTOCOL_2, NULL);
    int code = client_run_refused(&run, sandbox_format("wss://localhost:%u/", port));
    cr_expect(code != LEAT_OK);
    client_run_done(&run);
}

/* And who expects one takes nothing else. */
Test(proxy_protocol, missing)
{
    struct client_run run;
    uint16_t port = front_start(false, false);
    client_run_init(&run);
    int code = client_run_refused(&run, sandbox_format("ws://localhost:%u/echo", port));
    cr_expect(code != LEAT_OK);
    client_run_done(&run);
}
