/* SPDX-License-Identifier: Apache-2.0 */
#include "websocket/websocket.h"

#include "websocket/prepared.h"
#include "tls/tls.h"
#include "url/local_url.h"
#include "util/alloc.h"
#include "util/known.h"
#include "util/utf8.h"

#include <errno.h>
#include <string.h>

/* ---- life ----------------------------------------------------------------------------- */

/* One that a program has made. */
struct program_websocket {
    struct leat_websocket base;
    struct leat_websocket_callbacks callbacks;
    struct leati_websocket_terms terms;
    struct leati_http_response *response; /* that refused the last connection; NULL = none */
};

static struct program_websocket *program_of(struct leat_websocket *ws)
{
    return (struct program_websocket *)ws;
}

static struct leati_http_response *ws_response(const struct leat_websocket *ws)
{
    return ws->is_server ? NULL : ((const struct program_websocket *)ws)->response;
}

void leati_websocket_take_response(struct leat_websocket *ws, struct leati_http_response *response)
{
    leati_http_response_free(ws_response(ws));
    if (ws->is_server)
        leati_http_response_free(response);
    else
        program_of(ws)->response = response;
}

const char *leati_websocket_known_texts(const char *target, const char *protocol)
{
    static const char root[] = "/\0", nothing[] = "\0";
    if (*protocol)
        return NULL;
    return !*target ? nothing : strcmp(target, "/") == 0 ? root : NULL;
}

static const char *texts_protocol(const struct leat_websocket *ws)
{
    return ws->texts + strlen(ws->texts) + 1;
}

void leati_websocket_clear_connection(struct leat_websocket *ws)
{
    leati_topics_leave(ws);
    leati_free(ws->rate);
    ws->rate = NULL;
    leati_ws_session_free(ws->session);
    ws->session = NULL;
    leati_websocket_drop_pongs(ws);
    ws->close_start_us = 0;
    ws->has_close_phase = false;
    ws->late_pumps = 0;
    ws->heard = ws->ping_unanswered = ws->closing = ws->orderly = false;
}

/* Forgets what the last connection left to be asked for. */
static void clear_result(struct leat_websocket *ws)
{
    leati_free(ws->close_reason);
    ws->close_reason = NULL;
    ws->close_reason_len = 0;
    ws->close_code = 0;
    ws->closed_by = LEAT_CLOSED_BY_NOBODY;
    if (ws->texts && !leati_websocket_known_texts(ws->texts, texts_protocol(ws)))
        leati_free((char *)(uintptr_t)ws->texts);
    ws->texts = NULL;
    ws->compressed = false;
    ws->http_status = 0;
    leati_websocket_take_response(ws, NULL);
    leati_failure_done(&ws->stream.failure);
}

void leati_websocket_destroy(struct leat_websocket *ws)
{
    leati_websocket_clear_connection(ws);
    clear_result(ws);
    leati_mailbox_done(&ws->mailbox);
    leati_free(ws);
}

void leati_websocket_init(struct leat_websocket *ws, leat_loop *loop,
                          const struct leati_websocket_terms *terms, void *user)
{
    ws->terms = terms;
    ws->user = user;
    leati_mailbox_init(&ws->mailbox);
    leati_stream_init(&ws->stream, loop, &leati_websocket_stream_owner, ws);
}

int leat_websocket_new(leat_loop *loop, const struct leat_websocket_callbacks *callbacks,
                       void *user, leat_websocket **ret_ws)
{
    if (!loop || !callbacks || callbacks->size == 0 || !ret_ws)
        return LEAT_E_PARAMETER;
    struct program_websocket *own = leati_calloc(1, sizeof(*own));
    if (!own)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_copy_known(&own->callbacks, sizeof(own->callbacks), callbacks, callbacks->size);
    own->terms.callbacks = &own->callbacks;
    atomic_init(&own->terms.letters_bytes, LEATI_CONFIG_DEFAULT_SEND_QUEUE_BYTES);
    leati_websocket_init(&own->base, loop, &own->terms, user);
    *ret_ws = &own->base;
    return LEAT_OK;
}

int leat_websocket_set_callbacks(leat_websocket *ws,
                                 const struct leat_websocket_callbacks *callbacks, void *user)
{
    if (!ws || ws->is_server)
        return LEAT_E_PARAMETER;
    struct leat_websocket_callbacks *own = &program_of(ws)->callbacks;
    if (!leati_replace_known(own, sizeof(*own), callbacks))
        return LEAT_E_PARAMETER;
    ws->user = user;
    return LEAT_OK;
}

void leat_websocket_free(leat_websocket *ws)
{
    if (!ws)
        return;
    if (!ws->is_server)
        leati_websocket_dispose(ws);
    else if (leati_stream_is_running(&ws->stream)) /* the server frees it behind `closed` */
        leati_websocket_break(ws, LEAT_E_SOCKET_BASE + ECANCELED, ECANCELED,
                              "the program freed the connection");
}

void leati_websocket_dispose(leat_websocket *ws)
{
    if (!ws)
        return;
    leati_topics_leave(ws);
    if (leati_stream_release(&ws->stream))
        leati_websocket_destroy(ws);
}

/* ---- connecting, sending, closing ----------------------------------------------------- */

void leati_websocket_terms_set(struct leati_websocket_terms *terms,
                               const struct leati_settings *settings)
{
    terms->stream = leati_stream_limits_of(settings);
    atomic_store(&terms->letters_bytes, terms->stream.queue_bytes);
    terms->stream.queue_messages = settings->send_queue_messages;
    terms->stream.stall_timeout_ms = settings->send_timeout_ms;
    terms->ping_interval_ms = settings->ping_interval_ms;
    terms->pong_timeout_ms = settings->pong_timeout_ms;
    terms->max_message_bytes = settings->max_message_bytes;
    terms->max_message_is_set = settings->max_message_is_set;
}

static int ws_start(struct leat_websocket *ws, struct leati_route *route)
{
    ws->secure = route->secure;
    return leati_stream_start(&ws->stream, route, &route->settings->tracer, &ws->terms->stream);
}

int leati_websocket_accept(leat_websocket *ws, const struct leati_route_accepted *accepted)
{
    struct leati_route *route;
    int code = leati_route_new_accepted(accepted, &route);
    if (code != LEAT_OK)
        return code;
    return ws_start(ws, route);
}

int leat_websocket_connect(leat_websocket *ws, const char *url, const leat_config *config)
{
    if (!ws || !url)
        return LEAT_E_PARAMETER;
    if (leati_stream_is_running(&ws->stream))
        return leati_stream_refuse(&ws->stream, LEAT_E_WS_EXISTS, 0,
                                   "connect while it is connecting, open or closing");
    if (ws->is_server)
        return leati_stream_refuse(&ws->stream, LEAT_E_WS_EXISTS, 0,
                                   "a server's connection cannot connect");
    clear_result(ws);
    struct leati_route *route;
    int code = leati_route_new(url, config, &ws->stream.failure, &route);
    if (code != LEAT_OK)
        return code;
    leati_websocket_terms_set(&program_of(ws)->terms, route->settings);
    return ws_start(ws, route);
}

int leat_websocket_check_url(const char *url, struct leat_error *ret_error)
{
    struct leati_failure failure;
    struct leati_url parsed;
    if (!url)
        return LEAT_E_PARAMETER;
    leati_failure_init(&failure);
    char *path = NULL;
    int code = leati_url_is_local(url) ? leati_url_parse_local(url, &failure, &path, &parsed)
                                       : leati_url_parse_websocket(url, &failure, &parsed);
    leati_free(path);
    if (code == LEAT_OK)
        leati_url_done(&parsed);
    else if (ret_error)
        leati_failure_get(&failure, ret_error);
    leati_failure_done(&failure);
    return code;
}

/* LEAT_OK if frames of the program may be queued now. */
static int ws_check_sendable(struct leat_websocket *ws)
{
    if (ws->stream.state != LEATI_STREAM_OPEN)
        return leati_stream_not_open(&ws->stream);
    if (ws->closing || !leati_stream_is_open(&ws->stream))
        return LEAT_E_SOCKET_BASE + EBADF;
    bool is_awake = !ws->stream.rest || leati_stream_wake(&ws->stream);
    return is_awake ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
}

/* Whether frames for `len` bytes may be queued now. */
static int ws_reserve(struct leat_websocket *ws, size_t len)
{
    int code = leati_stream_reserve(&ws->stream, leati_ws_session_frame_size(ws->session, len));
    return code == LEAT_E_SOCKET_BASE + EAGAIN && ws->secure ? (int)LEAT_E_TLS_WRITE : code;
}

static int ws_queued(struct leat_websocket *ws, int code)
{
    if (code == LEAT_OK)
        leati_stream_queued(&ws->stream);
    return code;
}

static int ws_queue_frame(struct leat_websocket *ws, enum leati_ws_opcode opcode, const void *data,
                          size_t len)
{
    int code = ws_reserve(ws, len);
    if (code != LEAT_OK)
        return code;
    return ws_queued(ws, leati_ws_session_write(ws->session, opcode, data, len, &ws->stream.out));
}

int leat_websocket_send(leat_websocket *ws, enum leat_message_type type, const void *data,
                        size_t len)
{
    if (!ws || (!data && len > 0) || (type != LEAT_MESSAGE_TEXT && type != LEAT_MESSAGE_BINARY))
        return LEAT_E_PARAMETER;
    int code = ws_check_sendable(ws);
    if (code != LEAT_OK)
        return code;
    if (type == LEAT_MESSAGE_TEXT && !leati_utf8_valid(data, len))
        return LEAT_E_PARAMETER;
    return ws_queue_frame(ws, type == LEAT_MESSAGE_TEXT ? LEATI_WS_OP_TEXT : LEATI_WS_OP_BINARY,
                          data, len);
}

int leati_websocket_send_prepared(leat_websocket *ws, struct leati_ws_prepared *message)
{
    int code = ws_check_sendable(ws);
    if (code == LEAT_OK)
        code = ws_reserve(ws, leati_ws_prepared_len(message));
    if (code != LEAT_OK)
        return code;
    return ws_queued(ws, leati_ws_session_write_prepared(ws->session, message, &ws->stream.out));
}

/* Whether frames may leave as they are, around the session. */
static bool ws_is_plain(const struct leat_websocket *ws)
{
    return ws->is_server && ws->stream.may_rest && !ws->compressed && !ws->closing &&
           leati_stream_is_open(&ws->stream) &&
           (!ws->session || leati_ws_session_may_rest(ws->session));
}

/* The end of a frame whose beginning has left must follow. */
static int ws_queue_rest(struct leat_websocket *ws, struct leati_ws_prepared *message, size_t sent)
{
    if (!leati_stream_wake(&ws->stream) ||
        !leati_ws_prepared_queue_rest(message, sent, &ws->stream.out)) {
        leati_websocket_break(ws, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
        return LEAT_E_SYSTEM_INTERNAL;
    }
    leati_stream_queued(&ws->stream);
    return leati_stream_enforce_budget(&ws->stream);
}

int leati_websocket_publish(leat_websocket *ws, struct leati_ws_prepared *message)
{
    size_t len, sent = 0;
    const uint8_t *frame = leati_ws_prepared_frame(message, &len);
    if (ws_is_plain(ws))
        sent = leati_stream_send_at_once(&ws->stream, frame, len);
    if (sent == 0)
        return leati_websocket_send_prepared(ws, message);
    return sent == len ? LEAT_OK : ws_queue_rest(ws, message, sent);
}

int leat_websocket_send_part(leat_websocket *ws, enum leat_message_type type, const void *data,
                             size_t len, bool is_first, bool is_last)
{
    if (!ws || (!data && len > 0) || (type != LEAT_MESSAGE_TEXT && type != LEAT_MESSAGE_BINARY))
        return LEAT_E_PARAMETER;
    int code = ws_check_sendable(ws);
    if (code == LEAT_OK)
        code = ws_reserve(ws, len);
    if (code != LEAT_OK)
        return code;
    code = ws_queued(ws, leati_ws_session_write_part(ws->session, type, data, len, is_first,
                                                     is_last, &ws->stream.out));
    if (code == LEAT_OK && is_last) {
        /* What had to wait for its end. Where the kernel took all of it nothing else would ask. */
        leati_mailbox_deliver(&ws->mailbox);
        (void)leati_topics_release(ws);
    }
    return code;
}

int leat_websocket_post(leat_websocket *ws, enum leat_message_type type, const void *data,
                        size_t len)
{
    if (!ws || (!data && len > 0) || (type != LEAT_MESSAGE_TEXT && type != LEAT_MESSAGE_BINARY))
        return LEAT_E_PARAMETER;
    if (type == LEAT_MESSAGE_TEXT && !leati_utf8_valid(data, len))
        return LEAT_E_PARAMETER;
    return leati_mailbox_put(ws, type, data, len);
}

int leat_websocket_ping(leat_websocket *ws, const void *payload, size_t len)
{
    if (!ws || (!payload && len > 0) || len > LEATI_WS_CONTROL_PAYLOAD_MAX)
        return LEAT_E_PARAMETER;
    int code = ws_check_sendable(ws);
    return code == LEAT_OK ? ws_queue_frame(ws, LEATI_WS_OP_PING, payload, len) : code;
}

static bool close_arguments_valid(uint16_t code, const char *reason, size_t len)
{
    if (code == 0)
        return len == 0;
    return leati_ws_close_code_sendable(code) && len <= LEATI_WS_CLOSE_REASON_MAX &&
           leati_utf8_valid(reason, len);
}

static int ws_close_open(struct leat_websocket *ws, uint16_t code, const char *reason, size_t len)
{
    if (ws->stream.is_doomed)
        return LEAT_OK;
    if (!leati_stream_wake(&ws->stream))
        return LEAT_E_SYSTEM_INTERNAL;
    int result = leati_ws_session_write_close(ws->session, code, reason, len, &ws->stream.out);
    if (result != LEAT_OK)
        return result;
    leati_websocket_start_closing(ws);
    return LEAT_OK;
}

int leat_websocket_close(leat_websocket *ws, uint16_t code, const char *reason)
{
    size_t len = reason ? strlen(reason) : 0;
    if (!ws || !close_arguments_valid(code, reason, len))
        return LEAT_E_PARAMETER;
    switch (ws->stream.state) {
    case LEATI_STREAM_IDLE:
    case LEATI_STREAM_CLOSED:
        return leati_stream_not_open(&ws->stream);
    case LEATI_STREAM_CONNECTING:
        ws->closed_by = LEAT_CLOSED_BY_LOCAL;
        leati_websocket_break(ws, LEAT_E_SOCKET_BASE + ECANCELED, ECANCELED,
                              "closed by the program before it was open");
        return LEAT_OK;
    case LEATI_STREAM_OPEN:
        return ws->closing ? LEAT_OK : ws_close_open(ws, code, reason, len);
    case LEATI_STREAM_CLOSING:
        break;
    }
    return LEAT_OK;
}

void leat_websocket_pause(leat_websocket *ws)
{
    if (ws)
        leati_stream_pause(&ws->stream);
}

void leat_websocket_resume(leat_websocket *ws)
{
    if (ws)
        leati_stream_resume(&ws->stream);
}

size_t leat_websocket_get_buffered_bytes(const leat_websocket *ws)
{
    return ws ? ws->stream.out.len : 0;
}

const char *leat_websocket_get_subprotocol(const leat_websocket *ws)
{
    return ws && ws->texts ? texts_protocol(ws) : "";
}

const char *leat_websocket_get_target(const leat_websocket *ws)
{
    return ws && ws->texts ? ws->texts : "";
}

const char *leat_websocket_get_peer(const leat_websocket *ws)
{
    return ws ? leati_stream_origin(&ws->stream) : "";
}

void leat_websocket_set_data(leat_websocket *ws, void *data)
{
    if (ws)
        ws->data = data;
}

void *leat_websocket_get_data(const leat_websocket *ws)
{
    return ws ? ws->data : NULL;
}

/* The topmost TLS layer: there may be another one below it, to a proxy. */
static struct leati_layer *ws_tls(const struct leat_websocket *ws)
{
    struct leati_layer *l = ws->stream.chain->top;
    while (l && l->ops->layer != LEAT_LAYER_TLS)
        l = l->lower;
    return l;
}

int leat_websocket_update_keys(leat_websocket *ws)
{
    if (!ws)
        return LEAT_E_PARAMETER;
    int code = ws_check_sendable(ws);
    if (code != LEAT_OK)
        return code;
    struct leati_layer *tls = ws->secure ? ws_tls(ws) : NULL;
    if (!tls || leati_tls_layer_update_keys(tls) == LEAT_E_PARAMETER)
        return LEAT_E_PARAMETER;
    leati_chain_wake(
        ws->stream.chain); /* what waits is written by the pump, and it tells of a failure */
    return LEAT_OK;
}

bool leat_websocket_get_tls_info(const leat_websocket *ws, struct leat_tls_info *ret_info)
{
    if (!ws || !ret_info || !ws->stream.chain || !ws->secure)
        return false;
    const struct leati_layer *l = ws_tls(ws);
    struct leat_tls_info info = {.protocol = ""};
    if (l)
        leati_tls_layer_info(l, &info);
    if (!*info.protocol)
        return false;
    *ret_info = info;
    return true;
}

bool leat_websocket_is_compressed(const leat_websocket *ws)
{
    return ws && ws->compressed;
}

void leat_websocket_get_error(const leat_websocket *ws, struct leat_error *ret_error)
{
    if (!ws || !ret_error)
        return;
    const struct leati_chain *chain = ws->stream.chain;
    bool running = chain && chain->failure.code != LEAT_OK && !ws->orderly;
    leati_failure_get(running ? &chain->failure : &ws->stream.failure, ret_error);
}

int leat_websocket_get_http_status(const leat_websocket *ws)
{
    return ws ? ws->http_status : 0;
}

static const struct leati_http_head *ws_response_head(const leat_websocket *ws)
{
    if (!ws)
        return NULL;
    const struct leati_chain *chain = ws->stream.chain;
    if (chain)
        return chain->route && chain->route->agreement ? chain->route->agreement->head : NULL;
    const struct leati_http_response *response = ws_response(ws);
    return response ? &response->head : NULL;
}

const char *leat_websocket_get_http_header(const leat_websocket *ws, const char *name)
{
    const struct leati_http_head *head = ws_response_head(ws);
    return head && name ? leati_http_head_get(head, name) : NULL;
}

bool leat_websocket_get_http_header_at(const leat_websocket *ws, size_t index,
                                       const char **ret_name, const char **ret_value)
{
    const struct leati_http_head *head = ws_response_head(ws);
    if (!head || !ret_name || !ret_value || index >= leati_http_head_field_count(head))
        return false;
    struct leati_http_field field = leati_http_head_field(head, index);
    *ret_name = field.name;
    *ret_value = field.value;
    return true;
}

const char *leat_websocket_get_http_body(const leat_websocket *ws, size_t *ret_len)
{
    size_t len = 0;
    const char *body = "";
    const struct leati_http_response *response = ws ? ws_response(ws) : NULL;
    if (response)
        body = leati_http_body_bytes(&response->body, &len);
    if (ret_len)
        *ret_len = len;
    return body;
}
