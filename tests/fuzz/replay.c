/* SPDX-License-Identifier: Apache-2.0 */
/* Gives every file of a folder to a fuzz target, once: the corpora as plain tests, with any
 * compiler. fuzz_NAME FOLDER|FILE... */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES (1u << 20)

static size_t replay_file(const char *path)
{
    static uint8_t buf[FILE_MAX_BYTES];
    FILE *file = fopen(path, "rbe");
    if (!file) {
        perror(path);
        exit(2);
    }
    struct fuzz_input input = {buf, fread(buf, 1, sizeof(buf), file)};
    fclose(file);
    char *copy = fuzz_copy(input, false);
    fprintf(stderr, "%s\n", path); /* the last one is the one that failed */
    LLVMFuzzerTestOneInput((const uint8_t *)copy, input.len);
    free(copy);
    return 1;
}

static size_t replay_folder(const char *folder)
{
    char path[4096];
    size_t count = 0;
    DIR *dir = opendir(folder);
    if (!dir) {
        perror(folder);
        exit(2);
    }
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        count += replay_file(path);
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        bool is_folder = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);
        count += is_folder ? replay_folder(argv[i]) : replay_file(argv[i]);
    }
    printf("%zu inputs\n", count);
    return count > 0 ? 0 : 2;
}
