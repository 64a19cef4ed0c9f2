/* SPDX-License-Identifier: Apache-2.0 */
/** @file What a client of proxies does behind an answer: for the judges of both kinds. */
#ifndef LEATI_TESTING_CONFORMANCE_PROXY_CLIENT_H
#define LEATI_TESTING_CONFORMANCE_PROXY_CLIENT_H

#include "testing/conformance/judge.h"

/** What is sent behind an answer in the same write, and comes back from whoever returns bytes. */
#define LEATI_PROXY_WORDS "the destination speaks"

enum leati_proxy_demand {
    LEATI_PROXY_OPENS,   /**< the tunnel is there, and the client uses it */
    LEATI_PROXY_REFUSES, /**< the client gives up, and sends nothing more */
    LEATI_PROXY_EITHER,  /**< the RFCs leave it open */
};

/** "it goes on, and what comes returns" ... */
const char *leati_proxy_expected(enum leati_proxy_demand demand);
/** What follows an answer that has been sent. */
struct leati_proxy_behind {
    enum leati_proxy_demand demand;
    bool glues;        /**< the words have been sent as well */
    bool ends, resets; /**< TCP is ended, or reset */
    bool is_large;     /**< 1 MiB goes there and back */
};

/** Looks what it does, and ends the connection. */
void leati_proxy_client_judge(struct leati_judge_guest *guest,
                              const struct leati_proxy_behind *behind,
                              struct leati_finding *finding);

#endif
