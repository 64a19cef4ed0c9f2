/* SPDX-License-Identifier: Apache-2.0 */
/* Gives every file of a folder to a fuzz target, once: the corpora as plain tests, with any
 * compiler; and every line of hexadecimal digits in a file of script/lib/found.py.
 * fuzz_NAME FOLDER|FILE|FILE.hex... */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES (1u << 20)
#define LINE_MAX_BYTES 1024u

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        perror(path);
        exit(2);
    }
    return file;
}

static void replay(struct fuzz_input input)
{
    char *copy = fuzz_copy(input, false);
    LLVMFuzzerTestOneInput((const uint8_t *)copy, input.len);
    free(copy);
}

static size_t replay_file(const char *path)
{
    static uint8_t buf[FILE_MAX_BYTES];
    FILE *file = open_file(path);
    struct fuzz_input input = {buf, fread(buf, 1, sizeof(buf), file)};
    fclose(file);
    fprintf(stderr, "%s\n", path); /* the last one is the one that failed */
    replay(input);
    return 1;
}

static size_t replay_lines(const char *path)
{
    static char line[2 * LINE_MAX_BYTES + 2];
    static uint8_t buf[LINE_MAX_BYTES];
    size_t count = 0, number = 0;
    FILE *file = open_file(path);
    while (fgets(line, sizeof(line), file)) {
        size_t len = 0;
        number++;
        if (line[0] == '#')
            continue;
        while (sscanf(line + 2 * len, "%2hhx", &buf[len]) == 1)
            len++;
        if (strcmp(line + 2 * len, "\n") != 0) {
            fprintf(stderr, "%s:%zu: no hexadecimal digits, or too many\n", path, number);
            exit(2);
        }
        fprintf(stderr, "%s:%zu\n", path, number);
        replay((struct fuzz_input){buf, len});
        count++;
    }
    fclose(file);
    return count;
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
        const char *suffix = strrchr(argv[i], '.');
        if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode))
            count += replay_folder(argv[i]);
        else if (suffix && strcmp(suffix, ".hex") == 0)
            count += replay_lines(argv[i]);
        else
            count += replay_file(argv[i]);
    }
    printf("%zu inputs\n", count);
    return count > 0 ? 0 : 2;
}
