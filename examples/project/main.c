/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    char answer[4096];
    struct leat_error error = {0};

    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: ask URL QUESTION [PROXY]\n");
        return 2;
    }
    int code = ask(argv[1], argc == 4 ? argv[3] : NULL, argv[2], answer, sizeof(answer), &error);
    if (code != LEAT_OK) {
        fprintf(stderr, "ask: %d %s %s\n", code, leat_strerror(code), error.text);
        return 1;
    }
    puts(answer);
    return 0;
}
