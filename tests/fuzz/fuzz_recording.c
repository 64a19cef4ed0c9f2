/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings, which anybody may have edited: what is accepted hangs together, and what is refused names a
 * line. */
#include "fuzz/fuzz.h"
#include "testing/recording.h"

static void connection_check(const struct leati_recorded_connection *connection)
{
    size_t client = 0, server = 0, said = 0;
    unsigned line = 0;
    uint64_t time_us = 0;
    FUZZ_MUST(connection->count > 0);
    for (size_t i = 0; i < connection->count; ++i) {
        const struct leati_recorded *event = &connection->events[i];
        client += event->what == LEATI_RECORDED_CLIENT ? event->len : 0;
        server += event->what == LEATI_RECORDED_SERVER ? event->len : 0;
        FUZZ_MUST(event->line > line && event->time_us >= time_us);
        line = event->line;
        time_us = event->time_us;
    }
    FUZZ_MUST(client == connection->client.len && server == connection->server.len);
    for (size_t i = 0; i < connection->message_count; ++i) {
        const struct leati_recorded_message *message = &connection->messages[i];
        FUZZ_MUST(message->at == said && message->len > 0 && message->line > 1 &&
                  message->line <= line);
        said += message->len;
    }
    FUZZ_MUST(said == client); /* all that was said is awaited */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct leati_recording *recording = NULL;
    struct leat_testing_problem problem = {0};
    char *text = fuzz_copy(input, false);

    int code = leati_recording_parse("a file", text, size, &recording, &problem);
    if (code == LEAT_OK) {
        FUZZ_MUST(recording->count > 0 && leat_testing_kind_name(recording->kind));
        for (size_t i = 0; i < recording->count; ++i)
            connection_check(recording->connections[i]);
    } else {
        FUZZ_MUST(code == LEAT_E_PARAMETER && !recording);
        FUZZ_MUST(strncmp(problem.text, "a file, line ", 13) == 0);
    }
    leati_recording_free(recording);
    free(text);
    return 0;
}
