/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets/tls_private.h"
#include "sockets/faces.h"
#include "util/known.h"

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

static leat_tcp_socket *tcp_of(leat_tls_socket *tls)
{
    return (leat_tcp_socket *)tls;
}

static const leat_tcp_socket *tcp_of_const(const leat_tls_socket *tls)
{
    return (const leat_tcp_socket *)tls;
}

/* Makes a TLS socket of it. */
static void face_put_on(leat_tcp_socket *tcp, const struct leat_tls_socket_callbacks *callbacks,
                        void *user)
{
    memset(&tcp->callbacks, 0, sizeof(tcp->callbacks));
    leati_copy_known(&tcp->callbacks.tls, sizeof(tcp->callbacks.tls), callbacks, callbacks->size);
    tcp->base.face = &leati_tls_face;
    tcp->base.user = user;
    tcp->has_tls = true;
}

int leat_tls_socket_new(leat_loop *loop, const struct leat_tls_socket_callbacks *callbacks,
                        void *user, leat_tls_socket **ret_tls)
{
    leat_tcp_socket *tcp;
    if (!loop || !callbacks || callbacks->size == 0 || !ret_tls)
        return LEAT_E_PARAMETER;
    int code = leati_tcp_socket_new(loop, &leati_tls_face, user, &tcp);
    if (code != LEAT_OK)
        return code;
    face_put_on(tcp, callbacks, user);
    *ret_tls = (leat_tls_socket *)tcp;
    return LEAT_OK;
}

/* ---- connecting ------------------------------------------------------------------------------ */

int leat_tls_socket_bind(leat_tls_socket *tls, const char *address, uint16_t port)
{
    return leati_tls_socket_code(leat_tcp_socket_bind(tcp_of(tls), address, port));
}

/* Replaces the setup by that of the next connection; the previous one has ended. */
static int setup_renew(leat_tcp_socket *tcp, const char *address, uint16_t port,
                       leat_tls_options *options, const leat_config *config)
{
    struct leati_failure *failure = &tcp->base.stream.failure;
    struct leati_tls_setup setup;
    leati_failure_done(failure);
    int code = leati_tls_setup_client(&setup, options, address, port, config, failure);
    if (code != LEAT_OK)
        return code;
    leati_tls_setup_done(&tcp->setup);
    tcp->setup = setup;
    return LEAT_OK;
}

int leat_tls_socket_connect(leat_tls_socket *tls, const char *address, uint16_t port,
                            leat_tls_options *options, const leat_config *config)
{
    leat_tcp_socket *tcp = tcp_of(tls);
    int code = LEAT_OK;
    if (!tls || !address)
        return LEAT_E_PARAMETER;
    if (!leati_stream_socket_is_busy(&tcp->base)) {
        code = leati_stream_socket_check_setter(&tcp->base);
        if (code == LEAT_OK)
            code = setup_renew(tcp, address, port, options, config);
        tcp->was_open = tcp->was_open && code != LEAT_OK;
    }
    if (code == LEAT_OK)
        code = leat_tcp_socket_connect(tcp, address, port, config);
    return leati_tls_socket_code(code);
}

/* ---- upgrading ------------------------------------------------------------------------------- */

static int upgrade_check(leat_tcp_socket *tcp)
{
    struct leati_stream *stream = &tcp->base.stream;
    int sys_errno = 0;
    if (tcp->base.client.server || tcp->has_tls)
        sys_errno = EINVAL;
    else if (stream->state != LEATI_STREAM_OPEN)
        sys_errno = ENOTCONN;
    else if (stream->out.len > 0)
        sys_errno = EAGAIN;
    if (sys_errno == 0)
        return LEAT_OK;
    return leati_stream_refuse(stream, LEAT_E_TLS_SOCKET_BASE + sys_errno, sys_errno, "%s",
                               sys_errno == EAGAIN ? "bytes still wait to be sent in the clear"
                                                   : "only a connected client can be upgraded");
}

int leat_tls_socket_upgrade(leat_tcp_socket *tcp, const struct leat_tls_socket_callbacks *callbacks,
                            void *user, const char *server_name, leat_tls_options *options,
                            const leat_config *config, leat_tls_socket **ret_tls)
{
    struct leati_layer *layer;
    if (!tcp || !callbacks || callbacks->size == 0 || !server_name || !ret_tls)
        return LEAT_E_PARAMETER;
    int code = upgrade_check(tcp);
    if (code == LEAT_OK)
        code = setup_renew(tcp, server_name, tcp->remote.port, options, config);
    if (code == LEAT_OK)
        code = leati_tls_layer_new(&tcp->setup.options, &tcp->base.stream.failure, &layer);
    if (code != LEAT_OK)
        return code;
    face_put_on(tcp, callbacks, user);
    leati_stream_push(&tcp->base.stream, layer);
    *ret_tls = (leat_tls_socket *)tcp;
    return LEAT_OK;
}

/* ---- sending and closing --------------------------------------------------------------------- */

int leati_tls_send_code(const struct leati_stream *stream, int tcp_code)
{
    if (tcp_code == LEAT_E_SOCKET_BASE + EAGAIN)
        return LEAT_E_TLS_WRITE;
    if (tcp_code == LEAT_E_SOCKET_BASE + EBADF && stream->peer_ended)
        return LEAT_E_TLS_CLOSED;
    return leati_tls_socket_code(tcp_code);
}

int leat_tls_socket_send(leat_tls_socket *tls, const void *data, size_t len)
{
    if (!tls)
        return LEAT_E_PARAMETER;
    return leati_tls_send_code(&tcp_of(tls)->base.stream,
                               leat_tcp_socket_send(tcp_of(tls), data, len));
}

int leat_tls_socket_close(leat_tls_socket *tls)
{
    return leati_tls_socket_code(leat_tcp_socket_close(tcp_of(tls)));
}

int leat_tls_socket_update_keys(leat_tls_socket *tls)
{
    if (!tls)
        return LEAT_E_PARAMETER;
    struct leati_stream *stream = &tcp_of(tls)->base.stream;
    if (stream->state != LEATI_STREAM_OPEN)
        return leati_tls_socket_code(leati_stream_not_open(stream));
    if (leati_tls_layer_update_keys(stream->chain->top) == LEAT_E_PARAMETER)
        return LEAT_E_PARAMETER;
    leati_chain_wake(
        stream->chain); /* what waits is written by the pump, and it tells of a failure */
    return LEAT_OK;
}

/* ---- asking ---------------------------------------------------------------------------------- */

void leat_tls_socket_get_state(const leat_tls_socket *tls, struct leat_socket_state *ret_state)
{
    leat_tcp_socket_get_state(tcp_of_const(tls), ret_state);
}

int leat_tls_socket_get_local_address(const leat_tls_socket *tls,
                                      struct leat_net_address *ret_address)
{
    return leati_tls_socket_code(leat_tcp_socket_get_local_address(tcp_of_const(tls), ret_address));
}

int leat_tls_socket_get_remote_address(const leat_tls_socket *tls,
                                       struct leat_net_address *ret_address)
{
    return leati_tls_socket_code(
        leat_tcp_socket_get_remote_address(tcp_of_const(tls), ret_address));
}

int leat_tls_socket_set_extra_options(leat_tls_socket *tls,
                                      const struct leat_tcp_extra_options *options)
{
    return leati_tls_socket_code(leat_tcp_socket_set_extra_options(tcp_of(tls), options));
}

/* ---- what an open connection has agreed on --------------------------------------------------- */

/* The TLS layer once its handshake is done, NULL before and after. */
static const struct leati_layer *open_layer(const leat_tls_socket *tls)
{
    const struct leati_chain *chain = tcp_of_const(tls)->base.stream.chain;
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
        return leati_tls_socket_code(leati_stream_not_open(&tcp_of_const(tls)->base.stream));
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
    while (layer && (name = leati_tls_layer_signature_algorithm(layer, count))) {
        if (ret_names && count < cap)
            ret_names[count] = name;
        count++;
    }
    return count;
}
