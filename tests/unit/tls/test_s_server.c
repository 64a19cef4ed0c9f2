/* SPDX-License-Identifier: Apache-2.0 */
/* Against `openssl s_server` over real sockets. */
#include "support/certificates.h"
#include "support/patience.h"
#include "support/process.h"
#include "support/sandbox.h"
#include "unit/tls/socket_layer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(tls_s_server, .timeout = 60, .fini = sandbox_done);

#define POLL_TIMEOUT_MS PATIENCE_MS(5000)
#define LARGE_BYTES     (1024u * 1024u)

/* ---- the client
 * ---------------------------------------------------------------------------------- */

static struct process *server;
static struct socket_end client;
static uint16_t port;
static struct leati_tls_credentials *credentials;
static struct leati_tls_sessions *sessions;

/* Starts s_server with further arguments. */
static void serve(const char *const *arguments)
{
    const char *argv[40] = {"openssl", "s_server",
                            "-accept", "127.0.0.1:0",
                            "-cert",   certificate_path("server.pem"),
                            "-key",    certificate_path("server.key")};
    char text[16];

    for (size_t i = 0; arguments[i]; i++)
        argv[8 + i] = arguments[i];
    server = process_start(&(struct process_options){.argv = argv, .has_input = true});
    process_wait_line(server, "ACCEPT 127.0.0.1:", text, sizeof(text));
    port = (uint16_t)strtoul(text, NULL, 10);
}

static void credentials_load(const char *cert, const char *key, const char *password)
{
    struct leati_tls_credentials_options options = {
        .ca_path = certificate_path("ca.pem"),
        .cert_path = cert ? certificate_path(cert) : NULL,
        .key_path = key ? certificate_path(key) : NULL,
        .key_password = password,
        .need_ca = true,
    };
    struct leati_failure failure;
    leati_failure_init(&failure);
    int code = leati_tls_credentials_new(&options, &failure, &credentials);
    cr_assert(code == LEAT_OK, "%s", failure.text);
}

static void dial(const char *key_log_path)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);

    struct leati_tls_layer_options options = {
        .server_name = "127.0.0.1",
        .server_port = port,
        .credentials = credentials,
        .sessions = sessions,
        .verify = true,
        .min_protocol = LEAT_TLS_V12,
        .max_protocol = LEAT_TLS_V13,
        .key_log_path = key_log_path,
        .close_timeout_ms = POLL_TIMEOUT_MS,
    };
    socket_end_init(&client, fd, &options);
}

static void open_tls(void)
{
    dial(NULL);
    int result = socket_end_connect(&client);
    cr_assert(result == LEAT_OK, "%d: %s", result, client.failure.text);
}

static void shut_down(void)
{
    socket_end_shutdown(&client);
    socket_end_done(&client);
}

static void server_say(const char *text)
{
    cr_assert(write(server->input_fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static void expect_from_server(const char *text)
{
    char buf[256] = "";
    size_t got = 0;

    while (got < strlen(text)) {
        size_t n = 0;
        int result = socket_end_recv(&client, buf + got, sizeof(buf) - 1 - got, &n);
        cr_assert(result == LEAT_OK, "%d: %s", result, client.failure.text);
        got += n;
    }
    cr_assert_str_eq(buf, text);
}

static void line_of_server(const char *prefix)
{
    char rest[200];

    process_wait_line(server, prefix, rest, sizeof(rest));
}

static void done(void)
{
    leati_tls_sessions_unref(sessions);
    leati_tls_credentials_unref(credentials);
    sessions = NULL;
    credentials = NULL;
    process_stop(server);
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})
static const char *const version_options[] = {"-tls1_2", "-tls1_3"};

Test(tls_s_server, talks_both_ways)
{
    for (size_t i = 0; i < 2; i++) {
        serve(ARGUMENTS(version_options[i], "-alpn", "http/1.1"));
        credentials_load(NULL, NULL, NULL);
        open_tls();
        socket_end_send(&client, "hello from here\n", 16);
        line_of_server("hello from here");
        server_say("hello from there\n");
        expect_from_server("hello from there\n");
        shut_down();
        line_of_server("DONE");
        done();
    }
}

Test(tls_s_server, large_both_ways)
{
    char *data = malloc(LARGE_BYTES + 1);

    /* No letter is a command of s_server, and lines are what its -rev turns around. */
    for (size_t i = 0; i < LARGE_BYTES; i++)
        data[i] = i % 1000 == 999 ? '\n' : (char)('0' + (i * 7 + i / 1000) % 10);
    data[LARGE_BYTES] = '\0';
    for (size_t i = 0; i < 2; i++) {
        serve(ARGUMENTS(version_options[i]));
        credentials_load(NULL, NULL, NULL);
        open_tls();
        socket_end_send(&client, data, LARGE_BYTES);
        socket_end_send(&client, "\nthe end\n", 9);
        line_of_server("the end");
        char *output = file_read(server->output_path);
        cr_assert(strstr(output, data), "what s_server printed is not what was sent");
        free(output);

        size_t said = 0, heard = 0;
        while (heard < LARGE_BYTES) {
            char buf[20000];
            size_t n = 0;
            size_t part = LARGE_BYTES - said < 10000 ? LARGE_BYTES - said : 10000;
            if (said < LARGE_BYTES)
                cr_assert(write(server->input_fd, data + said, part) == (ssize_t)part);
            said += part;
            cr_assert(socket_end_recv(&client, buf, sizeof(buf), &n) == LEAT_OK, "%s",
                      client.failure.text);
            cr_assert(memcmp(buf, data + heard, n) == 0, "at %zu", heard);
            heard += n;
        }
        shut_down();
        done();
    }
    free(data);
}

Test(tls_s_server, resumes)
{
    for (size_t i = 0; i < 2; i++) {
        serve(ARGUMENTS(version_options[i]));
        credentials_load(NULL, NULL, NULL);
        sessions = leati_tls_sessions_new();
        for (int round = 0; round < 3; round++) {
            struct leat_tls_info info;
            open_tls();
            leati_tls_layer_info(client.tls, &info);
            cr_assert(info.resumed == (round > 0));
            server_say("0\n");
            expect_from_server("0\n"); /* and the tickets before it */
            shut_down();
        }
        line_of_server("Reused session-id");
        done();
    }
}

Test(tls_s_server, client_certificate)
{
    const char *ca = certificate_path("ca.pem");

    for (size_t i = 0; i < 2; i++) {
        serve(ARGUMENTS(version_options[i], "-Verify", "2", "-verify_return_error", "-CAfile", ca,
                        "-nameopt", "RFC2253"));
        credentials_load("client.pem", "client-encrypted.key", CERTIFICATE_KEY_PASSWORD);
        open_tls();
        socket_end_send(&client, "let in\n", 7);
        line_of_server("let in");
        line_of_server("subject=CN=leat client");
        shut_down();
        done();
    }
}

Test(tls_s_server, client_certificate_missing)
{
    serve(ARGUMENTS("-tls1_3", "-Verify", "2", "-CAfile", certificate_path("ca.pem")));
    credentials_load(NULL, NULL, NULL);
    open_tls();
    char byte;
    size_t n;
    cr_assert(socket_end_recv(&client, &byte, 1, &n) == LEAT_E_TLS_ENGINE);
    cr_assert(strstr(client.failure.text, "certificate_required"), "%s", client.failure.text);
    socket_end_done(&client);
    done();
}

Test(tls_s_server, key_log)
{
    for (size_t i = 0; i < 2; i++) {
        const char *theirs = sandbox_format("%s/theirs-%zu", sandbox_dir(), i);
        const char *ours = sandbox_format("%s/ours-%zu", sandbox_dir(), i);
        serve(ARGUMENTS(version_options[i], "-keylogfile", theirs));
        credentials_load(NULL, NULL, NULL);
        dial(ours);
        cr_assert(socket_end_connect(&client) == LEAT_OK);
        socket_end_send(&client, "logged\n", 7);
        line_of_server("logged");
        char *our_text = file_read(ours);
        char *their_text = file_read(theirs);
        size_t lines = 0;
        for (char *line = our_text, *end; (end = strchr(line, '\n')); line = end + 1) {
            *end = '\0';
            cr_assert(strstr(their_text, line), "%s", line);
            lines++;
        }
        cr_assert(lines == (i == 0 ? 1 : 4));
        free(our_text);
        free(their_text);
        shut_down();
        done();
    }
}

#ifdef LEAT_MBEDTLS_MENDED
/* s_server looks at the first letter only of what one read gives it, and throws the rest away
 * behind a command. So its report is waited for, each time, before anything else is said. */
Test(tls_s_server, key_update)
{
    static const char *const commands[] = {"K\n", "k\n"}; /* with and without an answer */
    char rest[200];

    serve(ARGUMENTS("-tls1_3", "-msg"));
    credentials_load(NULL, NULL, NULL);
    open_tls();
    socket_end_send(&client, "here\n", 5);
    line_of_server("here"); /* it is through its handshake */
    for (unsigned i = 0; i < 20; i++) {
        server_say(commands[i % 3 == 2]);
        process_wait_nth_line(server, ">>> TLS 1.3, Handshake [length 0005], KeyUpdate", i + 1,
                              rest, sizeof(rest));
        if (i % 2 == 0)
            socket_end_send(&client, "again\n", 6);
        server_say("hello\n");
        expect_from_server("hello\n");
        if (i % 2 == 1)
            socket_end_send(&client, "again\n", 6);
        process_wait_nth_line(server, "again", i + 1, rest, sizeof(rest));
    }
    shut_down();
    done();
}
#else
Test(tls_s_server, key_update)
{
    char byte;
    size_t n;

    serve(ARGUMENTS("-tls1_3"));
    credentials_load(NULL, NULL, NULL);
    open_tls();
    socket_end_send(&client, "here\n", 5);
    line_of_server("here");
    server_say("K\n");
    cr_assert(socket_end_recv(&client, &byte, 1, &n) == LEAT_E_TLS_ENGINE);
    cr_assert(strstr(client.failure.text, "KeyUpdate"), "%s", client.failure.text);
    socket_end_done(&client);
    done();
}
#endif

/* A web server: it answers, says close_notify and goes. */
Test(tls_s_server, the_server_closes)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    char buf[1024];
    size_t n;
    int result;

    for (size_t i = 0; i < 2; i++) {
        serve(ARGUMENTS(version_options[i], "-www"));
        credentials_load(NULL, NULL, NULL);
        open_tls();
        socket_end_send(&client, request, sizeof(request) - 1);
        size_t heard = 0;
        while ((result = socket_end_recv(&client, buf, sizeof(buf), &n)) == LEAT_OK)
            heard += n;
        cr_assert(heard > 100);
        cr_assert(result == LEATI_EOF, "%d: %s", result, client.failure.text);
        shut_down();
        done();
    }
}

/* A server of which only the machine is left. */
Test(tls_s_server, the_server_dies)
{
    serve(ARGUMENTS("-tls1_3"));
    credentials_load(NULL, NULL, NULL);
    open_tls();
    socket_end_send(&client, "here\n", 5);
    line_of_server("here");
    kill(server->pid, SIGKILL);
    char byte;
    size_t n;
    cr_assert(socket_end_recv(&client, &byte, 1, &n) == LEAT_E_TLS_SYSCALL);
    socket_end_done(&client);
    done();
}

/* Servers that split every record and every handshake message. */
Test(tls_s_server, small_fragments)
{
    for (size_t i = 0; i < 2; i++) {
        serve(ARGUMENTS(version_options[i], "-max_send_frag", "512", "-split_send_frag", "512"));
        credentials_load(NULL, NULL, NULL);
        open_tls();
        server_say("hello\n");
        expect_from_server("hello\n");
        shut_down();
        done();
    }
}
