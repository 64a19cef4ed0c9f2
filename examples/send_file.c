/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams a file of any length as one binary message, and never holds more of it than the send
 * queue may: a part that the queue refuses is sent again when the connection is `writable`.
 *
 *     send_file wss://HOST/PATH FILE [CA_FILE]
 *
 *     cc -Iinclude examples/send_file.c -Lbuild/release/lib -lleat -o send_file
 */
#include <leat/leat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PART_BYTES  16384
#define QUEUE_BYTES (256u * 1024)

struct program {
    leat_loop *loop;
    FILE *file;
    uint8_t part[PART_BYTES];
    size_t part_len; /* read and not taken yet */
    bool started, read_all, sent_all;
    uint64_t bytes;
    int exit_status;
};

static void give_up(struct program *program, int code)
{
    fprintf(stderr, "%d %s\n", code, leat_strerror(code));
    leat_loop_stop(program->loop);
}

/* The next part; short only at the end of the file. */
static bool read_part(struct program *program)
{
    program->part_len = fread(program->part, 1, PART_BYTES, program->file);
    program->read_all = program->part_len < PART_BYTES;
    return !ferror(program->file);
}

/* As many parts as the queue takes. */
static void send_parts(leat_websocket *ws, struct program *program)
{
    while (!program->sent_all) {
        if (program->part_len == 0 && !program->read_all && !read_part(program)) {
            perror("reading the file");
            leat_loop_stop(program->loop);
            return;
        }
        int code =
            leat_websocket_send_part(ws, LEAT_MESSAGE_BINARY, program->part, program->part_len,
                                     !program->started, program->read_all);
        if (code == LEAT_E_SOCKET_BASE + EAGAIN || code == LEAT_E_TLS_WRITE)
            return; /* the queue is full: on_writable() goes on with the same part */
        if (code != LEAT_OK) {
            give_up(program, code);
            return;
        }
        program->bytes += program->part_len;
        program->part_len = 0;
        program->started = true;
        program->sent_all = program->read_all;
    }
    if (leat_websocket_close(ws, 1000, NULL) != LEAT_OK)
        leat_loop_stop(program->loop);
}

static void on_opened(leat_websocket *ws, void *user)
{
    send_parts(ws, user);
}

static void on_writable(leat_websocket *ws, void *user)
{
    send_parts(ws, user);
}

static void on_closed(leat_websocket *ws, const struct leat_close_event *event, void *user)
{
    struct program *program = user;
    (void)ws;
    if (event->error.code == LEAT_OK && program->sent_all) {
        printf("%llu bytes\n", (unsigned long long)program->bytes);
        program->exit_status = 0;
    } else {
        fprintf(stderr, "%d %s %s (close code %u)\n", event->error.code,
                leat_strerror(event->error.code), event->error.text, event->close_code);
    }
    leat_loop_stop(program->loop);
}

static const struct leat_websocket_callbacks callbacks = {
    .size = sizeof(callbacks),
    .opened = on_opened,
    .writable = on_writable,
    .closed = on_closed,
};

static int stream(struct program *program, const char *url, const char *ca_path)
{
    leat_config *config = NULL;
    leat_websocket *ws = NULL;

    int code = leat_config_new(&config);
    if (code == LEAT_OK && ca_path)
        code = leat_config_set_ca_path(config, ca_path);
    if (code == LEAT_OK)
        code = leat_config_set_send_queue_limit(config, QUEUE_BYTES);
    if (code == LEAT_OK)
        code = leat_websocket_new(program->loop, &callbacks, program, &ws);
    if (code == LEAT_OK)
        code = leat_websocket_connect(ws, url, config);
    leat_config_free(config);
    if (code == LEAT_OK)
        code = leat_loop_run(program->loop);
    leat_websocket_free(ws);
    return code;
}

int main(int argc, char **argv)
{
    static struct program program = {.exit_status = 1};

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s URL FILE [CA_FILE]\n", argv[0]);
        return 2;
    }
    program.file = fopen(argv[2], "rbe");
    if (!program.file) {
        perror(argv[2]);
        return 1;
    }
    int code = leat_loop_new(&program.loop);
    if (code == LEAT_OK)
        code = stream(&program, argv[1], argv[3]);
    if (code != LEAT_OK) {
        fprintf(stderr, "%d %s\n", code, leat_strerror(code));
        program.exit_status = 1;
    }
    leat_loop_free(program.loop);
    fclose(program.file);
    return program.exit_status;
}
