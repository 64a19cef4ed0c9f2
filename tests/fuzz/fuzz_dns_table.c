/* SPDX-License-Identifier: Apache-2.0 */
/* The DNS server of libleat-testing: records up to the first NUL, then a query. */
#include "fuzz/fuzz.h"
#include "fuzz/readable.h"
#include "testing/dns_table.h"

static void query_check(const struct leati_dns_table *table, const uint8_t *query, size_t len)
{
    static uint8_t answer[LEATI_DNS_BYTES_MAX];
    for (int over_udp = 0; over_udp < 2; ++over_udp) {
        struct leati_dns_verdict verdict;
        leati_dns_answer(table, query, len, over_udp, answer, &verdict);
        FUZZ_MUST(verdict.len <= (over_udp ? LEATI_DNS_UDP_BYTES : LEATI_DNS_BYTES_MAX));
        FUZZ_MUST(!verdict.is_silent || verdict.len == 0);
        FUZZ_MUST(verdict.len == 0 || (verdict.len >= 12 && memcmp(answer, query, 2) == 0));
        FUZZ_MUST(fuzz_is_readable(verdict.question));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct leati_dns_table *table = NULL;
    struct leat_testing_problem problem = {0};
    char *text = fuzz_copy(input, true);
    size_t len = strlen(text);
    int code = leati_dns_table_new(text, &table, &problem);
    if (code == LEAT_OK) {
        char *query = len < size
                          ? fuzz_copy((struct fuzz_input){data + len + 1, size - len - 1}, false)
                          : NULL;
        if (query)
            query_check(table, (const uint8_t *)query, size - len - 1);
        free(query);
    } else {
        FUZZ_MUST(code == LEAT_E_PARAMETER && fuzz_is_readable(problem.text));
        FUZZ_MUST(problem.position <= len);
    }
    leati_dns_table_free(table);
    free(text);
    return 0;
}
