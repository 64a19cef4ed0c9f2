/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The catalogue: what each code of leat is called, what it means, why it happens and what helps, in
 * English and Chinese, and which class it belongs to. docs/ERRORS.md is the same catalogue as a
 * page.
 *
 * Every function here is total (every int has an answer), allocates nothing, takes no lock and
 * returns static strings in UTF-8 that are never NULL. @thread any.
 */
#ifndef LEAT_CATALOGUE_H
#define LEAT_CATALOGUE_H

#include <leat/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The languages of the catalogue. */
enum leat_language {
    LEAT_LANGUAGE_EN,
    LEAT_LANGUAGE_ZH, /**< Chinese, simplified */
};

/** What a program can do about a code, so that it need not list numbers. */
enum leat_class {
    LEAT_CLASS_NONE,   /**< not a failure (LEAT_OK), or not a code of leat */
    LEAT_CLASS_RETRY,  /**< the same call may succeed later: busy, timed out, no way for now */
    LEAT_CLASS_CLOSED, /**< the connection is over: make a new one */
    LEAT_CLASS_CONFIGURATION, /**< an address, option, file or permission has to be changed */
    LEAT_CLASS_PROXY,         /**< the proxy is wrong, away or does not let this client through */
    LEAT_CLASS_PEER,          /**< the server said no or broke the protocol */
    LEAT_CLASS_CERTIFICATE,   /**< the identity of the peer, or one's own, could not be verified */
    LEAT_CLASS_LOCAL,         /**< this machine: memory, descriptors, network interfaces, disks */
    LEAT_CLASS_BUG,           /**< the calling program has to be changed */
};

/** Which part of the catalogue a code comes from. */
enum leat_family {
    LEAT_FAMILY_NONE,       /**< LEAT_OK, or not a code of leat */
    LEAT_FAMILY_GENERAL,    /**< 401, 2300002 */
    LEAT_FAMILY_SOCKET,     /**< LEAT_E_SOCKET_BASE + errno */
    LEAT_FAMILY_SOCKS5,     /**< 23012xx */
    LEAT_FAMILY_WEBSOCKET,  /**< 200, 2302xxx */
    LEAT_FAMILY_TLS_SOCKET, /**< LEAT_E_TLS_SOCKET_BASE + errno */
    LEAT_FAMILY_TLS,        /**< 23035xx */
};

/** LEAT_CLASS_NONE for what is not a code of leat. */
LEAT_API enum leat_class leat_error_class(int code);
/** "retry", "closed", "configuration", "proxy", "peer", "certificate", "local", "bug", "none". */
LEAT_API const char *leat_class_name(enum leat_class class_);

/** LEAT_FAMILY_NONE for what is not a code of leat. */
LEAT_API enum leat_family leat_code_family(int code);
/** "general", "socket", "socks5", "websocket", "tls-socket", "tls", "none". */
LEAT_API const char *leat_family_name(enum leat_family family);

/** The enumerator of a code, "LEAT_E_SOCKS5_AUTH"; "LEAT_OK"; "unknown". The message of a code is
 * leat_strerror(). */
LEAT_API const char *leat_code_name(int code);

/** What the code means: one or two sentences. "" for what is not a code of leat. */
LEAT_API const char *leat_code_description(int code, enum leat_language language);
/** Why it happens: one cause a line, separated by '\n'. "" as above. */
LEAT_API const char *leat_code_causes(int code, enum leat_language language);
/** What helps: one remedy a line, separated by '\n'. "" as above. */
LEAT_API const char *leat_code_remedies(int code, enum leat_language language);

/** The Linux errno inside a code of the families SOCKET and TLS_SOCKET, 0 for all others. */
LEAT_API int leat_code_errno(int code);
/** The name of a Linux errno, "ECONNREFUSED"; "" for what is none. */
LEAT_API const char *leat_errno_name(int sys_errno);

/** Whether the documents of the HarmonyOS Network Kit list this very number. The others are those
 * that they give as a base + errno. */
LEAT_API bool leat_code_is_documented(int code);

/** How many codes there are, LEAT_OK not counted. */
LEAT_API size_t leat_code_count(void);
/** The code at an index below leat_code_count(), family by family and ascending in each;
 * LEAT_OK beyond. */
LEAT_API int leat_code_at(size_t index);

/**
 * Finds codes by what a log or a person calls them: a number ("2301208"), an enumerator
 * ("LEAT_E_SOCKS5_AUTH"), or the name of a Linux errno ("ECONNREFUSED", also "EWOULDBLOCK" and
 * other second names), which gives the code of both socket families. Case does not matter, and
 * full-width characters and words in front ("ErrCode:2301208", "errno ECONNREFUSED") are taken.
 *
 * @param ret_codes room for `cap` codes; may be NULL if `cap` is 0.
 * @return how many there are, 0 if none; not more than 2. At most `cap` of them are written.
 */
LEAT_API size_t leat_code_find(const char *text, int *ret_codes, size_t cap);

#ifdef __cplusplus
}
#endif

#endif
