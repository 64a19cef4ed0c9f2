/* SPDX-License-Identifier: Apache-2.0 */
/** @file The control: its servers, and requests on their way to whoever answers them. */
#ifndef LEATI_TESTING_CONTROL_H
#define LEATI_TESTING_CONTROL_H

#include "testing/peer.h"
#include "testing/server_json.h"

#define LEATI_CONTROL_SEGMENTS_MAX 5

/** A server that threads of the control may ask while another one removes it. */
struct leati_served {
    leat_testing_server *server;
    unsigned refs;
};

/** One of toxiproxy's toxics. */
struct leati_toxic {
    char *name;
    unsigned type; /* a row of its table */
    bool is_up;
    double toxicity;
    uint64_t values[3];
};

/** A server by its name. Of the control's lock. */
struct leati_entry {
    struct leati_entry *next;
    struct leati_json *json;     /* what it is made of, for making it again */
    const char *name;            /* in `json` */
    struct leati_served *served; /* NULL = not enabled */
    uint16_t port;               /* the one it has got; 0 = none yet */
    struct leati_toxic toxics[LEAT_TESTING_CONTROL_TOXICS_MAX];
    size_t toxic_count;
};

struct leat_testing_control {
    leat_testing_server *server; /* the one that answers requests */
    char *token, *url;
    leat_testing_capture *capture; /* of its servers; NULL = none */
    pthread_mutex_t lock;          /* of all below */
    leat_testing_ca *ca;           /* NULL = not asked for yet */
    struct leati_entry *entries;
    size_t entry_count;
    bool is_stopping;
};

struct leati_control_request {
    struct leat_testing_control *control;
    struct leati_peer *p;
    char method[16];
    char *segments[LEATI_CONTROL_SEGMENTS_MAX];
    size_t segment_count;
    char target[2048]; /* what the segments and the query point into */
    char *query;
    const char *body; /* in the connection's input */
    size_t body_len;
    bool keeps_alive;

    /* -- the answer -- */
    struct leati_refusal refusal; /* status 0 = none */
    int status;
    struct leati_json_text text;
    const char *content_type; /* NULL = that of JSON */
    bool is_streamed;         /* the answer has gone, in chunks; the connection ends with it */
};

/** The value of a field of the query; NULL = none. */
const char *leati_control_query(const struct leati_control_request *request, const char *name);
bool leati_control_query_number(struct leati_control_request *request, const char *name,
                                uint64_t otherwise, uint64_t max, uint64_t *ret_number);
/** The body as JSON. false: refused. */
bool leati_control_json(struct leati_control_request *request, struct leati_json **ret_json);

/* ---- control_servers.c: under the control's lock --------------------------------------------- */

struct leati_entry *leati_entry_find(struct leat_testing_control *control, const char *name);
/** The entry that the second segment names; NULL: refused, with this text. */
struct leati_entry *leati_entry_of(struct leati_control_request *request, const char *text);
/** Adds an entry; `json` is its own from now on, also if it is refused. */
struct leati_entry *leati_entry_add(struct leati_control_request *request, struct leati_json *json);
void leati_entry_remove(struct leat_testing_control *control, struct leati_entry *entry);
bool leati_entry_start(struct leati_control_request *request, struct leati_entry *entry);
void leati_entry_stop(struct leati_entry *entry);
/** Conditions of its JSON and of its toxics become those of its server. */
bool leati_entry_apply(struct leati_control_request *request, struct leati_entry *entry);
/** Replaces a member of its JSON. false without memory. */
bool leati_entry_set_text(struct leati_entry *entry, const char *name, const char *text);
/** The port to listen on when it is started the next time; 0 = a free one. */
void leati_entry_set_port(struct leati_entry *entry, uint16_t port);
void leati_toxics_clear(struct leati_entry *entry);
/** The condition that a toxic is. false: it changes nothing. */
bool leati_toxic_condition(const struct leati_toxic *toxic,
                           struct leat_testing_condition *ret_condition);

/** Under the lock. */
void leati_served_release(struct leati_served *served);
/** Its CA, made when it is asked for. NULL: refused. */
leat_testing_ca *leati_control_ca_get(struct leati_control_request *request);

/* ---- control_waits.c: without the lock ------------------------------------------------------- */

/** The server of the path, which stays until it is given back. NULL: refused. */
struct leati_served *leati_served_take(struct leati_control_request *request);
void leati_served_give(struct leati_control_request *request, struct leati_served *served);

/* ---- what answers: false = refused ----------------------------------------------------------- */

typedef bool leati_control_handler(struct leati_control_request *request);

leati_control_handler leati_control_servers_list, leati_control_server_create,
    leati_control_server_show, leati_control_server_change, leati_control_server_remove,
    leati_control_server_release, leati_control_server_seen, leati_control_server_diagram,
    leati_control_server_wait, leati_control_server_events, leati_control_ca,
    leati_control_certificate, leati_control_metrics;
leati_control_handler leati_proxies_list, leati_proxy_create, leati_proxies_populate,
    leati_proxies_reset, leati_proxy_show, leati_proxy_change, leati_proxy_remove,
    leati_toxics_list, leati_toxic_create, leati_toxic_show, leati_toxic_change, leati_toxic_remove;

#endif
