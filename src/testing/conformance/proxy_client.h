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
/** Looks what it does, and ends the connection. `is_glued`: the words have been sent. */
void leati_proxy_client_judge(struct leati_judge_guest *guest, enum leati_proxy_demand demand,
                              bool is_glued, struct leati_finding *finding);
/** 1 MiB there and back. */
void leati_proxy_client_large(struct leati_judge_guest *guest, struct leati_finding *finding);

#endif
