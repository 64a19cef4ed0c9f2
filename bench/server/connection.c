/* SPDX-License-Identifier: Apache-2.0 */
#include "connection.h"

#include "frames.h"
#include "upgrade.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of one read, and of one answer. */
#define BATCH_BYTES (256u * 1024u)
/* The most that waits for a client that sends but does not read. */
#define PENDING_MAX_BYTES (64u * 1024u * 1024u)
#define HEAD_MAX_BYTES    4096u

/* How far TLS has come; early data (RFC 8446 section 2.3) comes before it is open. */
enum tls_stage {
    TLS_EARLY,
    TLS_HANDSHAKE,
    TLS_OPEN,
};

enum mode {
    MODE_HEAD,
    MODE_ECHO,
    MODE_SINK,
    MODE_SOURCE,
    MODE_BYTES, /* sends back what comes */
};

enum io {
    IO_AGAIN = -1,
    IO_END = -2,
};

struct connection {
    int fd;
    SSL *ssl;
    enum tls_stage tls; /* of a connection with `ssl` */
    enum mode mode;
    struct frame_reader frames;
    char *head; /* while it is being read */
    size_t head_len;
    uint64_t count;    /* of a sink or a source */
    bool acknowledged; /* by a sink */
    uint8_t *batch;    /* of a source: whole frames, to be sent again and again */
    size_t batch_len;
    uint64_t source_left; /* bytes */
    size_t source_pos;    /* in the batch */
    uint8_t *pending;     /* what the socket did not take */
    size_t pending_pos, pending_len, pending_cap;
};

/* One thread: the buffers of the moment are shared. */
static uint8_t in_buf[BATCH_BYTES];
static uint8_t out_buf[BATCH_BYTES + FRAME_HEADER_MAX + 16];

struct connection *connection_new(int fd, SSL *ssl, bool is_bytes)
{
    struct connection *connection = calloc(1, sizeof(*connection));

    if (!connection)
        return NULL;
    connection->fd = fd;
    connection->ssl = ssl;
    if (is_bytes)
        connection->mode = MODE_BYTES;
    return connection;
}

void connection_free(struct connection *connection)
{
    SSL_free(connection->ssl);
    close(connection->fd);
    free(connection->head);
    free(connection->batch);
    free(connection->pending);
    free(connection);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static ssize_t ssl_result(struct connection *connection, int result)
{
    if (result > 0)
        return result;
    int error = SSL_get_error(connection->ssl, result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? IO_AGAIN : IO_END;
}

/* As much as there is, up to the buffer's size. IO_END comes alone. */
static ssize_t io_read(struct connection *connection, uint8_t *buf, size_t cap)
{
    size_t len = 0;

    if (!connection->ssl) {
        ssize_t n = recv(connection->fd, buf, cap, 0);
        return n > 0 ? n : n < 0 && errno == EAGAIN ? IO_AGAIN : IO_END;
    }
    while (len < cap) {
        ssize_t n = ssl_result(connection, SSL_read(connection->ssl, buf + len, (int)(cap - len)));
        if (n < 0)
            return len > 0 ? (ssize_t)len : n;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static ssize_t io_write(struct connection *connection, const uint8_t *data, size_t len)
{
    if (connection->ssl && connection->tls == TLS_OPEN)
        return ssl_result(connection, SSL_write(connection->ssl, data, (int)len));
    if (connection->ssl) {
        size_t written = 0;
        int result = SSL_write_early_data(connection->ssl, data, len, &written);
        return result == 1 ? (ssize_t)written : ssl_result(connection, result);
    }
    ssize_t n = send(connection->fd, data, len, MSG_NOSIGNAL);
    return n >= 0 ? n : errno == EAGAIN ? IO_AGAIN : IO_END;
}

static bool pending_add(struct connection *connection, const uint8_t *data, size_t len)
{
    size_t need = connection->pending_len + len;

    if (need > connection->pending_cap) {
        size_t cap = need * 2;
        uint8_t *grown = realloc(connection->pending, cap);
        if (!grown)
            return false;
        connection->pending = grown;
        connection->pending_cap = cap;
    }
    memcpy(connection->pending + connection->pending_len, data, len);
    connection->pending_len = need;
    return true;
}

/* false = the connection is over. */
static bool pending_flush(struct connection *connection)
{
    while (connection->pending_pos < connection->pending_len) {
        ssize_t n = io_write(connection, connection->pending + connection->pending_pos,
                             connection->pending_len - connection->pending_pos);
        if (n == IO_AGAIN)
            return true;
        if (n < 0)
            return false;
        connection->pending_pos += (size_t)n;
    }
    free(connection->pending);
    connection->pending = NULL;
    connection->pending_pos = connection->pending_len = connection->pending_cap = 0;
    return true;
}

static bool answer(struct connection *connection, const uint8_t *data, size_t len)
{
    while (len > 0 && connection->pending_len == 0) {
        ssize_t n = io_write(connection, data, len);
        if (n == IO_AGAIN)
            break;
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return len == 0 || pending_add(connection, data, len);
}

/* ---- sources -------------------------------------------------------------------------------- */

static bool source_start(struct connection *connection, const struct upgrade_request *request)
{
    uint8_t header[FRAME_HEADER_MAX];
    size_t header_len = frame_header_write(header, request->text ? 0x81 : 0x82, request->size);
    size_t frame_len = header_len + request->size;
    size_t frames = frame_len < BATCH_BYTES ? BATCH_BYTES / frame_len : 1;

    if (frames > request->count)
        frames = request->count;
    connection->batch_len = frames * frame_len;
    connection->source_left = request->count * frame_len;
    connection->batch = malloc(connection->batch_len);
    if (!connection->batch)
        return false;
    memset(connection->batch, 'x', connection->batch_len);
    for (size_t i = 0; i < frames; i++)
        memcpy(connection->batch + i * frame_len, header, header_len);
    return true;
}

static bool source_run(struct connection *connection)
{
    while (connection->source_left > 0 && connection->pending_len == 0) {
        size_t len = connection->batch_len - connection->source_pos;
        if (len > connection->source_left)
            len = connection->source_left;
        ssize_t n = io_write(connection, connection->batch + connection->source_pos, len);
        if (n == IO_AGAIN)
            return true;
        if (n < 0)
            return false;
        connection->source_left -= (size_t)n;
        connection->source_pos += (size_t)n;
        if (connection->source_pos == connection->batch_len)
            connection->source_pos = 0;
    }
    return true;
}

/* ---- what came ------------------------------------------------------------------------------ */

static bool mode_choose(struct connection *connection, const struct upgrade_request *request)
{
    connection->count = request->count;
    if (strcmp(request->path, "/sink") == 0) {
        connection->mode = MODE_SINK;
        return request->count > 0;
    }
    connection->mode = MODE_ECHO;
    if (strcmp(request->path, "/source") != 0)
        return true;
    connection->mode = MODE_SOURCE;
    return request->count > 0 && source_start(connection, request);
}

static bool frames_take(struct connection *connection, const uint8_t *data, size_t len)
{
    static const uint8_t done[] = {0x82, 4, 'd', 'o', 'n', 'e'};
    size_t out_len =
        frames_answer(&connection->frames, data, len, connection->mode != MODE_ECHO, out_buf);

    if (connection->mode == MODE_SINK && !connection->acknowledged &&
        connection->frames.messages >= connection->count) {
        connection->acknowledged = true;
        memcpy(out_buf + out_len, done, sizeof(done));
        out_len += sizeof(done);
    }
    return answer(connection, out_buf, out_len);
}

/* A client may send frames only when it has the answer, so the head ends what was read. */
static bool head_take(struct connection *connection, const uint8_t *data, size_t len)
{
    struct upgrade_request request;
    char response[UPGRADE_RESPONSE_MAX];

    if (!connection->head)
        connection->head = malloc(HEAD_MAX_BYTES);
    if (!connection->head || len >= HEAD_MAX_BYTES - connection->head_len)
        return false;
    memcpy(connection->head + connection->head_len, data, len);
    connection->head_len += len;
    connection->head[connection->head_len] = '\0';
    if (!strstr(connection->head, "\r\n\r\n"))
        return true;
    size_t response_len = upgrade_answer(connection->head, &request, response);
    free(connection->head);
    connection->head = NULL;
    return response_len > 0 && mode_choose(connection, &request) &&
           answer(connection, (const uint8_t *)response, response_len);
}

static bool take(struct connection *connection, const uint8_t *data, size_t len)
{
    if (connection->mode == MODE_BYTES)
        return answer(connection, data, len);
    return connection->mode == MODE_HEAD ? head_take(connection, data, len)
                                         : frames_take(connection, data, len);
}

/* The upgrade request may come as early data; it is answered at once. */
static bool tls_read_early(struct connection *connection)
{
    size_t len;
    int result;

    while ((result = SSL_read_early_data(connection->ssl, in_buf, sizeof(in_buf), &len)) ==
           SSL_READ_EARLY_DATA_SUCCESS) {
        if (connection->mode != MODE_HEAD || !head_take(connection, in_buf, len))
            return false;
    }
    if (result == SSL_READ_EARLY_DATA_ERROR)
        return ssl_result(connection, 0) == IO_AGAIN;
    connection->tls = TLS_HANDSHAKE;
    return true;
}

static bool tls_accept(struct connection *connection)
{
    if (connection->tls == TLS_EARLY && !tls_read_early(connection))
        return false;
    if (connection->tls == TLS_EARLY)
        return true;
    int result = SSL_accept(connection->ssl);

    if (result == 1) {
        connection->tls = TLS_OPEN;
        return true;
    }
    return ssl_result(connection, result) == IO_AGAIN;
}

/* ---- the run -------------------------------------------------------------------------------- */

static bool has_room(const struct connection *connection)
{
    return connection->pending_len - connection->pending_pos < PENDING_MAX_BYTES;
}

bool connection_run(struct connection *connection)
{
    bool needs_tls = connection->ssl && connection->tls != TLS_OPEN;

    if (needs_tls && !tls_accept(connection))
        return false;
    if (needs_tls && connection->tls != TLS_OPEN)
        return true;
    if (connection->pending_len > 0 && !pending_flush(connection))
        return false;
    while (has_room(connection)) {
        ssize_t n = io_read(connection, in_buf, sizeof(in_buf));
        if (n == IO_END)
            return false;
        if (n == IO_AGAIN)
            break;
        bool ok = take(connection, in_buf, (size_t)n);
        if (!ok || connection->frames.broken)
            return false;
        /* The server ends TCP first; a Close frame fits every socket's buffer. */
        if (connection->frames.closing) {
            if (connection->ssl)
                (void)SSL_shutdown(connection->ssl);
            return false;
        }
    }
    return connection->mode != MODE_SOURCE || source_run(connection);
}
