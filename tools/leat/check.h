/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What `leat check` finds out. check_run.c makes one connection and writes it down, check_stats.c
 * counts over many, check_suites.c asks for more, check_print.c tells it to people (with check_look.c, check_waterfall.c,
 * check_findings.c and the words of check_words.c), check_json.c to programs.
 */
#ifndef LEAT_TOOL_CHECK_H
#define LEAT_TOOL_CHECK_H

#include "connection.h"
#include "situation.h"

#include <leat/leat.h>

enum {
    CHECK_PHASES_MAX = 32, /* redirects and proxies have some each */
    CHECK_ADDRESSES_MAX = 64,
    CHECK_CERTIFICATES_MAX = 32,
    CHECK_TLS_MAX = 12,
    CHECK_EXPIRES_SOON_DAYS = 14,
};

struct check_phase {
    char name[16];
    char hop[LEAT_ERROR_HOP_SIZE];
    char text[320];
    uint64_t start_us, end_us;
    bool is_over;
    int result; /* LEAT_OK or why it failed */
};

struct check_address {
    char address[80];
    char hop[LEAT_ERROR_HOP_SIZE];
    char text[128];
    uint64_t start_us, end_us;
    int result;
};

struct check_certificate {
    char hop[LEAT_ERROR_HOP_SIZE];
    char subject[256], issuer[256], names[2048], problem[512];
    char key_type[16], signature[64];
    size_t depth;
    unsigned key_bits;
    int64_t not_before, not_after;
    bool verified;
};

struct check_tls {
    char hop[LEAT_ERROR_HOP_SIZE];
    char protocol[16], cipher[64], alpn[32], group[32], signature_algorithm[32];
    bool resumed;
};

/* What the server has of cipher suites, as far as there is something to say. */
enum check_suites_finding {
    CHECK_SUITES_FINE,           /* nothing to say */
    CHECK_SUITES_CBC,            /* agreed on CBC; what else there is could not be found out */
    CHECK_SUITES_NOTHING_BETTER, /* agreed on CBC; refuses whoever offers only AEAD */
    CHECK_SUITES_HAS_BETTER,     /* agreed on CBC, and has `cipher` */
    CHECK_SUITES_DHE_ONLY,       /* refuses what was offered, and has `cipher` */
    CHECK_SUITES_STATIC_ONLY,    /* the same, and its keys have no forward secrecy */
};

struct check_suites {
    enum check_suites_finding finding;
    char hop[LEAT_ERROR_HOP_SIZE];
    char cipher[64];
};

enum check_echo {
    CHECK_ECHO_NONE,      /* not asked for, or not got so far */
    CHECK_ECHO_RETURNED,  /* the message came back */
    CHECK_ECHO_PONG_ONLY, /* the server lives, but is none that sends messages back */
    CHECK_ECHO_SILENT,    /* neither */
};

/** One connection. */
struct check_run {
    struct check_phase phases[CHECK_PHASES_MAX];
    size_t phase_count;
    struct check_address addresses[CHECK_ADDRESSES_MAX];
    size_t address_count;
    struct check_certificate certificates[CHECK_CERTIFICATES_MAX];
    size_t certificate_count;
    struct check_tls tls[CHECK_TLS_MAX];
    size_t tls_count;
    struct check_suites suites;
    enum check_echo echo;
    uint64_t start_us;
    uint64_t connect_us; /* until it was open, 0 = it never was */
    char subprotocol[128];
    bool compressed;
    int http_status;
    unsigned close_code;
    struct tool_answer answer; /* of a refusal */
    char headers[4096];        /* of the answer, "NAME: VALUE\n" each */
    struct leat_error error;
};

/** The phases of one name to one hop, over all connections. */
struct check_series {
    char name[16];
    char hop[LEAT_ERROR_HOP_SIZE];
    size_t nth; /* of those with that name and hop in one connection */
};

#define CHECK_ABSENT UINT64_MAX

/** One of many connections: how long what took. */
struct check_sample {
    uint64_t us[CHECK_PHASES_MAX]; /* by series; CHECK_ABSENT = it was not reached, or failed */
    uint64_t connect_us;           /* CHECK_ABSENT = it was never open */
    bool resumed;
    int code;
};

/** One way to the server, by itself or through the proxies, and what came of it. */
struct check_way {
    leat_config *config;
    struct check_run *first;  /* the first connection */
    struct check_run *failed; /* the first one that failed; NULL = none. May be `first` */
    struct check_series series[CHECK_PHASES_MAX];
    size_t series_count;
    struct check_sample *samples;
    size_t count, failed_count, resumed_count;
};

/* ---- check_run.c ------------------------------------------------------------------------ */

struct check_probe_options {
    bool no_echo;
    const char *message; /* NULL = a text of ours */
    uint32_t echo_timeout_ms;
    uint32_t max_time_ms; /* over everything; 0 = none */
};

struct check_probe;

/** NULL without memory. */
struct check_probe *check_probe_new(const struct check_probe_options *options);
void check_probe_free(struct check_probe *probe);

/** Connects, asks for the echo, closes, and writes down what happens. */
void check_probe_run(struct check_probe *probe, const char *url, leat_config *config,
                     struct check_run *ret_run);

/** The first phase of the try that `phase` belongs to: redirects, and addresses that a proxy could
 * not reach, are followed by another one. */
const struct check_phase *check_try_of(const struct check_run *run,
                                       const struct check_phase *phase);
/** The phase that the connection has failed in, NULL if none: its code is the error's. */
const struct check_phase *check_failed_phase(const struct check_run *run);

/** Where the chain ends that begins at the certificate `start`: the index behind its last one.
 * Chains stand one behind the other, each from the top down to the peer's own. */
size_t check_chain_end(const struct check_run *run, size_t start);

/* ---- check_stats.c ---------------------------------------------------------------------- */

struct check_statistics {
    size_t count;
    uint64_t min_us, median_us, p99_us, max_us;
};

/** Room for `count` samples. @return false without memory. */
bool check_way_init(struct check_way *way, leat_config *config, size_t count);
void check_way_done(struct check_way *way);
/** Counts a connection and keeps it if it is the first of its kind. @return false without memory.
 */
bool check_way_add(struct check_way *way, const struct check_run *run);

/** Over the connections in which the phase went well; all zero if there is none. The 99th
 * percentile is the nearest rank. false = no memory. */
bool check_way_statistics(const struct check_way *way, size_t series,
                          struct check_statistics *ret_statistics);
/** The same for the time until the connection was open. */
bool check_way_connect_statistics(const struct check_way *way,
                                  struct check_statistics *ret_statistics);

/** A phase in both ways; an index of CHECK_PHASES_MAX = it is not in that one. */
struct check_pair {
    size_t direct, proxied;
};

/** Pairs the series of two ways, those of the origin with those of the origin, in their order. */
size_t check_pair_series(const struct check_way *direct, const struct check_way *proxied,
                         struct check_pair ret_pairs[2 * CHECK_PHASES_MAX]);

/** Whole days until a certificate is not valid any more; below 0 = it is not. */
int64_t check_days_left(const struct check_certificate *certificate);

/* ---- telling ---------------------------------------------------------------------------- */

/** What is known beforehand, for the phases that were never reached. */
struct check_plan {
    const char *url;
    size_t proxy_count;
    bool no_echo;
    bool verbose;
    int64_t expires_in_s; /* of certificates: -1 = no matter when */
    enum leat_language language;
    const struct tool_connection *connection; /* with the proxies; NULL = there is none */
};

/** What is known of the failure of a run. */
struct tool_story check_story(const struct check_plan *plan, const struct check_run *run);

void check_print_way(const struct check_plan *plan, const struct check_way *way);
void check_print_comparison(const struct check_plan *plan, const struct check_way *direct,
                            const struct check_way *proxied);

void check_json_way(const struct check_plan *plan, const struct check_way *way);
void check_json_comparison(const struct check_plan *plan, const struct check_way *direct,
                           const struct check_way *proxied);

#endif
