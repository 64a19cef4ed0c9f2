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

void leati_websocket_clear_connection(struct leat_websocket *ws)
{
    leati_topics_leave(ws);
    leati_free(ws->rate);
    ws->rate = NULL;
    leati_ws_session_free(ws->session);
    ws->session = NULL;
    leati_websocket_drop_pong(ws);
    ws->pongs = (struct leati_pongs){0};
    ws->close_start_us = ws->close_deadline_ms = 0;
    ws->late_pumps = 0;
    ws->heard = ws->ping_unanswered = ws->closing = ws->orderly = false;
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
    leati_failure_done(&ws->stream.failure);
}

void leati_websocket_destroy(struct leat_websocket *ws)
{
    leati_websocket_clear_connection(ws);
    leati_websocket_clear_result(ws);
    leati_mailbox_done(&ws->mailbox);
    leati_free(ws);
}

/* One that a program has made. */
struct program_websocket {
    struct leat_websocket base;
    struct leat_websocket_callbacks callbacks;
};

void leati_websocket_init(struct leat_websocket *ws, leat_loop *loop,
                          const struct leat_websocket_callbacks *callbacks, void *user)
{
    ws->callbacks = callbacks;
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
    leati_websocket_init(&own->base, loop, &own->callbacks, user);
    *ret_ws = &own->base;
    return LEAT_OK;
}

int leat_websocket_set_callbacks(leat_websocket *ws,
                                 const struct leat_websocket_callbacks *callbacks, void *user)
{
    if (!ws || ws->is_server)
        return LEAT_E_PARAMETER;
    struct leat_websocket_callbacks *own = &((struct program_websocket *)ws)->callbacks;
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

static int ws_start(struct leat_websocket *ws, struct leati_route *route)
{
    const struct leati_settings *settings = route->settings;
    struct leati_stream_limits limits = leati_stream_limits_of(settings);
    limits.queue_messages = settings->send_queue_messages;
    limits.stall_timeout_ms = settings->send_timeout_ms;
    leati_mailbox_set_limit(&ws->mailbox, limits.queue_bytes);
    ws->secure = route->secure;
    ws->ping_interval_ms = settings->ping_interval_ms;
    ws->pong_timeout_ms = settings->pong_timeout_ms;
    return leati_stream_start(&ws->stream, route, &settings->tracer, &limits);
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
    if (leati_stream_is_running(&ws->stream))
        return leati_stream_refuse(&ws->stream, LEAT_E_WS_EXISTS, 0,
                                   "connect while it is connecting, open or closing");
    if (ws->is_server)
        return leati_stream_refuse(&ws->stream, LEAT_E_WS_EXISTS, 0,
                                   "a server's connection cannot connect");
    leati_websocket_clear_result(ws);
    struct leati_route *route;
    int code = leati_route_new(url, config, &ws->stream.failure, &route);
    return code == LEAT_OK ? ws_start(ws, route) : code;
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
static int ws_check_sendable(const struct leat_websocket *ws)
{
    if (ws->stream.state != LEATI_STREAM_OPEN)
        return leati_stream_not_open(&ws->stream);
    return ws->closing ? LEAT_E_SOCKET_BASE + EBADF : LEAT_OK;
}

/* Whether frames for `len` bytes may be queued now. */
static int ws_reserve(struct leat_websocket *ws, size_t len)
{
    int code = leati_stream_reserve(&ws->stream, leati_ws_session_frame_size(ws->session, len));
    return code != LEAT_OK && ws->secure ? (int)LEAT_E_TLS_WRITE : code;
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
    if (code == LEAT_OK && is_last)
        leati_mailbox_deliver(&ws->mailbox); /* what had to wait for the end of this message */
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
    return ws && ws->protocol ? ws->protocol : "";
}

const char *leat_websocket_get_target(const leat_websocket *ws)
{
    return ws && ws->target ? ws->target : "";
}

const char *leat_websocket_get_peer(const leat_websocket *ws)
{
    return ws && ws->stream.chain ? leati_chain_origin(ws->stream.chain) : "";
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
    return ws->response ? &ws->response->head : NULL;
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
    if (ws && ws->response)
        body = leati_http_body_bytes(&ws->response->body, &len);
    if (ret_len)
        *ret_len = len;
    return body;
}
