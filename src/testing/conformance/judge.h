/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The judge, as the files of its subjects see it. A subject is a table of functions; a trial is a
 * case with the function that plays it.
 */
#ifndef LEATI_TESTING_CONFORMANCE_JUDGE_H
#define LEATI_TESTING_CONFORMANCE_JUDGE_H

#include "testing/conformance/endpoint.h"
#include "testing/conformance/finding.h"
#include "testing/conformance/wire.h"
#include "testing/conformance/ws_cases.h"

#include <pthread.h>
#include <stdatomic.h>

/** Cases in a row in which a server says nothing at all, before it is taken for gone. */
#define LEATI_JUDGE_SILENT_MAX 8
/** How long a run may take with a server, whatever still moves; and how long clients may still come when all is
 * done. */
#define LEATI_JUDGE_RUN_MS_MAX      600000
#define LEATI_JUDGE_FAREWELL_MS_MAX 30000
/** Keys of clients that are remembered. */
#define LEATI_JUDGE_KEYS_MAX 1024
/** Connections of clients at a time. */
#define LEATI_JUDGE_GUESTS_MAX 64
/** Of the heads that clients and servers send. */
#define LEATI_JUDGE_HEAD_BYTES_MAX 65536

struct leati_judge_guest;
struct leati_trial;

/** Plays one case: with a server or proxy that is to be dialled, or on the connection of a client, which it
 * finds in `guest`. */
typedef void leati_trial_play(struct leat_testing_conformance *judge,
                              const struct leati_trial *trial, struct leati_judge_guest *guest,
                              struct leati_finding *ret_finding);

struct leati_trial {
    const char *id, *section, *title; /**< live as long as the judge */
    char expected[160];
    leati_trial_play *play;
    const void *data; /**< of `play` */
    /* Under the judge's lock. */
    struct leati_finding finding;
    uint64_t duration_us;
    bool is_taken, is_done;
};

/** A client that has come. */
struct leati_judge_guest {
    struct leati_wire wire;
    struct leat_testing_conformance *judge;
    pthread_t thread;
    bool is_over; /**< of the judge's lock: it can be joined */
    struct leati_judge_guest *next;
    char head[LEATI_JUDGE_HEAD_BYTES_MAX + 1]; /**< what it has asked for */
};

/** What is judged, as functions. */
struct leati_subject {
    enum leat_testing_subject subject;
    bool listens;
    const char *schemes, *tls_scheme; /**< "ws wss", "wss"; of its URL */
    /** Adds all trials. */
    void (*collect)(struct leat_testing_conformance *judge);
    /** Of a server: before and after each case of a worker, e.g. for a connection that stays. */
    void *(*worker_begin)(struct leat_testing_conformance *judge);
    bool (*worker_check)(struct leat_testing_conformance *judge, void *worker,
                         struct leati_finding *finding);
    void (*worker_end)(void *worker);
    /** Of a client: what it wants. */
    void (*receive)(struct leat_testing_conformance *judge, struct leati_judge_guest *guest);
};

extern const struct leati_subject leati_subject_ws_server;
extern const struct leati_subject leati_subject_ws_client;
extern const struct leati_subject leati_subject_socks5_proxy;
extern const struct leati_subject leati_subject_socks5_client;
extern const struct leati_subject leati_subject_connect_proxy;
extern const struct leati_subject leati_subject_connect_client;

struct leat_testing_conformance {
    struct leat_testing_conformance_options options; /**< strings are its own */
    const struct leati_subject *subject;
    struct leati_endpoint endpoint; /**< of a server or proxy */
    struct ssl_ctx_st *tls;         /**< NULL = plain */
    struct leati_ws_cases ws_cases; /**< of WebSockets */
    struct leati_trial *trials;
    size_t trial_count;
    bool failed;          /**< there was no memory */
    char *url;            /**< what clients are told */
    char problem[240];    /**< why it cannot run; "" = none */
    char agent[80];       /**< as leat_testing_conformance_get_agent() */
    int listener;         /**< -1 = none */
    int stop_fd;          /**< readable for ever once it is to end */
    atomic_uint has_run;  /* a word: RISC-V exchanges nothing smaller without libatomic */
    atomic_size_t silent; /**< cases in a row in which nothing was said */

    pthread_mutex_t told_lock; /**< one `judged` after the other; taken before `lock` */
    pthread_mutex_t lock;      /**< of all below, and of the trials' results */
    pthread_cond_t changed;
    bool is_stopping, is_over; /**< told to end; a client has said that it is done */
    bool says_when_done;       /**< a client that will say so */
    bool has_reused_key;
    size_t done_count;
    uint64_t last_ms;     /**< when somebody was there */
    uint64_t start_ms;    /**< of the run */
    uint64_t all_done_ms; /**< 0 = not all is done */
    struct leati_judge_guest *guests;
    unsigned guest_count;
    char (*keys)[25]; /**< that clients have used; NULL = none */
    size_t key_count;
};

/** Adds a trial; the texts but for `expected` live as long as the judge. */
void leati_judge_add(struct leat_testing_conformance *judge, const char *id, const char *section,
                     const char *title, const char *expected, leati_trial_play *play,
                     const void *data);
/** Notes what came of a trial, and tells. */
void leati_judge_note(struct leat_testing_conformance *judge, struct leati_trial *trial,
                      const struct leati_finding *finding, uint64_t duration_us);
/** Waits for the head of the guest's request, and moves it into guest->head. false: none has come. */
bool leati_judge_take_head(struct leati_judge_guest *guest);
/** Takes the next trial that nobody has, and plays it with the guest. */
void leati_judge_try_next(struct leati_judge_guest *guest);
/** Takes the next trial that nobody has. NULL = there is none, or it is to end. */
struct leati_trial *leati_judge_next(struct leat_testing_conformance *judge);
/** Says that a client is done. */
void leati_judge_finish(struct leat_testing_conformance *judge);

/** Dials the server or proxy. Without a finding: it is connected, with TLS if it has that. */
bool leati_judge_dial(struct leat_testing_conformance *judge, struct leati_wire *ret_wire,
                      struct leati_finding *ret_finding);
/** Finds what the other side has not done, and what it did instead; nothing, if the judge was stopped.
 * @return false, for `return`. */
bool leati_judge_tell(const struct leati_wire *wire, struct leati_finding *finding,
                      enum leat_testing_verdict verdict, const char *what);
/** Plays a trial on the connection of a guest, and notes it. */
void leati_judge_try(struct leat_testing_conformance *judge, struct leati_trial *trial,
                     struct leati_judge_guest *guest);

/* ---- judge_run.c, judge_listen.c -------------------------------------------------------------- */

int leati_judge_run_servers(struct leat_testing_conformance *judge);
/** @return LEAT_OK, LEAT_E_SOCKET_BASE + errno, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL */
int leati_judge_listen(struct leat_testing_conformance *judge,
                       struct leat_testing_problem *ret_problem);
int leati_judge_run_clients(struct leat_testing_conformance *judge);

/** Starts a thread that takes no signals. */
bool leati_judge_thread(pthread_t *ret_thread, void *(*run)(void *), void *user);

#endif
