/* SPDX-License-Identifier: Apache-2.0 */
/** @file What the commands `leat serve ...` share: their options, and the log. */
#ifndef LEAT_TOOL_SERVE_H
#define LEAT_TOOL_SERVE_H

#include "command.h"

#include <leat/testing.h>
#include <leat/testing_capture.h>
#include <leat/testing_certificates.h>
#include <leat/testing_conditions.h>

#include <signal.h>
#include <stdatomic.h>

/** The state of such a command. */
struct tool_serve_state {
    enum leat_testing_kind kind;

    const char *host;
    uint32_t port;
    uint32_t connections; /**< ends after so many; 0 = never */
    bool once, until_eof, has_log, is_json;
    const char *pcapng, *diagram; /**< files; NULL = none */
    uint32_t pcapng_mib;          /**< 0 = the library's limit */

    struct leat_testing_fault *faults; /**< their bytes are those of `parsed` */
    size_t fault_count;
    struct leat_testing_fault **parsed;
    size_t parsed_count;
    uint32_t rate;

    const char *user;          /**< as given: "USER" or "USER:PASSWORD" */
    const char *password_path; /**< NULL = none */
    struct leat_testing_name *names;
    size_t name_count;

    const char *to; /**< of a relay */
    const char *unix_path;
    char *records;               /**< all of them, with ; between */
    unsigned auth, proxy_header; /**< indices into their words */
    bool has_tickets, deflates;
    bool has_to_tls, to_insecure;
    const char *to_ca, *to_name;
    struct leat_testing_condition *conditions;
    size_t condition_count;
    uint32_t seed;

    const char *record; /**< a file; NULL = none */
    const char *replay; /**< what is replayed */
    unsigned match;     /**< an index into its words */
    bool keeps_times;

    bool has_tls;
    const char *cert, *key, *client_ca, *cert_hosts;
    unsigned certificate_faults;
    unsigned tls_min, tls_max; /**< indices into "1.2|1.3" */
    const char **protocols;
    size_t protocol_count;

    atomic_uint ended; /**< connections */
    int enough_fd;     /**< an eventfd, readable when `connections` of them have ended */
};

/* The rows of the sections, for a struct tool_serve_state at offset 0. */
extern const struct tool_option tool_serve_options[];
extern const struct tool_option tool_serve_fault_options[];
extern const struct tool_option tool_serve_link_options[];
extern const struct tool_option tool_serve_to_options[];
extern const struct tool_option tool_serve_to_host_options[];
extern const struct tool_option tool_serve_record_options[];
extern const struct tool_option tool_serve_recording_options[];
extern const struct tool_option tool_serve_replay_options[];
extern const struct tool_option tool_serve_auth_options[];
extern const struct tool_option tool_serve_proxy_options[];
extern const struct tool_option tool_serve_tls_options[];
extern const struct tool_option tool_serve_echo_options[];

extern const struct tool_command tool_serve_conformance;
extern const struct tool_command tool_serve_control;

/** Runs a server of a kind until it is told to end. */
int tool_serve_command(const struct tool_command *command, enum leat_testing_kind kind, int argc,
                       char **argv);

/** The options of a capture, for a state that has `pcapng` and `pcapng_mib`. */
#define TOOL_SERVE_CAPTURE_OPTIONS(state_)                                                         \
    {.name = "pcapng",                                                                             \
     .argument = "FILE",                                                                           \
     .value = TOOL_VALUE_FILE,                                                                     \
     .help = "write a file for Wireshark, TLS secrets inside",                                     \
     .detail =                                                                                     \
         "Its packets are made up around what the clients have sent and got, so nobody needs to "  \
         "be root; the secrets are in it (Decryption Secrets Block), so that TLS is shown in "     \
         "plain. The steps are comments of packets. Mode 0600.",                                   \
     .set = tool_set_string,                                                                       \
     .offset = offsetof(state_, pcapng)},                                                          \
    {                                                                                              \
        .name = "pcapng-max", .argument = "MIB", .value = TOOL_VALUE_NUMBER,                       \
        .help = "nothing is written behind so many MiB (256)", .set = tool_set_u32,                \
        .offset = offsetof(state_, pcapng_mib), .max = 1048576                                     \
    }

/** Starts the capture of --pcapng, unless `path` is NULL. @return a code of libleat-testing. */
int tool_serve_capture(const char *path, uint32_t mib, leat_testing_capture **ret_capture,
                       struct leat_testing_problem *ret_problem);

void tool_serve_init(struct tool_serve_state *serve, enum leat_testing_kind kind);
void tool_serve_done(struct tool_serve_state *serve);

/** Checks what only all options together tell. @return false: what is wrong is said. */
bool tool_serve_finish(struct tool_serve_state *serve, const struct tool_command *command);

/** The `log` of struct leat_testing_options, with a struct tool_serve_state: writes the log, and
 * notes when enough connections have ended. */
void tool_serve_log(const struct leat_testing_event *event, void *user);

/** Behind the lines that such a command begins with, before which errno was 0. TOOL_EXIT_OK, also for
 * a reader that has gone: then `*ret_is_read` is false; else why not is said. */
int tool_serve_flush(const struct tool_command *command, bool *ret_is_read);

/** The signals that end such a command in order. */
sigset_t tool_serve_end_signals(void);

#endif
