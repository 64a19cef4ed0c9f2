/* SPDX-License-Identifier: Apache-2.0 */
/** @file What connections have taken from a configuration stays as it was. */
#include "config/config.h"
#include "support/alloc_failure.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(settings, .timeout = 30);

static struct leati_failure unused;

static leat_config *config_with_everything(void)
{
    leat_config *config;
    cr_assert_eq(leat_config_new(&config), LEAT_OK);
    cr_assert_eq(leat_config_set_proxy(config, "socks5h://user:secret@127.0.0.1:1080"), LEAT_OK);
    cr_assert_eq(leat_config_add_proxy(config, "http://127.0.0.1:8080"), LEAT_OK);
    cr_assert_eq(leat_config_add_allowed_domain(config, "*.example.com"), LEAT_OK);
    cr_assert_eq(leat_config_add_denied_domain(config, "bad.example.com"), LEAT_OK);
    cr_assert_eq(leat_config_set_dns_servers(config, "127.0.0.1:53"), LEAT_OK);
    cr_assert_eq(leat_config_set_proxy_credentials(config, "me", "pw3"), LEAT_OK);
    cr_assert_eq(leat_config_add_proxy_header(config, "X-Proxy", "1"), LEAT_OK);
    cr_assert_eq(leat_config_set_ip_version(config, LEAT_IP_V4), LEAT_OK);
    cr_assert_eq(leat_config_set_local_address(config, "127.0.0.1"), LEAT_OK);
    cr_assert_eq(leat_config_set_interface(config, "lo"), LEAT_OK);
    cr_assert_eq(leat_config_set_unix_socket(config, "/tmp/s"), LEAT_OK);
    cr_assert_eq(leat_config_add_resolve(config, "One.Example", 443, "192.0.2.1,[2001:db8::1]"),
                 LEAT_OK);
    cr_assert_eq(leat_config_add_connect_to(config, "two.example", 0, "three.example.", 8443),
                 LEAT_OK);
    cr_assert_eq(leat_config_set_ca_path(config, "/tmp/ca.pem"), LEAT_OK);
    cr_assert_eq(leat_config_set_key_log_path(config, "/tmp/keys"), LEAT_OK);
    cr_assert_eq(leat_config_set_user_agent(config, "mine/1"), LEAT_OK);
    cr_assert_eq(leat_config_set_cipher_suite(config, "ECDHE-RSA-AES128-GCM-SHA256"), LEAT_OK);
    cr_assert_eq(leat_config_set_proxy_tls_ca_path(config, "/tmp/proxy-ca.pem"), LEAT_OK);
    cr_assert_eq(leat_config_set_proxy_tls_client_cert(config, "/tmp/p.pem", "/tmp/p.key", "pw2"),
                 LEAT_OK);
    cr_assert_eq(leat_config_set_proxy_tls_skip_verification(config, true), LEAT_OK);
    cr_assert_eq(leat_config_set_proxy_tls_protocols(config, LEAT_TLS_V13, LEAT_TLS_V13), LEAT_OK);
    cr_assert_eq(leat_config_set_client_cert(config, "/tmp/c.pem", "/tmp/c.key", "pw"), LEAT_OK);
    cr_assert_eq(leat_config_set_server_cert(config, "/tmp/s.pem", "/tmp/s.key", NULL), LEAT_OK);
    cr_assert_eq(leat_config_add_header(config, "X-One", "1"), LEAT_OK);
    cr_assert_eq(leat_config_add_subprotocol(config, "chat"), LEAT_OK);
    cr_assert_eq(leat_config_set_max_redirects(config, 3), LEAT_OK);
    return config;
}

Test(settings, connecting_copies_nothing)
{
    leat_config *config = config_with_everything();
    const struct leati_settings *first, *second;

    cr_assert_eq(leati_settings_of(config, &unused, &first), LEAT_OK);
    cr_assert_eq(leati_settings_of(config, &unused, &second), LEAT_OK);
    cr_assert_eq(first, second);
    leati_settings_unref(first);
    leati_settings_unref(second);
    leat_config_free(config);
}

Test(settings, a_setter_leaves_those_alone_that_are_shared)
{
    leat_config *config = config_with_everything();
    const struct leati_settings *taken;
    leat_config *copy;

    cr_assert_eq(leati_settings_of(config, &unused, &taken), LEAT_OK);
    cr_assert_eq(leat_config_copy(config, &copy), LEAT_OK);
    cr_assert_eq(leat_config_set_max_redirects(config, 7), LEAT_OK);
    cr_assert_eq(leat_config_add_header(config, "X-Two", "2"), LEAT_OK);
    cr_assert_eq(leat_config_set_proxy(config, NULL), LEAT_OK);

    cr_assert_eq(taken->max_redirects, 3u);
    cr_assert_eq(taken->headers.count, 1u);
    cr_assert_eq(taken->proxy_count, 2u);
    cr_assert_str_eq(taken->proxies[0].password, "secret");
    cr_assert_eq(copy->settings, taken);
    cr_assert_eq(config->settings->max_redirects, 7u);
    cr_assert_eq(config->settings->headers.count, 2u);
    cr_assert_eq(config->settings->proxy_count, 0u);
    cr_assert_str_eq(config->settings->tls[LEATI_TLS_TO_ORIGIN]->cert.key_password, "pw");
    cr_assert_str_eq(config->settings->protocols.items[0], "chat");
    cr_assert_str_eq(config->settings->user_agent, "mine/1");
    cr_assert_str_eq(config->settings->proxy_user, "me");
    cr_assert_str_eq(config->settings->proxy_password, "pw3");
    cr_assert_str_eq(config->settings->proxy_headers.items[0].name, "X-Proxy");
    const struct leati_dial_settings *dial = &config->settings->dial;
    cr_assert(dial != &taken->dial && leati_dial_family(dial) == AF_INET);
    cr_assert_str_eq(dial->interface, "lo");
    cr_assert_str_eq(dial->unix_path, "/tmp/s");
    const struct leati_known_host *known = leati_dial_known_host(dial, "one.example", 443);
    cr_assert(known && known->count == 2 && known->addresses[1].any.sa_family == AF_INET6);
    cr_assert_null(leati_dial_known_host(dial, "one.example", 80));
    const struct leati_detour *detour = leati_dial_detour(dial, "two.example", 80);
    cr_assert(detour && detour->to_port == 8443 && detour->to_is_absolute);
    cr_assert_str_eq(detour->to_host, "three.example");
    cr_assert_null(leati_dial_detour(dial, "one.example", 80));
    cr_assert_str_eq(config->settings->tls[LEATI_TLS_TO_ORIGIN]->cipher_suite,
                     "ECDHE-RSA-AES128-GCM-SHA256");
    const struct leati_tls_values *proxy_tls = config->settings->tls[LEATI_TLS_TO_PROXY];
    cr_assert_str_eq(proxy_tls->ca_path, "/tmp/proxy-ca.pem");
    cr_assert_str_eq(proxy_tls->cert.key_password, "pw2");
    cr_assert(proxy_tls->skip_verification && proxy_tls->min_protocol == LEAT_TLS_V13);
    leat_config_free(config);
    leat_config_free(copy);
    cr_assert_str_eq(taken->dns_servers, "127.0.0.1:53");
    leati_settings_unref(taken);
}

static bool set_ca_path_of_shared_settings(void)
{
    static const struct leati_settings *taken;
    bool (*hook)(void) = leati_alloc_fail_hook;

    leati_alloc_fail_hook = NULL;
    leat_config *config = config_with_everything();
    cr_assert_eq(leati_settings_of(config, &unused, &taken), LEAT_OK);
    leati_alloc_fail_hook = hook;
    int code = leat_config_set_ca_path(config, "/tmp/other.pem");
    leati_alloc_fail_hook = NULL;
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL);
    cr_assert_str_eq(config->settings->tls[LEATI_TLS_TO_ORIGIN]->ca_path,
                     code == LEAT_OK ? "/tmp/other.pem" : "/tmp/ca.pem");
    cr_assert_str_eq(taken->tls[LEATI_TLS_TO_ORIGIN]->ca_path, "/tmp/ca.pem");
    leati_settings_unref(taken);
    leat_config_free(config);
    return code == LEAT_OK;
}

Test(settings, a_setter_without_memory_changes_nothing)
{
    cr_assert_gt(alloc_failure_run_all(set_ca_path_of_shared_settings), 10);
}

/* ---- setters that were refused --------------------------------------------------------------- */

/* What whoever connects would be told. */
static int refusal_of(const leat_config *config, char *ret_text, size_t cap)
{
    const struct leati_settings *settings;
    struct leati_failure failure;
    leati_failure_init(&failure);
    int code = leati_settings_of(config, &failure, &settings);
    cr_assert_eq(code, failure.code);
    snprintf(ret_text, cap, "%s", failure.text ? failure.text : "");
    if (code == LEAT_OK)
        leati_settings_unref(settings);
    leati_failure_done(&failure);
    return code;
}

Test(settings, a_refused_setter_counts_until_it_succeeds)
{
    char text[256], long_user[400];
    leat_config *config, *copy;
    cr_assert_eq(leat_config_new(&config), LEAT_OK);
    snprintf(long_user, sizeof(long_user), "socks5h://%0300d:x@127.0.0.1", 1);
    cr_assert_eq(leat_config_set_proxy(config, long_user), LEAT_E_SOCKS5_SERIALIZE);
    cr_assert_eq(leat_config_set_proxy_tls_ca_path(config, ""), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_ca_path(config, "/tmp/ca.pem"), LEAT_OK);
    cr_assert_eq(refusal_of(config, text, sizeof(text)), LEAT_E_SOCKS5_SERIALIZE);
    cr_assert(strncmp(text, "leat_config_set_proxy() was refused before: ", 44) == 0, "%s", text);
    cr_assert_eq(leat_config_copy(config, &copy), LEAT_OK);

    cr_assert_eq(leat_config_set_proxy(config, "socks5h://127.0.0.1"), LEAT_OK);
    cr_assert_eq(refusal_of(config, text, sizeof(text)), LEAT_E_PARAMETER);
    cr_assert(strstr(text, "leat_config_set_proxy_tls_ca_path()"), "%s", text);
    cr_assert_eq(leat_config_set_proxy_tls_ca_path(config, NULL), LEAT_OK);
    cr_assert_eq(refusal_of(config, text, sizeof(text)), LEAT_OK);

    cr_assert_eq(refusal_of(copy, text, sizeof(text)), LEAT_E_SOCKS5_SERIALIZE);
    leat_config_clear_error(copy);
    struct leat_error error;
    leat_config_get_error(copy, &error);
    cr_assert_eq(error.code, LEAT_OK);
    cr_assert_eq(refusal_of(copy, text, sizeof(text)), LEAT_OK);
    leat_config_free(config);
    leat_config_free(copy);
}

Test(settings, what_was_not_added_stays_missing)
{
    char text[256];
    leat_config *config;
    cr_assert_eq(leat_config_new(&config), LEAT_OK);
    cr_assert_eq(leat_config_add_header(config, "no token", "1"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_add_header(config, "X-Two", "2"), LEAT_OK);
    cr_assert_eq(leat_config_add_proxy(config, "ftp://127.0.0.1"), LEAT_E_PARAMETER);
    cr_assert_eq(refusal_of(config, text, sizeof(text)), LEAT_E_PARAMETER);
    cr_assert(strstr(text, "leat_config_add_header()"), "%s", text);
    leat_config_clear_error(config);
    cr_assert_eq(leat_config_add_proxy(config, "ftp://127.0.0.1"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_proxy(config, NULL), LEAT_OK);
    cr_assert_eq(refusal_of(config, text, sizeof(text)), LEAT_OK);
    leat_config_free(config);
}

/* More than are told apart: those that have no place of their own are still not forgotten. */
Test(settings, refusals_beyond_the_limit_count)
{
    char text[256];
    leat_config *config;
    cr_assert_eq(leat_config_new(&config), LEAT_OK);
    cr_assert_eq(leat_config_set_proxy(config, "x"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_ca_path(config, ""), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_proxy_tls_ca_path(config, ""), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_max_redirects(config, 21), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_max_message_bytes(config, 0), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_send_queue_limit(config, 0), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_dns_servers(config, "x"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_cipher_suite(config, "x"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_user_agent(config, "\n"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_proxy(config, NULL), LEAT_OK);
    cr_assert_eq(leat_config_set_ca_path(config, NULL), LEAT_OK);
    cr_assert_eq(leat_config_set_proxy_tls_ca_path(config, NULL), LEAT_OK);
    cr_assert_eq(leat_config_set_max_redirects(config, 1), LEAT_OK);
    cr_assert_eq(leat_config_set_max_message_bytes(config, 1), LEAT_OK);
    cr_assert_eq(leat_config_set_send_queue_limit(config, 1), LEAT_OK);
    cr_assert_eq(leat_config_set_dns_servers(config, NULL), LEAT_OK);
    cr_assert_eq(leat_config_set_cipher_suite(config, NULL), LEAT_OK);
    cr_assert_eq(refusal_of(config, text, sizeof(text)), LEAT_E_PARAMETER);
    leat_config_clear_error(config);
    cr_assert_eq(refusal_of(config, text, sizeof(text)), LEAT_OK);
    leat_config_free(config);
}

static void code_expect(int code)
{
    cr_assert(code == LEAT_OK || code == LEAT_E_SYSTEM_INTERNAL, "%d", code);
}

/* Whom to dial, and what proxies are told, also in a copy. */
static bool set_whom_to_dial(void)
{
    leat_config *config, *copy = NULL;
    int code = leat_config_new(&config);
    code_expect(code);
    if (code != LEAT_OK)
        return false;
    const int codes[] = {
        leat_config_set_interface(config, "lo"),
        leat_config_set_unix_socket(config, "/tmp/s"),
        leat_config_add_resolve(config, "one.example", 0, "192.0.2.1,::1"),
        leat_config_add_connect_to(config, "two.example", 0, "three.example", 0),
        leat_config_set_proxy_credentials(config, "user", "secret"),
        leat_config_add_proxy_header(config, "A", "b"),
    };
    bool succeeded = true;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        code_expect(codes[i]);
        succeeded = succeeded && codes[i] == LEAT_OK;
    }
    if (succeeded) {
        code_expect(leat_config_copy(config, &copy));
        code = copy ? leat_config_set_interface(copy, "eth0") : LEAT_E_SYSTEM_INTERNAL;
        code_expect(code);
        cr_assert_str_eq(config->settings->dial.interface, "lo");
        succeeded = code == LEAT_OK;
    }
    leat_config_free(copy);
    leat_config_free(config);
    return succeeded;
}

Test(settings, whom_to_dial_without_memory)
{
    cr_assert_gt(alloc_failure_run_all(set_whom_to_dial), 15);
}

/* ---- what the connections of a configuration share ------------------------------------------ */

/** What is refused, with a reason, and leaves everything as it was. */
Test(settings, whom_to_dial_is_refused)
{
    leat_config *config = config_with_everything();
    struct leat_error error;
    cr_assert_eq(leat_config_set_local_address(config, "::1"), LEAT_E_PARAMETER);
    leat_config_get_error(config, &error);
    cr_assert_str_eq(error.text, "the local address is not of the family that is dialled");
    cr_assert_eq(leat_config_set_ip_version(config, LEAT_IP_V6), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_ip_version(config, (enum leat_ip_version)3), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_sent_proxy_protocol(config, LEAT_PROXY_PROTOCOL_2, "localhost"),
                 LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_sent_proxy_protocol(config, LEAT_PROXY_PROTOCOL_NONE, "::1"),
                 LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_sent_proxy_protocol(config, (enum leat_proxy_protocol)3, NULL),
                 LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_sent_proxy_protocol(config, LEAT_PROXY_PROTOCOL_2, "::1"),
                 LEAT_OK);
    cr_assert_eq(leat_config_set_local_address(config, "localhost"), LEAT_E_PARAMETER);
    static const char *const interfaces[] = {"0123456789abcdef", "a/b", "a b", "e:0"};
    for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++)
        cr_assert_eq(leat_config_set_interface(config, interfaces[i]), LEAT_E_PARAMETER);
    static const char *const lists[] = {"",           "x",    "192.0.2.1,",   ",192.0.2.1",
                                        "192.0.2.1 ", "[::1", "192.0.2.1:80", "example.com"};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        cr_assert_eq(leat_config_add_resolve(config, "h", 1, lists[i]), LEAT_E_PARAMETER, "%s",
                     lists[i]);
    char path[110];
    memset(path, 'p', sizeof(path) - 2);
    path[sizeof(path) - 2] = '\0';
    cr_assert_eq(leat_config_set_unix_socket(config, path), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_unix_socket(NULL, "/x"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_add_resolve(config, "", 1, "192.0.2.1"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_add_resolve(config, "a b", 1, "192.0.2.1"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_add_connect_to(config, "a b", 0, "c", 0), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_add_connect_to(config, "a", 0, "[::1", 0), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_proxy_credentials(config, NULL, "x"), LEAT_E_SOCKS5_SERIALIZE);
    cr_assert_eq(leat_config_add_proxy_header(config, "Host", "x"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_add_proxy_header(config, "A", "x\r\nB: y"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_add_proxy_header(config, "A b", "x"), LEAT_E_PARAMETER);
    cr_assert_eq(config->settings->dial.known_host_count, 1);
    cr_assert_eq(config->settings->dial.detour_count, 1);
    cr_assert_eq(config->settings->proxy_headers.count, 1);
    cr_assert_str_eq(config->settings->proxy_user, "me");
    for (unsigned i = 1; i < LEATI_CONFIG_MAX_HOSTS; i++)
        cr_assert_eq(leat_config_add_resolve(config, "h", 0, "::1"), LEAT_OK);
    cr_assert_eq(leat_config_add_resolve(config, "h", 0, "::1"), LEAT_E_PARAMETER);
    leat_config_free(config);
    cr_assert_eq(leat_config_set_interface(NULL, "lo"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_ip_version(NULL, LEAT_IP_ANY), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_local_address(NULL, NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_add_resolve(NULL, "h", 1, "::1"), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_add_connect_to(NULL, "h", 1, "i", 1), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_set_proxy_credentials(NULL, "u", NULL), LEAT_E_PARAMETER);
    cr_assert_eq(leat_config_add_proxy_header(NULL, "a", "b"), LEAT_E_PARAMETER);
}

Test(settings, the_last_servers_that_want_no_early_data_are_remembered)
{
    struct leati_tls_shared *shared = leati_tls_shared_new();
    char server[32];

    cr_assert_not_null(shared);
    cr_expect_not(leati_tls_shared_is_too_early(shared, "server.test:443"));
    for (unsigned i = 0; i <= LEATI_TLS_SHARED_TOO_EARLY_MAX; i++) {
        snprintf(server, sizeof(server), "server.test:%u", 1000 + i);
        leati_tls_shared_note_too_early(shared, server);
        leati_tls_shared_note_too_early(shared, server);
        cr_expect(leati_tls_shared_is_too_early(shared, server));
    }
    cr_expect_not(leati_tls_shared_is_too_early(shared, "server.test:1000"), "the oldest one");
    cr_expect(leati_tls_shared_is_too_early(shared, "server.test:1001"));
    cr_expect_not(leati_tls_shared_is_too_early(shared, "server.test:999"));
    leati_tls_shared_unref(shared);
}
