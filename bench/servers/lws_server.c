/* SPDX-License-Identifier: Apache-2.0 */
/* libwebsockets' server under test: echoes, one message at a time as its documentation shows. Prints its port; ends with its
 * input. */
#include <libwebsockets.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* What waits to be sent; lws writes one frame for each WRITEABLE. */
struct message {
    struct message *next;
    size_t len;
    unsigned char data[]; /* LWS_PRE in front */
};

struct session {
    struct message *first, **last;
    size_t waiting;
};

enum { WAITING_MAX = 256 };

static void message_queue(struct session *session, const void *data, size_t len)
{
    struct message *message = malloc(sizeof(*message) + LWS_PRE + len);
    if (!message)
        exit(1);
    message->next = NULL;
    message->len = len;
    memcpy(message->data + LWS_PRE, data, len);
    *session->last = message;
    session->last = &message->next;
    session->waiting++;
}

static int message_write(struct lws *wsi, struct session *session)
{
    struct message *message = session->first;
    if (!message)
        return 0;
    int written = lws_write(wsi, message->data + LWS_PRE, message->len, LWS_WRITE_BINARY);
    session->first = message->next;
    if (!session->first)
        session->last = &session->first;
    session->waiting--;
    free(message);
    if (session->first)
        lws_callback_on_writable(wsi);
    if (session->waiting < WAITING_MAX)
        lws_rx_flow_control(wsi, 1);
    return written < 0 ? -1 : 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct session *session = user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        session->first = NULL;
        session->last = &session->first;
        break;
    case LWS_CALLBACK_RECEIVE:
        message_queue(session, in, len);
        if (session->waiting >= WAITING_MAX)
            lws_rx_flow_control(wsi, 0);
        lws_callback_on_writable(wsi);
        break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return message_write(wsi, session);
    case LWS_CALLBACK_CLOSED:
        while (session->first) {
            struct message *next = session->first->next;
            free(session->first);
            session->first = next;
        }
        break;
    default:
        break;
    }
    return 0;
}

static void *input_wait(void *user)
{
    char byte;
    (void)user;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    _exit(0);
}

int main(void)
{
    static const struct lws_protocols protocols[] = {
        {.name = "echo",
         .callback = on_event,
         .per_session_data_size = sizeof(struct session),
         .rx_buffer_size = 65536},
        {.name = NULL},
    };
    struct lws_context_creation_info info;
    struct rlimit limit;
    pthread_t watcher;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    lws_set_log_level(LLL_ERR, NULL);
    memset(&info, 0, sizeof(info));
    info.port = 0;
    info.protocols = protocols;
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    struct lws_context *context = lws_create_context(&info);
    struct lws_vhost *vhost = context ? lws_create_vhost(context, &info) : NULL;
    if (!vhost || pthread_create(&watcher, NULL, input_wait, NULL) != 0)
        return 1;
    printf("%d\n", lws_get_vhost_listen_port(vhost));
    fflush(stdout);
    while (lws_service(context, 0) >= 0)
        ;
    return 0;
}
