/* SPDX-License-Identifier: Apache-2.0 */
/* The header in front of a connection: what is read does not depend on how it comes, and what it
 * says can be written and read again. */
#include "fuzz/fuzz.h"

#include "core/proxy_protocol.h"

static void check_parts(struct fuzz_input input, enum leati_proxy_protocol_result whole,
                        size_t whole_used)
{
    struct leati_proxy_protocol header;
    enum leati_proxy_protocol_result result = LEATI_PROXY_PROTOCOL_MORE;
    const char *reason;
    size_t used = 0, len = 0;
    while (result == LEATI_PROXY_PROTOCOL_MORE && len < input.len)
        result = leati_proxy_protocol_read(input.data, ++len, &header, &used, &reason);
    FUZZ_MUST(result == whole);
    FUZZ_MUST(len <= LEATI_PROXY_PROTOCOL_MAX_BYTES || result != LEATI_PROXY_PROTOCOL_MORE);
    FUZZ_MUST(result != LEATI_PROXY_PROTOCOL_DONE || (used == whole_used && used == len));
}

static void check_again(struct leati_proxy_protocol header)
{
    for (int version = LEATI_PROXY_PROTOCOL_1; version <= LEATI_PROXY_PROTOCOL_2; version++) {
        uint8_t bytes[LEATI_PROXY_PROTOCOL_WRITE_BYTES];
        struct leati_proxy_protocol again;
        const char *reason;
        size_t used = 0;
        header.version = (enum leati_proxy_protocol_version)version;
        size_t len = leati_proxy_protocol_write(&header, bytes);
        FUZZ_MUST(len > 0 && len <= sizeof(bytes));
        FUZZ_MUST(leati_proxy_protocol_read(bytes, len, &again, &used, &reason) ==
                  LEATI_PROXY_PROTOCOL_DONE);
        FUZZ_MUST(used == len && again.version == header.version);
        FUZZ_MUST(again.is_local == header.is_local);
        FUZZ_MUST(memcmp(&again.source, &header.source, sizeof(header.source)) == 0);
        FUZZ_MUST(memcmp(&again.destination, &header.destination, sizeof(header.source)) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {(const uint8_t *)fuzz_copy((struct fuzz_input){data, size}, false),
                               size};
    struct leati_proxy_protocol header;
    const char *reason = NULL;
    size_t used = 0;
    enum leati_proxy_protocol_result result =
        leati_proxy_protocol_read(input.data, input.len, &header, &used, &reason);
    FUZZ_MUST(used <= input.len);
    FUZZ_MUST(result != LEATI_PROXY_PROTOCOL_BAD || fuzz_is_printable(reason));
    check_parts(input, result, used);
    if (result == LEATI_PROXY_PROTOCOL_DONE)
        check_again(header);
    free((void *)(uintptr_t)input.data);
    return 0;
}
