/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The inside of leat_websocket: a session of frames on a stream. The stream calls events.c; what a
 * program asks for (websocket.c) is queued and leaves with the next pump.
 */
#ifndef LEATI_WEBSOCKET_WEBSOCKET_H
#define LEATI_WEBSOCKET_WEBSOCKET_H

#include <leat/websocket.h>

#include "conn/stream.h"
#include "websocket/mailbox.h"
#include "http/response.h"
#include "ws/ws.h"

/** RFC 6455 section 5.5: the payload of a control frame. */
#define LEATI_WS_CONTROL_PAYLOAD_MAX 125u
/** The same without the close code. */
#define LEATI_WS_CLOSE_REASON_MAX (LEATI_WS_CONTROL_PAYLOAD_MAX - 2u)

/** The Pongs of a connection, counted from the first byte sent: pong.c. */
struct leati_pongs {
    uint64_t begin_bytes, end_bytes;    /* where those that are queued begin and end */
    struct leati_waiting_pong *waiting; /* behind them; NULL = none */
};

/** A client of a server has asked: the answer is leati_ws_accept_answer(), or a break. */
typedef void leati_websocket_asked_fn(struct leat_websocket *ws, struct leati_layer *accept,
                                      void *user);

struct leat_websocket {
    /* Its failure is that of the last connection, or of the last refused connect. */
    struct leati_stream stream;
    const struct leat_websocket_callbacks *callbacks; /* the program's own, or the server's */
    void *user;
    void *data; /* the program's, of this object */

    struct leati_ws_session *session; /* NULL unless the stream has been open */
    struct leati_mailbox mailbox;
    leati_websocket_asked_fn *asked;
    bool is_server; /* the other end is a client, and a server owns this object */
    bool secure;
    bool compressed; /* permessage-deflate was agreed to, with: */
    struct leati_deflate_params deflate;
    bool closing;       /* our Close frame came first; unless orderly, the peer's is awaited */
    bool orderly;       /* the peer's Close frame has come */
    uint8_t late_pumps; /* that have read since the time to close was over */
    bool heard;         /* something was received since the last look */
    bool ping_unanswered;

    struct leati_pongs pongs;
    uint32_t ping_interval_ms;
    uint32_t pong_timeout_ms;
    uint64_t silent_since_ms;   /* when something was last received, or the Ping went out */
    uint64_t close_deadline_ms; /* for the peer's Close frame; 0 = none */
    uint64_t close_start_us;    /* 0 = not closing */

    char *close_reason; /* NULL = empty */
    size_t close_reason_len;

    char *protocol; /* NULL = none */
    char *target;   /* of the request, at a server; NULL at a client */
    int http_status;
    enum leat_closed_by closed_by;
    uint16_t close_code;
    struct leati_subscription *subscriptions; /* to topics: topic.c */
    struct leati_receive_rate *rate;          /* NULL = not limited */
    uint64_t *throttled;                      /* the server's counter; if it is */
    struct leati_http_response *response;     /* that refused the last connection; NULL = none */
};

/** How often a connection whose time is over may go on reading: more than the kernel keeps for one
 * by default, but no reason to go on for ever for a peer that does not end. */
#define LEATI_WS_LATE_PUMPS_MAX 64

/** Fills in an object of a server, which it is embedded in as its first member, and which it is freed
 * with. `callbacks` is borrowed. */
void leati_websocket_init(struct leat_websocket *ws, leat_loop *loop,
                          const struct leat_websocket_callbacks *callbacks, void *user);

/** Forgets the connection, not what it left to be asked for. */
void leati_websocket_clear_connection(struct leat_websocket *ws);
/** Forgets what the last connection left to be asked for. */
void leati_websocket_clear_result(struct leat_websocket *ws);
void leati_websocket_destroy(struct leat_websocket *ws);

/** Frees any object; leat_websocket_free() only frees those of a program. */
void leati_websocket_dispose(struct leat_websocket *ws);

/** Starts the server's side of a connection that was accepted; `opened` or `closed` follows. The
 * descriptor is taken in every case. @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_websocket_accept(struct leat_websocket *ws, const struct leati_route_accepted *accepted,
                           leati_websocket_asked_fn *asked);

/** Ends the connection without a goodbye. */
void leati_websocket_break(struct leat_websocket *ws, int code, int sys_errno, const char *text);

/** From the pump. */
void leati_websocket_answer_ping(struct leat_websocket *ws, const uint8_t *payload, size_t len);
/** Queues the Pong that waits, if it may; whether it did. Never within a frame. */
bool leati_websocket_release_pong(struct leat_websocket *ws);
void leati_websocket_drop_pong(struct leat_websocket *ws);

/** Our Close frame is queued and is the first. */
void leati_websocket_start_closing(struct leat_websocket *ws);

/** What a websocket makes of its stream. */
extern const struct leati_stream_owner leati_websocket_stream_owner;

#endif
