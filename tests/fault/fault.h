/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * One fault as data: who the peers are and what they do, what the client is told to do, and what it
 * must say of it. The tables are in faults_NAME.c; driver.c runs every row through the event-driven
 * client and through the blocking face.
 */
#ifndef LEAT_TESTS_FAULT_FAULT_H
#define LEAT_TESTS_FAULT_FAULT_H

#include "fault/syscall_shim.h"
#include "support/client_run.h"
#include "support/dns_server.h"
#include "support/script_server.h"

/** Instead of a script: a port that refuses, and one that does not answer. */
extern const struct leat_script_row peer_refusing[];
extern const struct leat_script_row peer_unanswering[];

/** Starts what a script says, or one of those two. @return its port; 1 if `script` is NULL. */
uint16_t fault_peer_start(const struct leat_script_row *script, leat_testing_server **ret_peer);

/** When the fault shows, and so which call reports it. */
enum fault_moment {
    FAULT_CONNECTING, /**< the connection never opens */
    FAULT_OPEN,       /**< it opens, and then ends while the client waits for a message */
    FAULT_REFUSED,    /**< connect refuses at once; nothing was started */
    FAULT_SETTING,    /**< `configure` fails */
    FAULT_ACTION,     /**< the client opens, and `act` fails; the connection may live on */
    FAULT_IDLE,       /**< `act` fails before any connect */
};

/** A phase and its deadline; ms 0 = the default. */
struct fault_deadline {
    enum leat_phase phase;
    uint32_t ms;
};

struct fault {
    const char *name;
    enum fault_moment moment;

    /* ---- the world ---- */
    const struct leat_script_row *server; /**< NULL = none */
    const struct leat_script_row *proxy;  /**< NULL = no proxy */
    const struct dns_record *dns;         /**< NULL = the system's servers are not asked */
    void (*world)(void);                  /**< what to do to the machine before; NULL = nothing */
    struct shim_fault shim;               /**< armed after everything else is ready */
    /** What the peer does behind its first LEAT_SCRIPT_WAIT, it has done to its end before the
     * client, which is connected then, sends its first byte. */
    bool peer_is_first;

    /** How many connections the server, or the proxy, may have seen; then, and if there is a `dns`,
     * nobody may have been asked for a name either. */
    bool peers_are_counted;
    unsigned connections;

    /* ---- what the client does ---- */
    const char *url;       /**< "%u" is the server's port; NULL = "ws://127.0.0.1:%u/" */
    const char *proxy_url; /**< "%u" is the proxy's port; NULL = "socks5h://127.0.0.1:%u" */
    struct fault_deadline deadline;
    uint32_t connect_timeout_ms; /**< 0 = that of client_config_new() */
    /** Anything else; its result counts with FAULT_SETTING only. */
    int (*configure)(leat_config *config);
    /** FAULT_ACTION and FAULT_IDLE: what must fail. NULL = the row is not for this face. */
    int (*act)(struct client_run *run);
    int (*blocking_act)(leat_blocking_websocket *ws);

    /* ---- what it must say ---- */
    int code;
    enum leat_layer layer;
    int sys_errno;
    int native_code;     /**< 0 = there is none, unless `any_native` */
    bool any_native;     /**< there is one, whatever its number is (mbedTLS) */
    uint16_t close_code; /**< FAULT_OPEN: 0 = 1006 */
    const char *text;    /**< a part of the text; NULL = any */
};

/** A table. */
struct fault_table {
    const struct fault *faults;
    size_t count;
};
extern const struct fault_table faults_general, faults_tcp, faults_dns, faults_socks5,
    faults_http_proxy, faults_tls, faults_websocket, faults_sending;

#define FAULT_TABLE(name)                                                                          \
    const struct fault_table faults_##name = {faults, sizeof(faults) / sizeof(faults[0])}

/* ---- report.c: rows of the socket objects, whose tables have a driver of their own ----------- */

/** What an object must say of a fault. */
struct fault_report {
    const char *name;
    int code;
    enum leat_layer layer; /**< LEAT_LAYER_NONE = the call has only its code */
    int sys_errno;
    int native_code; /**< 0 = there is none, unless `any_native` */
    bool any_native;
    const char *text; /**< a part of the text; NULL = any */
};

/** Compares, and counts the code as reached. `error` is not looked at if the call has only its
 * code.
 */
void fault_report_expect(const struct fault_report *wanted, int code,
                         const struct leat_error *error);

/* ---- coverage.c: which codes were reached, over the processes of all tests ------------------- */

/** Called once, before the tests: empties the file that $LEAT_FAULT_CODES names, if any. */
void coverage_begin(void);
/** A fault has happened and was reported with this code, in all that the row says. */
void coverage_reached(int code);
/** Prints "codes: N of N documented rows reached", and which are missing in all of these files.
 * @return false if one is missing. */
bool coverage_is_whole(char **paths);

#endif
