/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A server: what all of its connections share.
 */
#ifndef LEATI_TESTING_SERVER_H
#define LEATI_TESTING_SERVER_H

#include "testing/conditions.h"
#include "testing/limits.h"

#include <leat/testing_script.h>
#include <pthread.h>

#define LEATI_TESTING_STEPS (LEAT_TESTING_STEP_QUERY + 1)

struct leati_condition_set;
struct leati_dns_table;
struct leati_peer;
struct leati_record;
struct leati_recording;

/** Faults as all connections have them: a connection keeps those of its present step, whatever comes
 * after. Counted under the server's lock. */
struct leati_fault_set {
    unsigned refs;
    size_t count;
    struct leat_testing_fault faults[];
};

struct leat_testing_server {
    /* Set before the first thread starts; strings belong to `owned`. */
    struct leat_testing_options options;
    struct leat_testing_tls tls;
    struct leat_testing_to_tls to_tls;
    size_t script_count;
    void **owned;
    size_t owned_count;
    char address[128];
    char *url;
    uint16_t port;
    int listener;    /* -1 = none: UDP */
    int datagram_fd; /* of UDP and DNS; -1 = none */
    pthread_t datagram_thread;
    bool has_thread, has_datagram_thread;
    struct leati_dns_table *dns;
    struct leati_record *record;       /* NULL = none is written */
    struct leati_recording *recording; /* of a replay */
    uint8_t ticket_keys[80];
    char nonce[33];                      /* of Digest */
    bool owns_path;                      /* `unix_path` is this server's */
    void (*serve)(struct leati_peer *p); /* instead of what its kind does; NULL = that */
    void *serve_user;
    int stop_fd; /* readable for ever once the server is being freed */
    uint64_t start_us;
    pthread_t thread;
    unsigned fork_count; /* of the process that its threads are in */

    pthread_mutex_t log_lock; /* one event after the other; taken before `lock` */
    pthread_mutex_t lock;     /* of all below */
    pthread_cond_t changed;
    bool stopping;
    unsigned releases;
    struct leati_peer *peers;       /* those whose thread was not joined yet */
    struct leati_fault_set *faults; /* never NULL */
    struct leati_condition_set *conditions;
    unsigned condition_version;
    bool has_links; /* connections have one; set before the first thread starts */
    unsigned step_counts[LEATI_TESTING_STEPS];
    struct {
        const char *name;
        unsigned count;
    } labels[LEATI_TESTING_LABELS_MAX];
    size_t label_count;
    struct leat_testing_event *events;
    /* A ring: number n is at n % event_cap. Those before `event_first` are lost. */
    size_t event_count, event_cap, event_first;
    struct leat_testing_seen seen;
};

/** Whether this is a child of the process that the threads are in: what they left behind is not
 * touched, nor what they are told with. */
bool leati_testing_server_is_inherited(const struct leat_testing_server *server);

/** Copies and checks the options into a zeroed server, but for what needs a socket.
 * @return LEAT_OK, LEAT_E_PARAMETER, LEAT_E_SYSTEM_INTERNAL. */
int leati_testing_server_configure(struct leat_testing_server *server,
                                   const struct leat_testing_options *options,
                                   struct leat_testing_problem *ret_problem);
/** `address` and `url`, once the port is known. false without memory. */
bool leati_testing_server_name(struct leat_testing_server *server);
void leati_testing_server_unconfigure(struct leat_testing_server *server);

/** The faults of the options become those of the server. */
int leati_testing_faults_configure(struct leat_testing_server *server,
                                   struct leat_testing_problem *ret_problem);
/** Gives back a set of faults; NULL is allowed. */
void leati_testing_faults_release(struct leat_testing_server *server, struct leati_fault_set *set);
/** As leat_testing_server_new(), with a function of our own for each connection. */
int leati_testing_server_new(const struct leat_testing_options *options,
                             void (*serve)(struct leati_peer *p), void *serve_user,
                             leat_testing_server **ret_server,
                             struct leat_testing_problem *ret_problem);
/** Listens on the Unix socket of the options. @return LEAT_OK or a code with an errno. */
int leati_testing_unix_listen(struct leat_testing_server *server);
/** Stops all threads: whoever waits for something that the server does is told. Only
 * leati_testing_server_destroy() may follow, and what is asked of what was seen. */
void leati_testing_server_stop(struct leat_testing_server *server);
void leati_testing_server_destroy(struct leat_testing_server *server);
/** Waits until there is an event of this number. */
bool leati_testing_server_wait_event(struct leat_testing_server *server, size_t index,
                                     int timeout_ms);
/** Forgets all that are kept. */
void leati_testing_server_events_drop(struct leat_testing_server *server);
/** An event by its number, under the lock; NULL = there is none yet, or not any more. */
const struct leat_testing_event *leati_testing_server_event_at(
    const struct leat_testing_server *server, size_t index);
/** A copy of one, with its text. `*index` goes on to the first one that is kept. */
bool leati_testing_server_copy_event(struct leat_testing_server *server, size_t *index,
                                     struct leat_testing_event *ret_event,
                                     char ret_text[LEATI_TESTING_TEXT_SIZE]);
/** How often a step was reached. */
unsigned leati_testing_server_step_count(struct leat_testing_server *server, const char *step);

/** The conditions that hold now, to be given back; NULL = `*version`, which follows, has them already. */
struct leati_condition_set *leati_testing_conditions_newer(struct leat_testing_server *server,
                                                           unsigned *version);
/** Gives back a set of conditions. */
void leati_testing_conditions_release(struct leat_testing_server *server,
                                      struct leati_condition_set *set);
/** Replaces the conditions, which were checked. false without memory. */
bool leati_testing_conditions_replace(struct leat_testing_server *server,
                                      const struct leat_testing_condition *conditions,
                                      size_t count);
/** The conditions of the options, checked, become those of the server. */
int leati_testing_conditions_configure(struct leat_testing_server *server,
                                       struct leat_testing_problem *ret_problem);
/** What is wrong with one for this kind of server; NULL = nothing. */
const char *leati_testing_condition_refusal(enum leat_testing_kind kind,
                                            const struct leat_testing_condition *condition);

/** Waits. false if the server stops. */
bool leati_testing_server_sleep(const struct leat_testing_server *server, uint64_t ms);
/** Makes close(2) of a socket send a RST, once its kernel has delivered what was sent before. */
void leati_testing_socket_reset(const struct leat_testing_server *server, int fd);

/** Counts and logs a step, given as text or by number (`step` < LEATI_TESTING_STEPS). */
void leati_testing_server_reached(struct leat_testing_server *server, const struct leati_peer *p,
                                  const char *label, enum leat_testing_step step, const char *text);

/** What is wrong with fault number `index`, given those before it; NULL = nothing. */
const char *leati_testing_fault_problem(const struct leat_testing_fault *faults, size_t index);
/** Whether two faults belong to the same moment. */
bool leati_testing_fault_same_moment(const struct leat_testing_fault *a,
                                     const struct leat_testing_fault *b);

/** Appends what an action does, in the text language. */
void leati_testing_fault_describe(const struct leat_testing_fault *fault, char *text, size_t cap,
                                  size_t *pos);

/** An action in the text language, and how many numbers it takes; `word` NULL = bytes, which have none. */
struct leati_testing_action {
    const char *word;
    int needs, may_have;
};
#define LEATI_TESTING_ACTIONS (LEAT_TESTING_ACTION_RESET + 1)
extern const struct leati_testing_action leati_testing_actions[LEATI_TESTING_ACTIONS];

/** Where a step has an answer of the server. */
bool leati_testing_step_has_answer(enum leat_testing_step step);
bool leati_testing_step_find(const char *name, size_t len, enum leat_testing_step *ret_step);

#endif
