/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp/local_address.h"

#include "util/fork.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

_Static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) == LEAT_LOCAL_ADDRESS_SIZE,
               "as long as the kernel's");

int leati_local_address_parse(const char *text, struct leati_local_address *ret_address)
{
    struct leati_local_address address;
    if (!text || !*text || strcmp(text, "@") == 0)
        return LEAT_E_PARAMETER;
    size_t len = strlen(text);
    if (len >= LEAT_LOCAL_ADDRESS_SIZE)
        return LEAT_E_SOCKET_BASE + ENAMETOOLONG;
    memset(&address, 0, sizeof(address));
    address.un.sun_family = AF_UNIX;
    memcpy(address.un.sun_path, text, len);
    bool is_abstract = text[0] == '@';
    if (is_abstract)
        address.un.sun_path[0] = '\0';
    /* The length of an abstract name counts, and NUL is a byte of it like any other. */
    address.size = (socklen_t)(PATH_OFFSET + len + (is_abstract ? 0 : 1));
    *ret_address = address;
    return LEAT_OK;
}

void leati_local_address_format(const struct leati_local_address *address, char *buf, size_t cap)
{
    const char *path = address->un.sun_path;
    size_t len = address->size > PATH_OFFSET ? address->size - PATH_OFFSET : 0;
    if (len > 1 && path[0] == '\0')
        snprintf(buf, cap, "@%.*s", (int)(len - 1), path + 1);
    else
        snprintf(buf, cap, "%.*s", (int)len, path);
}

int leati_local_address_of(int fd, char *buf, size_t cap)
{
    struct leati_local_address address = {.size = sizeof(address.un)};
    if (getsockname(fd, (struct sockaddr *)&address.un, &address.size) < 0)
        return errno;
    leati_local_address_format(&address, buf, cap);
    return 0;
}

int leati_local_bind(int fd, const struct leati_local_address *address,
                     struct leati_local_file *ret_file)
{
    struct stat status;
    const char *path = address->un.sun_path;
    *ret_file = (struct leati_local_file){.path = ""};
    if (bind(fd, (const struct sockaddr *)&address->un, address->size) < 0)
        return errno;
    if (path[0] == '\0' || stat(path, &status) < 0)
        return 0;
    memcpy(ret_file->path, path, sizeof(ret_file->path));
    ret_file->dev = status.st_dev;
    ret_file->ino = status.st_ino;
    ret_file->fork_count = leati_fork_count();
    return 0;
}

void leati_local_file_remove(struct leati_local_file *file)
{
    struct stat status;
    if (file->path[0] != '\0' && file->fork_count == leati_fork_count() &&
        lstat(file->path, &status) == 0 && status.st_dev == file->dev && status.st_ino == file->ino)
        (void)unlink(file->path);
    file->path[0] = '\0';
}
