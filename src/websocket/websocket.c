/* SPDX-License-Identifier: Apache-2.0 */
#include "websocket/websocket.h"

#include "tls/tls.h"
#include "url/url.h"
#include "util/alloc.h"
#include "util/utf8.h"

#include <errno.h>
#include <string.h>

/* ---- life ----------------------------------------------------------------------------- */

void leati_websocket_clear_connection(struct leat_websocket *ws)
{
    leati_ws_session_free(ws->session);
    ws->session = NULL;
    leati_byte_queue_clear(&ws->out);
    leati_offset_ring_done(&ws->message_ends);
    ws->sent_bytes = 0;
    ws->send_blocked = false;
    leati_websocket_drop_pong(ws);
    ws->pongs = (struct leati_pongs){0};
    leati_free(ws->held.data);
    ws->held = (struct leati_held_bytes){0};
    ws->has_more_events = false;
    ws->close_start_us = 0;
    ws->stalled_since_ms = 0;
    ws->heard = ws->ping_unanswered = false;
    ws->reads_on = false;
    ws->late_pumps = 0;
    ws->paused = ws->pumping = ws->send_refused = ws->orderly = ws->peer_ended = false;
}

void leati_websocket_clear_result(struct leat_websocket *ws)
{
    leati_free(ws->close_reason);
    ws->close_reason = NULL;
    ws->close_reason_len = 0;
    ws->close_code = 0;
    ws->closed_by = LEAT_CLOSED_BY_NOBODY;
    leati_free(ws->protocol);
    ws->protocol = NULL;
    leati_free(ws->target);
    ws->target = NULL;
    ws->compressed = false;
    ws->http_status = 0;
    leati_http_response_free(ws->response);
    ws->response = NULL;
    leati_failure_done(&ws->failure);
}

void leati_websocket_destroy(struct leat_websocket *ws)
{
    leati_websocket_clear_connection(ws);
    leati_websocket_clear_result(ws);
    leati_mailbox_free(ws->mailbox);
    leati_free(ws);
}

int leat_websocket_new(leat_loop *loop, const struct leat_websocket_callbacks *callbacks,
                       void *user, leat_websocket **ret_ws)
{
    if (!loop || !callbacks || callbacks->size == 0 || !ret_ws)
        return LEAT_E_PARAMETER;
    leat_websocket *ws = leati_calloc(1, sizeof(*ws));
    if (!ws)
        return LEAT_E_SYSTEM_INTERNAL;
    ws->mailbox = leati_mailbox_new(ws, loop);
    if (!ws->mailbox) {
        leati_free(ws);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    size_t known = sizeof(ws->callbacks);
    memcpy(&ws->callbacks, callbacks, callbacks->size < known ? callbacks->size : known);
    ws->loop = loop;
    ws->user = user;
    leati_byte_queue_init(&ws->out, leati_loop_chunk_pool(loop));
    leati_failure_init(&ws->failure);
    *ret_ws = ws;
    return LEAT_OK;
}

void leat_websocket_free(leat_websocket *ws)
{
    if (!ws)
        return;
    if (!ws->is_server)
        leati_websocket_dispose(ws);
    else if (ws->chain) /* the server frees it behind `closed` */
        leati_websocket_break(ws, LEAT_E_SOCKET_BASE + ECANCELED, ECANCELED,
                              "the program freed the connection");
}

void leati_websocket_dispose(leat_websocket *ws)
{
    if (!ws)
        return;
    struct leati_chain *chain = ws->chain;
    ws->callbacks = (struct leat_websocket_callbacks){0};
    if (!chain) {
        leati_websocket_destroy(ws);
    } else if (leati_chain_release(chain)) {
        leati_free(chain);
        leati_websocket_destroy(ws);
    } /* else: inside a callback; ws_left() follows */
}

/* ---- connecting, sending, closing ----------------------------------------------------- */

static int ws_start(struct leat_websocket *ws, struct leati_route *route)
{
    const struct leati_settings *settings = route->settings;
    struct leati_chain *chain = leati_malloc(sizeof(*chain));
    if (!chain) {
        leati_route_free(route);
        return leati_failure_set(
            &ws->failure, &(struct leati_fault){.code = LEAT_E_SYSTEM_INTERNAL}, "out of memory");
    }
    ws->secure = route->secure;
    ws->queue_limit_messages = settings->send_queue_messages;
    ws->queue_limit_bytes = settings->send_queue_limit_bytes;
    leati_mailbox_set_limit(ws->mailbox, settings->send_queue_limit_bytes);
    ws->send_timeout_ms = settings->send_timeout_ms;
    ws->ping_interval_ms = settings->ping_interval_ms;
    ws->pong_timeout_ms = settings->pong_timeout_ms;
    ws->close_timeout_ms = settings->phase_timeout_ms[LEAT_PHASE_CLOSE];
    ws->chain = chain;
    ws->state = LEATI_WEBSOCKET_CONNECTING;
    leati_chain_init(chain, ws->loop, &leati_websocket_chain_owner, ws, &settings->tracer, route);
    leati_chain_connect(chain, settings->connect_timeout_ms);
    return LEAT_OK;
}

int leati_websocket_accept(leat_websocket *ws, const struct leati_route_accepted *accepted,
                           leati_websocket_asked_fn *asked)
{
    struct leati_route *route;
    int code = leati_route_new_accepted(accepted, &route);
    if (code != LEAT_OK)
        return code;
    ws->is_server = true;
    ws->asked = asked;
    return ws_start(ws, route);
}

int leat_websocket_connect(leat_websocket *ws, const char *url, const leat_config *config)
{
    if (!ws || !url)
        return LEAT_E_PARAMETER;
    if (ws->chain) {
        leati_failure_done(&ws->failure);
        return leati_failure_set(
            &ws->failure,
            &(struct leati_fault){.code = LEAT_E_WS_EXISTS, .layer = LEAT_LAYER_WEBSOCKET},
            "connect while it is connecting, open or closing");
    }
    leati_websocket_clear_result(ws);
    struct leati_route *route;
    int code = leati_route_new(url, config, &ws->failure, &route);
    return code == LEAT_OK ? ws_start(ws, route) : code;
}

int leat_websocket_check_url(const char *url, struct leat_error *ret_error)
{
    struct leati_failure failure;
    struct leati_url parsed;
    if (!url)
        return LEAT_E_PARAMETER;
    leati_failure_init(&failure);
    int code = leati_url_parse_websocket(url, &failure, &parsed);
    if (code == LEAT_OK)
        leati_url_done(&parsed);
    else if (ret_error)
        leati_failure_get(&failure, ret_error);
    leati_failure_done(&failure);
    return code;
}

/* LEAT_OK if frames of the program may be queued now. */
static int ws_check_sendable(const struct leat_websocket *ws)
{
    switch (ws->state) {
    case LEATI_WEBSOCKET_OPEN:
        return LEAT_OK;
    case LEATI_WEBSOCKET_IDLE:
    case LEATI_WEBSOCKET_CONNECTING:
        return LEAT_E_SOCKET_BASE + ENOTCONN;
    case LEATI_WEBSOCKET_CLOSING:
    case LEATI_WEBSOCKET_FINISHING:
    case LEATI_WEBSOCKET_CLOSED:
        break;
    }
    return LEAT_E_SOCKET_BASE + EBADF;
}

static bool ws_queue_is_full(const struct leat_websocket *ws, size_t size)
{
    if (ws->queue_limit_messages != 0 && ws->message_ends.count >= ws->queue_limit_messages)
        return true;
    return ws->out.len > 0 &&
           (size > ws->queue_limit_bytes || ws->out.len > ws->queue_limit_bytes - size);
}

/* Whether frames for `len` bytes may be queued now. */
static int ws_reserve(struct leat_websocket *ws, size_t len)
{
    size_t size = leati_ws_session_frame_size(ws->session, len);
    if (!ws_queue_is_full(ws, size))
        return LEAT_OK;
    ws->send_refused = true;
    ws->refused_bytes = size;
    return ws->secure ? (int)LEAT_E_TLS_WRITE : LEAT_E_SOCKET_BASE + EAGAIN;
}

static int ws_queued(struct leat_websocket *ws, int code)
{
    if (code != LEAT_OK)
        return code;
    /* A message that is queued and not counted is better than one that is lost. */
    if (ws->queue_limit_messages != 0)
        (void)leati_offset_ring_push(&ws->message_ends, ws->sent_bytes + ws->out.len);
    if (!ws->pumping)
        leati_chain_wake(ws->chain);
    return LEAT_OK;
}

static int ws_queue_frame(struct leat_websocket *ws, enum leati_ws_opcode opcode, const void *data,
                          size_t len)
{
    int code = ws_reserve(ws, len);
    if (code != LEAT_OK)
        return code;
    return ws_queued(ws, leati_ws_session_write(ws->session, opcode, data, len, &ws->out));
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
    code = ws_queued(
        ws, leati_ws_session_write_part(ws->session, type, data, len, is_first, is_last, &ws->out));
    if (code == LEAT_OK && is_last)
        leati_mailbox_deliver(ws->mailbox); /* what had to wait for the end of this message */
    return code;
}

int leat_websocket_post(leat_websocket *ws, enum leat_message_type type, const void *data,
                        size_t len)
{
    if (!ws || (!data && len > 0) || (type != LEAT_MESSAGE_TEXT && type != LEAT_MESSAGE_BINARY))
        return LEAT_E_PARAMETER;
    if (type == LEAT_MESSAGE_TEXT && !leati_utf8_valid(data, len))
        return LEAT_E_PARAMETER;
    return leati_mailbox_put(ws->mailbox, type, data, len);
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
    int result = leati_ws_session_write_close(ws->session, code, reason, len, &ws->out);
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
    switch (ws->state) {
    case LEATI_WEBSOCKET_IDLE:
    case LEATI_WEBSOCKET_CLOSED:
        return ws_check_sendable(ws);
    case LEATI_WEBSOCKET_CONNECTING:
        ws->closed_by = LEAT_CLOSED_BY_LOCAL;
        leati_websocket_break(ws, LEAT_E_SOCKET_BASE + ECANCELED, ECANCELED,
                              "closed by the program before it was open");
        return LEAT_OK;
    case LEATI_WEBSOCKET_OPEN:
        return ws_close_open(ws, code, reason, len);
    case LEATI_WEBSOCKET_CLOSING:
    case LEATI_WEBSOCKET_FINISHING:
        break;
    }
    return LEAT_OK;
}

void leat_websocket_pause(leat_websocket *ws)
{
    if (ws)
        ws->paused = true;
}

void leat_websocket_resume(leat_websocket *ws)
{
    if (!ws || !ws->paused)
        return;
    ws->paused = false;
    if (ws->chain)
        leati_chain_wake(ws->chain);
}

size_t leat_websocket_buffered_bytes(const leat_websocket *ws)
{
    return ws ? ws->out.len : 0;
}

const char *leat_websocket_protocol(const leat_websocket *ws)
{
    return ws && ws->protocol ? ws->protocol : "";
}

const char *leat_websocket_target(const leat_websocket *ws)
{
    return ws && ws->target ? ws->target : "";
}

const char *leat_websocket_peer(const leat_websocket *ws)
{
    return ws && ws->chain ? leati_route_origin_text(ws->chain->route) : "";
}

void leat_websocket_set_data(leat_websocket *ws, void *data)
{
    if (ws)
        ws->data = data;
}

void *leat_websocket_data(const leat_websocket *ws)
{
    return ws ? ws->data : NULL;
}

/* The topmost one: below it there may be that of a proxy. */
static struct leati_layer *ws_tls(const struct leat_websocket *ws)
{
    struct leati_layer *l = ws->chain->top;
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
    leati_chain_wake(ws->chain); /* what waits is written by the pump, and it tells of a failure */
    return LEAT_OK;
}

bool leat_websocket_get_tls_info(const leat_websocket *ws, struct leat_tls_info *ret_info)
{
    if (!ws || !ret_info || !ws->chain || !ws->secure)
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
    bool running = ws->chain && ws->chain->failure.code != LEAT_OK && !ws->orderly;
    leati_failure_get(running ? &ws->chain->failure : &ws->failure, ret_error);
}

int leat_websocket_http_status(const leat_websocket *ws)
{
    return ws ? ws->http_status : 0;
}

static const struct leati_http_head *ws_response_head(const leat_websocket *ws)
{
    if (!ws)
        return NULL;
    if (ws->chain)
        return ws->chain->route->agreement ? ws->chain->route->agreement->head : NULL;
    return ws->response ? &ws->response->head : NULL;
}

const char *leat_websocket_http_header(const leat_websocket *ws, const char *name)
{
    const struct leati_http_head *head = ws_response_head(ws);
    return head && name ? leati_http_head_get(head, name) : NULL;
}

bool leat_websocket_http_header_at(const leat_websocket *ws, size_t index, const char **ret_name,
                                   const char **ret_value)
{
    const struct leati_http_head *head = ws_response_head(ws);
    if (!head || !ret_name || !ret_value || index >= leati_http_head_field_count(head))
        return false;
    struct leati_http_field field = leati_http_head_field(head, index);
    *ret_name = field.name;
    *ret_value = field.value;
    return true;
}

const char *leat_websocket_http_body(const leat_websocket *ws, size_t *ret_len)
{
    size_t len = 0;
    const char *body = "";
    if (ws && ws->response)
        body = leati_http_body_bytes(&ws->response->body, &len);
    if (ret_len)
        *ret_len = len;
    return body;
}
