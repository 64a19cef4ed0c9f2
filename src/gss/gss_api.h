/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * GSS-API (RFC 2743, RFC 2744) as MIT's libgssapi_krb5.so.2 has it. The library is loaded when the
 * first security context is begun: what never authenticates this way needs neither it nor its
 * headers, so the few types and numbers that we use are declared here.
 */
#ifndef LEATI_GSS_GSS_API_H
#define LEATI_GSS_GSS_API_H

#include <stddef.h>
#include <stdint.h>

struct leati_gss_oid {
    uint32_t length;
    const void *elements;
};

struct leati_gss_oid_set {
    size_t count;
    const struct leati_gss_oid *elements;
};

struct leati_gss_buffer {
    size_t length;
    void *value;
};

/* Handles of the library: gss_name_t, gss_cred_id_t, gss_ctx_id_t. */
typedef void *leati_gss_handle;

/** Calling and routine errors, in the upper half of a major status (RFC 2744 section 3.9.1). */
enum {
    LEATI_GSS_S_COMPLETE = 0,
    LEATI_GSS_S_CONTINUE_NEEDED = 1,
    LEATI_GSS_S_BAD_MECH = 1 << 16,
    LEATI_GSS_S_BAD_NAME = 2 << 16,
    LEATI_GSS_S_NO_CRED = 7 << 16,
    LEATI_GSS_S_DEFECTIVE_TOKEN = 9 << 16,
    LEATI_GSS_S_CREDENTIALS_EXPIRED = 11 << 16,
    LEATI_GSS_S_UNAVAILABLE = 16 << 16,
};
#define LEATI_GSS_ERROR(major) ((major)&0xffff0000u)

/** What may stand beside LEATI_GSS_S_COMPLETE (RFC 2744 section 3.9.1): of messages out of their order. */
enum {
    LEATI_GSS_S_UNSEQ_TOKEN = 1 << 3, /**< a later one has come before */
    LEATI_GSS_S_GAP_TOKEN = 1 << 4,   /**< an earlier one has not come */
};

/** Of gss_init_sec_context(). */
enum {
    LEATI_GSS_C_MUTUAL = 2,
    LEATI_GSS_C_REPLAY = 4,
    LEATI_GSS_C_SEQUENCE = 8,
    LEATI_GSS_C_CONF = 16,
    LEATI_GSS_C_INTEG = 32,
};

/** Of gss_acquire_cred(), and of gss_display_status(). */
enum {
    LEATI_GSS_C_INITIATE = 1,
    LEATI_GSS_C_GSS_CODE = 1,
    LEATI_GSS_C_MECH_CODE = 2,
};

/** The functions that we use, by the names that they have behind "gss_". */
struct leati_gss_api {
    uint32_t (*import_name)(uint32_t *minor, const struct leati_gss_buffer *name,
                            const struct leati_gss_oid *type, leati_gss_handle *ret_name);
    uint32_t (*release_name)(uint32_t *minor, leati_gss_handle *name);
    uint32_t (*acquire_cred)(uint32_t *minor, leati_gss_handle name, uint32_t time_s,
                             const struct leati_gss_oid_set *mechanisms, int usage,
                             leati_gss_handle *ret_cred, struct leati_gss_oid_set **ret_actual,
                             uint32_t *ret_time_s);
    uint32_t (*acquire_cred_with_password)(uint32_t *minor, leati_gss_handle name,
                                           const struct leati_gss_buffer *password, uint32_t time_s,
                                           const struct leati_gss_oid_set *mechanisms, int usage,
                                           leati_gss_handle *ret_cred,
                                           struct leati_gss_oid_set **ret_actual,
                                           uint32_t *ret_time_s);
    uint32_t (*set_neg_mechs)(uint32_t *minor, leati_gss_handle cred,
                              const struct leati_gss_oid_set *mechanisms);
    uint32_t (*release_cred)(uint32_t *minor, leati_gss_handle *cred);
    uint32_t (*init_sec_context)(uint32_t *minor, leati_gss_handle cred, leati_gss_handle *context,
                                 leati_gss_handle target, const struct leati_gss_oid *mechanism,
                                 uint32_t flags, uint32_t time_s, const void *bindings,
                                 const struct leati_gss_buffer *token,
                                 const struct leati_gss_oid **ret_mechanism,
                                 struct leati_gss_buffer *ret_token, uint32_t *ret_flags,
                                 uint32_t *ret_time_s);
    uint32_t (*delete_sec_context)(uint32_t *minor, leati_gss_handle *context,
                                   struct leati_gss_buffer *ret_token);
    uint32_t (*display_status)(uint32_t *minor, uint32_t status, int type,
                               const struct leati_gss_oid *mechanism, uint32_t *more,
                               struct leati_gss_buffer *ret_text);
    uint32_t (*wrap)(uint32_t *minor, leati_gss_handle context, int confidential, uint32_t qop,
                     const struct leati_gss_buffer *data, int *ret_confidential,
                     struct leati_gss_buffer *ret_token);
    uint32_t (*unwrap)(uint32_t *minor, leati_gss_handle context,
                       const struct leati_gss_buffer *token, struct leati_gss_buffer *ret_data,
                       int *ret_confidential, uint32_t *ret_qop);
    uint32_t (*release_buffer)(uint32_t *minor, struct leati_gss_buffer *buffer);
};

/** The library, loaded by the first call; the same answer ever after. NULL: `*ret_why` says what is
 * missing, and what helps. From any thread; may take as long as reading a file does. */
const struct leati_gss_api *leati_gss_api(const char **ret_why);

/** Test hooks: what is loaded, and functions to be used instead of it (NULL = load). */
extern const char *leati_gss_library_name;
extern const struct leati_gss_api *_Atomic leati_gss_api_hook;

#endif
