/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The first failure of an object, kept while the object lives. The internal twin of struct
 * leat_error: it costs a few words until something fails.
 */
#ifndef LEATI_CORE_FAILURE_H
#define LEATI_CORE_FAILURE_H

#include <leat/error.h>

#include <stdarg.h>

/** Internal results beside LEAT_OK and the documented codes. They never leave the library. */
enum leati_result {
    LEATI_AGAIN = -1, /**< nothing moved; call again when want() or deadline_ms says so */
    LEATI_EOF = -2,   /**< the peer has ended its direction in order */
};

struct leati_failure {
    int code; /**< LEAT_OK = none yet */
    enum leat_layer
        layer : 16;     /**< with the next one in one word: there is one in every connection */
    uint16_t violation; /**< as in struct leat_error */
    int sys_errno;
    int native_code;
    char *hop;  /**< NULL = none, or no memory for it */
    char *text; /**< NULL = none, or no memory for it */
};

/** What a failure is, before its text. */
struct leati_fault {
    int code;
    enum leat_layer layer;
    int sys_errno;
    int native_code;
    const char *hop; /**< may be NULL */
};

/** A system call has failed: LEAT_E_SOCKET_BASE + errno. */
struct leati_fault leati_errno_fault(enum leat_layer layer, int sys_errno, const char *hop);

/** What an errno means, for the arguments of a format: leati_errno_reason(sys_errno).text. */
struct leati_reason {
    char text[256];
};
/** "ECONNREFUSED (Connection refused)", independent of the locale. */
struct leati_reason leati_errno_reason(int sys_errno);

void leati_failure_init(struct leati_failure *failure);
/** Forgets what was recorded; it can be set again. */
void leati_failure_done(struct leati_failure *failure);

/** Records a failure unless one is there already: the first one is kept. Returns `fault->code`, so
 * that `return leati_failure_set(...)` reads well. The text is made readable (util/readable.h),
 * whatever it quotes. Works without memory: then the text is lost. */
int leati_failure_set(struct leati_failure *failure, const struct leati_fault *fault,
                      const char *format, ...) LEAT_PRINTF(3, 4);

/** The same with the arguments of a function that has them itself. */
int leati_failure_setv(struct leati_failure *failure, const struct leati_fault *fault,
                       const char *format, va_list args) LEAT_PRINTF(3, 0);
/** The same instead of what was recorded before: for a call that is refused. */
int leati_failure_replace(struct leati_failure *failure, const struct leati_fault *fault,
                          const char *format, ...) LEAT_PRINTF(3, 4);
int leati_failure_replacev(struct leati_failure *failure, const struct leati_fault *fault,
                           const char *format, va_list args) LEAT_PRINTF(3, 0);

/** What a recorded failure was, to be recorded elsewhere; the hop is borrowed. */
struct leati_fault leati_failure_fault(const struct leati_failure *failure);

/** Gives a recorded failure another code and layer, for a cause that belongs to somebody above (TCP
 * to a proxy that is refused is 2301206): errno, native code and hop stay, `what` comes before the
 * text. Records a plain failure if there is none. Returns `code`. */
int leati_failure_relabel(struct leati_failure *failure, int code, enum leat_layer layer,
                          const char *what);

/** Puts more behind the text of a recorded failure. */
void leati_failure_append(struct leati_failure *failure, const char *text);

/** Puts words before and behind the text of a recorded failure; without memory it stays as it is.
 */
void leati_failure_surround(struct leati_failure *failure, const char *before, const char *behind);

/** Fills in the public form; a failure that was never set gives LEAT_OK. */
void leati_failure_get(const struct leati_failure *failure, struct leat_error *ret_error);

#endif
