/* SPDX-License-Identifier: Apache-2.0 */
/** @file The options that every connecting command has, and the configuration that they make. */
#ifndef LEAT_TOOL_CONNECTION_H
#define LEAT_TOOL_CONNECTION_H

#include "command.h"

#include <leat/leat.h>

enum { TOOL_PROXY_HOPS_MAX = 8 };

enum { TOOL_CRLS_MAX = 16 };

/** A member of the state of each command that has these sections; see tool_connection_init(). */
struct tool_connection {
    leat_config *config;
    leat_tls_options *tls; /* with the server; tool_connection_finish() passes it on */
    char *crls[TOOL_CRLS_MAX];
    size_t crl_count;
    struct tool_identity {
        const char *cert, *key, *key_password_path;
    } own, own_for_proxy;      /* what we show to the server, to proxies */
    unsigned tls_min, tls_max; /* indices into "1.2|1.3" */
    char *proxy_token;         /* --proxy-token; NULL = none */
    size_t proxy_count;
    enum leat_proxy_protocol sent_proxy_protocol;
    const char *proxy_protocol_client; /* NULL = none */
    /** "host:port" of the first proxies, to tell what fails with them from what fails with the
     * server. */
    char proxy_hops[TOOL_PROXY_HOPS_MAX][LEAT_ERROR_HOP_SIZE];
    bool names_suites;   /* --ciphers */
    const char *ca_path; /* --ca, NULL = none; of the command line */
    bool is_insecure;    /* --insecure */
    bool compresses;
    bool timeout_is_set;
    uint32_t timeout_ms, max_time_ms; /* 0 = none */
};

/** Whether a failure is one of the way to a proxy, or of TLS with it. */
bool tool_connection_is_of_proxy(const struct tool_connection *connection,
                                 const struct leat_error *error);

/** Makes the configuration; false = no memory, which is said. */
bool tool_connection_init(struct tool_connection *connection);

/** Completes the configuration when all options have been read. @return false: what is wrong is
 * said. */
bool tool_connection_finish(struct tool_connection *connection, const struct tool_command *command);

/** As tool_answered_exit_status(), for a connection with these options: with a proxy, TCP leads to
 * the proxy. */
int tool_connection_exit_status(const struct tool_connection *connection,
                                const struct leat_error *error, bool was_open, int http_status);

/** NULL-safe in all members. */
void tool_connection_done(struct tool_connection *connection);

/* The rows of the sections of a command, with the offset of its struct tool_connection. */
extern const struct tool_option tool_connection_options[];
extern const struct tool_option tool_dial_options[];
extern const struct tool_option tool_tls_options[];
extern const struct tool_option tool_proxy_options[];

#define TOOL_CONNECTION_SECTIONS(offset)                                                           \
    {"connection", tool_connection_options, (offset)}, {"addresses", tool_dial_options, (offset)}, \
        {"proxy", tool_proxy_options, (offset)},                                                   \
    {                                                                                              \
        "TLS", tool_tls_options, (offset)                                                          \
    }

#endif
