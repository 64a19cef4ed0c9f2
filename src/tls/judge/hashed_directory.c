/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/judge/hashed_directory.h"

#include "util/alloc.h"

#include <leat/error_codes.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_id {
    dev_t device;
    ino_t inode;
};

struct file_ids {
    struct file_id *list;
    size_t count;
    size_t capacity;
};

bool leati_hashed_directory_is_name(const char *name)
{
    enum { HASH_CHARS = 8 };

    if (strspn(name, "0123456789abcdef") != HASH_CHARS || name[HASH_CHARS] != '.')
        return false;
    const char *number = name + HASH_CHARS + 1;
    return number[0] != '\0' && number[strspn(number, "0123456789")] == '\0';
}

static bool file_ids_add(struct file_ids *ids, const struct stat *st)
{
    if (ids->count == ids->capacity &&
        !leati_grow(&ids->list, &ids->capacity, 64, sizeof(ids->list[0])))
        return false;
    ids->list[ids->count++] = (struct file_id){.device = st->st_dev, .inode = st->st_ino};
    return true;
}

static bool file_ids_has(const struct file_ids *ids, const struct stat *st)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->list[i].inode == st->st_ino && ids->list[i].device == st->st_dev)
            return true;
    return false;
}

static int rest_of(DIR *dir, struct file_ids *hashed, int (*take)(void *user, const char *name),
                   void *user)
{
    const struct dirent *entry;
    struct stat st;
    int code = LEAT_OK;

    while ((entry = readdir(dir)))
        if (leati_hashed_directory_is_name(entry->d_name) &&
            fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && !file_ids_add(hashed, &st))
            return LEAT_E_SYSTEM_INTERNAL;
    rewinddir(dir);
    while (code == LEAT_OK && (entry = readdir(dir)))
        if (entry->d_name[0] != '.' && !leati_hashed_directory_is_name(entry->d_name) &&
            fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && !file_ids_has(hashed, &st))
            code = take(user, entry->d_name);
    return code;
}

int leati_hashed_directory_rest(int dir_fd, int (*take)(void *user, const char *name), void *user)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct file_ids hashed = {0};

    if (!dir) {
        int code = errno == ENOMEM ? LEAT_E_SYSTEM_INTERNAL : LEAT_OK;
        if (fd >= 0)
            close(fd);
        return code;
    }
    int code = rest_of(dir, &hashed, take, user);
    closedir(dir);
    leati_free(hashed.list);
    return code;
}
