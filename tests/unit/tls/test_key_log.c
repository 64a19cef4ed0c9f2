/* SPDX-License-Identifier: Apache-2.0 */
#include "support/sandbox.h"
#include "unit/tls/tls_end.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(tls_key_log, .timeout = 60, .fini = sandbox_done);

static struct tls_end client;
static struct ssl_peer peer;

static void handshake(int version, const char *path, const char *peer_path)
{
    ssl_peer_init(&peer, &(struct ssl_peer_options){.min_version = version,
                                                    .max_version = version,
                                                    .key_log_path = peer_path});
    tls_end_init(&client, &(struct tls_end_options){.key_log_path = path}, NULL);
    tls_end_open(&client, &peer);
    tls_end_done(&client);
    ssl_peer_done(&peer);
}

/* Every line of ours is one of OpenSSL's. Returns how many there are. */
static size_t lines_in(const char *path, const char *peer_path)
{
    char *ours = file_read(path);
    char *theirs = file_read(peer_path);
    size_t count = 0;

    for (char *line = ours, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        cr_assert(strstr(theirs, line), "%s\nis not in\n%s", line, theirs);
        count++;
    }
    free(ours);
    free(theirs);
    return count;
}

Test(tls_key_log, has_the_lines_of_the_server)
{
    const char *path = sandbox_path("keys");
    const char *peer_path = sandbox_path("peer-keys");
    struct stat st;

    handshake(TLS1_3_VERSION, path, peer_path);
    cr_assert(lines_in(path, peer_path) == 4);
    cr_assert(stat(path, &st) == 0);
    cr_assert((st.st_mode & 0777) == 0600, "%o", st.st_mode);

    path = sandbox_path("keys-1.2");
    handshake(TLS1_2_VERSION, path, peer_path);
    cr_assert(lines_in(path, peer_path) == 1);
}

Test(tls_key_log, is_appended_to)
{
    const char *path = sandbox_write("keys", "# kept\n");
    const char *peer_path = sandbox_path("peer-keys");

    handshake(TLS1_2_VERSION, path, peer_path);
    handshake(TLS1_3_VERSION, path, peer_path);
    char *text = file_read(path);
    cr_assert(strncmp(text, "# kept\nCLIENT_RANDOM ", 21) == 0, "%s", text);
    cr_assert(strstr(text, "\nCLIENT_TRAFFIC_SECRET_0 "));
    free(text);
}

Test(tls_key_log, that_cannot_be_written_is_told)
{
    cr_assert(tls_end_try(&client, &(struct tls_end_options){.key_log_path = sandbox_path("a/b")},
                          NULL) == LEAT_E_TLS_ENGINE);
    cr_assert(client.failure.sys_errno == ENOENT);
    tls_end_expect_text(&client, "key log");
    tls_end_done(&client);
}

/* The reader goes while the handshake is on its way; SIGPIPE would end a program that does not know of
 * it. */
Test(tls_key_log, the_reader_of_a_fifo_goes)
{
    const char *path = sandbox_path("fifo");

    cr_assert(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    for (int pending = 0; pending < 2; pending++) {
        sigset_t pipe_only, found;
        sigemptyset(&pipe_only);
        sigaddset(&pipe_only, SIGPIPE);
        cr_assert(mkfifo(path, 0600) == 0);
        int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        cr_assert(reader >= 0);
        ssl_peer_init(&peer, &(struct ssl_peer_options){.min_version = TLS1_3_VERSION});
        tls_end_init(&client, &(struct tls_end_options){.key_log_path = path}, NULL);
        close(reader);
        if (pending) { /* one of the program's own stays */
            cr_assert(pthread_sigmask(SIG_BLOCK, &pipe_only, NULL) == 0);
            cr_assert(pthread_kill(pthread_self(), SIGPIPE) == 0);
        }
        tls_end_open(&client, &peer);
        cr_assert(sigpending(&found) == 0 && sigismember(&found, SIGPIPE) == pending);
        tls_end_done(&client);
        ssl_peer_done(&peer);
        cr_assert(unlink(path) == 0);
    }
}
