/* SPDX-License-Identifier: Apache-2.0 */
#include "support/proxies.h"
#include "support/certificates.h"
#include "support/kdc.h"
#include "support/peers.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SQUID_PATH        "/usr/sbin/squid"
#define SQUID_FAKE_AUTH   "/usr/lib/squid/basic_fake_auth"
#define SQUID_NCSA_AUTH   "/usr/lib/squid/basic_ncsa_auth"
#define SQUID_DIGEST_AUTH "/usr/lib/squid/digest_file_auth"
#define APACHE_HA1        "da2a725bc3bdbb7e4b5af5621295c908"

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
    const char *auth; /* lines of its configuration */
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
                                       port, tls, setup->auth);
    const char *const fixed[] = {
        SQUID_PATH, "-N", "-d", "1", "-n", sandbox_format("leat%s", port), "-f", config, NULL};
    (void)readable(config);
    argv_set(argv, fixed);
}

static uint16_t squid_run(const char *auth, uint16_t *ret_tls_port)
{
    uint16_t port;
    struct squid_setup setup = {auth, ret_tls_port ? free_port() : 0};
    struct process *squid = peer_start_listening(squid_arguments, &setup, &port);
    if (ret_tls_port) {
        cr_assert(process_wait_listening(squid, setup.tls_port));
        *ret_tls_port = setup.tls_port;
    }
    return port;
}

uint16_t squid_start(const char *user, uint16_t *ret_tls_port)
{
    const char *auth = "http_access allow all\n";
    if (user)
        auth = sandbox_format("auth_param basic program " SQUID_FAKE_AUTH "\n"
                              "auth_param basic children 1 startup=1\n"
                              "auth_param basic realm test\n"
                              "acl known proxy_auth %s\n"
                              "http_access allow known\n"
                              "http_access deny all\n",
                              user);
    return squid_run(auth, ret_tls_port);
}

/* By `openssl passwd -apr1`. */
static const char *basic_passwords(void)
{
    return readable(
        sandbox_write("passwords.basic", "%s", "alice:$apr1$leatleat$PnpMDCuv31CQ821bI4vdL1\n"));
}

uint16_t squid_auth_start(unsigned schemes, uint16_t *ret_tls_port)
{
    const char *basic = "", *digest = "";
    if (schemes & PROXY_BASIC)
        basic = sandbox_format("auth_param basic program " SQUID_NCSA_AUTH " %s\n"
                               "auth_param basic children 1 startup=1\n"
                               "auth_param basic realm lab\n",
                               basic_passwords());
    if (schemes & (PROXY_DIGEST | PROXY_DIGEST_SHORT))
        digest = sandbox_format("auth_param digest program " SQUID_DIGEST_AUTH " %s\n"
                                "auth_param digest children 1 startup=1\n"
                                "auth_param digest realm lab\n"
                                "auth_param digest nonce_max_count %u\n",
                                readable(sandbox_write("passwords.digest", "alice:s3cret\n")),
                                schemes & PROXY_DIGEST_SHORT ? 3u : 50u);
    return squid_run(sandbox_format("%s%sacl known proxy_auth REQUIRED\n"
                                    "http_access allow known\n"
                                    "http_access deny all\n",
                                    basic, digest),
                     ret_tls_port);
}

/* With a helper of `scheme`: its program and arguments. `who` may pass; "REQUIRED" = all whom the helper
 * takes. */
static uint16_t squid_helped_start(const char *scheme, const char *program, const char *who)
{
    return squid_run(sandbox_format("auth_param %s program %s\n"
                                    "auth_param %s children 2 startup=1\n"
                                    "auth_param %s keep_alive on\n"
                                    "acl known proxy_auth %s\n"
                                    "http_access allow known\n"
                                    "http_access deny all\n",
                                    scheme, program, scheme, scheme, who),
                     NULL);
}

uint16_t squid_negotiate_start(void)
{
    (void)readable(kdc_keytab());
    (void)readable(getenv("KRB5_CONFIG"));
    return squid_helped_start("negotiate",
                              sandbox_format("/usr/lib/squid/negotiate_kerberos_auth -k %s "
                                             "-s HTTP/localhost@LEAT.TEST",
                                             kdc_keytab()),
                              "REQUIRED");
}

uint16_t squid_ntlm_start(const char *user)
{
    const char *users = readable(sandbox_write("ntlm.users", "%s\n", user));
    return squid_helped_start("ntlm",
                              sandbox_format("/usr/bin/env NTLM_USER_FILE=%s /usr/bin/python3 %s",
                                             users, LEAT_TEST_SUPPORT_DIR "/peers/ntlm_helper.py"),
                              "REQUIRED");
}

uint16_t squid_ntlm_fake_start(bool is_mended, const char *user)
{
    const char *program = is_mended ? "/usr/bin/python3 " LEAT_TEST_SUPPORT_DIR
                                      "/peers/ntlm_fake_mended.py"
                                    : "/usr/lib/squid/ntlm_fake_auth";
    return squid_helped_start("ntlm", program, user);
}

/* ---- apache2
 * --------------------------------------------------------------------------------------- */

static const char *apache_modules(void)
{
    static const char *const names[] = {"mpm_event",   "authn_core", "authn_file",
                                        "authz_core",  "authz_user", "auth_basic",
                                        "auth_digest", "proxy",      "proxy_connect"};
    const char *lines = "";
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i)
        lines = sandbox_format("%sLoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", lines,
                               names[i], names[i]);
    return lines;
}

/* A realm and MD5 of "alice:lab:s3cret" for Digest. */
static const char *digest_passwords(void)
{
    return readable(sandbox_write("passwords.htdigest", "%s", "alice:lab:" APACHE_HA1 "\n"));
}

static void apache_arguments(const char *port, const void *user, const char **argv)
{
    bool is_digest = *(const unsigned *)user & PROXY_DIGEST;
    const char *config =
        sandbox_write("apache.conf",
                      "ServerRoot %s\n"
                      "ServerName localhost\n"
                      "Listen 127.0.0.1:%s\n"
                      "%s"
                      "User www-data\n"
                      "Group www-data\n"
                      "PidFile apache.%s.pid\n"
                      "DefaultRuntimeDir %s\n"
                      "ErrorLog /dev/null\n"
                      "StartServers 1\n"
                      "ServerLimit 1\n"
                      "ThreadsPerChild 16\n"
                      "MaxRequestWorkers 16\n"
                      "ProxyRequests On\n"
                      "AllowCONNECT 1-65535\n"
                      "<Proxy \"*\">\n"
                      "AuthType %s\n"
                      "AuthName lab\n"
                      "%s"
                      "AuthUserFile %s\n"
                      "Require valid-user\n"
                      "</Proxy>\n",
                      sandbox_dir(), port, apache_modules(), port, sandbox_dir(),
                      is_digest ? "Digest" : "Basic", is_digest ? "AuthDigestProvider file\n" : "",
                      is_digest ? digest_passwords() : basic_passwords());
    const char *const fixed[] = {"/usr/sbin/apache2", "-D", "FOREGROUND", "-f", config, NULL};
    argv_set(argv, fixed);
}

uint16_t apache_start(unsigned scheme)
{
    uint16_t port;
    peer_start_listening(apache_arguments, &scheme, &port);
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
