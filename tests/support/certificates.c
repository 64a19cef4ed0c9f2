/* SPDX-License-Identifier: Apache-2.0 */
#include "support/certificates.h"
#include "support/process.h"
#include "support/sandbox.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAKE_TIMEOUT_MS 60000

/* The folder that all test programs share, named after the script's date, so that a changed script
 * makes new ones. */
static void shared_dir_format(char *buf, size_t cap)
{
    struct stat script;
    cr_assert(stat(LEAT_TEST_SUPPORT_DIR "/make_certificates.sh", &script) == 0);
    snprintf(buf, cap, "%s/certificates.%lld", LEAT_TEST_BUILD_DIR, (long long)script.st_mtime);
}

static void certificates_make(const char *dir)
{
    char made[4096];
    snprintf(made, sizeof(made), "%s/made", dir);
    cr_assert(mkdir(dir, 0700) == 0 || errno == EEXIST, "%s: %s", dir, strerror(errno));
    int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(lock >= 0 && flock(lock, LOCK_EX) == 0, "%s: %s", dir, strerror(errno));
    if (access(made, F_OK) != 0) {
        const char *argv[] = {LEAT_TEST_SUPPORT_DIR "/make_certificates.sh", dir, NULL};
        struct process *process = process_start(&(struct process_options){.argv = argv});
        int status = process_wait(process, MAKE_TIMEOUT_MS);
        cr_assert(status == 0, "make_certificates.sh: %s", file_read(process->error_path));
        int mark = open(made, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        cr_assert(mark >= 0);
        close(mark);
    }
    close(lock);
}

const char *certificates_dir(void)
{
    static char dir[3072];
    if (dir[0] == '\0') {
        shared_dir_format(dir, sizeof(dir));
        certificates_make(dir);
    }
    return dir;
}

const char *certificate_path(const char *name)
{
    const char *path = sandbox_format("%s/%s", certificates_dir(), name);
    cr_assert(access(path, R_OK) == 0, "%s: %s", path, strerror(errno));
    return path;
}
