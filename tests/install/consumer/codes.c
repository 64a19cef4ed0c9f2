/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody else's program, with nothing of leat but the codes of other systems. */
#include <leat/foreign_code.h>

#include <stdio.h>

int main(void)
{
    struct leat_foreign_match match;
    if (leat_foreign_code_find(NULL, "WSAECONNRESET", &match, 1) != 1)
        return 1;
    printf("%s %d\n", leat_foreign_code_key(match.code), leat_foreign_code_leat_code(match.code));
    return 0;
}
