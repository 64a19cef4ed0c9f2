/* SPDX-License-Identifier: Apache-2.0 */
/* What a program may ask of an open connection: what was agreed on, and who is at its ends. */
#include "websocket/websocket.h"

#include "core/net_address.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct leat_compression compression_of(const struct leati_deflate_params *params)
{
    return (struct leat_compression){
        .size = sizeof(struct leat_compression),
        .client_no_context_takeover = params->client_no_context_takeover,
        .server_no_context_takeover = params->server_no_context_takeover,
        .client_max_window_bits = params->client_max_window_bits,
        .server_max_window_bits = params->server_max_window_bits,
    };
}

/* And is not over. */
static bool ws_has_been_open(const struct leat_websocket *ws)
{
    return ws->stream.rest || (ws->session && ws->stream.chain);
}

bool leat_websocket_get_opened_info(const leat_websocket *ws,
                                    struct leat_websocket_opened_info *ret_info)
{
    if (!ws || !ret_info || !ws_has_been_open(ws))
        return false;
    const struct leati_chain *chain = ws->stream.chain;
    const struct leati_route *route = chain ? chain->route : NULL;
    const struct leati_http_head *head = route && route->agreement ? route->agreement->head : NULL;
    *ret_info = (struct leat_websocket_opened_info){
        .http_status = ws->http_status,
        .subprotocol = leat_websocket_get_subprotocol(ws),
        .target = leat_websocket_get_target(ws),
        .header_count = head ? leati_http_head_field_count(head) : 0,
        .is_compressed = ws->compressed,
    };
    if (ws->compressed)
        ret_info->compression = compression_of(&ws->deflate);
    return true;
}

/* The descriptor of the connection, or the negative code for there being none. */
static int ws_fd(const struct leat_websocket *ws)
{
    int fd = ws_has_been_open(ws) ? leati_stream_fd(&ws->stream) : -1;
    return fd >= 0 ? fd : -leati_stream_not_open(&ws->stream);
}

/* At a client the socket that it has connected to; those who connect have no name. */
static void local_address_of(const struct leat_websocket *ws, struct leat_net_address *ret_address)
{
    const char *text = leati_stream_origin(&ws->stream);
    *ret_address = (struct leat_net_address){.family = LEAT_ADDRESS_LOCAL};
    if (strncmp(text, "unix:", 5) == 0)
        snprintf(ret_address->address, sizeof(ret_address->address), "%s", text + 5);
}

int leat_websocket_get_remote_address(const leat_websocket *ws,
                                      struct leat_net_address *ret_address)
{
    if (!ws || !ret_address)
        return LEAT_E_PARAMETER;
    int fd = ws_fd(ws);
    if (fd < 0)
        return -fd;
    const struct leati_chain *chain = ws->stream.chain;
    const struct leati_route *route = chain ? chain->route : NULL;
    const struct leati_address *remote = leati_stream_remote(&ws->stream);
    if (remote->any.sa_family == AF_UNIX)
        local_address_of(ws, ret_address);
    else if (!route || route->hop_count == 1)
        leati_net_address_from(remote, ret_address);
    else
        leati_net_address_of_text(leati_route_origin_text(route), ret_address);
    return LEAT_OK;
}

int leat_websocket_get_local_address(const leat_websocket *ws, struct leat_net_address *ret_address)
{
    if (!ws || !ret_address)
        return LEAT_E_PARAMETER;
    int fd = ws_fd(ws);
    if (fd < 0)
        return -fd;
    int sys_errno = leati_net_address_of(fd, getsockname, ret_address);
    return sys_errno == 0 ? LEAT_OK : LEAT_E_SOCKET_BASE + sys_errno;
}

int leat_websocket_get_socket_fd(const leat_websocket *ws)
{
    int fd = ws ? ws_fd(ws) : -1;
    return fd >= 0 ? fd : -1;
}
