/* SPDX-License-Identifier: Apache-2.0 */
#include "support/proxies.h"
#include "support/certificates.h"
#include "support/peers.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SQUID_PATH      "/usr/sbin/squid"
#define SQUID_FAKE_AUTH "/usr/lib/squid/basic_fake_auth"

static void argv_set(const char **argv, const char *const *from)
{
    for (size_t i = 0; from[i]; ++i)
        argv[i] = from[i];
}

/* ---- tinyproxy
 * ------------------------------------------------------------------------------------- */

static void tinyproxy_arguments(const char *port, const void *user, const char **argv)
{
    const char *config = sandbox_write("tinyproxy.conf",
                                       "Port %s\n"
                                       "Listen 127.0.0.1\n"
                                       "Timeout 60\n"
                                       "MaxClients 20\n"
                                       "%s",
                                       port, (const char *)user);
    const char *const fixed[] = {"tinyproxy", "-d", "-c", config, NULL};
    argv_set(argv, fixed);
}

uint16_t tinyproxy_start(const char *user, const char *password)
{
    uint16_t port;
    const char *auth = user ? sandbox_format("BasicAuth %s %s\n", user, password) : "";
    peer_start_listening(tinyproxy_arguments, auth, &port);
    return port;
}

/* ---- squid
 * ----------------------------------------------------------------------------------------- */

struct squid_setup {
    const char *user;
    uint16_t tls_port;
};

/* Squid as root becomes the user "proxy", who must be able to read its files. */
static const char *readable(const char *path)
{
    cr_assert(chmod(sandbox_dir(), 0711) == 0 && chmod(path, 0644) == 0);
    return path;
}

static const char *certificate_copy(const char *name)
{
    char *text = file_read(certificate_path(name));
    const char *copy = readable(sandbox_write(name, "%s", text));
    free(text);
    return copy;
}

static void squid_arguments(const char *port, const void *user, const char **argv)
{
    const struct squid_setup *setup = user;
    const char *auth = "http_access allow all\n";
    if (setup->user) {
        auth = sandbox_format("auth_param basic program " SQUID_FAKE_AUTH "\n"
                              "auth_param basic children 1 startup=1\n"
                              "auth_param basic realm test\n"
                              "acl known proxy_auth %s\n"
                              "http_access allow known\n"
                              "http_access deny all\n",
                              setup->user);
    }
    const char *tls = "";
    if (setup->tls_port != 0) {
        tls = sandbox_format("configuration_includes_quoted_values on\n"
                             "https_port 127.0.0.1:%u \"tls-cert=%s\" \"tls-key=%s\"\n",
                             setup->tls_port, certificate_copy("server.pem"),
                             certificate_copy("server.key"));
    }
    const char *config = sandbox_write("squid.conf",
                                       "http_port 127.0.0.1:%s\n"
                                       "%s%s"
                                       "cache deny all\n"
                                       "cache_mem 1 MB\n"
                                       "access_log none\n"
                                       "cache_log /dev/null\n"
                                       "pid_filename none\n"
                                       "pinger_enable off\n"
                                       "netdb_filename none\n"
                                       "visible_hostname localhost\n"
                                       "max_filedescriptors 256\n"
                                       "shutdown_lifetime 0 seconds\n",
                                       port, tls, auth);
    const char *const fixed[] = {
        SQUID_PATH, "-N", "-d", "1", "-n", sandbox_format("leat%s", port), "-f", config, NULL};
    (void)readable(config);
    argv_set(argv, fixed);
}

uint16_t squid_start(const char *user, uint16_t *ret_tls_port)
{
    uint16_t port;
    struct squid_setup setup = {user, ret_tls_port ? free_port() : 0};
    struct process *squid = peer_start_listening(squid_arguments, &setup, &port);
    if (ret_tls_port) {
        cr_assert(process_wait_listening(squid, setup.tls_port));
        *ret_tls_port = setup.tls_port;
    }
    return port;
}

/* ---- socat
 * ----------------------------------------------------------------------------------------- */

static void socat_arguments(const char *port, const void *user, const char **argv)
{
    const char *const fixed[] = {
        "socat",
        sandbox_format("OPENSSL-LISTEN:%s,bind=127.0.0.1,reuseaddr,fork,verify=0,cert=%s,key=%s",
                       port, certificate_path("server.pem"), certificate_path("server.key")),
        sandbox_format("TCP4:127.0.0.1:%s", (const char *)user), NULL};
    argv_set(argv, fixed);
}

uint16_t socat_tls_start(uint16_t behind)
{
    uint16_t port;
    peer_start_listening(socat_arguments, sandbox_format("%u", behind), &port);
    return port;
}
