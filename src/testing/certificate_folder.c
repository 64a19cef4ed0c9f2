/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/certificates.h"

#include "util/alloc.h"
#include "util/errno_text.h"
#include "util/readable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int folder_fail(struct leat_testing_problem *problem, int sys_errno, const char *what,
                       const char *path)
{
    const char *reason = leati_errno_text(sys_errno);
    return leati_certificate_fail(problem, LEAT_E_WS_CERT_FILE, "cannot %s %s: %s", what,
                                  leati_excerpt(path, 120).text,
                                  reason ? reason : "unknown reason");
}

int leati_folder_init(struct leati_folder *folder, const char *parent,
                      struct leat_testing_problem *problem)
{
    if (!parent)
        parent = getenv("TMPDIR");
    if (!parent || !*parent)
        parent = "/tmp";
    char *path = leati_asprintf("%s/leat-certificates.XXXXXX", parent);
    if (!path)
        return leati_certificate_fail(problem, LEAT_E_SYSTEM_INTERNAL, "no memory");
    if (!mkdtemp(path)) { /* mode 0700 */
        leati_free(path);
        return folder_fail(problem, errno, "make a folder in", parent);
    }
    *folder = (struct leati_folder){.path = path, .owner = getpid()};
    return LEAT_OK;
}

static void folder_remove(const char *path)
{
    DIR *dir = opendir(path);
    if (dir) {
        for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
            (void)unlinkat(dirfd(dir), entry->d_name, 0); /* not possible for . and .. */
        closedir(dir);
    }
    (void)rmdir(path);
}

void leati_folder_done(struct leati_folder *folder)
{
    if (folder->path && folder->owner == getpid())
        folder_remove(folder->path);
    leati_free(folder->path);
    *folder = (struct leati_folder){0};
}

static bool descriptor_write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t written = write(fd, text, left);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            text += written;
            left -= (size_t)written;
        }
    }
    return true;
}

int leati_folder_write(const struct leati_folder *folder, const char *name, const char *suffix,
                       const char *text, mode_t mode, char **ret_path,
                       struct leat_testing_problem *problem)
{
    char *path = leati_asprintf("%s/%s%s", folder->path, name, suffix);
    if (!path)
        return leati_certificate_fail(problem, LEAT_E_SYSTEM_INTERNAL, "no memory");

    int code = LEAT_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) {
        code = folder_fail(problem, errno, "make", path);
        goto out;
    }
    bool is_written = descriptor_write_all(fd, text);
    int write_errno = errno;
    if (close(fd) != 0 && is_written) {
        is_written = false;
        write_errno = errno;
    }
    if (!is_written) {
        code = folder_fail(problem, write_errno, "write", path);
        goto out;
    }
    *ret_path = path;
    return LEAT_OK;
out:
    leati_free(path);
    return code;
}
