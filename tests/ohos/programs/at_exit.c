/* SPDX-License-Identifier: Apache-2.0 */
/* The end of the process, in every awkward moment: at_exit URL HOW
 *   open       with an open connection and a callback that comes in just then
 *   inside     exit() inside a callback
 *   destroyed  right after OH_WebSocketClient_Destroy()
 *   fork       a child that finds its parent's client and makes one of its own
 */
#include <network/netstack/net_websocket.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static sem_t received;
static int exit_inside;
static int *memory; /* gone once main() is over */

static void on_open(struct WebSocket *client, WebSocket_OpenResult result)
{
    char text[] = "again";
    (void)result;
    OH_WebSocketClient_Send(client, text, 5);
}

static void on_message(struct WebSocket *client, char *data, uint32_t length)
{
    ++*memory;
    OH_WebSocketClient_Send(client, data, length); /* for ever */
    sem_post(&received);
    if (exit_inside)
        exit(0);
}

static void memory_release(void)
{
    free(memory);
    memory = NULL;
}

static struct WebSocket *client_open(const char *url)
{
    struct WebSocket_RequestOptions none = {NULL};
    struct WebSocket *client = OH_WebSocketClient_Constructor(on_open, on_message, NULL, NULL);
    if (!client || OH_WebSocketClient_Connect(client, url, none) != WEBSOCKET_OK)
        exit(3);
    return client;
}

static void child_run(struct WebSocket *parents, const char *url)
{
    char text[] = "text";
    if (OH_WebSocketClient_Send(parents, text, 4) != WEBSOCKET_CLIENT_NOT_CREATED ||
        OH_WebSocketClient_Destroy(parents) != WEBSOCKET_CLIENT_NOT_CREATED)
        exit(4);
    sem_init(&received, 0, 0);
    struct WebSocket *own = client_open(url);
    sem_wait(&received);
    exit(OH_WebSocketClient_Destroy(own) == WEBSOCKET_OK ? 0 : 5);
}

static int fork_run(struct WebSocket *client, const char *url)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        child_run(client, url);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        return 6;
    sem_wait(&received); /* the parent's goes on */
    return OH_WebSocketClient_Destroy(client) == WEBSOCKET_OK ? 0 : 7;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    sem_init(&received, 0, 0);
    memory = calloc(1, sizeof(*memory));
    atexit(memory_release); /* before the library's own handler, so it runs after that */
    exit_inside = strcmp(argv[2], "inside") == 0;
    struct WebSocket *client = client_open(argv[1]);
    sem_wait(&received);
    if (strcmp(argv[2], "fork") == 0)
        return fork_run(client, argv[1]);
    if (strcmp(argv[2], "destroyed") == 0)
        return OH_WebSocketClient_Destroy(client) == WEBSOCKET_OK ? 0 : 8;
    while (exit_inside)
        pause();
    return 0;
}
