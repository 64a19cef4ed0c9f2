/* SPDX-License-Identifier: Apache-2.0 */
/* What a client sends to a server; and the answer, into which nothing of it can be injected. */
#include "fuzz/fuzz.h"
#include "http/forwarded.h"
#include "ws/accept_engine.h"

#include <stdlib.h>

static enum leati_ws_head_result engine_run(struct leati_ws_accept_engine *engine,
                                            struct fuzz_input input, uint32_t seed,
                                            bool takes_requests, size_t *ret_total)
{
    const struct leati_ws_accept_options options = {.sha1 = fuzz_sha1,
                                                    .takes_requests = takes_requests};
    enum leati_ws_head_result result = LEATI_WS_HEAD_MORE;
    size_t total = 0;
    leati_ws_accept_engine_init(engine, &options);
    while (result == LEATI_WS_HEAD_MORE && total < input.len) {
        size_t used = 0;
        size_t len = fuzz_portion(&seed, input.len - total);
        result = leati_ws_accept_engine_feed(engine, input.data + total, len, &used);
        FUZZ_MUST(used <= len);
        total += used;
    }
    *ret_total = total;
    return result;
}

/* One head, an empty line at its end and nowhere before, and a body of the length that it says. */
static void response_check(const struct leati_ws_accept_engine *engine)
{
    struct leati_http_head head;
    size_t used = 0;
    leati_http_head_init(&head, LEATI_HTTP_RESPONSE);
    FUZZ_MUST(leati_http_head_feed(&head, engine->response.bytes, engine->response.len, &used) ==
              LEATI_HTTP_DONE);
    FUZZ_MUST(leati_http_head_status(&head) == engine->common.agreement.status);
    const char *length = leati_http_head_get(&head, "Content-Length");
    size_t body = length && !leati_ws_accept_is_head(engine) ? strtoul(length, NULL, 10) : 0;
    FUZZ_MUST(used + body == engine->response.len);
    leati_http_head_done(&head);
}

static bool trusts_all(const struct leati_address *address, const void *user)
{
    (void)address;
    (void)user;
    return true;
}

/* Whoever is named has a family. */
static void forwarded_check(const struct leati_ws_accept_request *request)
{
    const struct leati_http_truster truster = {trusts_all, NULL};
    struct leati_address remote, client;
    FUZZ_MUST(leati_address_parse("192.0.2.1", 1, &remote));
    for (int header = LEATI_HTTP_X_FORWARDED_FOR; header <= LEATI_HTTP_FORWARDED; header++) {
        (void)leati_http_forwarded_client(request->head, (enum leati_http_forwarded)header, &remote,
                                          &truster, &client);
        FUZZ_MUST(client.any.sa_family == AF_INET || client.any.sa_family == AF_INET6);
    }
}

static void request_check(struct leati_ws_accept_engine *engine, uint8_t choice)
{
    const struct leati_ws_accept_request *request = &engine->request;
    bool is_accepted = (choice & 2) && request->is_upgrade;
    struct leati_ws_accept_decision decision = {.status = is_accepted ? 101 : 403};
    FUZZ_MUST(request->is_upgrade || engine->takes_requests);
    FUZZ_MUST(request->target[0] == '/' || strcmp(request->target, "*") == 0);
    FUZZ_MUST(request->host[0] != '\0' || engine->takes_requests);
    forwarded_check(request);
    FUZZ_MUST(!strpbrk(request->target, " \r\n"));
    FUZZ_MUST(request->protocol_count <= LEATI_WS_ACCEPT_MAX_PROTOCOLS);
    if (decision.status == 101 && request->protocol_count > 0)
        decision.protocol = request->protocols[choice % request->protocol_count];
    FUZZ_MUST(leati_ws_accept_engine_answer(engine, &decision) == LEAT_OK);
    FUZZ_MUST(engine->common.agreement.status == decision.status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct leati_ws_accept_engine whole, parts;
    struct fuzz_input input = {data, size};
    size_t whole_total, parts_total;
    uint8_t choice = fuzz_take(&input);

    enum leati_ws_head_result a = engine_run(&whole, input, 0, choice & 4, &whole_total);
    enum leati_ws_head_result b = engine_run(&parts, input, choice | 1u, choice & 4, &parts_total);
    FUZZ_MUST(a == b && a != LEATI_WS_HEAD_NO_MEMORY);
    if (a == LEATI_WS_HEAD_VALID) {
        FUZZ_MUST(whole_total == parts_total);
        request_check(&whole, choice);
        response_check(&whole);
    } else if (a == LEATI_WS_HEAD_REFUSED) {
        FUZZ_MUST(whole.common.agreement.status == parts.common.agreement.status &&
                  whole.common.agreement.status >= 400);
        FUZZ_MUST(whole.common.error[0] != '\0' && fuzz_is_printable(whole.common.error));
        response_check(&whole);
    }
    leati_ws_accept_engine_done(&whole);
    leati_ws_accept_engine_done(&parts);
    return 0;
}
