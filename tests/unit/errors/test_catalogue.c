/* SPDX-License-Identifier: Apache-2.0 */
#include <leat/catalogue.h>

#include "util/utf8.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(catalogue, .timeout = 60);

static const enum leat_language languages[] = {LEAT_LANGUAGE_EN, LEAT_LANGUAGE_ZH};

static bool has_chinese(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text >= 0xe4 && (unsigned char)*text <= 0xe9)
            return true;
    }
    return false;
}

static void check_text(int code, const char *text, enum leat_language language)
{
    cr_assert(*text != '\0', "%d has an empty text", code);
    cr_assert(leati_utf8_valid(text, strlen(text)), "%d: not UTF-8: %s", code, text);
    cr_assert(has_chinese(text) == (language == LEAT_LANGUAGE_ZH), "%d: language: %s", code, text);
    cr_assert(text[strlen(text) - 1] != '\n' && !strstr(text, "\n\n"), "%d: empty line", code);
}

Test(catalogue, every_code_is_complete)
{
    cr_assert(leat_code_count() > 250);
    for (size_t i = 0; i < leat_code_count(); i++) {
        int code = leat_code_at(i);
        const char *message = leat_strerror(code);
        cr_assert(*message && message[strlen(message) - 1] == '.', "%d: %s", code, message);
        cr_assert(strncmp(leat_code_name(code), "LEAT_E_", 7) == 0);
        cr_assert(leat_error_class(code) != LEAT_CLASS_NONE, "%d has no class", code);
        cr_assert(leat_code_family(code) != LEAT_FAMILY_NONE, "%d has no family", code);
        for (size_t k = 0; k < 2; k++) {
            check_text(code, leat_code_description(code, languages[k]), languages[k]);
            check_text(code, leat_code_causes(code, languages[k]), languages[k]);
            check_text(code, leat_code_remedies(code, languages[k]), languages[k]);
        }
    }
    cr_assert_eq(leat_code_at(leat_code_count()), LEAT_OK);
    cr_assert_eq(leat_code_at(SIZE_MAX), LEAT_OK);
}

Test(catalogue, codes_and_names_are_unique)
{
    for (size_t i = 0; i < leat_code_count(); i++) {
        for (size_t k = 0; k < i; k++) {
            cr_assert_neq(leat_code_at(i), leat_code_at(k));
            cr_assert_str_neq(leat_code_name(leat_code_at(i)), leat_code_name(leat_code_at(k)));
        }
    }
}

/* glibc tells every name. Another libc tells texts: what has one of its own is to have a name. */
static bool errno_is_known(int number)
{
#ifdef __GLIBC__
    const char *name = strerrorname_np(number);
    cr_assert_str_eq(leat_errno_name(number), name ? name : "", "%d", number);
    return name;
#else
    bool is_known = strcmp(strerror(number), strerror(-1)) != 0;
    cr_assert(!is_known || leat_errno_name(number)[0] == 'E', "%d", number);
    return is_known;
#endif
}

Test(catalogue, has_every_errno_of_this_system)
{
    enum { KNOWN_TO_ALL = 80 };
    int count = 0;
    for (int number = 1; number < 4096; number++) {
        if (!errno_is_known(number))
            continue;
        count++;
        cr_assert_eq(leat_code_errno(LEAT_E_SOCKET_BASE + number), number);
        cr_assert_eq(leat_code_errno(LEAT_E_TLS_SOCKET_BASE + number), number);
    }
    cr_assert(count > KNOWN_TO_ALL, "only %d values of errno", count);
    cr_assert_eq(LEAT_E_SOCKET_ECONNREFUSED, LEAT_E_SOCKET_BASE + ECONNREFUSED);
    cr_assert_eq(LEAT_E_TLS_SOCKET_ENETDOWN, LEAT_E_TLS_SOCKET_BASE + ENETDOWN);
}

Test(catalogue, a_tls_socket_has_its_own_words_where_documented)
{
    cr_assert_str_eq(leat_strerror(2303109), "Bad file number.");
    cr_assert_str_eq(leat_strerror(2301009), "Bad file descriptor.");
    cr_assert_str_eq(leat_strerror(2303188), "Not a socket.");
    cr_assert_str_eq(leat_strerror(2303204), leat_strerror(2301104));
}

static void check_total(int code)
{
    bool known = leat_code_family(code) != LEAT_FAMILY_NONE;
    cr_assert_eq(known, strcmp(leat_strerror(code), "Unknown error.") != 0 && code != LEAT_OK);
    cr_assert_eq(known, leat_error_class(code) != LEAT_CLASS_NONE);
    cr_assert_eq(known, leat_code_description(code, LEAT_LANGUAGE_EN)[0] != '\0' && code != 0);
    cr_assert_eq(known || code == LEAT_OK, strcmp(leat_code_name(code), "unknown") != 0);
    cr_assert_not_null(leat_code_causes(code, LEAT_LANGUAGE_ZH));
    cr_assert_not_null(leat_code_remedies(code, LEAT_LANGUAGE_ZH));
    cr_assert(leat_code_errno(code) >= 0);
    cr_assert_not_null(leat_errno_name(code));
}

Test(catalogue, every_int_has_an_answer)
{
    static const int edges[] = {INT_MIN, INT_MIN + 1, -1, 0, 1, INT_MAX - 1, INT_MAX};
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        check_total(edges[i]);
    for (int code = 2299000; code < 2305000; code++)
        check_total(code);
    unsigned state = 1;
    for (int i = 0; i < 300000; i++) {
        state = state * 1664525u + 1013904223u;
        check_total((int)(state ^ (state >> 15)));
    }
}

Test(catalogue, success_is_no_failure)
{
    cr_assert_str_eq(leat_strerror(LEAT_OK), "Success.");
    cr_assert_str_eq(leat_code_name(LEAT_OK), "LEAT_OK");
    cr_assert_eq(leat_error_class(LEAT_OK), LEAT_CLASS_NONE);
}

Test(catalogue, classes)
{
    static const struct {
        int code;
        enum leat_class class_;
    } rows[] = {
        {LEAT_E_PARAMETER, LEAT_CLASS_BUG},
        {LEAT_E_SYSTEM_INTERNAL, LEAT_CLASS_LOCAL},
        {LEAT_E_SOCKET_ETIMEDOUT, LEAT_CLASS_RETRY},
        {LEAT_E_SOCKET_ECONNRESET, LEAT_CLASS_CLOSED},
        {LEAT_E_SOCKET_ECONNREFUSED, LEAT_CLASS_PEER},
        {LEAT_E_SOCKET_EADDRINUSE, LEAT_CLASS_CONFIGURATION},
        {LEAT_E_SOCKS5_CONNECT_PROXY, LEAT_CLASS_PROXY},
        {LEAT_E_SOCKS5_CONNECT_REMOTE, LEAT_CLASS_PEER},
        {LEAT_E_TLS_VERIFY, LEAT_CLASS_CERTIFICATE},
        {LEAT_E_WS_URL, LEAT_CLASS_CONFIGURATION},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert_eq(leat_error_class(rows[i].code), rows[i].class_, "%d", rows[i].code);
    for (int class_ = LEAT_CLASS_RETRY; class_ <= LEAT_CLASS_BUG; class_++)
        cr_assert_str_neq(leat_class_name((enum leat_class)class_), "none");
    cr_assert_str_eq(leat_class_name((enum leat_class)99), "none");
    cr_assert_str_eq(leat_family_name((enum leat_family)99), "none");
    cr_assert_str_eq(leat_family_name(LEAT_FAMILY_TLS_SOCKET), "tls-socket");
}

Test(catalogue, finds_every_code_by_number_and_name)
{
    char number[16];
    int codes[2];
    for (size_t i = 0; i < leat_code_count(); i++) {
        int code = leat_code_at(i);
        snprintf(number, sizeof(number), "%d", code);
        cr_assert_eq(leat_code_find(number, codes, 2), 1);
        cr_assert_eq(codes[0], code);
        cr_assert_eq(leat_code_find(leat_code_name(code), codes, 2), 1);
        cr_assert_eq(codes[0], code);
    }
}

Test(catalogue, finds_an_errno_in_both_families)
{
    static const char *const names[] = {"EAGAIN", "ewouldblock", "EWOULDBLOCK", "eagain"};
    int codes[3] = {0, 0, -5};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cr_assert_eq(leat_code_find(names[i], codes, 3), 2, "%s", names[i]);
        cr_assert_eq(codes[0], LEAT_E_SOCKET_EAGAIN);
        cr_assert_eq(codes[1], LEAT_E_TLS_SOCKET_EAGAIN);
    }
    cr_assert_eq(codes[2], -5);
    cr_assert_eq(leat_code_find("ENOTSUP", codes, 1), 2);
    cr_assert_eq(codes[0], LEAT_E_SOCKET_EOPNOTSUPP);
    cr_assert_eq(leat_code_find("EDEADLOCK", NULL, 0), 2);
}

Test(catalogue, finds_nothing_in_bad_text)
{
    static const char *const bad[] = {
        "",
        " ",
        "-",
        "+401",
        "401 ",
        " 401",
        "4294967697",
        "0x191",
        "LEAT_E_",
        "E",
        "9",
        "99999999999999999999999999999999",
        "ECONNREFUSEDX",
        "-401",
        "LEAT_E_SOCKET_BASE",
        "unknown",
    };
    int codes[2];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(leat_code_find(bad[i], codes, 2), 0, "found '%s'", bad[i]);
    cr_assert_eq(leat_code_find(NULL, codes, 2), 0);
    cr_assert_eq(leat_code_find("401", NULL, 2), 0);
}

static void *look_up_everything(void *unused)
{
    (void)unused;
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < leat_code_count(); i++) {
            int code = leat_code_at(i);
            if (strcmp(leat_strerror(code), "Unknown error.") == 0 ||
                leat_code_find(leat_code_name(code), NULL, 0) != 1) {
                return "not found";
            }
        }
    }
    return NULL;
}

Test(catalogue, threads_look_up_at_the_same_time)
{
    pthread_t threads[4];
    void *result;
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, look_up_everything, NULL), 0);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(pthread_join(threads[i], &result), 0);
        cr_assert_null(result);
    }
}
