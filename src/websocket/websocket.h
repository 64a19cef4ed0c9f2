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

/** What all connections of a server have in common; one of a program has its own. */
struct leati_websocket_terms {
    struct leati_stream_limits stream;                /* first: the stream knows where they are */
    const struct leat_websocket_callbacks *callbacks; /* the program's own, or the server's */
    uint32_t ping_interval_ms;
    uint32_t pong_timeout_ms;
    size_t max_message_bytes; /* of messages in parts only if max_message_is_set */
    bool max_message_is_set;
    atomic_size_t letters_bytes; /* that other threads may have posted: mailbox.h */
};

struct leat_websocket {
    /* Its failure is that of the last connection, or of the last refused connect. */
    struct leati_stream stream;
    const struct leati_websocket_terms *terms;
    void *user;
    void *data; /* the program's, of this object */

    struct leati_ws_session *session; /* NULL unless the stream has been open */
    struct leati_mailbox mailbox;
    bool is_server; /* the other end is a client, and a server owns this object */
    bool secure;
    bool compressed; /* permessage-deflate was agreed to, with: */
    struct leati_deflate_params deflate;
    bool closing;       /* our Close frame came first; unless orderly, the peer's is awaited */
    bool orderly;       /* the peer's Close frame has come */
    uint8_t late_pumps; /* that have read since the time to close was over */
    bool heard;         /* something was received since the last look */
    bool ping_unanswered;
    bool has_close_phase;
    bool gives_pieces; /* as it was when it was opened, whatever the callbacks are now */
    bool is_served; /* the server's: the last answer told of no failure: that it goes is no news */
    uint8_t close_reason_len;
    uint16_t close_code;
    enum leat_closed_by closed_by : 8;
    int http_status;

    struct leati_pongs *pongs; /* NULL = none was sent, or it has rested since */
    union {
        uint64_t silent_since_ms; /* when something was last received, or the Ping went out */
        uint64_t close_start_us;  /* once has_close_phase */
    };
    char *close_reason; /* NULL = empty */
    /* Of the request, at a server, "" at a client; behind its NUL the subprotocol, "" = none. NULL
     * unless it has been open. */
    const char *texts;
    struct leati_subscription *subscriptions; /* to topics: topic.c */
    struct leati_receive_rate *rate;          /* NULL = not limited */
};

/** How often a connection whose time is over may go on reading: more than the kernel keeps for one
 * by default, but no reason to go on for ever for a peer that does not end. */
#define LEATI_WS_LATE_PUMPS_MAX 64

/** Fills in an object of a server, which it is embedded in as its first member, and which it is freed
 * with. `terms` are borrowed. */
void leati_websocket_init(struct leat_websocket *ws, leat_loop *loop,
                          const struct leati_websocket_terms *terms, void *user);
/** Fills in all but the callbacks, which must be there. */
void leati_websocket_terms_set(struct leati_websocket_terms *terms,
                               const struct leati_settings *settings);

/** Takes the answer that refused a connection; NULL = there is none. */
void leati_websocket_take_response(struct leat_websocket *ws, struct leati_http_response *response);

/** Forgets the connection, not what it left to be asked for. */
void leati_websocket_clear_connection(struct leat_websocket *ws);
void leati_websocket_destroy(struct leat_websocket *ws);

/** What a connection with these texts shares with others, as in `texts`; NULL = it has its own. */
const char *leati_websocket_known_texts(const char *target, const char *protocol);

/** Frees any object; leat_websocket_free() only frees those of a program. */
void leati_websocket_dispose(struct leat_websocket *ws);

/** Starts the server's side of a connection that was accepted; `opened` or `closed` follows. The
 * descriptor is taken in every case. @return LEAT_OK, LEAT_E_SYSTEM_INTERNAL (no memory). */
int leati_websocket_accept(struct leat_websocket *ws, const struct leati_route_accepted *accepted);

/** A client of a server has asked; a request waits in the acceptance, which tops the chain of `ws`. The answer is
 * leati_ws_accept_answer(), or a break. */
void leati_server_on_asked(leat_websocket *ws, struct leati_layer *accept, void *user);

/** Ends the connection without a goodbye. */
void leati_websocket_break(struct leat_websocket *ws, int code, int sys_errno, const char *text);

/** From the pump. */
void leati_websocket_answer_ping(struct leat_websocket *ws, const uint8_t *payload, size_t len);
/** Queues the Pong that waits, if it may; whether it did. Never within a frame. */
bool leati_websocket_release_pong(struct leat_websocket *ws);
/** Forgets those that were sent, and the one that waits. */
void leati_websocket_drop_pongs(struct leat_websocket *ws);

/** Our Close frame is queued and is the first. */
void leati_websocket_start_closing(struct leat_websocket *ws);

/** What a websocket makes of its stream. */
extern const struct leati_stream_owner leati_websocket_stream_owner;

#endif
