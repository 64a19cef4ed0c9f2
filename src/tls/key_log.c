/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/key_log.h"

#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define RANDOM_BYTES     32u
#define SECRET_MAX_BYTES 64u /* SHA-512's size; a TLS 1.2 master secret has 48 */
#define LABEL_MAX_CHARS  40u

int leati_tls_key_log_open(const char *path)
{
    /* O_NONBLOCK: neither a FIFO that nobody reads nor one that is full holds up the loop. */
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
}

static const char *label_of(mbedtls_ssl_key_export_type type)
{
    switch (type) {
    case MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET:
        return "CLIENT_RANDOM";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_EARLY_SECRET:
        return "CLIENT_EARLY_TRAFFIC_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_EARLY_EXPORTER_SECRET:
        return "EARLY_EXPORTER_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_HANDSHAKE_TRAFFIC_SECRET:
        return "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_HANDSHAKE_TRAFFIC_SECRET:
        return "SERVER_HANDSHAKE_TRAFFIC_SECRET";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET:
        return "CLIENT_TRAFFIC_SECRET_0";
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET:
        return "SERVER_TRAFFIC_SECRET_0";
    }
    return NULL;
}

static size_t hex_append(char *line, size_t pos, const unsigned char *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        line[pos++] = digits[data[i] >> 4];
        line[pos++] = digits[data[i] & 15];
    }
    return pos;
}

/* The reader of a FIFO may have gone, and a library has no right to the program's SIGPIPE: the one
 * of this thread is kept back and taken, unless it was there before. */
static void line_write(int fd, const char *line, size_t len)
{
    sigset_t pipe_only, before, pending;
    ssize_t written;

    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigemptyset(&pending);
    (void)sigpending(&pending);
    if (pthread_sigmask(SIG_BLOCK, &pipe_only, &before) != 0)
        return;
    do {
        written = write(fd, line, len);
    } while (written < 0 && errno == EINTR);
    if (written < 0 && errno == EPIPE && sigismember(&pending, SIGPIPE) == 0)
        while (sigtimedwait(&pipe_only, NULL, &(const struct timespec){0}) < 0 && errno == EINTR)
            ;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void leati_tls_key_log_append(int fd, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                              size_t secret_len, const unsigned char client_random[32])
{
    char line[LABEL_MAX_CHARS + 2 * RANDOM_BYTES + 2 * SECRET_MAX_BYTES + 4];
    const char *label = label_of(type);

    if (!label || secret_len > SECRET_MAX_BYTES)
        return;
    size_t pos = (size_t)snprintf(line, LABEL_MAX_CHARS, "%s ", label);
    pos = hex_append(line, pos, client_random, RANDOM_BYTES);
    line[pos++] = ' ';
    pos = hex_append(line, pos, secret, secret_len);
    line[pos++] = '\n';

    line_write(fd, line, pos);
    leati_wipe(line, sizeof(line));
}
