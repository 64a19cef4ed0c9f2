/* SPDX-License-Identifier: Apache-2.0 */
/* That what the mutators make of the corpora has its room, and mostly the form that they know.
 * fuzz_mutators CORPORA */
#include "fuzz/mutator.h"

#include <dirent.h>

#define ROUNDS    400u
#define ROOM      512u
#define MUST_KEEP 50u /* of 100: the others are to break the form */

static uint32_t engine_seed;

/* As an engine may do it: to the edge of what it is given. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
    if (max_size == 0)
        return 0;
    size_t new_size = mutator_choose(&engine_seed, (uint32_t)max_size) + 1;
    for (size_t i = size; i < new_size; i++)
        data[i] = (uint8_t)mutator_choose(&engine_seed, 256);
    return new_size;
}

/* Whether the input ends where its last piece does, which is not what is left over. */
static bool has_form(const struct mutator_format *format, const uint8_t *data, size_t size)
{
    static const uint8_t more[ROOM];
    uint8_t longer[2 * ROOM];
    size_t at = format->head_bytes;
    if (size <= at)
        return false;
    memcpy(longer, data, size);
    memcpy(longer + size, more, sizeof(more));
    for (size_t index = 0; at < size; index++)
        at += format->measure(longer + at, sizeof(more) + size - at, index);
    return at == size;
}

/* @return of how many of the ROUNDS the form was kept. */
static unsigned input_mutate(const struct mutator_format *format, const uint8_t *input, size_t len)
{
    unsigned kept = 0, changed = 0;
    for (uint32_t seed = 0; seed < ROUNDS; seed++) {
        size_t max_size = seed % 4 == 0 ? len + 1 : ROOM;
        uint8_t *data = malloc(max_size); /* of its own size, for AddressSanitizer */
        FUZZ_MUST(data);
        memcpy(data, input, len);
        engine_seed = seed;
        size_t size = mutator_run(format, data, len, max_size, seed);
        FUZZ_MUST(size <= max_size);
        kept += has_form(format, data, size);
        changed += size != len || memcmp(data, input, len) != 0;
        free(data);
    }
    FUZZ_MUST(changed > ROUNDS / 2);
    return kept;
}

static void corpus_mutate(const struct mutator_format *format, const char *corpora,
                          const char *name)
{
    char path[4096];
    unsigned inputs = 0, kept = 0;
    snprintf(path, sizeof(path), "%s/%s", corpora, name);
    DIR *dir = opendir(path);
    FUZZ_MUST(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        uint8_t data[ROOM];
        snprintf(path, sizeof(path), "%s/%s/%s", corpora, name, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rbe");
        if (!file)
            continue;
        size_t len = fread(data, 1, sizeof(data), file);
        fclose(file);
        if (len == sizeof(data) || !has_form(format, data, len))
            continue;
        kept += input_mutate(format, data, len);
        inputs++;
    }
    closedir(dir);
    printf("%s: %u inputs, %u of 100 keep their form\n", name, inputs,
           inputs ? kept * 100 / (inputs * ROUNDS) : 0);
    FUZZ_MUST(inputs > 0 && kept * 100 / (inputs * ROUNDS) >= MUST_KEEP);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    corpus_mutate(&mutator_frames, argv[1], "session");
    corpus_mutate(&mutator_http, argv[1], "http_head");
    corpus_mutate(&mutator_http, argv[1], "connect_reply");
    corpus_mutate(&mutator_socks5, argv[1], "socks5_reply");
    corpus_mutate(&mutator_gss, argv[1], "socks5_gss");
    return 0;
}
