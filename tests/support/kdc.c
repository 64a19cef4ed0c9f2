/* SPDX-License-Identifier: Apache-2.0 */
#include "support/kdc.h"
#include "support/patience.h"
#include "support/peers.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REALM "LEAT.TEST"

const char *kdc_keytab(void)
{
    return sandbox_path("keytab");
}

/* What clients of the realm read; names stay as they are said. */
static void client_configure(const char *port)
{
    sandbox_write("krb5.conf",
                  "[libdefaults]\n"
                  " default_realm = " REALM "\n"
                  " dns_lookup_kdc = false\n"
                  " dns_lookup_realm = false\n"
                  " dns_canonicalize_hostname = false\n"
                  " rdns = false\n"
                  "[realms]\n"
                  " " REALM " = {\n"
                  "  kdc = 127.0.0.1:%s\n"
                  " }\n"
                  "[domain_realm]\n"
                  " localhost = " REALM "\n",
                  port);
    setenv("KRB5_CONFIG", sandbox_path("krb5.conf"), true);
    setenv("KRB5CCNAME", sandbox_format("FILE:%s", sandbox_path("tickets")), true);
    setenv("KRB5_KTNAME", sandbox_format("FILE:%s", kdc_keytab()), true);
    setenv("KRB5RCACHENAME", "none:", true);
}

static void kdc_arguments(const char *port, const void *user, const char **argv)
{
    (void)user;
    client_configure(port);
    sandbox_write("kdc.conf",
                  "[kdcdefaults]\n"
                  " kdc_listen = 127.0.0.1:%s\n"
                  " kdc_tcp_listen = 127.0.0.1:%s\n"
                  "[realms]\n"
                  " " REALM " = {\n"
                  "  database_name = %s\n"
                  "  key_stash_file = %s\n"
                  "  acl_file = %s\n"
                  " }\n"
                  "[logging]\n"
                  " kdc = FILE:%s\n",
                  port, port, sandbox_path("db"), sandbox_path("stash"), sandbox_path("acl"),
                  sandbox_path("kdc.log"));
    argv[0] = "krb5kdc";
    argv[1] = "-n";
    argv[2] = NULL;
}

static void shell_run(const char *script)
{
    const char *const argv[] = {"sh", "-ec", script, NULL};
    struct process *process = process_start(&(struct process_options){.argv = argv});
    int status = process_wait(process, PATIENCE_MS(10000));
    if (status != 0) {
        char *error = file_read(process->error_path);
        cr_assert_fail("exit status %d: %s", status, error);
    }
    process_stop(process);
}

/* The database is made with whatever port. */
static void database_make(const struct kdc_options *options)
{
    const char *argv[PEER_ARGUMENTS_MAX];

    kdc_arguments("1", NULL, argv);
    setenv("KRB5_KDC_PROFILE", sandbox_path("kdc.conf"), true);
    setenv("LEAT_TEST_USERS", options->users ? options->users : "", true);
    setenv("LEAT_TEST_SERVICES", options->services ? options->services : "", true);
    shell_run("PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin\n"
              "kdb5_util create -s -r " REALM " -P master\n"
              "{\n"
              "  set -- $LEAT_TEST_USERS\n"
              "  while [ $# -gt 1 ]; do echo \"addprinc -pw $2 $1\"; shift 2; done\n"
              "  for service in $LEAT_TEST_SERVICES; do\n"
              "    echo \"addprinc -randkey $service\"\n"
              "    echo \"ktadd -k ${KRB5_KTNAME#FILE:} $service\"\n"
              "  done\n"
              "} | kadmin.local -r " REALM "\n");
}

struct process *kdc_start(const struct kdc_options *options)
{
    uint16_t port;

    if (getenv("LEAT_TEST_WITHOUT_KRB5"))
        cr_skip_test("this system has no krb5-kdc to install");
    database_make(options);
    return peer_start_listening(kdc_arguments, NULL, &port);
}

struct process *kdc_restart(struct process *kdc)
{
    uint16_t port;

    process_stop(kdc);
    return peer_start_listening(kdc_arguments, NULL, &port);
}

void kdc_shift_clock(const char *by)
{
    glob_t found = {0};

    if (glob("/usr/lib/*/faketime/libfaketime.so.1", 0, NULL, &found) != 0)
        cr_skip_test("libfaketime is not installed (script/bootstrap --tests)");
    if (by) {
        setenv("LD_PRELOAD", found.gl_pathv[0], true);
        setenv("FAKETIME", by, true);
        setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", true);
    } else {
        unsetenv("LD_PRELOAD");
        unsetenv("FAKETIME");
    }
    globfree(&found);
}

void kdc_login(const char *user, const char *password, const char *lifetime)
{
    setenv("LEAT_TEST_PASSWORD", password, true);
    shell_run(sandbox_format("printf '%%s\\n' \"$LEAT_TEST_PASSWORD\" | kinit -l %s %s",
                             lifetime ? lifetime : "1h", user));
}

void kdc_logout(void)
{
    (void)unlink(sandbox_path("tickets"));
}

void kdc_pretend(uint16_t port)
{
    client_configure(sandbox_format("%u", port));
}
