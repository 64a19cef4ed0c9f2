/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/file.h"
#include "util/errno_text.h"

#include <leat/error_codes.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int leati_testing_file_open(const char *path, int *ret_fd, const char **ret_reason)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    int sys_errno = errno;
    if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        close(fd);
        *ret_reason = "not a regular file";
        return LEAT_E_PARAMETER;
    }
    if (fd >= 0 && (fchmod(fd, 0600) != 0 || ftruncate(fd, 0) != 0)) {
        sys_errno = errno;
        close(fd);
        fd = -1;
    }
    if (fd < 0) {
        *ret_reason = leati_errno_text(sys_errno);
        return LEAT_E_SOCKET_BASE + sys_errno;
    }
    *ret_fd = fd;
    return LEAT_OK;
}

bool leati_testing_file_write(int fd, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len > 0) {
        ssize_t done = write(fd, at, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        at += done;
        len -= (size_t)done;
    }
    return true;
}
