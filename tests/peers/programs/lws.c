/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libwebsockets at the other end, which compresses if we do:
 *   lws server [CERT KEY]   an echo server; prints "PORT n"; the subprotocols are "chat.v2" and
 * "echo" lws client HOST PORT    a client of server_run: echoes of several sizes, then closes with
 * 4321; ends with 0 if all is as it must be
 */
#include <libwebsockets.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX (1u << 20)

struct session {
    uint8_t *message; /* with LWS_PRE bytes in front */
    size_t len;
    bool is_binary;
    bool is_complete;
};

static const size_t sizes[] = {0, 1, 125, 126, 65535, 65536, MESSAGE_MAX};
static size_t size_index;
static int result = 1;
static bool is_turn; /* to send: libwebsockets says "writable" also when nobody has asked */
static bool is_done;

/* ---- both */

static const struct lws_extension extensions[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate,
     "permessage-deflate; client_no_context_takeover; client_max_window_bits"},
    {NULL, NULL, NULL}};

static bool message_append(struct session *session, const void *data, size_t len)
{
    if (session->len + len > MESSAGE_MAX)
        return false;
    if (!session->message)
        session->message = malloc(LWS_PRE + MESSAGE_MAX);
    if (!session->message)
        return false;
    memcpy(session->message + LWS_PRE + session->len, data, len);
    session->len += len;
    return true;
}

static bool message_write(struct lws *wsi, struct session *session)
{
    enum lws_write_protocol kind = session->is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    int sent = lws_write(wsi, session->message + LWS_PRE, session->len, kind);
    bool ok = sent >= (int)session->len;
    session->len = 0;
    session->is_complete = false;
    return ok;
}

/* ---- the server */

static int server_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                           size_t len)
{
    struct session *session = user;
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        if (lws_is_first_fragment(wsi))
            session->is_binary = lws_frame_is_binary(wsi);
        if (!message_append(session, in ? in : "", len))
            return -1;
        if (lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0) {
            session->is_complete = true;
            lws_rx_flow_control(wsi, 0);
            lws_callback_on_writable(wsi);
        }
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (session->is_complete && !message_write(wsi, session))
            return -1;
        lws_rx_flow_control(wsi, 1);
        return 0;
    case LWS_CALLBACK_CLOSED:
        free(session->message);
        session->message = NULL;
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
}

static int server_main(int port, const char *cert, const char *key)
{
    static const struct lws_protocols protocols[] = {
        {.name = "http", .callback = lws_callback_http_dummy},
        {.name = "echo",
         .callback = server_callback,
         .per_session_data_size = sizeof(struct session),
         .rx_buffer_size = 65536},
        {.name = "chat.v2",
         .callback = server_callback,
         .per_session_data_size = sizeof(struct session),
         .rx_buffer_size = 65536},
        {0}};
    static const struct lws_protocol_vhost_options echo = {.name = "default", .value = "1"};
    static const struct lws_protocol_vhost_options options = {
        .name = "echo", .options = &echo, .value = ""};
    struct lws_context_creation_info info = {
        .port = port,
        .iface = "127.0.0.1",
        .protocols = protocols,
        .extensions = extensions,
        .pvo = &options,
        .ssl_cert_filepath = cert,
        .ssl_private_key_filepath = key,
        .options = cert ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    struct lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    while (lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}

/* ---- the client */

static bool next_size_write(struct lws *wsi)
{
    struct session session = {.is_binary = true};
    session.message = malloc(LWS_PRE + MESSAGE_MAX);
    if (!session.message)
        return false;
    session.len = sizes[size_index];
    memset(session.message + LWS_PRE, 'l', session.len);
    bool ok = message_write(wsi, &session);
    free(session.message);
    return ok;
}

static bool echo_check(const struct session *session)
{
    if (session->len != sizes[size_index])
        return false;
    for (size_t i = 0; i < session->len; i++)
        if (session->message[LWS_PRE + i] != 'l')
            return false;
    return true;
}

static int client_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                           size_t len)
{
    struct session *session = user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        is_turn = true;
        lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        if (!is_turn)
            return 0;
        is_turn = false;
        return next_size_write(wsi) ? 0 : -1;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (!message_append(session, in ? in : "", len))
            return -1;
        if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) != 0)
            return 0;
        if (!echo_check(session)) {
            fprintf(stderr, "another message of %zu bytes\n", session->len);
            return -1;
        }
        session->len = 0;
        if (++size_index < sizeof(sizes) / sizeof(sizes[0])) {
            is_turn = true;
            lws_callback_on_writable(wsi);
            return 0;
        }
        result = 0;
        lws_close_reason(wsi, (enum lws_close_status)4321, (unsigned char *)"done", 4);
        return -1;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        fprintf(stderr, "%s\n", in ? (const char *)in : "no connection");
        is_done = true;
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        free(session->message);
        is_done = true;
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
}

static int client_main(const char *host, int port)
{
    static const struct lws_protocols protocols[] = {
        {.name = "chat.v2",
         .callback = client_callback,
         .per_session_data_size = sizeof(struct session),
         .rx_buffer_size = 65536},
        {0}};
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                             .extensions = extensions,
                                             .protocols = protocols,
                                             .gid = (gid_t)-1,
                                             .uid = (uid_t)-1};
    struct lws_context *context = lws_create_context(&info);
    struct lws_client_connect_info connect = {.context = context,
                                              .address = host,
                                              .host = host,
                                              .origin = host,
                                              .port = port,
                                              .path = "/echo",
                                              .protocol = "chat.v2",
                                              .local_protocol_name = "chat.v2"};
    if (!context || !lws_client_connect_via_info(&connect))
        return 1;
    while (!is_done && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return result;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    lws_set_log_level(LLL_ERR, NULL);
    if (argc == 4 && strcmp(argv[1], "client") == 0)
        return client_main(argv[2], (int)strtol(argv[3], NULL, 10));
    if (argc < 3)
        return 2;
    return server_main((int)strtol(argv[2], NULL, 10), argc > 4 ? argv[3] : NULL,
                       argc > 4 ? argv[4] : NULL);
}
