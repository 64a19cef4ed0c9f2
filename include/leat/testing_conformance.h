/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A judge of conformance: plays a few hundred cases with a WebSocket server or client (RFC 6455, RFC
 * 7692), a SOCKS5 proxy or client (RFC 1928, RFC 1929), an HTTP proxy or client that knows CONNECT
 * (RFC 9110, RFC 9112), in any language, and says of each what was expected and what was seen.
 *
 *     leat_testing_conformance *judge = NULL;
 *     int code = leat_testing_conformance_new(
 *         LEAT_TESTING_CONFORMANCE_OPTIONS(.subject = LEAT_TESTING_SUBJECT_WEBSOCKET_SERVER,
 *                                          .url = "ws://127.0.0.1:9000/"),
 *         &judge, NULL);
 *     code = leat_testing_conformance_run(judge);
 *     for (size_t i = 0; i < leat_testing_conformance_get_count(judge); ++i) {
 *         struct leat_testing_case now = {.size = sizeof(now)};
 *         code = leat_testing_conformance_get_case(judge, i, &now);
 *         ... now.verdict == LEAT_TESTING_VERDICT_FAIL ...
 *     }
 *     leat_testing_conformance_free(judge);
 *
 * What is judged returns every message that comes (a WebSocket), or every byte (what is behind a
 * proxy, for a client of proxies). `leat check --conformance` and `leat serve conformance` are the same
 * as programs. All functions may be called from any thread.
 */
#ifndef LEAT_TESTING_CONFORMANCE_H
#define LEAT_TESTING_CONFORMANCE_H

#include <leat/testing.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is judged. */
enum leat_testing_subject {
    LEAT_TESTING_SUBJECT_WEBSOCKET_SERVER, /**< an echo server at `url`, ws or wss */
    LEAT_TESTING_SUBJECT_WEBSOCKET_CLIENT, /**< it connects to the judge */
    LEAT_TESTING_SUBJECT_SOCKS5_PROXY,     /**< at `url`: "socks5://[USER:PASSWORD@]HOST:PORT" */
    LEAT_TESTING_SUBJECT_SOCKS5_CLIENT,    /**< it has the judge as its proxy */
    LEAT_TESTING_SUBJECT_CONNECT_PROXY,    /**< at `url`: "http://[USER:PASSWORD@]HOST:PORT" */
    LEAT_TESTING_SUBJECT_CONNECT_CLIENT,   /**< it has the judge as its proxy */
};

/** What came of a case. */
enum leat_testing_verdict {
    LEAT_TESTING_VERDICT_NOT_RUN,       /**< nobody came, it was not possible, or not yet */
    LEAT_TESTING_VERDICT_PASS,          /**< as expected */
    LEAT_TESTING_VERDICT_INFORMATIONAL, /**< the RFCs leave it open: only what was seen */
    LEAT_TESTING_VERDICT_NON_STRICT,    /**< against a SHOULD, or later than it could be */
    LEAT_TESTING_VERDICT_FAIL,          /**< against a MUST, or broken for others */
};

/** A case, and what came of it. */
struct leat_testing_case {
    size_t size;                       /**< sizeof(struct leat_testing_case) of the caller */
    const char *id;                    /**< "close.code.1000", never another case's */
    const char *section;               /**< "RFC 6455 section 7.4" */
    const char *title;                 /**< what is done */
    const char *expected;              /**< what it is to do then */
    enum leat_testing_verdict verdict; /**< as the judge sees it */
    const char *seen;     /**< what it did; never NULL. One line, safe for a terminal */
    uint64_t duration_us; /**< of the case */
};

/** A judge. Opaque. */
typedef struct leat_testing_conformance leat_testing_conformance;

/** How to judge; all zero but `size` and `subject` are good defaults for a client. */
struct leat_testing_conformance_options {
    size_t size; /**< sizeof(struct leat_testing_conformance_options) of the caller */
    enum leat_testing_subject subject; /**< who is judged */
    const char *url; /**< of a server or proxy; NULL = only to ask for the list of cases */
    /** Which cases: ids or patterns of fnmatch(3), with commas between; a pattern with ! in front takes
     * away. NULL = all. */
    const char *cases;
    /** How long it may do nothing where something is expected; 0 = 5000. */
    unsigned patience_ms;
    unsigned parallel; /**< connections to a server or proxy at a time; 0 = 4 */

    /* -- of clients -- */
    const char *address; /**< to listen on; NULL = "127.0.0.1" */
    uint16_t port;       /**< 0 = any free one */
    /** How long nobody may come; then it is over. 0 = 60000. */
    unsigned idle_ms;

    /* -- of proxies, and TLS -- */
    /** An address of this machine that the proxy reaches: its destinations are there. NULL =
     * "127.0.0.1". */
    const char *target_address;
    /** PEM file, or folder of hashed names, of whom to trust as a wss server; NULL = whom the system
     * trusts. */
    const char *ca_path;
    const struct leat_testing_tls *tls; /**< of the judge of WebSocket clients; NULL = plain */

    /** Told of each case when it is over, in a thread of the judge, one after the other. NULL = nobody.
     * It must not free the judge. */
    void (*judged)(const struct leat_testing_case *now, void *user);
    void *user;          /**< for `judged` */
    bool trusts_anybody; /**< the certificate of a wss server is not looked at */
};

/** Such a struct in place. For C; in C++ fill one. */
#define LEAT_TESTING_CONFORMANCE_OPTIONS(...)                                                      \
    (&(struct leat_testing_conformance_options){                                                   \
        .size = sizeof(struct leat_testing_conformance_options), __VA_ARGS__})

/**
 * Makes a judge. That of a client listens when this returns.
 *
 * @param ret_problem written only on failure; NULL = not wanted.
 * @return LEAT_OK; LEAT_E_PARAMETER (a URL that cannot be read, a pattern without a case: see
 *         `*ret_problem`); LEAT_E_SOCKET_BASE + errno (it cannot listen); LEAT_E_SYSTEM_INTERNAL (no
 *         memory or thread).
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_conformance_new(
    const struct leat_testing_conformance_options *options, leat_testing_conformance **ret_judge,
    struct leat_testing_problem *ret_problem);

/**
 * Plays all cases with a server or proxy; waits until a client has come for all of them, has said that it
 * is done, or nobody has come for `idle_ms`. Once for each judge.
 *
 * @return LEAT_OK, whatever the verdicts; LEAT_E_PARAMETER (there is no `url`, it has run already);
 *         LEAT_E_SOCKET_BASE + errno (what is judged cannot be reached at all: no case was run);
 *         LEAT_E_TLS_VERIFY (its certificate is not accepted: likewise);
 *         LEAT_E_SYSTEM_INTERNAL (no memory or thread).
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_conformance_run(leat_testing_conformance *judge);

/** Ends a run soon: what was not run stays so. */
LEAT_API void leat_testing_conformance_stop(leat_testing_conformance *judge);

/** Where clients are to connect to: "ws://127.0.0.1:41234", "socks5h://leat:secret@127.0.0.1:41234",
 * "http://127.0.0.1:41234"; `url` otherwise, which may be NULL. Lives as long as the judge. */
LEAT_API const char *leat_testing_conformance_get_url(const leat_testing_conformance *judge);

/** What the client calls itself: `agent` of the URLs; "" if it says nothing. Lives as long as the judge, and
 * changes with the next client. */
LEAT_API const char *leat_testing_conformance_get_agent(const leat_testing_conformance *judge);

/** Why a run ended with LEAT_E_TLS_VERIFY: "its certificate is not accepted: certificate has expired"; ""
 * otherwise. Lives as long as the judge. */
LEAT_API const char *leat_testing_conformance_get_problem(const leat_testing_conformance *judge);

/** How many cases are chosen. */
LEAT_API size_t leat_testing_conformance_get_count(const leat_testing_conformance *judge);

/**
 * A case, from 0, and what came of it until now.
 *
 * @param ret_case its `size` is set; the texts live as long as the judge, `seen` until the case is run
 *        again.
 * @return LEAT_OK; LEAT_E_PARAMETER (there is none).
 */
LEAT_API LEAT_MUST_CHECK int leat_testing_conformance_get_case(
    const leat_testing_conformance *judge, size_t index, struct leat_testing_case *ret_case);

/** Ends it, waits for its threads and frees. NULL is allowed. */
LEAT_API void leat_testing_conformance_free(leat_testing_conformance *judge);

#ifdef __cplusplus
}
#endif

#endif
