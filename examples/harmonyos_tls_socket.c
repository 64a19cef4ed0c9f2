/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two-way TLS socket of HarmonyOS' guide, here: the same steps with the same options, each beside the
 * call that it has there (docs/porting/tls.md).
 *
 *     harmonyos_tls_socket HOST PORT CA.pem CERT.pem KEY.pem
 *
 *     cc -Iinclude examples/harmonyos_tls_socket.c -Lbuild/release/lib -lleat -o harmonyos_tls_socket
 */
#include <leat/leat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct program {
    leat_loop *loop;
    int exit_status;
};

/* on('connect'), then getCipherSuite(), getProtocol(), getRemoteCertificate(), send() */
static void on_connected(leat_tls_socket *tls, void *user)
{
    static const char text[] = "Hello, server!\n";
    struct program *program = user;
    const uint8_t *certificate;
    size_t len = 0;
    int code = leat_tls_socket_get_remote_certificate(tls, 0, &certificate, &len);
    printf("connected: %s %s, ALPN \"%s\", a certificate of the server: %s\n",
           leat_tls_socket_get_protocol(tls), leat_tls_socket_get_cipher_suite(tls),
           leat_tls_socket_get_alpn_protocol(tls), code == LEAT_OK && len > 0 ? "yes" : "no");
    if (leat_tls_socket_send(tls, text, sizeof(text) - 1) != LEAT_OK)
        leat_loop_stop(program->loop);
}

/* on('message'), then close() */
static void on_message(leat_tls_socket *tls, const uint8_t *data, size_t len,
                       const struct leat_remote_info *remote, void *user)
{
    struct program *program = user;
    printf("message from %s: %.*s", remote->address, (int)len, (const char *)data);
    program->exit_status = 0;
    if (leat_tls_socket_close(tls) != LEAT_OK)
        leat_loop_stop(program->loop);
}

/* on('error') */
static void on_error(leat_tls_socket *tls, const struct leat_error *error, void *user)
{
    (void)tls;
    (void)user;
    fprintf(stderr, "%d %s %s\n", error->code, leat_strerror(error->code), error->text);
}

/* on('close'), then off() for all of them */
static void on_closed(leat_tls_socket *tls, void *user)
{
    static const struct leat_tls_socket_callbacks off = {.size = sizeof(off)};
    struct program *program = user;
    printf("closed\n");
    if (leat_tls_socket_set_callbacks(tls, &off, NULL) != LEAT_OK)
        program->exit_status = 1;
    leat_loop_stop(program->loop);
}

static const struct leat_tls_socket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .connected = on_connected,
    .message = on_message,
    .error = on_error,
    .closed = on_closed,
};

/* TLSConnectOptions: key, cert, ca, protocols, useRemoteCipherPrefer, signatureAlgorithms, cipherSuite,
 * ALPNProtocols, with the values of the guide. The suite has no forward secrecy, so it must be named. */
static int options_fill(leat_tls_options *options, char **argv)
{
    static const char *const alpn[] = {"spdy/1", "http/1.1"};
    int code = leat_tls_options_set_ca_path(options, argv[3]);
    if (code == LEAT_OK)
        code = leat_tls_options_set_cert_path(options, argv[4], argv[5], NULL);
    if (code == LEAT_OK)
        code = leat_tls_options_set_protocol_names(options, "TLSv1.2");
    if (code == LEAT_OK)
        code = leat_tls_options_set_use_remote_cipher_prefer(options, true);
    if (code == LEAT_OK)
        code =
            leat_tls_options_set_signature_algorithms(options, "rsa_pss_rsae_sha256:ECDSA+SHA256");
    if (code == LEAT_OK)
        code = leat_tls_options_set_cipher_suite(options, "AES256-SHA256");
    return code == LEAT_OK ? leat_tls_options_set_alpn_protocols(options, alpn, 2) : code;
}

static int run(struct program *program, char **argv)
{
    struct leat_error error = {0};
    leat_tls_options *options = NULL;
    leat_tls_socket *tls = NULL;
    int code = leat_tls_options_new(&options);
    if (code == LEAT_OK)
        code = options_fill(options, argv);
    if (code != LEAT_OK)
        leat_tls_options_get_error(options, &error);
    else /* constructTLSSocketInstance() */
        code = leat_tls_socket_new(program->loop, &callbacks, program, &tls);
    if (code == LEAT_OK) /* bind(): an address of this machine, any port */
        code = leat_tls_socket_bind(tls, "0.0.0.0", 0);
    if (code == LEAT_OK) /* connect() */
        code = leat_tls_socket_connect(tls, argv[1], (uint16_t)strtoul(argv[2], NULL, 10), options,
                                       NULL);
    if (code == LEAT_OK) {
        code = leat_loop_run(program->loop);
    } else {
        if (tls)
            leat_tls_socket_get_error(tls, &error);
        fprintf(stderr, "%d %s %s\n", code, leat_strerror(code), error.text);
    }
    leat_tls_socket_free(tls);
    leat_tls_options_free(options);
    return code;
}

int main(int argc, char **argv)
{
    struct program program = {.exit_status = 1};
    if (argc != 6) {
        fprintf(stderr, "usage: harmonyos_tls_socket HOST PORT CA.pem CERT.pem KEY.pem\n");
        return 2;
    }
    int code = leat_loop_new(&program.loop);
    if (code == LEAT_OK)
        code = run(&program, argv);
    leat_loop_free(program.loop);
    return code == LEAT_OK ? program.exit_status : 1;
}
