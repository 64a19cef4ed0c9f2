/* SPDX-License-Identifier: Apache-2.0 */
/* Runs ./say against a server of libleat-testing. */
#define _GNU_SOURCE
#include <leat/testing.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    leat_testing_server *echo = NULL;
    struct leat_testing_problem problem = {0};
    char command[256], output[64] = "";

    if (leat_testing_server_new(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET), &echo,
                                &problem) != LEAT_OK) {
        fprintf(stderr, "no server: %s\n", problem.text);
        return 1;
    }
    snprintf(command, sizeof(command), "./say %s one two", leat_testing_server_get_url(echo));
    FILE *say = popen(command, "r");
    size_t len = say ? fread(output, 1, sizeof(output) - 1, say) : 0;
    output[len] = '\0';
    bool is_good = say && pclose(say) == 0 && strcmp(output, "one\ntwo\n") == 0 &&
                   leat_testing_server_wait_step(echo, "message", 2, 5000);
    if (!is_good)
        fprintf(stderr, "say printed '%s'\n", output);
    leat_testing_server_free(echo);
    return !is_good;
}
