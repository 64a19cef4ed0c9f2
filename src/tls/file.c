/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/file.h"

#include "util/alloc.h"
#include "util/errno_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define GROWTH_BYTES 16384u

/* Not realloc: it would leave copies of a key behind. */
static int file_grow(struct leati_tls_file *file, size_t capacity)
{
    if (capacity > LEATI_TLS_FILE_LIMIT_BYTES)
        return EFBIG;
    uint8_t *data = leati_malloc(capacity + 1);
    if (!data)
        return ENOMEM;
    if (file->len > 0)
        memcpy(data, file->data, file->len);
    if (file->data)
        leati_wipe(file->data, file->capacity);
    leati_free(file->data);
    file->data = data;
    file->capacity = capacity;
    return 0;
}

int leati_tls_file_open(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode))
        return fd;
    close(fd);
    errno = EINVAL;
    return -1;
}

const char *leati_tls_file_reason(int sys_errno)
{
    if (sys_errno == EINVAL || sys_errno == ENXIO)
        return "it is not a regular file";
    const char *reason = leati_errno_text(sys_errno);
    return reason ? reason : "unknown reason";
}

static int file_read_all(int fd, struct leati_tls_file *file)
{
    for (;;) {
        if (file->len == file->capacity) {
            int failed = file_grow(file, 2 * file->capacity + GROWTH_BYTES);
            if (failed != 0)
                return failed;
        }
        ssize_t n = read(fd, file->data + file->len, file->capacity - file->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? EINVAL : errno; /* a terminal */
        if (n == 0)
            break;
        file->len += (size_t)n;
    }
    file->data[file->len] = '\0';
    return 0;
}

int leati_tls_file_read_fd(int fd, struct leati_tls_file *ret_file)
{
    struct leati_tls_file file = {0};
    struct stat st;

    /* One allocation for a regular file: its size, and a byte that finds its end. */
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
        (uint64_t)st.st_size < LEATI_TLS_FILE_LIMIT_BYTES) {
        int failed = file_grow(&file, (size_t)st.st_size + 1);
        if (failed != 0)
            return failed;
    }
    int failed = file_read_all(fd, &file);
    if (failed != 0) {
        leati_tls_file_done(&file);
        return failed;
    }
    *ret_file = file;
    return 0;
}

int leati_tls_file_read(const char *path, struct leati_tls_file *ret_file)
{
    int fd = leati_tls_file_open(path);

    if (fd < 0)
        return errno;
    int failed = leati_tls_file_read_fd(fd, ret_file);
    close(fd);
    return failed;
}

struct leati_tls_file leati_tls_file_of_text(const char *text)
{
    return (struct leati_tls_file){.data = (uint8_t *)(uintptr_t)text, .len = strlen(text)};
}

void leati_tls_file_done(struct leati_tls_file *file)
{
    if (file->capacity > 0) {
        leati_wipe(file->data, file->capacity);
        leati_free(file->data);
    }
    *file = (struct leati_tls_file){0};
}

size_t leati_tls_file_parse_len(const struct leati_tls_file *file)
{
    return strstr((const char *)file->data, "-----BEGIN ") ? file->len + 1 : file->len;
}
