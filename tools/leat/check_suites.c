/* SPDX-License-Identifier: Apache-2.0 */
#include "check_suites.h"
#include "check_words.h"

#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* By the names of OpenSSL, each list ended by NULL. RFC 9325 section 4.2 recommends these; TLS 1.3
 * has no others. */
static const char *const good_suites[] = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-CCM",
    "ECDHE-ECDSA-AES256-CCM",
    NULL,
};

/* Forward secret, but by groups that the server makes up. */
static const char *const dhe_suites[] = {
    "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-SHA256",
    "DHE-RSA-AES256-SHA256",     "DHE-RSA-AES128-SHA",
    "DHE-RSA-AES256-SHA",        NULL,
};

static const char *const static_suites[] = {
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA256",
    "AES256-SHA256",
    "AES128-SHA",
    "AES256-SHA",
    NULL,
};

enum answer {
    ANSWER_AGREED,
    ANSWER_REFUSED, /* none of them */
    ANSWER_UNKNOWN, /* anything else went wrong */
};

struct question {
    leat_loop *loop;
    leat_tls_socket *tls;
    enum answer answer;
    char *cipher; /* of an answer that agrees */
    size_t cipher_cap;
};

/* ---- one handshake ---------------------------------------------------------------------- */

/* Servers refuse by an alert, or just go away. */
static bool is_refusal(const struct leat_error *error)
{
    if (error->layer != LEAT_LAYER_TLS)
        return false;
    return error->code == LEAT_E_TLS_SYSCALL ||
           (error->code == LEAT_E_TLS_ENGINE &&
            (strstr(error->text, "alert handshake_failure") ||
             strstr(error->text, "alert insufficient_security")));
}

static void on_connected(leat_tls_socket *tls, void *user)
{
    struct question *question = user;
    question->answer = ANSWER_AGREED;
    tool_format(question->cipher, question->cipher_cap, "%s",
                leat_tls_socket_get_cipher_suite(tls));
    if (leat_tls_socket_close(tls) != LEAT_OK)
        leat_loop_stop(question->loop);
}

static void on_error(leat_tls_socket *tls, const struct leat_error *error, void *user)
{
    struct question *question = user;
    (void)tls;
    if (question->answer == ANSWER_UNKNOWN && is_refusal(error))
        question->answer = ANSWER_REFUSED;
}

static void on_closed(leat_tls_socket *tls, void *user)
{
    (void)tls;
    leat_loop_stop(((struct question *)user)->loop);
}

static const struct leat_tls_socket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .connected = on_connected,
    .error = on_error,
    .closed = on_closed,
};

/* The suites of the list that this build has; false = none. */
static bool set_suites(leat_tls_options *options, const char *const *suites)
{
    char list[512] = "";
    size_t len = 0;
    for (; *suites; suites++) {
        if (leat_tls_options_set_cipher_suite(options, *suites) != LEAT_OK)
            continue;
        int added = snprintf(list + len, sizeof(list) - len, "%s%s", len ? ":" : "", *suites);
        if (added < 0 || (size_t)added >= sizeof(list) - len)
            return false;
        len += (size_t)added;
    }
    return len > 0 && leat_tls_options_set_cipher_suite(options, list) == LEAT_OK;
}

static bool set_options(leat_tls_options *options, const char *const *suites)
{
    static const char *const alpn[] = {"http/1.1"};
    /* Suites of 1.3 would always be offered beside them, and all of those are good. */
    enum leat_tls_protocol max = suites == good_suites ? LEAT_TLS_V13 : LEAT_TLS_V12;
    return leat_tls_options_set_protocols(options, LEAT_TLS_V12, max) == LEAT_OK &&
           leat_tls_options_set_skip_remote_validation(options, true) == LEAT_OK &&
           leat_tls_options_set_alpn_protocols(options, alpn, 1) == LEAT_OK &&
           set_suites(options, suites);
}

/* "host:port", "[::1]:443" */
static bool hop_split(const char *hop, char host[LEAT_ERROR_HOP_SIZE], uint16_t *ret_port)
{
    const char *colon = strrchr(hop, ':');
    if (!colon)
        return false;
    size_t len = (size_t)(colon - hop);
    if (len >= 2 && hop[0] == '[' && hop[len - 1] == ']') {
        hop++;
        len -= 2;
    }
    memcpy(host, hop, len);
    host[len] = '\0';
    *ret_port = (uint16_t)strtoul(colon + 1, NULL, 10);
    return true;
}

static void question_put(struct question *question, const char *hop, leat_tls_options *options,
                         const leat_config *config)
{
    char host[LEAT_ERROR_HOP_SIZE];
    uint16_t port;
    if (hop_split(hop, host, &port) &&
        leat_tls_socket_new(question->loop, &callbacks, question, &question->tls) == LEAT_OK &&
        leat_tls_socket_connect(question->tls, host, port, options, config) == LEAT_OK &&
        leat_loop_run(question->loop) != LEAT_OK)
        question->answer = ANSWER_UNKNOWN;
    leat_tls_socket_free(question->tls);
}

/* As the connection went, through its proxies, but with these suites, and without a trace. */
static enum answer ask(const struct check_way *way, const char *hop, const char *const *suites,
                       char *cipher, size_t cipher_cap)
{
    struct question question = {
        .answer = ANSWER_UNKNOWN, .cipher = cipher, .cipher_cap = cipher_cap};
    leat_tls_options *options = NULL;
    leat_config *config = NULL;
    if (leat_loop_new(&question.loop) == LEAT_OK && leat_tls_options_new(&options) == LEAT_OK &&
        leat_config_copy(way->config, &config) == LEAT_OK &&
        leat_config_set_trace(config, NULL, NULL) == LEAT_OK && set_options(options, suites))
        question_put(&question, hop, options, config);
    leat_config_free(config);
    leat_tls_options_free(options);
    leat_loop_free(question.loop);
    return question.answer;
}

/* ---- what there is to ask ----------------------------------------------------------------- */

static bool is_cbc(const struct check_tls *tls)
{
    return strstr(tls->cipher, "_CBC_") != NULL;
}

/* That with the server is the last one. */
static const struct check_tls *server_tls(const struct check_run *run)
{
    return run->tls_count > 0 ? &run->tls[run->tls_count - 1] : NULL;
}

static bool is_of_proxy(const struct check_run *run, const char *hop)
{
    /* The layer behind it names the same hop. */
    for (size_t i = 0; i < run->phase_count; i++)
        if (check_phase_is_proxy(run->phases[i].name) && strcmp(run->phases[i].hop, hop) == 0)
            return true;
    return false;
}

static void ask_for_better(struct check_way *way, const struct check_tls *tls,
                           bool shows_certificate, struct check_suites *suites)
{
    memcpy(suites->hop, tls->hop, sizeof(suites->hop));
    suites->finding = CHECK_SUITES_CBC;
    switch (ask(way, tls->hop, good_suites, suites->cipher, sizeof(suites->cipher))) {
    case ANSWER_AGREED:
        suites->finding = CHECK_SUITES_HAS_BETTER;
        break;
    case ANSWER_REFUSED:
        if (!shows_certificate)
            suites->finding = CHECK_SUITES_NOTHING_BETTER;
        break;
    case ANSWER_UNKNOWN:
        break;
    }
}

static void ask_for_others(struct check_way *way, struct check_suites *suites)
{
    const char *hop = way->failed->error.hop;
    enum answer answer = ask(way, hop, dhe_suites, suites->cipher, sizeof(suites->cipher));
    if (answer == ANSWER_AGREED)
        suites->finding = CHECK_SUITES_DHE_ONLY;
    else if (answer == ANSWER_REFUSED &&
             ask(way, hop, static_suites, suites->cipher, sizeof(suites->cipher)) == ANSWER_AGREED)
        suites->finding = CHECK_SUITES_STATIC_ONLY;
    if (suites->finding != CHECK_SUITES_FINE)
        memcpy(suites->hop, hop, sizeof(suites->hop));
}

static bool found_no_suite(const struct check_run *run)
{
    const struct check_phase *phase = check_failed_phase(run);
    return phase && strcmp(phase->name, "tls") == 0 && is_refusal(&run->error) &&
           !is_of_proxy(run, run->error.hop);
}

void check_suites_ask(struct check_way *way, const struct tool_connection *connection)
{
    /* The server may refuse whoever comes without a certificate, as the question does. */
    bool shows_certificate = connection->own.cert != NULL;
    struct check_run *run = way->first;
    const struct check_tls *tls = run ? server_tls(run) : NULL;
    if (tls && is_cbc(tls) && !is_of_proxy(run, tls->hop))
        ask_for_better(way, tls, shows_certificate, &run->suites);
    if (way->failed && !connection->names_suites && found_no_suite(way->failed))
        ask_for_others(way, &way->failed->suites);
}

void check_suites_format(const struct check_suites *suites, enum leat_language language, char *buf,
                         size_t cap)
{
    /* Each with the suite. */
    static const struct {
        const char *english, *chinese;
    } sentences[] = {
        [CHECK_SUITES_CBC] = {"CBC is for old servers only (RFC 9325 section 4.2)",
                              "CBC 仅用于兼容旧服务器（RFC 9325 第 4.2 节）"},
        [CHECK_SUITES_NOTHING_BETTER] =
            {"the server has nothing better than CBC (RFC 9325 section 4.2)",
             "服务器没有比 CBC 更好的密码套件（RFC 9325 第 4.2 节）"},
        [CHECK_SUITES_HAS_BETTER] = {"CBC was agreed on, although the server has %s",
                                     "已协商 CBC，尽管服务器支持 %s"},
        [CHECK_SUITES_DHE_ONLY] =
            {"the server has no ECDHE, but %s, which is offered only by --ciphers",
             "服务器不支持 ECDHE，但支持 %s，须以 --ciphers 指定才会提供"},
        [CHECK_SUITES_STATIC_ONLY] =
            {"the server has nothing but static RSA, %s: without forward secrecy, and offered only "
             "by --ciphers",
             "服务器仅支持静态 RSA 密钥交换 %s：无前向保密，须以 --ciphers 指定才会提供"},
    };
    *buf = '\0';
    if (suites->finding != CHECK_SUITES_FINE)
        tool_format(buf, cap,
                    language == LEAT_LANGUAGE_ZH ? sentences[suites->finding].chinese
                                                 : sentences[suites->finding].english,
                    suites->cipher);
}
