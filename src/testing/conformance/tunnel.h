/* SPDX-License-Identifier: Apache-2.0 */
/** @file A way through a proxy with both of its ends in one hand, for the judges of proxies. */
#ifndef LEATI_TESTING_CONFORMANCE_TUNNEL_H
#define LEATI_TESTING_CONFORMANCE_TUNNEL_H

#include "testing/conformance/judge.h"

struct leati_tunnel {
    struct leati_wire client; /**< to the proxy */
    struct leati_wire target; /**< what the proxy has connected */
    int listener;             /**< -1 = none */
    struct sockaddr_storage address;
    char host[64]; /**< of the listener */
    uint16_t port;
    bool has_client, has_target;
};

/** Listens where the proxy is to connect to. `is_v6`: on ::1. false: that is not possible here. */
bool leati_tunnel_listen(struct leat_testing_conformance *judge, struct leati_tunnel *tunnel,
                         bool is_v6);
/** The proxy has connected to it. */
bool leati_tunnel_accept(struct leat_testing_conformance *judge, struct leati_tunnel *tunnel);
void leati_tunnel_close(struct leati_tunnel *tunnel);

/** A text each way. false: see the finding. */
bool leati_tunnel_speak(struct leati_tunnel *tunnel, struct leati_finding *finding);

/** What is asked of an open tunnel. */
enum leati_tunnel_demand {
    LEATI_TUNNEL_SPEAK,        /**< a text each way */
    LEATI_TUNNEL_LARGE,        /**< 1 MiB each way */
    LEATI_TUNNEL_CLIENT_FIN,   /**< the client ends first, and still gets what comes */
    LEATI_TUNNEL_TARGET_FIN,   /**< the other way round */
    LEATI_TUNNEL_CLIENT_RESET, /**< the target is told, somehow */
    LEATI_TUNNEL_TARGET_RESET, /**< the client is told, somehow */
};

/** Asks it; the finding is PASS or says what is wrong. */
void leati_tunnel_judge(struct leati_tunnel *tunnel, enum leati_tunnel_demand demand,
                        struct leati_finding *finding);
/** Adds a trial for each of them, whose data is the demand. */
void leati_tunnel_collect(struct leat_testing_conformance *judge, const char *section,
                          leati_trial_play *play);

/** As `worker_check` and `worker_end` of a subject whose workers are tunnels that stay. */
bool leati_tunnel_beside_check(struct leat_testing_conformance *judge, void *worker,
                               struct leati_finding *finding);
void leati_tunnel_beside_end(void *worker);

#endif
