/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * One connection of a server, as its thread sees it: the wire, the steps and their faults.
 *
 * Functions that return bool return false when the connection is over: it has ended, a fault has
 * ended it, or the server is being freed. The caller then returns false, too.
 */
#ifndef LEATI_TESTING_PEER_H
#define LEATI_TESTING_PEER_H

#include "testing/capture.h"
#include "testing/limits.h"
#include "testing/record.h"
#include "testing/server.h"

#include <sys/socket.h>

struct leati_link;
struct leati_peer_tls;

/** How a connection is ended once its thread is done with it. */
enum leati_peer_ending {
    LEATI_PEER_ABANDON, /**< close(2), whatever that means for the other side */
    LEATI_PEER_CLOSE,   /**< FIN, then what comes is dropped until the other side ends */
    LEATI_PEER_RESET,   /**< RST */
};

/** What the client has asked for, the last time. */
struct leati_peer_request {
    uint8_t methods[255];
    size_t method_count;
    char user[256], password[256];
    uint8_t address_type;
    char host[256];
    uint16_t port;
    char http_head[LEAT_TESTING_HEAD_BYTES_MAX];
};

/** How a step's answer leaves; what its faults have asked for. */
struct leati_peer_shape {
    size_t split, split_at; /**< 0 = in one */
    unsigned gap_ms;
    size_t truncate; /**< SIZE_MAX = all of it */
    bool skip;       /**< nothing of it */
    bool refuse;
    unsigned refusal; /**< 0 = the default of the step */
    /** In place of a datagram; NULL = the datagram itself. */
    const struct leat_testing_fault *datagram;
};

/** A limit in bytes on one direction, and the faults that are carried out when it is reached. */
struct leati_peer_drop {
    bool armed;
    uint64_t at;
    struct leati_fault_set *faults; /**< NULL = never armed */
    size_t fault;                   /**< the index of the fault that has armed it */
};

struct leati_peer {
    struct leat_testing_server *server;
    struct leati_peer *next;
    pthread_t thread;
    bool finished;   /* of the server's lock */
    bool is_leaving; /* the same: it takes no more datagrams */
    unsigned number;
    char problem[sizeof(((struct leat_testing_seen *)NULL)->problem)]; /**< its first; "" = none */
    int fd;                         /* of the client, or of its link */
    struct leati_link *link;        /* NULL = none; of the server's lock */
    int dispatch_fd;                /* where the datagrams of a client come in; -1 = over TCP */
    struct sockaddr_storage client; /* who sends them */
    struct sockaddr_storage local;  /* where the client has connected to */
    enum leati_peer_ending ending;
    struct leati_peer_tls *tls; /* NULL = not in TLS */
    uint8_t *block;             /* holds `in` */
    uint8_t *in;                /* what has come and was not asked for yet */
    size_t in_len, block_size;
    uint8_t *held; /* what a script has kept for its next sending */
    size_t held_len;
    bool listening; /* bytes have come after the last sending */
    bool carrying;  /* at `relay`: no flights are counted */
    uint64_t bytes_in, bytes_out;

    enum leat_testing_step step;    /* the one that was reached last */
    struct leati_fault_set *faults; /* those of this step; NULL before the first one */
    uint32_t reached[LEATI_TESTING_STEPS];
    struct leati_peer_shape shape;
    struct leati_peer_request request;
    unsigned deflate_bits; /* of a WebSocket that compresses; 0 = it does not */
    unsigned
        auth_round; /* of NTLM: the message that came last; of Bearer: a token has come; 0 = none */
    uint64_t rate;  /* bytes per second; 0 = no limit */
    uint64_t pace_us[2]; /* when the next bytes may move: from the client, to the client */
    struct leati_peer_drop drop_in, drop_out;
    struct leati_capture_flow flow;
    bool in_tls;              /* what is on the wire is not what is said */
    bool has_recorded_end[2]; /* from the client, to the client */
};

/* ---- io.c ------------------------------------------------------------------------------------ */

/** Waits for poll(2) events on `fd`, for ever with -1. false if the server stops or the time is
 * over. */
bool leati_peer_wait_fd(struct leati_peer *p, int fd, short events, int timeout_ms);
bool leati_peer_sleep(struct leati_peer *p, uint64_t ms);
/** Bytes off the wire, at least one. */
bool leati_peer_wire_recv(struct leati_peer *p, uint8_t *buf, size_t cap, size_t *ret_len);
/** All of these bytes onto the wire, as the present shape says. */
bool leati_peer_wire_send(struct leati_peer *p, const void *data, size_t len);
/** How many of `len` bytes may move now in this direction; 0 = wait for `*ret_wait_ms`. */
size_t leati_peer_allowed(struct leati_peer *p, bool to_client, size_t len, int *ret_wait_ms);
/** Notes bytes that have moved; `data` is NULL for those of a datagram. false if that has ended the
 * connection. */
bool leati_peer_moved(struct leati_peer *p, bool to_client, const void *data, size_t len);

/** The same for a datagram, which a rate holds back as a whole. */
bool leati_peer_datagram_moved(struct leati_peer *p, bool to_client, size_t len);

/** Makes sure that `in` holds `len` bytes, through TLS if there is one. */
bool leati_peer_need(struct leati_peer *p, size_t len);
/** Forgets the first `len` bytes of `in`. */
void leati_peer_consume(struct leati_peer *p, size_t len);
/** Sends bytes, through TLS if there is one. */
bool leati_peer_send(struct leati_peer *p, const void *data, size_t len);

/** Records a problem, the first one of the connection, and of the server. @return false, for
 * `return`. */
bool leati_peer_problem(struct leati_peer *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** One side has ended: for those who capture and record. */
void leati_peer_ended(struct leati_peer *p, bool to_client, bool is_reset);
/** Ends the connection in a way. @return false, for `return`. */
bool leati_peer_end(struct leati_peer *p, enum leati_peer_ending ending);

/** Shows the request to those who ask the server what it has seen. */
void leati_peer_show_request(struct leati_peer *p);

/* ---- steps.c --------------------------------------------------------------------------------- */

/** A step is reached: counts it, logs it and carries out what its faults do before the answer. */
bool leati_peer_step(struct leati_peer *p, enum leat_testing_step step, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Sends the answer of the present step as its faults want it, and carries out what they do after
 * it. A refusal is over then. */
bool leati_peer_answer(struct leati_peer *p, const void *data, size_t len);
/** For a step without bytes of its own: what its faults do after it. */
bool leati_peer_step_done(struct leati_peer *p);
/** Whether the server is to refuse at the present step, and with what. */
bool leati_peer_refuses(const struct leati_peer *p, unsigned otherwise, unsigned *ret_number);
/** Carries out what stands behind a drop-after. @return false. */
bool leati_peer_drop(struct leati_peer *p, struct leati_peer_drop *drop);
/** Waits for leat_testing_server_release(). */
bool leati_peer_hold(struct leati_peer *p);
bool leati_peer_stall(struct leati_peer *p);
/** Gives back the faults that a connection has. */
void leati_peer_faults_done(struct leati_peer *p);

/* ---- protocols.c: messages as they come ------------------------------------------------------ */

bool leati_peer_read_socks5_greeting(struct leati_peer *p);
bool leati_peer_read_socks5_auth(struct leati_peer *p);
/** Any command, which is the result, and any kind of address: an unknown one has an empty host. */
bool leati_peer_read_socks5_request(struct leati_peer *p, uint8_t *ret_command);
bool leati_peer_read_http_head(struct leati_peer *p);
/** What is wrong with the last head, by RFC 9112 sections 2.2, 3, 3.2 and 5; NULL = nothing. */
const char *leati_peer_http_fault(const struct leati_peer *p);
bool leati_peer_http_is_1_0(const struct leati_peer *p);
/** How many fields of that name the last head has; whether their lists have an item, in any letters. */
size_t leati_peer_http_count(const struct leati_peer *p, const char *name);
bool leati_peer_http_has(const struct leati_peer *p, const char *name, const char *item);
/** The value of a field of the last head, without blanks around it; false if it has none. */
bool leati_peer_http_field(struct leati_peer *p, const char *name, char *ret_value, size_t cap);
/** Writes the 101 for the last head; `lines` are further lines. NULL: it has no key, or there is no
 * memory. To be freed with leati_free(). */
char *leati_peer_upgrade_head(struct leati_peer *p, const char *lines, size_t lines_len);

/* ---- frames.c: WebSocket --------------------------------------------------------------------- */

struct leati_frame {
    uint8_t first_byte;
    uint8_t *payload; /**< unmasked in place, in the connection's input */
    size_t len;
    size_t wire_len;     /**< to be consumed */
    unsigned close_code; /**< of a frame that breaks a rule, and the rule; 0 = it breaks none */
    const char *rule;
};

/** false: the connection has ended, or the frame is none, which is a problem: `close_code` says so. */
bool leati_peer_read_frame(struct leati_peer *p, struct leati_frame *ret_frame);
/** Whether a Close may carry this code: RFC 6455 section 7.4. */
bool leati_testing_close_code_is_valid(unsigned code);

/* ---- resolve.c, relay.c, udp.c: what a proxy does -------------------------------------------- */

/** Connects to a host. @return a descriptor, or -1 and an errno (EAI_ failures: EHOSTUNREACH). */
int leati_peer_dial(struct leati_peer *p, const char *host, uint16_t port, int *ret_errno);
/** Carries bytes both ways until both have ended; closes `upstream`. */
bool leati_peer_relay(struct leati_peer *p, int upstream);
/** Serves a UDP association until the connection ends. */
bool leati_peer_associate(struct leati_peer *p);

/* ---- tls.c: TLS with the client -------------------------------------------- */

/** Whether a server can use these files. */
bool leati_peer_tls_check(const struct leat_testing_tls *options, char *ret_reason, size_t cap);
/** false also when the handshake fails, which is a problem unless it `may_fail`. */
bool leati_peer_tls_accept(struct leati_peer *p, const struct leat_testing_tls *options);
/** The handshake and the step `tls` of a server with TLS in front; nothing otherwise. */
bool leati_peer_tls_step(struct leati_peer *p);
/** "TLSv1.3 TLS_AES_256_GCM_SHA384" */
const char *leati_peer_tls_describe(const struct leati_peer *p, char *buf, size_t cap);
/** Plaintext, at least one byte. */
bool leati_peer_tls_recv(struct leati_peer *p, uint8_t *buf, size_t cap, size_t *ret_len);
/** What there is of plaintext after some bytes have come from the wire; 0 = none. */
bool leati_peer_tls_feed(struct leati_peer *p, const uint8_t *wire, size_t wire_len);
size_t leati_peer_tls_take(struct leati_peer *p, uint8_t *buf, size_t cap);
/** Makes records of plaintext, at most LEATI_TESTING_PLAIN_BYTES. @return their length, 0 = failed.
 */
size_t leati_peer_tls_wrap(struct leati_peer *p, const void *data, size_t len,
                           uint8_t ret_wire[LEATI_TESTING_WIRE_BYTES]);
bool leati_peer_tls_send(struct leati_peer *p, const void *data, size_t len);
bool leati_peer_tls_close_notify(struct leati_peer *p);
void leati_peer_tls_free(struct leati_peer_tls *tls);
/** RFC 6455 section 4.2.2: base64 of the SHA-1 of a key and the protocol's GUID. */
void leati_peer_websocket_accept(const char *key, size_t key_len, char ret_accept[29]);
/** A base64 text of at most 1024 bytes. false if it is none, or has a NUL in
 * it. Ends with a NUL. */
bool leati_peer_base64_decode(const char *text, char ret_data[1024]);

/* ---- tls_client.c: TLS towards the destination of a relay ------------------------------------- */

struct leati_tls_pump;

/** Puts TLS on a connection, as a client: the handshake, then a thread that carries it. @return the
 * descriptor of the plain bytes, or -1: `fd` is closed, and what was wrong is recorded. */
int leati_tls_pump_new(struct leati_peer *p, int fd, struct leati_tls_pump **ret_pump);
/** Once that descriptor was closed: waits for the thread. NULL is allowed. */
void leati_tls_pump_free(struct leati_tls_pump *pump);
/** Whether the file of a CA can be used. */
bool leati_tls_pump_check(const struct leat_testing_to_tls *options, char *ret_reason, size_t cap);

/* ---- tcp.c ----------------------------------------------------------------------------------- */

/** "host:1", "[::1]:1". Both results may be NULL. */
bool leati_testing_destination_parse(const char *text, char ret_host[256], uint16_t *ret_port);

/* ---- one file for each kind of server -------------------------------------------------------- */

void leati_testing_serve_socks5(struct leati_peer *p);
void leati_testing_serve_connect(struct leati_peer *p);
void leati_testing_serve_websocket(struct leati_peer *p);
void leati_testing_serve_script(struct leati_peer *p);
void leati_testing_serve_tcp(struct leati_peer *p);
void leati_testing_serve_udp(struct leati_peer *p);
void leati_testing_serve_dns(struct leati_peer *p);
void leati_testing_serve_http(struct leati_peer *p);
void leati_testing_serve_socks4(struct leati_peer *p);
void leati_testing_serve_replay(struct leati_peer *p);
/** The header of the PROXY protocol, if the options want one. */
bool leati_peer_proxy_header(struct leati_peer *p);

#endif
