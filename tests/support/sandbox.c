/* SPDX-License-Identifier: Apache-2.0 */
#include "support/sandbox.h"
#include "support/certificates.h"
#include "support/leak_check.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRING_COUNT_MAX 256

static struct {
    char *dir;
    char *strings[STRING_COUNT_MAX];
    size_t string_count;
} sandbox;

const char *sandbox_dir(void)
{
    if (!sandbox.dir) {
        const char *base = getenv("TMPDIR");
        char *template = NULL;
        cr_assert(asprintf(&template, "%s/leat-test.XXXXXX", base ? base : "/tmp") > 0);
        cr_assert(mkdtemp(template), "mkdtemp %s: %s", template, strerror(errno));
        sandbox.dir = template;
    }
    return sandbox.dir;
}

const char *sandbox_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    cr_assert(len >= 0 && sandbox.string_count < STRING_COUNT_MAX, "too many strings in one test");
    sandbox.strings[sandbox.string_count++] = text;
    return text;
}

const char *sandbox_path(const char *name)
{
    return sandbox_format("%s/%s", sandbox_dir(), name);
}

const char *sandbox_write(const char *name, const char *format, ...)
{
    const char *path = sandbox_path(name);
    FILE *file = fopen(path, "we");
    cr_assert(file, "%s: %s", path, strerror(errno));
    va_list args;
    va_start(args, format);
    int len = vfprintf(file, format, args);
    va_end(args);
    cr_assert(len >= 0 && fchmod(fileno(file), 0600) == 0 && fclose(file) == 0, "%s: %s", path,
              strerror(errno));
    return path;
}

char *file_read(const char *path)
{
    char *text = NULL;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (bool more = true; more;) {
        char *grown = realloc(text, len + 4097);
        cr_assert(grown);
        text = grown;
        ssize_t got = fd < 0 ? 0 : read(fd, text + len, 4096);
        more = got > 0;
        len += more ? (size_t)got : 0;
    }
    text[len] = '\0';
    if (fd >= 0)
        close(fd);
    return text;
}

static int entry_remove(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void sandbox_done(void)
{
    process_stop_all();
    certificates_done();
    if (sandbox.dir)
        (void)nftw(sandbox.dir, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < sandbox.string_count; ++i)
        free(sandbox.strings[i]);
    free(sandbox.dir);
    memset(&sandbox, 0, sizeof(sandbox));
    leak_check();
}

size_t open_descriptor_count(void)
{
    DIR *dir = opendir("/proc/self/fd");
    cr_assert(dir);
    size_t count = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count - 1; /* without the one of `dir` */
}

/* A socket bound to a port of 127.0.0.1 that the kernel has chosen. */
static int loopback_bind(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
                  getsockname(fd, (struct sockaddr *)&address, &size) == 0,
              "%s", strerror(errno));
    *ret_port = ntohs(address.sin_port);
    return fd;
}

uint16_t free_port(void)
{
    uint16_t port;
    close(loopback_bind(&port));
    return port;
}

uint16_t refusing_port(void)
{
    uint16_t port;
    (void)loopback_bind(&port); /* stays bound until the test's process ends */
    return port;
}

uint16_t unanswering_port(void)
{
    uint16_t port;
    int listener = loopback_bind(&port);
    cr_assert(listen(listener, 0) == 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    /* A backlog of 0 holds one connection; the SYN of every later one is dropped. */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "%s",
              strerror(errno));
    return port;
}

bool machine_has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

const char *localhost_address(void)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    static char text[INET6_ADDRSTRLEN];
    struct addrinfo *list;
    cr_assert(getaddrinfo("localhost", NULL, &hints, &list) == 0);
    cr_assert(getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof(text), NULL, 0,
                          NI_NUMERICHOST) == 0);
    freeaddrinfo(list);
    return text;
}
