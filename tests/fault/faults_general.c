/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong calls, and a process without memory. */
#include "fault/fault.h"

#include <errno.h>

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

static int connect_without_url(struct client_run *run)
{
    return leat_websocket_connect(run->ws, NULL, run->config);
}

static int blocking_connect_without_url(leat_blocking_websocket *ws)
{
    return leat_blocking_websocket_connect(NULL, NULL, &ws, NULL);
}

static int send_nothing_of_a_length(struct client_run *run)
{
    return leat_websocket_send(run->ws, LEAT_MESSAGE_BINARY, NULL, 1);
}

static int blocking_send_nothing_of_a_length(leat_blocking_websocket *ws)
{
    return leat_blocking_websocket_send(ws, LEAT_MESSAGE_BINARY, NULL, 1, 0, NULL);
}

static int send_bad_utf8(struct client_run *run)
{
    return leat_websocket_send(run->ws, LEAT_MESSAGE_TEXT, "caf\xe9", 4);
}

static int blocking_send_bad_utf8(leat_blocking_websocket *ws)
{
    return leat_blocking_websocket_send(ws, LEAT_MESSAGE_TEXT, "caf\xe9", 4, 0, NULL);
}

static int close_with_a_reserved_code(struct client_run *run)
{
    return leat_websocket_close(run->ws, 1005, NULL);
}

static int blocking_close_with_a_reserved_code(leat_blocking_websocket *ws)
{
    return leat_blocking_websocket_close(ws, 1005, NULL, NULL);
}

static int long_ping(struct client_run *run)
{
    static const char payload[126];
    return leat_websocket_ping(run->ws, payload, sizeof(payload));
}

static int bad_proxy(leat_config *config)
{
    return leat_config_set_proxy(config, "gopher://localhost");
}

static int bad_header(leat_config *config)
{
    return leat_config_add_header(config, "X-A", "b\r\nX-C: d");
}

static int owned_header(leat_config *config)
{
    return leat_config_add_header(config, "host", "elsewhere");
}

static int bad_protocol(leat_config *config)
{
    return leat_config_add_subprotocol(config, "two words");
}

static int bad_tls_range(leat_config *config)
{
    return leat_config_set_tls_protocols(config, LEAT_TLS_V13, LEAT_TLS_V12);
}

static int bad_dns_servers(leat_config *config)
{
    return leat_config_set_dns_servers(config, "not an address");
}

static int cert_without_key(leat_config *config)
{
    return leat_config_set_client_cert(config, "client.pem", NULL, NULL);
}

static int no_message_at_all(leat_config *config)
{
    return leat_config_set_max_message_bytes(config, 0);
}

static const struct leat_script_row echo[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};

#define SETTING(text_, configure_)                                                                 \
    {                                                                                              \
        .name = (text_), .moment = FAULT_SETTING, .configure = (configure_),                       \
        .code = LEAT_E_PARAMETER                                                                   \
    }

static const struct fault faults[] = {
    {.name = "connect without a URL", .moment = FAULT_IDLE, .act = connect_without_url,
     .blocking_act = blocking_connect_without_url, .code = LEAT_E_PARAMETER},
    {.name = "send NULL with a length", .moment = FAULT_ACTION, .server = echo,
     .act = send_nothing_of_a_length, .blocking_act = blocking_send_nothing_of_a_length,
     .code = LEAT_E_PARAMETER},
    {.name = "send text that is not UTF-8", .moment = FAULT_ACTION, .server = echo,
     .act = send_bad_utf8, .blocking_act = blocking_send_bad_utf8, .code = LEAT_E_PARAMETER},
    {.name = "close with a code that must not be sent", .moment = FAULT_ACTION, .server = echo,
     .act = close_with_a_reserved_code, .blocking_act = blocking_close_with_a_reserved_code,
     .code = LEAT_E_PARAMETER},
    {.name = "a Ping that is too long", .moment = FAULT_ACTION, .server = echo, .act = long_ping,
     .code = LEAT_E_PARAMETER},
    SETTING("a proxy URL that is none", bad_proxy),
    SETTING("a header with a line break", bad_header),
    SETTING("a header that is the handshake's own", owned_header),
    SETTING("a subprotocol that is no token", bad_protocol),
    {.name = "TLS versions upside down", .moment = FAULT_SETTING, .configure = bad_tls_range,
     .code = LEAT_E_PARAMETER, .layer = LEAT_LAYER_TLS},
    SETTING("DNS servers that are none", bad_dns_servers),
    SETTING("a certificate without its key", cert_without_key),
    SETTING("messages of 0 bytes", no_message_at_all),
    {.name = "no memory for the first allocation", .moment = FAULT_REFUSED,
     .shim = {.call = SHIM_ALLOCATION}, .code = LEAT_E_SYSTEM_INTERNAL},
};

FAULT_TABLE(general);
