/* SPDX-License-Identifier: Apache-2.0 */
/* The same for programs; docs/CHECK.md has every member. */
#include "check_suites.h"
#include "check_watch.h"
#include "json.h"
#include "report.h"
#include "terminal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void date_write(struct tool_json *json, const char *name, int64_t seconds)
{
    char text[32] = "";
    time_t time = (time_t)seconds;
    struct tm tm;
    if (gmtime_r(&time, &tm))
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    tool_json_string(json, name, text);
}

/* An array of the parts of a text. */
static void parts_write(struct tool_json *json, const char *name, const char *text,
                        const char *separator)
{
    tool_json_array(json, name);
    while (*text) {
        const char *end = strstr(text, separator);
        size_t len = end ? (size_t)(end - text) : strlen(text);
        tool_json_text(json, NULL, text, len);
        text += len + (end ? strlen(separator) : 0);
    }
    tool_json_array_end(json);
}

/* ---- one connection --------------------------------------------------------------------- */

static void phases_write(struct tool_json *json, const struct check_run *run)
{
    tool_json_array(json, "phases");
    for (size_t i = 0; i < run->phase_count; i++) {
        const struct check_phase *phase = &run->phases[i];
        tool_json_object(json, NULL);
        tool_json_string(json, "name", phase->name);
        tool_json_string(json, "hop", phase->hop);
        tool_json_thousandths(json, "start_ms", phase->start_us - run->phases[0].start_us);
        tool_json_thousandths(json, "ms", phase->end_us - phase->start_us);
        tool_json_bool(json, "ok", phase->result == LEAT_OK);
        if (phase->result != LEAT_OK)
            tool_json_number(json, "code", phase->result);
        tool_json_string(json, "text", phase->text);
        tool_json_object_end(json);
    }
    tool_json_array_end(json);
}

static const char *outcome_of(const struct check_address *address)
{
    if (address->result == LEAT_OK)
        return "used";
    return address->result == LEAT_E_SOCKET_BASE + ECANCELED ? "slower" : "failed";
}

static void addresses_write(struct tool_json *json, const struct check_run *run)
{
    tool_json_array(json, "addresses");
    for (size_t i = 0; i < run->address_count; i++) {
        const struct check_address *address = &run->addresses[i];
        tool_json_object(json, NULL);
        tool_json_string(json, "address", address->address);
        tool_json_string(json, "hop", address->hop);
        tool_json_thousandths(json, "ms", address->end_us - address->start_us);
        tool_json_string(json, "outcome", outcome_of(address));
        if (address->result != LEAT_OK)
            tool_json_number(json, "code", address->result);
        tool_json_string(json, "text", address->text);
        tool_json_object_end(json);
    }
    tool_json_array_end(json);
}

static void tls_write(struct tool_json *json, const struct check_run *run)
{
    tool_json_array(json, "tls");
    for (size_t i = 0; i < run->tls_count; i++) {
        const struct check_tls *tls = &run->tls[i];
        tool_json_object(json, NULL);
        tool_json_string(json, "hop", tls->hop);
        tool_json_string(json, "protocol", tls->protocol);
        tool_json_string(json, "cipher", tls->cipher);
        tool_json_string(json, "group", tls->group);
        tool_json_string(json, "signature_algorithm", tls->signature_algorithm);
        tool_json_string(json, "alpn", tls->alpn);
        tool_json_bool(json, "resumed", tls->resumed);
        tool_json_object_end(json);
    }
    tool_json_array_end(json);
}

/* Of the first connection, or of the first one that failed. */
static void suites_write(struct tool_json *json, const struct check_plan *plan,
                         const struct check_way *way)
{
    static const char *const findings[] = {
        [CHECK_SUITES_CBC] = "cbc",
        [CHECK_SUITES_NOTHING_BETTER] = "nothing better",
        [CHECK_SUITES_HAS_BETTER] = "has better",
        [CHECK_SUITES_DHE_ONLY] = "dhe only",
        [CHECK_SUITES_STATIC_ONLY] = "static only",
    };
    char text[256];
    const struct check_suites *suites = &way->first->suites;
    if (suites->finding == CHECK_SUITES_FINE && way->failed)
        suites = &way->failed->suites;
    if (suites->finding == CHECK_SUITES_FINE)
        return;
    check_suites_format(suites, plan->language, text, sizeof(text));
    tool_json_object(json, "suites");
    tool_json_string(json, "hop", suites->hop);
    tool_json_string(json, "finding", findings[suites->finding]);
    if (suites->cipher[0])
        tool_json_string(json, "cipher", suites->cipher);
    tool_json_string(json, "text", text);
    tool_json_object_end(json);
}

static void certificate_write(struct tool_json *json, const struct check_certificate *certificate)
{
    int64_t days = check_days_left(certificate);
    tool_json_object(json, NULL);
    tool_json_string(json, "hop", certificate->hop);
    tool_json_number(json, "depth", (int64_t)certificate->depth);
    tool_json_string(json, "subject", certificate->subject);
    tool_json_string(json, "issuer", certificate->issuer);
    parts_write(json, "names", certificate->names, ", ");
    date_write(json, "not_before", certificate->not_before);
    date_write(json, "not_after", certificate->not_after);
    tool_json_number(json, "days_left", days);
    tool_json_bool(json, "expires_soon", days >= 0 && days < CHECK_EXPIRES_SOON_DAYS);
    tool_json_string(json, "key_type", certificate->key_type);
    tool_json_number(json, "key_bits", certificate->key_bits);
    tool_json_string(json, "signature", certificate->signature);
    tool_json_bool(json, "verified", certificate->verified);
    tool_json_string(json, "problem", certificate->problem);
    tool_json_object_end(json);
}

/* Of each chain the peer's own first. */
static void certificates_write(struct tool_json *json, const struct check_run *run)
{
    tool_json_array(json, "certificates");
    for (size_t start = 0, end; start < run->certificate_count; start = end) {
        end = check_chain_end(run, start);
        for (size_t i = end; i-- > start;)
            certificate_write(json, &run->certificates[i]);
    }
    tool_json_array_end(json);
}

static const char *echo_name(enum check_echo echo)
{
    static const char *const names[] = {
        [CHECK_ECHO_NONE] = "none",
        [CHECK_ECHO_RETURNED] = "returned",
        [CHECK_ECHO_PONG_ONLY] = "pong only",
        [CHECK_ECHO_SILENT] = "silent",
    };
    return names[echo];
}

static void websocket_write(struct tool_json *json, const struct check_run *run)
{
    tool_json_object(json, "websocket");
    tool_json_number(json, "http_status", run->http_status);
    tool_json_string(json, "subprotocol", run->subprotocol);
    tool_json_bool(json, "compressed", run->compressed);
    tool_json_string(json, "echo", echo_name(run->echo));
    tool_json_number(json, "close_code", run->close_code);
    tool_json_object_end(json);
}

static void failure_write(struct tool_json *json, const struct check_plan *plan,
                          const struct check_run *run)
{
    const struct check_phase *phase = check_failed_phase(run);
    const struct tool_story story = check_story(plan, run);
    tool_json_string(json, "failed_phase", phase ? phase->name : NULL);
    tool_error_describe(json, "error", &run->error);
    tool_answer_describe(json, "answer", &run->answer);
    tool_json_string(json, "heading", tool_story_heading(&story, plan->language));
    tool_json_string(json, "description", tool_story_description(&story, plan->language));
    parts_write(json, "causes", tool_story_causes(&story, plan->language), "\n");
    parts_write(json, "remedies", tool_story_remedies(&story, plan->language), "\n");
}

static void expiring_write(struct tool_json *json, const struct check_plan *plan,
                           const struct check_run *run)
{
    const struct check_certificate *certificate = check_expiring(run, plan->expires_in_s);
    if (plan->expires_in_s < 0)
        return;
    tool_json_string(json, "expiring", certificate ? certificate->subject : NULL);
}

static void run_write(struct tool_json *json, const struct check_plan *plan,
                      const struct check_run *run)
{
    if (run->connect_us > 0)
        tool_json_thousandths(json, "connect_ms", run->connect_us);
    else
        tool_json_null(json, "connect_ms");
    phases_write(json, run);
    addresses_write(json, run);
    tls_write(json, run);
    certificates_write(json, run);
    websocket_write(json, run);
    if (plan->verbose)
        parts_write(json, "headers", run->headers, "\n");
    expiring_write(json, plan, run);
}

/* ---- many ------------------------------------------------------------------------------- */

static void statistics_write(struct tool_json *json, const char *name, const char *hop,
                             const struct check_statistics *statistics)
{
    tool_json_object(json, NULL);
    tool_json_string(json, "name", name);
    tool_json_string(json, "hop", hop);
    tool_json_number(json, "count", (int64_t)statistics->count);
    tool_json_thousandths(json, "median_ms", statistics->median_us);
    tool_json_thousandths(json, "p99_ms", statistics->p99_us);
    tool_json_thousandths(json, "min_ms", statistics->min_us);
    tool_json_thousandths(json, "max_ms", statistics->max_us);
    tool_json_object_end(json);
}

static void all_statistics_write(struct tool_json *json, const struct check_way *way)
{
    struct check_statistics statistics;
    tool_json_array(json, "statistics");
    for (size_t i = 0; i < way->series_count; i++)
        if (check_way_statistics(way, i, &statistics) && statistics.count > 0)
            statistics_write(json, way->series[i].name, way->series[i].hop, &statistics);
    if (check_way_connect_statistics(way, &statistics) && statistics.count > 0)
        statistics_write(json, "connect", "", &statistics);
    tool_json_array_end(json);
}

static void sample_write(struct tool_json *json, const struct check_way *way,
                         const struct check_sample *sample)
{
    tool_json_object(json, NULL);
    tool_json_bool(json, "ok", sample->code == LEAT_OK);
    if (sample->code != LEAT_OK)
        tool_json_number(json, "code", sample->code);
    tool_json_bool(json, "resumed", sample->resumed);
    if (sample->connect_us != CHECK_ABSENT)
        tool_json_thousandths(json, "connect_ms", sample->connect_us);
    tool_json_array(json, "phases");
    for (size_t i = 0; i < way->series_count; i++) {
        if (sample->us[i] == CHECK_ABSENT)
            continue;
        tool_json_object(json, NULL);
        tool_json_string(json, "name", way->series[i].name);
        tool_json_string(json, "hop", way->series[i].hop);
        tool_json_thousandths(json, "ms", sample->us[i]);
        tool_json_object_end(json);
    }
    tool_json_array_end(json);
    tool_json_object_end(json);
}

static void way_write(struct tool_json *json, const struct check_plan *plan,
                      const struct check_way *way)
{
    tool_json_bool(json, "ok", !way->failed);
    tool_json_number(json, "runs", (int64_t)way->count);
    tool_json_number(json, "failed", (int64_t)way->failed_count);
    tool_json_number(json, "resumed", (int64_t)way->resumed_count);
    run_write(json, plan, way->first);
    suites_write(json, plan, way);
    if (way->failed)
        failure_write(json, plan, way->failed);
    if (way->count == 1)
        return;
    all_statistics_write(json, way);
    tool_json_array(json, "samples");
    for (size_t i = 0; i < way->count; i++)
        sample_write(json, way, &way->samples[i]);
    tool_json_array_end(json);
}

/** The URL without a user and a password, which it may not have: nobody else is to see them. */
static void url_write(struct tool_json *json, const char *url)
{
    char shown[1024];
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end ? scheme_end + 3 : url;
    const char *at = memrchr(host, '@', strcspn(host, "/?#"));
    tool_format(shown, sizeof(shown), "%.*s%s", (int)(host - url), url, at ? at + 1 : host);
    tool_json_string(json, "url", at ? shown : url);
}

static void head_write(struct tool_json *json, const struct check_plan *plan)
{
    url_write(json, plan->url);
    tool_json_number(json, "proxies", (int64_t)plan->proxy_count);
    tool_json_object(json, "library");
    tool_json_string(json, "version", leat_version());
    tool_json_string(json, "tls_backend", leat_tls_backend());
    tool_json_object_end(json);
}

void check_json_way(const struct check_plan *plan, const struct check_way *way)
{
    struct tool_json json = {.out = stdout};
    tool_json_object(&json, NULL);
    head_write(&json, plan);
    way_write(&json, plan, way);
    tool_json_object_end(&json);
    tool_json_end(&json);
}

static void median_write(struct tool_json *json, const char *name, const struct check_way *way,
                         size_t series, struct check_statistics *ret_statistics)
{
    *ret_statistics = (struct check_statistics){0};
    if (series != CHECK_PHASES_MAX && check_way_statistics(way, series, ret_statistics) &&
        ret_statistics->count > 0)
        tool_json_thousandths(json, name, ret_statistics->median_us);
    else
        tool_json_null(json, name);
}

static void pair_write(struct tool_json *json, const struct check_pair *pair,
                       const struct check_way *direct, const struct check_way *proxied)
{
    struct check_statistics left, right;
    tool_json_object(json, NULL);
    tool_json_string(json, "name",
                     pair->direct != CHECK_PHASES_MAX ? direct->series[pair->direct].name
                                                      : proxied->series[pair->proxied].name);
    median_write(json, "direct_ms", direct, pair->direct, &left);
    median_write(json, "proxied_ms", proxied, pair->proxied, &right);
    tool_json_object_end(json);
}

void check_json_comparison(const struct check_plan *plan, const struct check_way *direct,
                           const struct check_way *proxied)
{
    struct tool_json json = {.out = stdout};
    struct check_pair pairs[2 * CHECK_PHASES_MAX];
    size_t count = check_pair_series(direct, proxied, pairs);
    tool_json_object(&json, NULL);
    head_write(&json, plan);
    tool_json_object(&json, "direct");
    way_write(&json, plan, direct);
    tool_json_object_end(&json);
    tool_json_object(&json, "proxied");
    way_write(&json, plan, proxied);
    tool_json_object_end(&json);
    tool_json_array(&json, "comparison");
    for (size_t i = 0; i < count; i++)
        pair_write(&json, &pairs[i], direct, proxied);
    tool_json_array_end(&json);
    tool_json_object_end(&json);
    tool_json_end(&json);
}
