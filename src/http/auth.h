/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Authentication to one HTTP proxy (RFC 9110 section 11.7): which of the schemes that it offers is
 * taken, and what the next request says. It belongs to a hop of a route and outlives connections to
 * it, because a proxy may close behind its 407. No I/O, no clock.
 *
 * A scheme is a row: struct leati_http_auth_scheme. A new one is a file with a row, and a place in
 * the table of auth.c, whose order is their strength. What a row needs from outside (hashes, a
 * helper that may block) comes with struct leati_http_auth_options.
 *
 * Rules, the same for every scheme:
 *  - Nothing is sent that this proxy has not asked for, now or on an earlier connection of the same
 *    configuration by the same way; but for Basic where the program wants that.
 *  - What the proxy refuses is not tried again with a weaker scheme: who listens learns no
 *    password by refusing.
 *  - A challenge that cannot be answered (its algorithm, no credentials, no ticket) leaves the next
 *    weaker one that is offered.
 *  - LEATI_HTTP_AUTH_MAX_ROUNDS, then it ends.
 *
 * One thread at a time per object, that of the loop.
 */
#ifndef LEATI_HTTP_AUTH_H
#define LEATI_HTTP_AUTH_H

#include "http/auth_memory.h"
#include "http/challenge.h"
#include "http/digest.h"
#include "http/head.h"

#include <leat/loop.h>
#include <leat/proxy_auth.h>

/** The most answers of 407 on the way to one tunnel. */
#define LEATI_HTTP_AUTH_MAX_ROUNDS 8u
/** How often a proxy may close where it should answer our credentials. */
#define LEATI_HTTP_AUTH_MAX_LOSSES 2u
/** The longest value of Proxy-Authorization. */
#define LEATI_HTTP_AUTH_VALUE_MAX_BYTES 24576u

struct leati_http_auth;

enum leati_http_auth_step {
    LEATI_HTTP_AUTH_SENDS,   /**< the value of the next request is there */
    LEATI_HTTP_AUTH_WAITS,   /**< leati_http_auth_answer() will come: from a program, a helper */
    LEATI_HTTP_AUTH_UNFIT,   /**< the challenge cannot be answered: the next scheme, please */
    LEATI_HTTP_AUTH_REFUSED, /**< the proxy does not take what this scheme has, or is not who it
                                should be */
    LEATI_HTTP_AUTH_NO_MEMORY,
    LEATI_HTTP_AUTH_LET_IN, /**< the tunnel is open, and the proxy who it says, if it says that */
};

/** All challenges of one response. */
struct leati_http_auth_offer {
    struct leati_http_challenge challenges[LEATI_HTTP_CHALLENGES_MAX];
    size_t count;
};

struct leati_http_auth_scheme {
    const char *name; /**< as challenges have it */
    unsigned flag;    /**< LEAT_PROXY_AUTH_* */
    /** Its rounds belong to one connection: when that is lost between two of them, it is over. */
    bool is_bound;
    /** What it waits for comes of a helper, which may never come back: its time is that of a step. */
    bool is_helped;
    /**
     * The proxy offers this scheme.
     *
     * @param is_again the last request had a value of this scheme, and this is the answer to it
     */
    enum leati_http_auth_step (*step)(struct leati_http_auth *auth,
                                      const struct leati_http_auth_offer *offer, bool is_again);
    /** A new connection begins, and this scheme has been taken before: the value of its first
     * request. NULL = none, it is asked again. */
    enum leati_http_auth_step (*again)(struct leati_http_auth *auth);
    /** The proxy has let us in; `head` is that of its answer, in which it may prove who it is. May be
     * NULL. @return LET_IN; WAITS, REFUSED, NO_MEMORY */
    enum leati_http_auth_step (*accepted)(struct leati_http_auth *auth,
                                          const struct leati_http_head *head);
    /** What `accepted` has waited for is there. @return as above, without WAITS */
    enum leati_http_auth_step (*verified)(struct leati_http_auth *auth);
    /** Frees what it has kept in auth->state. May be NULL. */
    void (*drop)(struct leati_http_auth *auth);
};

struct leati_http_auth_options {
    const char *proxy; /**< "host:port" */
    const char *way;   /**< all hops up to the proxy: what tells it from others in `memory` */
    /** For Basic and Digest; NULL = none. */
    const char *user;
    const char *password; /**< NULL = "" */
    unsigned schemes;     /**< that the program allows, LEAT_PROXY_AUTH_* */
    bool preemptive_basic;
    leat_proxy_token_fn token_fn; /**< for Bearer; NULL = none */
    void *token_user;
    /** For Negotiate and NTLM: where their helper's end is told (NULL = they are not to be had), and
     * the name of the proxy's service. */
    leat_loop *loop;
    const char *service, *host;
    struct leati_http_hashes hashes;
    struct leati_http_auth_memory *memory; /**< may be NULL; a reference is taken */
};

struct leati_http_auth {
    unsigned refs;
    char *proxy, *way, *user, *password, *service, *host;
    struct leati_http_auth_options options; /**< its strings are those above */

    char *target;                               /**< what CONNECT asks for: "host:port" */
    const struct leati_http_auth_scheme *taken; /**< NULL = none yet */
    void *state;                                /**< of `taken` */
    char *value;   /**< of Proxy-Authorization in the next request; NULL = none */
    bool is_sent;  /**< a request had it */
    bool is_guess; /**< nobody has asked for it on this connection */
    bool waits;    /**< for leati_http_auth_answer() */
    bool is_bound; /**< to this connection, between two rounds */
    unsigned rounds, losses;
    unsigned unfit;          /**< flags of those that could not answer the last response */
    uint64_t round_start_us; /**< of the trace; 0 = none goes on */
    char round_text[200];
    struct leat_proxy_challenge *question; /**< for the program; NULL = none */
    bool is_asked;                         /**< the program has it */
    unsigned tokens;                       /**< that the program was asked for */
    bool lacks_memory;                     /**< for the answer */
    bool is_over;                          /**< there will be no answer, and nothing weaker */

    char detail[48];   /**< of the scheme: "SHA-256" */
    char names[120];   /**< the schemes of the last response: "Digest, Basic" */
    char offered[400]; /**< what the last response asked for, for people */
    char reason[480];  /**< why it does not go on, likewise */

    void (*answered)(void *user); /**< set by the layer that waits; NULL = none */
    void *answered_user;
};

/** NULL without memory. One reference, for the caller. */
struct leati_http_auth *leati_http_auth_new(const struct leati_http_auth_options *options);
struct leati_http_auth *leati_http_auth_ref(struct leati_http_auth *auth);
/** NULL is allowed. */
void leati_http_auth_unref(struct leati_http_auth *auth);

/** A connection begins, on which `target` will be asked for: what its first request has.
 * @return SENDS, WAITS, UNFIT (no value), NO_MEMORY. */
enum leati_http_auth_step leati_http_auth_begin(struct leati_http_auth *auth, const char *target);

/** The response asks for credentials. @return SENDS, WAITS; REFUSED: it is over, and the reason is
 * there; NO_MEMORY. */
enum leati_http_auth_step leati_http_auth_challenged(struct leati_http_auth *auth,
                                                     const struct leati_http_head *head);
/** What was waited for is there, in `value`, or will not come (UNFIT): the next scheme of the same
 * response is tried. As leati_http_auth_challenged(). */
enum leati_http_auth_step leati_http_auth_resume(struct leati_http_auth *auth,
                                                 const struct leati_http_head *head);

/** The request with the value is on its way. */
void leati_http_auth_sent(struct leati_http_auth *auth);
/** The tunnel is open. @return LET_IN; WAITS: leati_http_auth_verified() when that is over; REFUSED: the
 * proxy is not who it should be, and the reason is there; NO_MEMORY. */
enum leati_http_auth_step leati_http_auth_accepted(struct leati_http_auth *auth,
                                                   const struct leati_http_head *head);
enum leati_http_auth_step leati_http_auth_verified(struct leati_http_auth *auth);
/** The connection was lost, or closed by the proxy, before it has answered the value. @return
 * whether another one may help; if not, the reason is there. */
bool leati_http_auth_lost(struct leati_http_auth *auth);

/** "Digest SHA-256", or "" when nothing was tried. */
const char *leati_http_auth_name(const struct leati_http_auth *auth, char *buf, size_t cap);
/** "; it asks for ...; ..." for the text of a 407 that is final. */
void leati_http_auth_tell(const struct leati_http_auth *auth, char *buf, size_t cap, size_t *pos);

/* ---- for the schemes, and whoever answers for them ---------------------------------------- */

/** The first challenge of a scheme, from `*index` (0 at first) on; NULL = none. */
const struct leati_http_challenge *leati_http_auth_find(const struct leati_http_auth_offer *offer,
                                                        const char *scheme, size_t *index);
/** Takes the value, which is freed as a secret; NULL means no memory.
 * @return SENDS, NO_MEMORY; UNFIT if it is too long. */
enum leati_http_auth_step leati_http_auth_value(struct leati_http_auth *auth, char *value);
/** Says why a scheme is UNFIT or REFUSED. Returns `step`. */
enum leati_http_auth_step leati_http_auth_explain(struct leati_http_auth *auth,
                                                  enum leati_http_auth_step step,
                                                  const char *format, ...) LEAT_PRINTF(3, 4);
/** Ends a WAITS: takes the value; NULL = there will be none, for `reason`. On the loop's thread. */
void leati_http_auth_answer(struct leati_http_auth *auth, char *value, const char *reason);
/** Ends one that leati_http_auth_accepted() has given. On the loop's thread. */
void leati_http_auth_judged(struct leati_http_auth *auth);
/** Ends it as a refusal: no other scheme is tried. */
void leati_http_auth_give_up(struct leati_http_auth *auth, const char *reason);

/** Whether what it waits for comes of a helper. */
bool leati_http_auth_is_helped(const struct leati_http_auth *auth);
/** Puts what Bearer waits for to the program, once. The object may be gone afterwards: the caller
 * looks. Does nothing if there is no question. */
void leati_http_auth_ask(struct leati_http_auth *auth);
bool leati_http_auth_has_question(const struct leati_http_auth *auth);

extern const struct leati_http_auth_scheme leati_http_auth_basic;
extern const struct leati_http_auth_scheme leati_http_auth_digest;
extern const struct leati_http_auth_scheme leati_http_auth_bearer;
extern const struct leati_http_auth_scheme leati_http_auth_negotiate;
extern const struct leati_http_auth_scheme leati_http_auth_ntlm;

/** Whether Basic and Digest can carry them: neither holds a control character, the user name no
 * colon (RFC 7617 section 2, RFC 7616 section 3.4.2). NULL = they can, otherwise why not. */
const char *leati_http_auth_credentials_problem(const char *user, const char *password);

#endif
