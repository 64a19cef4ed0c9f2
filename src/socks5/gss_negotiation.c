/* SPDX-License-Identifier: Apache-2.0 */
#include "socks5/gss_negotiation.h"

#include "util/alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Levels of protection as they stand in messages (RFC 1961 section 4.3). 0 is in no document, and in
 * every implementation. */
enum {
    LEVEL_NONE = 0,
    LEVEL_INTEGRITY = 1,
    LEVEL_CONFIDENTIALITY = 2,
};

static const char *protection_name(enum leat_socks5_protection protection)
{
    static const char *const names[] = {
        [LEAT_SOCKS5_PROTECTION_ANY] = "any",
        [LEAT_SOCKS5_PROTECTION_NONE] = "no protection",
        [LEAT_SOCKS5_PROTECTION_INTEGRITY] = "integrity",
        [LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY] = "confidentiality",
    };
    return names[protection];
}

const char *leati_socks5_gss_step(const struct leati_socks5_gss_negotiation *negotiation)
{
    switch (negotiation->base.state) {
    case LEATI_SOCKS5_GSS_SEND_LEVEL:
    case LEATI_SOCKS5_GSS_RECV_LEVEL:
        return "protection level";
    default:
        return "GSS-API token";
    }
}

static void input_drop(struct leati_socks5_gss_negotiation *negotiation)
{
    leati_socks5_gss_message_done(&negotiation->input);
}

static void output_drop(struct leati_socks5_gss_negotiation *negotiation)
{
    leati_free(negotiation->output);
    negotiation->output = NULL;
}

static void memory_fail(struct leati_socks5_gss_negotiation *negotiation)
{
    leati_engine_fail(&negotiation->base, LEAT_E_SYSTEM_INTERNAL, 0,
                      "no memory for the messages of GSS-API");
    negotiation->base.sys_errno = ENOMEM;
}

void leati_socks5_gss_done(struct leati_socks5_gss_negotiation *negotiation)
{
    input_drop(negotiation);
    output_drop(negotiation);
    leati_gss_free(negotiation->gss);
    negotiation->gss = NULL;
}

struct leati_gss *leati_socks5_gss_take(struct leati_socks5_gss_negotiation *negotiation)
{
    struct leati_gss *gss = negotiation->gss;

    negotiation->gss = NULL;
    return gss;
}

/* ---- bytes out ------------------------------------------------------------------------------- */

/* What was sent before has been dropped. */
static void message_write(struct leati_socks5_gss_negotiation *negotiation,
                          enum leati_socks5_gss_state state, enum leati_socks5_gss_type type,
                          const uint8_t *token, size_t len)
{
    negotiation->output = leati_malloc(LEATI_SOCKS5_GSS_HEAD_BYTES + len);
    if (!negotiation->output) {
        memory_fail(negotiation);
        return;
    }
    leati_socks5_gss_head(type, len, negotiation->output);
    memcpy(negotiation->output + LEATI_SOCKS5_GSS_HEAD_BYTES, token, len);
    leati_engine_set_output(&negotiation->base, (int)state, negotiation->output,
                            LEATI_SOCKS5_GSS_HEAD_BYTES + len);
}

static uint8_t level_wanted(const struct leati_socks5_gss_negotiation *negotiation)
{
    const struct leati_gss *gss = negotiation->gss;

    switch (negotiation->wanted) {
    case LEAT_SOCKS5_PROTECTION_ANY:
        return !negotiation->can_protect            ? LEVEL_NONE
               : leati_gss_has_confidentiality(gss) ? LEVEL_CONFIDENTIALITY
               : leati_gss_has_integrity(gss)       ? LEVEL_INTEGRITY
                                                    : LEVEL_NONE;
    case LEAT_SOCKS5_PROTECTION_INTEGRITY:
        return LEVEL_INTEGRITY;
    case LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY:
        return LEVEL_CONFIDENTIALITY;
    case LEAT_SOCKS5_PROTECTION_NONE:
        break;
    }
    return LEVEL_NONE;
}

/* The level itself is protected against changes only (section 4.4). */
static void level_write(struct leati_socks5_gss_negotiation *negotiation)
{
    const uint8_t level = level_wanted(negotiation);
    struct leati_gss_bytes token;

    if (!leati_gss_is_mutual(negotiation->gss)) {
        leati_engine_fail(&negotiation->base, LEAT_E_SOCKS5_AUTH, 0,
                          "the proxy has not proved to be %s", leati_gss_target(negotiation->gss));
        return;
    }
    if (!leati_gss_wrap(negotiation->gss, false, &level, sizeof(level), &token)) {
        leati_engine_fail(
            &negotiation->base, LEAT_E_SOCKS5_AUTH, (int)leati_gss_failure(negotiation->gss)->minor,
            "the protection level cannot be sent: %s", leati_gss_failure(negotiation->gss)->text);
        return;
    }
    message_write(negotiation, LEATI_SOCKS5_GSS_SEND_LEVEL, LEATI_SOCKS5_GSS_PROTECTION, token.data,
                  token.len);
    leati_gss_bytes_done(negotiation->gss, &token);
}

static void library_failed(struct leati_socks5_gss_negotiation *negotiation)
{
    const struct leati_gss_failure *failure = leati_gss_failure(negotiation->gss);

    if (failure->reason == LEATI_GSS_NO_MEMORY)
        memory_fail(negotiation);
    else
        leati_engine_fail(&negotiation->base, LEAT_E_SOCKS5_AUTH, (int)failure->minor,
                          "GSS-API, %s", failure->text);
}

static bool gss_resume(struct leati_engine *e)
{
    struct leati_socks5_gss_negotiation *negotiation = (void *)e;
    enum leati_gss_turn turn = leati_gss_turn(negotiation->gss);
    const uint8_t *token = NULL;

    if (turn == LEATI_GSS_WORKING)
        return false;
    if (turn == LEATI_GSS_FAILED) {
        library_failed(negotiation);
        return true;
    }
    size_t len = leati_gss_token(negotiation->gss, &token);
    negotiation->library_done = turn == LEATI_GSS_DONE;
    if (len > 0)
        message_write(negotiation, LEATI_SOCKS5_GSS_SEND_TOKEN, LEATI_SOCKS5_GSS_AUTHENTICATION,
                      token, len);
    else
        level_write(negotiation);
    return true;
}

static void library_step(struct leati_socks5_gss_negotiation *negotiation, const uint8_t *token,
                         size_t len)
{
    if (negotiation->rounds++ == LEATI_SOCKS5_GSS_MAX_ROUNDS) {
        leati_engine_fail(
            &negotiation->base, LEAT_E_SOCKS5_AUTH, 0,
            "the proxy wants more than %u tokens of GSS-API: it never comes to an end",
            LEATI_SOCKS5_GSS_MAX_ROUNDS);
        return;
    }
    leati_engine_set_state(&negotiation->base, LEATI_SOCKS5_GSS_MAKE_TOKEN);
    leati_gss_step(negotiation->gss, token, len);
}

void leati_socks5_gss_begin(struct leati_socks5_gss_negotiation *negotiation)
{
    library_step(negotiation, NULL, 0);
}

/* Behind each state that sends stands the one that reads the answer. */
static void gss_sent(struct leati_engine *e)
{
    output_drop((void *)e);
    leati_engine_set_state(e, e->state + 1);
}

/* ---- bytes in -------------------------------------------------------------------------------- */

static size_t gss_need(const struct leati_engine *e)
{
    const struct leati_socks5_gss_negotiation *negotiation = (const void *)e;

    return leati_socks5_gss_need(&negotiation->input);
}

/* A proxy that needs no more of us may have a last token for us, or an empty one. */
static void token_read(struct leati_socks5_gss_negotiation *negotiation)
{
    const struct leati_socks5_gss_message *input = &negotiation->input;

    if (negotiation->library_done && input->token_len == 0)
        level_write(negotiation);
    else if (negotiation->library_done)
        leati_engine_fail(
            &negotiation->base, LEAT_E_SOCKS5_DESERIALIZE, 0,
            "the proxy sends one more token of GSS-API, and there was nothing left to say");
    else if (input->token_len == 0)
        leati_engine_fail(&negotiation->base, LEAT_E_SOCKS5_DESERIALIZE, 0,
                          "the proxy's token of GSS-API is empty, and it has not proved to be %s",
                          leati_gss_target(negotiation->gss));
    else
        library_step(negotiation, input->token, input->token_len);
}

static bool protection_of_level(uint8_t level, enum leat_socks5_protection *ret_protection)
{
    switch (level) {
    case LEVEL_NONE:
        *ret_protection = LEAT_SOCKS5_PROTECTION_NONE;
        return true;
    case LEVEL_INTEGRITY:
        *ret_protection = LEAT_SOCKS5_PROTECTION_INTEGRITY;
        return true;
    case LEVEL_CONFIDENTIALITY:
        *ret_protection = LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY;
        return true;
    default:
        return false;
    }
}

static void level_take(struct leati_socks5_gss_negotiation *negotiation, uint8_t level)
{
    enum leat_socks5_protection granted;
    const struct leati_gss *gss = negotiation->gss;

    if (!protection_of_level(level, &granted)) {
        leati_engine_fail(&negotiation->base, LEAT_E_SOCKS5_METHOD, level,
                          "the proxy wants the protection level %u, which messages cannot have",
                          level);
        return;
    }
    bool is_possible =
        granted == LEAT_SOCKS5_PROTECTION_NONE ||
        (negotiation->can_protect &&
         (granted == LEAT_SOCKS5_PROTECTION_CONFIDENTIALITY ? leati_gss_has_confidentiality(gss)
                                                            : leati_gss_has_integrity(gss)));
    if (granted < negotiation->wanted || !is_possible) {
        leati_engine_fail(&negotiation->base, LEAT_E_SOCKS5_METHOD, level,
                          "the proxy grants %s, and %s is wanted%s", protection_name(granted),
                          protection_name(negotiation->wanted),
                          is_possible ? ": leat_config_set_socks5_protection() may take less"
                                      : ", for which there are no means here");
        return;
    }
    negotiation->granted = granted;
    leati_engine_set_state(&negotiation->base, LEATI_SOCKS5_GSS_DONE);
}

static void level_read(struct leati_socks5_gss_negotiation *negotiation)
{
    const struct leati_socks5_gss_message *input = &negotiation->input;
    struct leati_gss_bytes data;

    if (!leati_gss_unwrap(negotiation->gss, false, input->token, input->token_len, &data)) {
        leati_engine_fail(&negotiation->base, LEAT_E_SOCKS5_DESERIALIZE,
                          (int)leati_gss_failure(negotiation->gss)->minor,
                          "the proxy's protection level cannot be read: %s",
                          leati_gss_failure(negotiation->gss)->text);
        return;
    }
    if (data.len == 1)
        level_take(negotiation, data.data[0]);
    else
        leati_engine_fail(&negotiation->base, LEAT_E_SOCKS5_DESERIALIZE, 0,
                          "the proxy's protection level has %zu bytes instead of one", data.len);
    leati_gss_bytes_done(negotiation->gss, &data);
}

static void refusal_read(struct leati_socks5_gss_negotiation *negotiation)
{
    leati_engine_fail(
        &negotiation->base, LEAT_E_SOCKS5_AUTH, LEATI_SOCKS5_GSS_ABORT,
        "the proxy refused GSS-API (%s): its keytab, its clock or its rules may not fit the ticket",
        leati_gss_target(negotiation->gss));
}

static void message_read(struct leati_socks5_gss_negotiation *negotiation,
                         enum leati_socks5_gss_read result)
{
    const char *step = leati_socks5_gss_step(negotiation);

    switch (result) {
    case LEATI_SOCKS5_GSS_MORE:
        return;
    case LEATI_SOCKS5_GSS_COMPLETE:
        if (negotiation->base.state == LEATI_SOCKS5_GSS_RECV_TOKEN)
            token_read(negotiation);
        else
            level_read(negotiation);
        break;
    case LEATI_SOCKS5_GSS_ABORTED:
        refusal_read(negotiation);
        break;
    case LEATI_SOCKS5_GSS_BAD_VERSION:
        leati_engine_fail(&negotiation->base, LEAT_E_SOCKS5_DESERIALIZE, 0,
                          "the proxy's answer to the %s begins with byte 0x%02x instead of 0x01",
                          step, negotiation->input.head[0]);
        break;
    case LEATI_SOCKS5_GSS_BAD_TYPE:
        leati_engine_fail(&negotiation->base, LEAT_E_SOCKS5_DESERIALIZE, 0,
                          "the proxy's answer to the %s is a message of the type 0x%02x", step,
                          negotiation->input.head[1]);
        break;
    case LEATI_SOCKS5_GSS_NO_MEMORY:
        memory_fail(negotiation);
        break;
    }
    input_drop(negotiation);
}

static size_t gss_feed(struct leati_engine *e, const uint8_t *data, size_t len)
{
    struct leati_socks5_gss_negotiation *negotiation = (void *)e;
    enum leati_socks5_gss_type expected = negotiation->base.state == LEATI_SOCKS5_GSS_RECV_TOKEN
                                              ? LEATI_SOCKS5_GSS_AUTHENTICATION
                                              : LEATI_SOCKS5_GSS_PROTECTION;

    message_read(negotiation, leati_socks5_gss_feed(&negotiation->input, expected, data, len));
    return len;
}

static void gss_end(struct leati_engine *e)
{
    struct leati_socks5_gss_negotiation *negotiation = (void *)e;
    const char *step = leati_socks5_gss_step(negotiation);

    if (negotiation->base.state == LEATI_SOCKS5_GSS_FAILED)
        return;
    e->retry = leati_socks5_gss_is_empty(&negotiation->input) ? LEATI_RETRY_PROXY : 0;
    if (!leati_socks5_gss_is_empty(&negotiation->input))
        leati_engine_fail(&negotiation->base, LEAT_E_SOCKS5_DESERIALIZE, 0,
                          "the proxy closed the connection in the middle of its answer to the %s",
                          step);
    /* So does dante, which has nothing less to grant. */
    else if (negotiation->base.state == LEATI_SOCKS5_GSS_RECV_LEVEL)
        leati_engine_fail(
            &negotiation->base, LEAT_E_SOCKS5_RECV, 0,
            "the proxy closed the connection instead of answering the %s: it may have no "
            "protection that is wanted (%s)",
            step, protection_name(negotiation->wanted));
    else
        leati_engine_fail(
            &negotiation->base, LEAT_E_SOCKS5_RECV, 0,
            "the proxy closed the connection instead of answering the %s: it may have refused "
            "GSS-API (%s)",
            step, leati_gss_target(negotiation->gss));
}

static void gss_expire(struct leati_engine *e, uint64_t waited_ms)
{
    struct leati_socks5_gss_negotiation *negotiation = (void *)e;
    bool is_proxy = e->state != LEATI_SOCKS5_GSS_MAKE_TOKEN;

    if (is_proxy)
        leati_engine_fail(e, LEAT_E_SOCKS5_RECV, 0,
                          "the proxy did not answer the %s within %" PRIu64 " ms",
                          leati_socks5_gss_step(negotiation), waited_ms);
    else
        leati_engine_fail(e, LEAT_E_SOCKS5_AUTH, 0,
                          "GSS-API has not made a token for %s within %" PRIu64
                          " ms: the KDC may be away (is its network, a VPN, connected?)",
                          leati_gss_target(negotiation->gss), waited_ms);
    e->sys_errno = ETIMEDOUT;
    e->retry = is_proxy ? LEATI_RETRY_PROXY : 0;
}

void leati_socks5_gss_init(struct leati_socks5_gss_negotiation *negotiation, struct leati_gss *gss,
                           enum leat_socks5_protection wanted, bool can_protect)
{
    static const struct leati_engine_state states[] = {
        [LEATI_SOCKS5_GSS_MAKE_TOKEN] = {"MAKE_TOKEN", LEATI_EXCHANGE_HELPERS},
        [LEATI_SOCKS5_GSS_SEND_TOKEN] = {"SEND_TOKEN", LEATI_EXCHANGE_OURS},
        [LEATI_SOCKS5_GSS_RECV_TOKEN] = {"RECV_TOKEN", LEATI_EXCHANGE_THEIRS},
        [LEATI_SOCKS5_GSS_SEND_LEVEL] = {"SEND_LEVEL", LEATI_EXCHANGE_OURS},
        [LEATI_SOCKS5_GSS_RECV_LEVEL] = {"RECV_LEVEL", LEATI_EXCHANGE_THEIRS},
        [LEATI_SOCKS5_GSS_DONE] = {"DONE", LEATI_EXCHANGE_DONE},
        [LEATI_SOCKS5_GSS_FAILED] = {"FAILED", LEATI_EXCHANGE_FAILED},
    };
    /* It has no layer of its own. */
    static const struct leati_engine_ops ops = {
        .states = states,
        .failed = LEATI_SOCKS5_GSS_FAILED,
        .sent = gss_sent,
        .need = gss_need,
        .feed = gss_feed,
        .resume = gss_resume,
        .end = gss_end,
        .expire = gss_expire,
    };

    *negotiation = (struct leati_socks5_gss_negotiation){
        .gss = gss, .wanted = wanted, .can_protect = can_protect};
    leati_engine_init(&negotiation->base, &ops, negotiation->text, sizeof(negotiation->text));
}
