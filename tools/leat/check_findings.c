/* SPDX-License-Identifier: Apache-2.0 */
#include "check_look.h"
#include "check_suites.h"
#include "terminal.h"
#include "wrap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Where the lines of a certificate begin. */
enum { CERTIFICATE_COLUMN = 5 };

static void print_problem(const char *text, size_t column)
{
    fputs(check_style(TOOL_STYLE_RED), stdout);
    tool_print_wrapped(stdout, text, strlen(text), column);
    printf("%s\n", check_style(TOOL_STYLE_PLAIN));
}

static void print_addresses(const struct check_look *look, const struct check_run *run)
{
    size_t columns = 0;
    for (size_t i = 0; i < run->address_count; i++)
        if (strlen(run->addresses[i].address) > columns)
            columns = strlen(run->addresses[i].address);
    for (size_t i = 0; i < run->address_count; i++) {
        const struct check_address *address = &run->addresses[i];
        if (i == 0 || strcmp(address->hop, run->addresses[i - 1].hop) != 0)
            check_print_heading(look, CHECK_WORD_ADDRESSES, address->hop);
        printf("  ");
        check_print_padded(address->address, columns);
        printf(" %9.3f ms  ", check_ms(address->end_us - address->start_us));
        if (address->result == LEAT_OK)
            printf("%s%s%s\n", check_style(TOOL_STYLE_GREEN),
                   check_look_word(look, CHECK_WORD_ADDRESS_USED), check_style(TOOL_STYLE_PLAIN));
        else if (address->result == LEAT_E_SOCKET_BASE + ECANCELED)
            printf("%s\n", check_look_word(look, CHECK_WORD_ADDRESS_SLOWER));
        else
            print_problem(address->text, 2 + columns + 15);
    }
}

static void print_suites(const struct check_look *look, const struct check_run *run,
                         const struct check_tls *tls)
{
    char text[256];
    if (strcmp(run->suites.hop, tls->hop) != 0 || tls != &run->tls[run->tls_count - 1])
        return;
    check_suites_format(&run->suites, look->language, text, sizeof(text));
    printf("  %s%s%s\n", check_style(TOOL_STYLE_YELLOW), text, check_style(TOOL_STYLE_PLAIN));
}

static void print_tls(const struct check_look *look, const struct check_run *run)
{
    for (size_t i = 0; i < run->tls_count; i++) {
        const struct check_tls *tls = &run->tls[i];
        check_print_heading(look, CHECK_WORD_TLS, tls->hop);
        printf("  %s  %s", tls->protocol, tls->cipher);
        if (tls->group[0])
            printf("  %s", tls->group);
        if (tls->signature_algorithm[0])
            printf("  %s", tls->signature_algorithm);
        if (tls->alpn[0])
            fputs("  ALPN ", stdout);
        check_print_text(tls->alpn);
        printf("  %s%s%s\n", check_style(tls->resumed ? TOOL_STYLE_GREEN : TOOL_STYLE_PLAIN),
               check_look_word(look, tls->resumed ? CHECK_WORD_RESUMED : CHECK_WORD_FULL_HANDSHAKE),
               check_style(TOOL_STYLE_PLAIN));
        print_suites(look, run, tls);
    }
}

static void print_date(int64_t seconds)
{
    char text[32] = "?";
    time_t time = (time_t)seconds;
    struct tm tm;
    if (gmtime_r(&time, &tm))
        strftime(text, sizeof(text), "%Y-%m-%d", &tm);
    fputs(text, stdout);
}

static void print_days(const struct check_look *look, int64_t left)
{
    /* -1 is the day in which it expired. */
    int64_t days = left >= 0 ? left : -left - 1;
    if (left >= 0 && days == 1)
        fputs(check_look_word(look, CHECK_WORD_DAY_LEFT), stdout);
    else if (left >= 0)
        printf(check_look_word(look, CHECK_WORD_DAYS_LEFT), (long long)days);
    else if (days <= 1)
        fputs(check_look_word(look,
                              days == 0 ? CHECK_WORD_EXPIRED_JUST_NOW : CHECK_WORD_EXPIRED_DAY_AGO),
              stdout);
    else
        printf(check_look_word(look, CHECK_WORD_EXPIRED_DAYS_AGO), (long long)days);
}

static void print_validity(const struct check_look *look,
                           const struct check_certificate *certificate)
{
    int64_t days = check_days_left(certificate);
    bool is_soon = days >= 0 && days < CHECK_EXPIRES_SOON_DAYS;
    fputs(check_style(days < 0  ? TOOL_STYLE_RED
                      : is_soon ? TOOL_STYLE_YELLOW
                                : TOOL_STYLE_PLAIN),
          stdout);
    print_date(certificate->not_before);
    fputs(" - ", stdout);
    print_date(certificate->not_after);
    fputs(", ", stdout);
    print_days(look, days);
    if (is_soon)
        printf(", %s", check_look_word(look, CHECK_WORD_EXPIRES_SOON));
    fputs(check_style(TOOL_STYLE_PLAIN), stdout);
}

static void print_certificate(const struct check_look *look,
                              const struct check_certificate *certificate)
{
    printf("  %zu  ", certificate->depth);
    check_print_text(certificate->subject);
    printf("\n     ");
    print_validity(look, certificate);
    printf("\n     %s %u", certificate->key_type, certificate->key_bits);
    if (!certificate->verified)
        printf(", %s", check_look_word(look, CHECK_WORD_NOT_VERIFIED));
    printf("\n     %s ", check_look_word(look, CHECK_WORD_ISSUER));
    check_print_text(certificate->issuer);
    printf(", %s\n", certificate->signature);
    if (certificate->depth == 0 && certificate->names[0]) {
        const char *label = check_look_word(look, CHECK_WORD_NAMES);
        printf("     %s ", label);
        tool_print_wrapped_at(stdout, certificate->names, strlen(certificate->names),
                              CERTIFICATE_COLUMN + tool_text_columns(label) + 1,
                              CERTIFICATE_COLUMN);
        putchar('\n');
    }
    if (certificate->problem[0]) {
        printf("   %sx ", check_style(TOOL_STYLE_RED));
        print_problem(certificate->problem, CERTIFICATE_COLUMN);
    }
}

/* They were told from the top down; people begin with the server's own. */
static void print_certificates(const struct check_look *look, const struct check_run *run)
{
    for (size_t start = 0, end; start < run->certificate_count; start = end) {
        end = check_chain_end(run, start);
        check_print_heading(look, CHECK_WORD_CERTIFICATES, run->certificates[start].hop);
        for (size_t i = end; i-- > start;)
            print_certificate(look, &run->certificates[i]);
    }
}

static void print_websocket(const struct check_look *look, const struct check_run *run)
{
    if (!run->subprotocol[0] && !run->compressed)
        return;
    check_print_heading(look, CHECK_WORD_WEBSOCKET, NULL);
    if (run->subprotocol[0])
        printf("  %s %s\n", check_look_word(look, CHECK_WORD_SUBPROTOCOL), run->subprotocol);
    if (run->compressed)
        printf("  permessage-deflate, %s\n", check_look_word(look, CHECK_WORD_COMPRESSED));
}

static void print_library(const struct check_look *look)
{
    check_print_heading(look, CHECK_WORD_LIBRARY, NULL);
    printf("  leat %s, %s\n", leat_version(), leat_tls_backend());
}

static void print_headers(const struct check_look *look, const struct check_run *run)
{
    if (!look->plan->verbose || run->http_status == 0)
        return;
    check_print_heading(look, CHECK_WORD_HEADERS, NULL);
    printf("  HTTP %d\n", run->http_status);
    for (const char *line = run->headers; *line;) {
        size_t len = strcspn(line, "\n");
        fputs("  ", stdout);
        tool_print_safe(stdout, line, len);
        putchar('\n');
        line += len + (line[len] == '\n');
    }
}

void check_print_findings(const struct check_look *look, const struct check_run *run)
{
    print_addresses(look, run);
    print_tls(look, run);
    print_certificates(look, run);
    print_websocket(look, run);
    print_headers(look, run);
    print_library(look);
}
