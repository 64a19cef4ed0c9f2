/* SPDX-License-Identifier: Apache-2.0 */
#include "nulls/nulls.h"

#include "fork/child.h"
#include "support/sandbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

TestSuite(nulls, .fini = sandbox_done, .timeout = 120);

#define WRONG_RESULT 2

static const char *const state_names[NULLS_STATES] = {"fresh", "open", "ended"};

static bool result_is_well(int result, int expected)
{
    switch (expected) {
    case NULLS_ANYTHING:
        return true;
    case NULLS_REFUSED:
        return result != LEAT_OK;
    case NULLS_TEXT:
        return result >= 0;
    default:
        return result == expected;
    }
}

static void call_in_child(const struct nulls_call *call, enum nulls_state state)
{
    const struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none);
    struct nulls_objects *o = nulls_objects_new(state);
    int result = call->call(o);
    if (!result_is_well(result, call->expected)) {
        fprintf(stderr, "%s with %s NULL returns %d\n", call->function, call->place, result);
        _exit(WRONG_RESULT);
    }
    nulls_objects_end(o);
    _exit(0);
}

/* @return whether all is well. */
static bool call_is_well(const struct nulls_call *call, enum nulls_state state)
{
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0)
        call_in_child(call, state);
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
    bool hangs = poll(&ended, 1, CHILD_TIMEOUT_MS) != 1;
    if (hangs)
        kill(child, SIGKILL);
    cr_assert(waitpid(child, &status, 0) == child);
    close(ended.fd);
    cr_expect(status == 0, "%s(), %s, with %s NULL %s", call->function, state_names[state],
              call->place,
              hangs                                                      ? "hangs"
              : WIFEXITED(status) && WEXITSTATUS(status) == WRONG_RESULT ? "is not refused"
                                                                         : "crashes");
    return status == 0;
}

/* Every place for a pointer of every public function. */
Test(nulls, no_place_crashes)
{
    size_t count = 0;
    nulls_peers_start();
    for (size_t i = 0; i < nulls_call_count; ++i) {
        const struct nulls_call *call = &nulls_calls[i];
        int states = call->has_states ? NULLS_STATES : 1;
        /* The others would only say the same. */
        for (int state = 0; state < states && call_is_well(call, (enum nulls_state)state);
             ++state) {
            ++count;
        }
    }
    cr_expect(count > 600, "%zu", count);
    nulls_peers_free();
}
