/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/tls_private.h"

#include "core/failure.h"
#include "util/alloc.h"

#include <errno.h>
#include <string.h>

/** The codes of TCP are LEAT_E_SOCKET_BASE + 1 to this; those of SOCKS5 come behind. */
#define ERRNO_MAX 199

/* ---- codes -------------------------------------------------------------------------------- */

int leati_tls_socket_code(int tcp_code)
{
    int sys_errno = tcp_code - LEAT_E_SOCKET_BASE;
    return sys_errno > 0 && sys_errno <= ERRNO_MAX ? LEAT_E_TLS_SOCKET_BASE + sys_errno : tcp_code;
}

void leati_tls_socket_translate(struct leat_error *error, bool was_open)
{
    bool takes_nothing = was_open && error->code == LEAT_E_SOCKET_BASE + ETIMEDOUT;
    error->code = takes_nothing ? LEAT_E_TLS_WRITE : leati_tls_socket_code(error->code);
}

/* ---- what TCP calls; the object may be gone when the program's callback returns ---------------
 */

static void tcp_connected(leat_tcp_socket *tcp, void *user)
{
    leat_tls_socket *tls = user;
    (void)tcp;
    tls->was_open = true;
    if (tls->callbacks.connected)
        tls->callbacks.connected(tls, tls->user);
}

static void tcp_message(leat_tcp_socket *tcp, const uint8_t *data, size_t len,
                        const struct leat_remote_info *remote, void *user)
{
    leat_tls_socket *tls = user;
    (void)tcp;
    if (tls->callbacks.message)
        tls->callbacks.message(tls, data, len, remote, tls->user);
}

static void tcp_writable(leat_tcp_socket *tcp, void *user)
{
    leat_tls_socket *tls = user;
    (void)tcp;
    if (tls->callbacks.writable)
        tls->callbacks.writable(tls, tls->user);
}

static void tcp_error(leat_tcp_socket *tcp, const struct leat_error *tcp_error_value, void *user)
{
    leat_tls_socket *tls = user;
    struct leat_error error = *tcp_error_value;
    (void)tcp;
    leati_tls_socket_translate(&error, tls->was_open);
    if (tls->callbacks.error)
        tls->callbacks.error(tls, &error, tls->user);
}

static void tcp_closed(leat_tcp_socket *tcp, void *user)
{
    leat_tls_socket *tls = user;
    (void)tcp;
    if (tls->callbacks.closed)
        tls->callbacks.closed(tls, tls->user);
}

static const struct leat_tcp_socket_callbacks tcp_callbacks = {
    .size = sizeof(tcp_callbacks),
    .connected = tcp_connected,
    .message = tcp_message,
    .writable = tcp_writable,
    .error = tcp_error,
    .closed = tcp_closed,
};

/* ---- life ------------------------------------------------------------------------------------ */

static leat_tls_socket *tls_alloc(const struct leat_tls_socket_callbacks *callbacks, void *user)
{
    leat_tls_socket *tls = leati_calloc(1, sizeof(*tls));
    if (!tls)
        return NULL;
    size_t known = sizeof(tls->callbacks);
    memcpy(&tls->callbacks, callbacks, callbacks->size < known ? callbacks->size : known);
    tls->user = user;
    return tls;
}

int leat_tls_socket_new(leat_loop *loop, const struct leat_tls_socket_callbacks *callbacks,
                        void *user, leat_tls_socket **ret_tls)
{
    if (!loop || !callbacks || callbacks->size == 0 || !ret_tls)
        return LEAT_E_PARAMETER;
    leat_tls_socket *tls = tls_alloc(callbacks, user);
    if (!tls)
        return LEAT_E_SYSTEM_INTERNAL;
    int code = leat_tcp_socket_new(loop, &tcp_callbacks, tls, &tls->tcp);
    if (code != LEAT_OK) {
        leati_free(tls);
        return code;
    }
    *ret_tls = tls;
    return LEAT_OK;
}

void leat_tls_socket_free(leat_tls_socket *tls)
{
    if (!tls)
        return;
    bool of_server = tls->tcp->server != NULL;
    leat_tcp_socket_free(tls->tcp);
    if (of_server)
        return; /* the server frees it behind `closed` */
    leati_tls_setup_done(&tls->setup);
    leati_free(tls);
}

/* ---- connecting ------------------------------------------------------------------------------ */

int leat_tls_socket_bind(leat_tls_socket *tls, const char *address, uint16_t port)
{
    return tls ? leati_tls_socket_code(leat_tcp_socket_bind(tls->tcp, address, port))
               : LEAT_E_PARAMETER;
}

/* The setup of a connection that is running is lent to its layers. */
static bool may_connect(const leat_tls_socket *tls)
{
    return !leati_stream_is_running(&tls->tcp->stream) && !tls->tcp->in_error && !tls->tcp->server;
}

static int setup_renew(leat_tls_socket *tls, const char *address, uint16_t port,
                       leat_tls_options *options, const leat_config *config)
{
    struct leati_failure *failure = &tls->tcp->stream.failure;
    struct leati_tls_setup setup;
    leati_failure_done(failure);
    leati_failure_init(failure);
    int code = leati_tls_setup_client(&setup, options, address, port, config, failure);
    if (code != LEAT_OK)
        return code;
    leati_tls_setup_done(&tls->setup);
    tls->setup = setup;
    tls->tcp->tls = &tls->setup.options;
    tls->was_open = false;
    return LEAT_OK;
}

int leat_tls_socket_connect(leat_tls_socket *tls, const char *address, uint16_t port,
                            leat_tls_options *options, const leat_config *config)
{
    if (!tls || !address)
        return LEAT_E_PARAMETER;
    int code = may_connect(tls) ? setup_renew(tls, address, port, options, config) : LEAT_OK;
    if (code == LEAT_OK)
        code = leat_tcp_socket_connect(tls->tcp, address, port, config);
    return leati_tls_socket_code(code);
}

/* ---- upgrading ------------------------------------------------------------------------------- */

static int upgrade_check(leat_tcp_socket *tcp)
{
    int sys_errno = 0;
    if (tcp->server || tcp->tls)
        sys_errno = EINVAL;
    else if (tcp->stream.state != LEATI_STREAM_OPEN)
        sys_errno = ENOTCONN;
    else if (tcp->stream.out.len > 0)
        sys_errno = EAGAIN;
    if (sys_errno == 0)
        return LEAT_OK;
    return leati_stream_refuse(&tcp->stream, LEAT_E_TLS_SOCKET_BASE + sys_errno, sys_errno,
                               sys_errno == EAGAIN ? "bytes still wait to be sent in the clear"
                                                   : "only a connected client can be upgraded");
}

static int upgrade_prepare(leat_tls_socket *tls, const char *server_name, leat_tls_options *options,
                           const leat_config *config, struct leati_layer **ret_layer)
{
    struct leati_failure *failure = &tls->tcp->stream.failure;
    leati_failure_done(failure);
    leati_failure_init(failure);
    int code = leati_tls_setup_client(&tls->setup, options, server_name, tls->tcp->remote.port,
                                      config, failure);
    return code == LEAT_OK ? leati_tls_layer_new(&tls->setup.options, failure, ret_layer) : code;
}

int leat_tls_socket_upgrade(leat_tcp_socket *tcp, const struct leat_tls_socket_callbacks *callbacks,
                            void *user, const char *server_name, leat_tls_options *options,
                            const leat_config *config, leat_tls_socket **ret_tls)
{
    struct leati_layer *layer;
    if (!tcp || !callbacks || callbacks->size == 0 || !server_name || !ret_tls)
        return LEAT_E_PARAMETER;
    int code = upgrade_check(tcp);
    if (code != LEAT_OK)
        return code;
    leat_tls_socket *tls = tls_alloc(callbacks, user);
    if (!tls)
        return leati_stream_refuse(&tcp->stream, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
    tls->tcp = tcp;
    code = upgrade_prepare(tls, server_name, options, config, &layer);
    if (code != LEAT_OK) {
        leati_tls_setup_done(&tls->setup);
        leati_free(tls);
        return code;
    }
    tcp->callbacks = tcp_callbacks;
    tcp->user = tls;
    tcp->tls = &tls->setup.options;
    leati_stream_push(&tcp->stream, layer);
    *ret_tls = tls;
    return LEAT_OK;
}

/* ---- sending and closing --------------------------------------------------------------------- */

int leat_tls_socket_send(leat_tls_socket *tls, const void *data, size_t len)
{
    if (!tls)
        return LEAT_E_PARAMETER;
    int code = leat_tcp_socket_send(tls->tcp, data, len);
    if (code == LEAT_E_SOCKET_BASE + EAGAIN)
        return LEAT_E_TLS_WRITE;
    if (code == LEAT_E_SOCKET_BASE + EBADF && tls->tcp->stream.peer_ended)
        return LEAT_E_TLS_CLOSED;
    return leati_tls_socket_code(code);
}

int leat_tls_socket_close(leat_tls_socket *tls)
{
    return tls ? leati_tls_socket_code(leat_tcp_socket_close(tls->tcp)) : LEAT_E_PARAMETER;
}

void leat_tls_socket_pause(leat_tls_socket *tls)
{
    if (tls)
        leat_tcp_socket_pause(tls->tcp);
}

void leat_tls_socket_resume(leat_tls_socket *tls)
{
    if (tls)
        leat_tcp_socket_resume(tls->tcp);
}

/* ---- asking ---------------------------------------------------------------------------------- */

size_t leat_tls_socket_buffered_bytes(const leat_tls_socket *tls)
{
    return tls ? leat_tcp_socket_buffered_bytes(tls->tcp) : 0;
}

void leat_tls_socket_get_state(const leat_tls_socket *tls, struct leat_socket_state *ret_state)
{
    if (tls)
        leat_tcp_socket_get_state(tls->tcp, ret_state);
}

int leat_tls_socket_get_socket_fd(const leat_tls_socket *tls)
{
    return tls ? leat_tcp_socket_get_socket_fd(tls->tcp) : -1;
}

int leat_tls_socket_get_local_address(const leat_tls_socket *tls,
                                      struct leat_net_address *ret_address)
{
    return tls ? leati_tls_socket_code(leat_tcp_socket_get_local_address(tls->tcp, ret_address))
               : LEAT_E_PARAMETER;
}

int leat_tls_socket_get_remote_address(const leat_tls_socket *tls,
                                       struct leat_net_address *ret_address)
{
    return tls ? leati_tls_socket_code(leat_tcp_socket_get_remote_address(tls->tcp, ret_address))
               : LEAT_E_PARAMETER;
}

int leat_tls_socket_set_extra_options(leat_tls_socket *tls,
                                      const struct leat_tcp_extra_options *options)
{
    return tls ? leati_tls_socket_code(leat_tcp_socket_set_extra_options(tls->tcp, options))
               : LEAT_E_PARAMETER;
}

void leat_tls_socket_get_extra_options(const leat_tls_socket *tls,
                                       struct leat_tcp_extra_options *ret_options)
{
    if (tls)
        leat_tcp_socket_get_extra_options(tls->tcp, ret_options);
}

void leat_tls_socket_get_error(const leat_tls_socket *tls, struct leat_error *ret_error)
{
    if (!tls || !ret_error)
        return;
    leat_tcp_socket_get_error(tls->tcp, ret_error);
    leati_tls_socket_translate(ret_error, tls->was_open);
}

/* ---- what an open connection has agreed on --------------------------------------------------- */

/* The TLS layer once its handshake is done, NULL before and after. */
static const struct leati_layer *open_layer(const leat_tls_socket *tls)
{
    const struct leati_chain *chain = tls->tcp->stream.chain;
    bool was_opened = chain && chain->state >= LEATI_CHAIN_OPEN && chain->top;
    return was_opened ? chain->top : NULL;
}

static int certificate_get(const leat_tls_socket *tls, size_t index,
                           bool (*get)(const struct leati_layer *layer, size_t index,
                                       const uint8_t **ret_der, size_t *ret_len),
                           const uint8_t **ret_der, size_t *ret_len)
{
    if (!tls || !ret_der || !ret_len)
        return LEAT_E_PARAMETER;
    const struct leati_layer *layer = open_layer(tls);
    if (!layer)
        return leati_tls_socket_code(leati_stream_not_open(&tls->tcp->stream));
    if (!get(layer, index, ret_der, ret_len)) {
        *ret_der = NULL;
        *ret_len = 0;
    }
    return LEAT_OK;
}

int leat_tls_socket_get_certificate(const leat_tls_socket *tls, size_t index,
                                    const uint8_t **ret_der, size_t *ret_len)
{
    return certificate_get(tls, index, leati_tls_layer_own_certificate, ret_der, ret_len);
}

int leat_tls_socket_get_remote_certificate(const leat_tls_socket *tls, size_t index,
                                           const uint8_t **ret_der, size_t *ret_len)
{
    return certificate_get(tls, index, leati_tls_layer_peer_certificate, ret_der, ret_len);
}

static struct leat_tls_info info_get(const leat_tls_socket *tls)
{
    struct leat_tls_info info = {.protocol = "", .cipher = "", .alpn = ""};
    const struct leati_layer *layer = tls ? open_layer(tls) : NULL;
    if (layer)
        leati_tls_layer_info(layer, &info);
    return info;
}

const char *leat_tls_socket_get_protocol(const leat_tls_socket *tls)
{
    return info_get(tls).protocol;
}

const char *leat_tls_socket_get_cipher_suite(const leat_tls_socket *tls)
{
    return info_get(tls).cipher;
}

const char *leat_tls_socket_get_alpn_protocol(const leat_tls_socket *tls)
{
    return info_get(tls).alpn;
}

bool leat_tls_socket_is_session_reused(const leat_tls_socket *tls)
{
    return info_get(tls).resumed;
}

size_t leat_tls_socket_get_signature_algorithms(const leat_tls_socket *tls, const char **ret_names,
                                                size_t cap)
{
    const struct leati_layer *layer = tls ? open_layer(tls) : NULL;
    const char *name;
    size_t count = 0;
    while (layer && (name = leati_tls_layer_signature_algorithm(layer, count)) != NULL) {
        if (ret_names && count < cap)
            ret_names[count] = name;
        count++;
    }
    return count;
}

uint64_t leat_tls_socket_get_client_id(const leat_tls_socket *tls)
{
    return tls ? leat_tcp_socket_get_client_id(tls->tcp) : 0;
}

void leat_tls_socket_set_client_data(leat_tls_socket *tls, void *data)
{
    if (tls)
        tls->client_data = data;
}

void *leat_tls_socket_get_client_data(const leat_tls_socket *tls)
{
    return tls ? tls->client_data : NULL;
}
