/* SPDX-License-Identifier: Apache-2.0 */
#include "support/peers.h"
#include "support/kdc.h"
#include "support/certificates.h"
#include "support/patience.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often a peer gets another port when somebody else has taken its own. */
#define PORT_TRIES 5

struct process *peer_start_listening(peer_arguments_fn fill, const void *user, uint16_t *ret_port)
{
    for (int i = 0; i < PORT_TRIES; ++i) {
        uint16_t port = free_port();
        const char *argv[PEER_ARGUMENTS_MAX] = {NULL};
        fill(sandbox_format("%u", port), user, argv);
        struct process *process = process_start(&(struct process_options){.argv = argv});
        if (process_wait_listening(process, port)) {
            *ret_port = port;
            return process;
        }
        char *error = file_read(process->error_path);
        fprintf(stderr, "%s ended: %s\n", process->name, error);
        free(error);
    }
    cr_assert_fail("%d ports were taken", PORT_TRIES);
    abort();
}

static void argv_copy(const char **argv, const char *const *from)
{
    for (size_t i = 0; from[i]; ++i)
        argv[i] = from[i];
}

/* ---- proxies --------------------------------------------------------------------------------- */

struct credentials {
    const char *user;
    const char *password;
};

static void microsocks_arguments(const char *port, const void *user, const char **argv)
{
    const struct credentials *credentials = user;
    const char *const plain[] = {"microsocks", "-i", "127.0.0.1", "-p", port, NULL};
    const char *const guarded[] = {"microsocks",      "-i", "127.0.0.1",           "-p", port, "-u",
                                   credentials->user, "-P", credentials->password, NULL};
    argv_copy(argv, credentials->user ? guarded : plain);
}

uint16_t microsocks_start(const char *user, const char *password)
{
    uint16_t port;
    struct credentials credentials = {user, password};
    peer_start_listening(microsocks_arguments, &credentials, &port);
    return port;
}

/* What script/lib/dante.sh has built, which knows GSS-API; NULL = nothing. */
static const char *dante_built(void)
{
    const char *named = getenv("LEAT_TEST_DANTE_GSS");
    return named ? named : access(LEAT_TEST_DANTE, X_OK) == 0 ? LEAT_TEST_DANTE : NULL;
}

static void dante_arguments(const char *port, const void *user, const char **argv)
{
    const struct passwd *self = getpwuid(getuid());
    cr_assert(self);
    const char *config =
        sandbox_write("danted.conf",
                      "logoutput: stderr\n"
                      "internal: 127.0.0.1 port = %s\n"
                      "external: lo\n"
                      "external.rotation: none\n"
                      "clientmethod: none\n"
                      "socksmethod: none\n"
                      "user.privileged: %s\n"
                      "user.unprivileged: %s\n"
                      "client pass { from: 0/0 to: 0/0 }\n"
                      "socks pass { from: 0/0 to: 0/0 command: connect udpassociate }\n"
                      "socks pass { from: 0/0 to: 0/0 command: udpreply }\n",
                      port, self->pw_name, self->pw_name);
    const char *const fixed[] = {user, "-f", config, "-p", sandbox_path("danted.pid"), NULL};
    argv_copy(argv, fixed);
}

uint16_t dante_start(void)
{
    uint16_t port;
    const char *program = getenv("LEAT_TEST_WITHOUT_DANTE") ? dante_built() : "danted";
    if (!program)
        cr_skip_test("this system has no dante to install, and none was built");
    peer_start_listening(dante_arguments, program, &port);
    return port;
}

static void dante_gss_arguments(const char *port, const void *user, const char **argv)
{
    const struct passwd *self = getpwuid(getuid());
    cr_assert(self);
    const char *gss = sandbox_format(" gssapi.servicename: rcmd/localhost\n"
                                     " gssapi.keytab: FILE:%s\n"
                                     " gssapi.enctype: %s\n",
                                     kdc_keytab(), (const char *)user);
    const char *config =
        sandbox_write("danted-gss.conf",
                      "logoutput: stderr\n"
                      "internal: 127.0.0.1 port = %s\n"
                      "external: lo\n"
                      "external.rotation: none\n"
                      "clientmethod: none\n"
                      "socksmethod: gssapi\n"
                      "user.privileged: %s\n"
                      "user.unprivileged: %s\n"
                      "client pass {\n from: 0/0 to: 0/0\n%s}\n"
                      "socks pass {\n from: 0/0 to: 0/0\n command: connect udpassociate\n%s}\n"
                      "socks pass { from: 0/0 to: 0/0 command: udpreply }\n",
                      port, self->pw_name, self->pw_name, gss, gss);
    const char *const fixed[] = {dante_built(), "-f", config, "-p", sandbox_path("danted.pid"),
                                 NULL};
    argv_copy(argv, fixed);
}

uint16_t dante_gss_start(const char *enctype)
{
    uint16_t port;
    if (!dante_built())
        cr_skip_test("dante with GSS-API: none was built (script/bootstrap --tests says why)");
    peer_start_listening(dante_gss_arguments, enctype, &port);
    return port;
}

static void key_generate(const char *path)
{
    const char *const argv[] = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path, NULL};
    struct process *process = process_start(&(struct process_options){.argv = argv});
    cr_assert(process_wait(process, PATIENCE_MS(10000)) == 0);
    process_stop(process);
}

static void sshd_arguments(const char *port, const void *user, const char **argv)
{
    (void)user;
    const char *config =
        sandbox_write("sshd_config",
                      "ListenAddress 127.0.0.1\n"
                      "Port %s\n"
                      "HostKey \"%s\"\n"
                      "AuthorizedKeysFile \"%s\"\n"
                      "PidFile none\n"
                      "StrictModes no\n"
                      "UsePAM no\n"
                      "PermitRootLogin yes\n"
                      "PasswordAuthentication no\n",
                      port, sandbox_path("host_key"), sandbox_path("user_key.pub"));
    const char *const fixed[] = {"/usr/sbin/sshd", "-D", "-e", "-f", config, NULL};
    argv_copy(argv, fixed);
}

static void ssh_arguments(const char *port, const void *user, const char **argv)
{
    const char *const fixed[] = {"ssh",       "-F",
                                 "/dev/null", "-N",
                                 "-D",        sandbox_format("127.0.0.1:%s", port),
                                 "-p",        user,
                                 "-i",        sandbox_path("user_key"),
                                 "-o",        "BatchMode=yes",
                                 "-o",        "IdentitiesOnly=yes",
                                 "-o",        "StrictHostKeyChecking=no",
                                 "-o",        "UserKnownHostsFile=/dev/null",
                                 "-o",        "ExitOnForwardFailure=yes",
                                 "127.0.0.1", NULL};
    argv_copy(argv, fixed);
}

uint16_t ssh_proxy_start(void)
{
    uint16_t sshd_port;
    uint16_t port;
    if (getuid() == 0) {
        /* where sshd wants to be rooted; a running system has it, a container may not */
        cr_assert(mkdir("/run/sshd", 0755) == 0 || errno == EEXIST, "/run/sshd: %s",
                  strerror(errno));
    }
    key_generate(sandbox_path("host_key"));
    key_generate(sandbox_path("user_key"));
    peer_start_listening(sshd_arguments, NULL, &sshd_port);
    peer_start_listening(ssh_arguments, sandbox_format("%u", sshd_port), &port);
    return port;
}

/* ---- servers
 * -------------------------------------------------------------------------------------- */

static const char *key_path_of(const struct server_options *options)
{
    return certificate_path(options->key ? options->key : "server.key");
}

/* Starts a server that prints its port. */
static uint16_t printing_start(const char *const *argv, const char *const *environment)
{
    char text[16];
    struct process *process =
        process_start(&(struct process_options){.argv = argv, .environment = environment});
    process_wait_line(process, "PORT ", text, sizeof(text));
    return (uint16_t)strtoul(text, NULL, 10);
}

uint16_t python_server_start(const struct server_options *options)
{
    /* The system's Python has python3-websockets; another one may come first on PATH. */
    const char *argv[PEER_ARGUMENTS_MAX] = {"/usr/bin/python3",
                                            LEAT_TEST_SUPPORT_DIR "/peers/ws_server.py"};
    size_t count = 2;
    const char *const pairs[][2] = {
        {"--host", options->host},
        {"--cert", options->cert ? certificate_path(options->cert) : NULL},
        {"--key", options->cert ? key_path_of(options) : NULL},
        {"--client-ca", options->client_ca ? certificate_path(options->client_ca) : NULL},
        {"--subprotocol", options->protocol},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); ++i) {
        if (pairs[i][1]) {
            argv[count++] = pairs[i][0];
            argv[count++] = pairs[i][1];
        }
    }
    return printing_start(argv, NULL);
}

uint16_t socks5_gss_start(const char *levels)
{
    const char *argv[PEER_ARGUMENTS_MAX] = {
        "/usr/bin/python3", LEAT_TEST_SUPPORT_DIR "/peers/socks5_gss.py", "--levels", levels};
    return printing_start(argv, NULL);
}

uint16_t http_negotiate_start(const char *proof)
{
    const char *argv[PEER_ARGUMENTS_MAX] = {
        "/usr/bin/python3", LEAT_TEST_SUPPORT_DIR "/peers/http_negotiate.py", "--proof", proof};
    return printing_start(argv, NULL);
}

uint16_t node_server_start(const struct server_options *options)
{
    const char *argv[] = {"node", LEAT_TEST_SUPPORT_DIR "/peers/ws_server.js",
                          options->cert ? certificate_path(options->cert) : NULL,
                          options->cert ? key_path_of(options) : NULL, NULL};
    const char *const environment[] = {"NODE_PATH=/usr/share/nodejs", NULL};
    return printing_start(argv, environment);
}

struct nginx_setup {
    const struct server_options *options;
    uint16_t upstream_port;
};

static void nginx_arguments(const char *port, const void *user, const char **argv)
{
    const struct nginx_setup *setup = user;
    const char *dir = sandbox_dir();
    const char *config =
        sandbox_write("nginx.conf",
                      "daemon off;\n"
                      "master_process off;\n"
                      "pid \"%s/nginx.pid\";\n"
                      "error_log stderr notice;\n"
                      "events { worker_connections 64; }\n"
                      "http {\n"
                      "    access_log off;\n"
                      "    client_body_temp_path \"%s/nginx-body\";\n"
                      "    proxy_temp_path \"%s/nginx-proxy\";\n"
                      "    fastcgi_temp_path \"%s/nginx-fastcgi\";\n"
                      "    uwsgi_temp_path \"%s/nginx-uwsgi\";\n"
                      "    scgi_temp_path \"%s/nginx-scgi\";\n"
                      "    server {\n"
                      "        listen 127.0.0.1:%s ssl;\n"
                      "        ssl_certificate \"%s\";\n"
                      "        ssl_certificate_key \"%s\";\n"
                      "        ssl_protocols TLSv1.2 TLSv1.3;\n"
                      "        location / {\n"
                      "            proxy_pass http://127.0.0.1:%u;\n"
                      "            proxy_http_version 1.1;\n"
                      "            proxy_set_header Upgrade $http_upgrade;\n"
                      "            proxy_set_header Connection $http_connection;\n"
                      "            proxy_set_header Host $http_host;\n"
                      "        }\n"
                      "    }\n"
                      "}\n",
                      dir, dir, dir, dir, dir, dir, port, certificate_path(setup->options->cert),
                      key_path_of(setup->options), setup->upstream_port);
    const char *const fixed[] = {"nginx", "-p", dir, "-c", config, "-e", "stderr", NULL};
    argv_copy(argv, fixed);
}

uint16_t nginx_start(const struct server_options *options, uint16_t upstream_port)
{
    uint16_t port;
    struct nginx_setup setup = {options, upstream_port};
    peer_start_listening(nginx_arguments, &setup, &port);
    return port;
}

static void openssl_arguments(const char *port, const void *user, const char **argv)
{
    const char *const fixed[] = {"openssl", "s_server", "-accept",
                                 sandbox_format("127.0.0.1:%s", port), NULL};
    argv_copy(argv, fixed);
    argv_copy(argv + 4, user);
}

struct process *openssl_server_start(const char *const *arguments, uint16_t *ret_port)
{
    return peer_start_listening(openssl_arguments, arguments, ret_port);
}
