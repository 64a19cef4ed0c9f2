/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The inside of leat_websocket: a session of frames above a chain. The chain's pump calls
 * websocket_pump.c; what a program asks for (websocket.c) is queued and leaves with the next pump.
 */
#ifndef LEATI_WEBSOCKET_WEBSOCKET_H
#define LEATI_WEBSOCKET_WEBSOCKET_H

#include <leat/websocket.h>

#include "conn/chain.h"
#include "websocket/mailbox.h"
#include "http/response.h"
#include "util/byte_queue.h"
#include "util/offset_ring.h"
#include "ws/ws.h"

/** RFC 6455 section 5.5: the payload of a control frame. */
#define LEATI_WS_CONTROL_PAYLOAD_MAX 125u
/** The same without the close code. */
#define LEATI_WS_CLOSE_REASON_MAX (LEATI_WS_CONTROL_PAYLOAD_MAX - 2u)

enum leati_websocket_state {
    LEATI_WEBSOCKET_IDLE, /* never connected */
    LEATI_WEBSOCKET_CONNECTING,
    LEATI_WEBSOCKET_OPEN,
    LEATI_WEBSOCKET_CLOSING,   /* our Close frame came first; the peer's is awaited */
    LEATI_WEBSOCKET_FINISHING, /* nothing more is delivered: flush, wait for the peer's EOF, shut
                                  down */
    LEATI_WEBSOCKET_CLOSED,    /* ended; may connect again */
};

/** Bytes that were read but may not be delivered before leat_websocket_resume(). */
struct leati_held_bytes {
    uint8_t *data;
    size_t len;
    size_t used;
};

/** The Pongs of a connection, counted from the first byte sent: websocket_pong.c. */
struct leati_pongs {
    uint64_t begin_bytes, end_bytes;    /* where those that are queued begin and end */
    struct leati_waiting_pong *waiting; /* behind them; NULL = none */
};

/** A client of a server has asked: the answer is leati_ws_accept_answer(), or a break. */
typedef void leati_websocket_asked_fn(struct leat_websocket *ws, struct leati_layer *accept,
                                      void *user);

struct leat_websocket {
    leat_loop *loop;
    struct leat_websocket_callbacks callbacks;
    void *user;
    void *data; /* the program's, of this object */

    enum leati_websocket_state state;
    struct leati_chain *chain; /* NULL while idle */
    struct leati_ws_session *session;
    struct leati_byte_queue out;
    struct leati_mailbox *mailbox;
    struct leati_held_bytes held;
    bool has_more_events; /* perhaps: the session was left before it had said everything */
    bool is_server;       /* the other end is a client, and a server owns this object */
    leati_websocket_asked_fn *asked;
    bool secure;
    bool paused;
    bool pumping;         /* what is queued now leaves with this pump */
    bool reads_on;        /* the last pump broke off reading, so that others have their turn */
    uint8_t late_pumps;   /* that have read since the time to close was over */
    bool send_refused;    /* `writable` is owed */
    size_t refused_bytes; /* the frame for which there was no room */
    bool compressed;      /* permessage-deflate was agreed to */
    bool orderly;         /* the peer's Close frame has come */
    bool peer_ended;      /* and its end of the connection, too */

    size_t queue_limit_bytes;
    size_t queue_limit_messages;           /* 0 = none, and `message_ends` is not kept */
    struct leati_offset_ring message_ends; /* of what waits, counted from the first byte sent */
    uint64_t sent_bytes;
    bool send_blocked; /* the last bytes were not taken */
    struct leati_pongs pongs;
    uint32_t close_timeout_ms;
    uint32_t ping_interval_ms;
    uint32_t pong_timeout_ms;
    uint32_t send_timeout_ms;  /* 0 = none */
    uint64_t stalled_since_ms; /* since when nothing of `out` has left; 0 = it moves, or is empty */
    uint64_t stalled_at_bytes; /* sent_bytes then */
    uint64_t silent_since_ms;  /* when something was last received, or the Ping went out */
    bool heard;                /* something was received since the last look */
    bool ping_unanswered;
    uint64_t close_start_us; /* 0 = not closing */

    enum leat_closed_by closed_by;
    uint16_t close_code;
    char *close_reason; /* NULL = empty */
    size_t close_reason_len;

    char *protocol; /* NULL = none */
    char *target;   /* of the request, at a server; NULL at a client */
    int http_status;
    struct leati_http_response *response; /* that refused the last connection; NULL = none */
    struct leati_failure failure;         /* of the last connection, or the last refused connect */
};

/** How often a connection whose time is over may go on reading: more than the kernel keeps for one
 * by default, but no reason to go on for ever for a peer that does not end. */
#define LEATI_WS_LATE_PUMPS_MAX 64

/** Forgets the connection, not what it left to be asked for. */
void leati_websocket_clear_connection(struct leat_websocket *ws);
/** Forgets what the last connection left to be asked for. */
void leati_websocket_clear_result(struct leat_websocket *ws);
void leati_websocket_destroy(struct leat_websocket *ws);

/** Frees, whoever owns it; leat_websocket_free() for those of a program. */
void leati_websocket_dispose(struct leat_websocket *ws);

/** Starts the server's side of a connection that was accepted; `opened` or `closed` follows. The
 * descriptor is taken in every case. @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_websocket_accept(struct leat_websocket *ws, const struct leati_route_accepted *accepted,
                           leati_websocket_asked_fn *asked);

/** Ends the connection without a goodbye, because it is of no use any more. */
void leati_websocket_break(struct leat_websocket *ws, int code, int sys_errno, const char *text);

/** Offers the chain what is queued. */
void leati_websocket_flush(struct leat_websocket *ws);

/** From the pump. */
void leati_websocket_answer_ping(struct leat_websocket *ws, const uint8_t *payload, size_t len);
/** Queues the Pong that waits, if it may; whether it did. Never within a frame. */
bool leati_websocket_release_pong(struct leat_websocket *ws);
void leati_websocket_drop_pong(struct leat_websocket *ws);

/** Our Close frame is queued and is the first. */
void leati_websocket_start_closing(struct leat_websocket *ws);

/** The functions that serve the chain below a websocket. */
extern const struct leati_chain_owner leati_websocket_chain_owner;

#endif
