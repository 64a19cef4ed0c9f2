/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What the library knows of one security context, and the calls that may block. It belongs to one
 * thread at a time.
 */
#ifndef LEATI_GSS_SESSION_H
#define LEATI_GSS_SESSION_H

#include "gss/gss.h"
#include "gss/gss_api.h"

struct leati_gss_session {
    const struct leati_gss_api *api; /**< NULL until the first step */
    enum leati_gss_mechanism mechanism;
    bool allows_ntlm;
    bool protects;
    char *target; /**< "service@host" */
    char *user_name, *password;

    leati_gss_handle name, cred, context;
    uint32_t flags;                 /**< that the context has */
    struct leati_gss_buffer input;  /**< the other end's token; ours */
    struct leati_gss_buffer output; /**< our token; the library's */
    enum leati_gss_turn turn;       /**< after the step */
    struct leati_gss_failure failure;
};

/** One step with `input`. May block. */
void leati_gss_session_step(struct leati_gss_session *session);
/** Frees and wipes; `is_ours` as of leati_helper_ops. */
void leati_gss_session_free(struct leati_gss_session *session, bool is_ours);

/** Records what the library says of a call that failed, and what helps. */
void leati_gss_session_fail(struct leati_gss_session *session, const char *call, uint32_t major,
                            uint32_t minor);
/** Records a failure of our own. */
void leati_gss_session_refuse(struct leati_gss_session *session, enum leati_gss_reason reason,
                              const char *text);

#endif
