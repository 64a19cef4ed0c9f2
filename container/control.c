/* SPDX-License-Identifier: Apache-2.0 */
/* The program of the container: the control of leat/testing_control.h, and whether it answers. It is
 * linked statically, so that nothing else has to be in the image.
 *
 * $LEAT_HOST (0.0.0.0) and $LEAT_PORT (8474) say where it listens. The token is $LEAT_TOKEN, or the first
 * line of $LEAT_TOKEN_FILE, or one that is made and printed. */
#include <leat/testing_control.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TOKEN_BYTES_MAX 512
/* HEALTHCHECK has its own timeout; this one is for who runs the check by hand. */
#define HEALTH_S 5

static const char *environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && value[0] != '\0' ? value : otherwise;
}

static bool port_read(uint16_t *ret_port)
{
    char *end = NULL;
    const char *text = environment("LEAT_PORT", "8474");
    errno = 0;
    unsigned long port = strtoul(text, &end, 10);
    *ret_port = (uint16_t)port;
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && port <= 65535)
        return true;
    fprintf(stderr, "leat-control: LEAT_PORT is '%s', which is no port\n", text);
    return false;
}

/* ---- the token ------------------------------------------------------------------------------- */

/* The first line of a file. */
static bool token_read(const char *path, char ret_token[TOKEN_BYTES_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t len = fd >= 0 ? read(fd, ret_token, TOKEN_BYTES_MAX - 1) : -1;
    int sys_errno = errno;
    if (fd >= 0)
        close(fd);
    if (len < 0) {
        fprintf(stderr, "leat-control: cannot read %s: %s\n", path, strerror(sys_errno));
        return false;
    }
    ret_token[len] = '\0';
    ret_token[strcspn(ret_token, "\r\n")] = '\0';
    if (ret_token[0] == '\0')
        fprintf(stderr, "leat-control: the first line of %s is empty\n", path);
    return ret_token[0] != '\0';
}

static bool token_make(char ret_token[TOKEN_BYTES_MAX])
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        fprintf(stderr, "leat-control: no random bytes: %s\n", strerror(errno));
        return false;
    }
    for (size_t i = 0; i < sizeof(bytes); ++i)
        snprintf(ret_token + 2 * i, 3, "%02x", bytes[i]);
    printf("token: %s\n", ret_token);
    return true;
}

static bool token_get(char ret_token[TOKEN_BYTES_MAX])
{
    const char *token = environment("LEAT_TOKEN", NULL);
    const char *path = environment("LEAT_TOKEN_FILE", NULL);
    if (path)
        return token_read(path, ret_token);
    if (!token)
        return token_make(ret_token);
    if (strlen(token) >= TOKEN_BYTES_MAX) {
        fprintf(stderr, "leat-control: LEAT_TOKEN has more than %d bytes\n", TOKEN_BYTES_MAX - 1);
        return false;
    }
    memcpy(ret_token, token, strlen(token) + 1);
    return true;
}

/* ---- running --------------------------------------------------------------------------------- */

static int control_run(uint16_t port)
{
    char token[TOKEN_BYTES_MAX];
    struct leat_testing_problem problem = {.text = "no memory"};
    leat_testing_control *control = NULL;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    /* As process 1 it would not even end by them. The threads inherit it. */
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (!token_get(token))
        return EXIT_FAILURE;
    int code = leat_testing_control_new(
        LEAT_TESTING_CONTROL_OPTIONS(.address = environment("LEAT_HOST", "0.0.0.0"), .port = port,
                                     .token = token),
        &control, &problem);
    explicit_bzero(token, sizeof(token));
    if (code != LEAT_OK) {
        fprintf(stderr, "leat-control: %s\n", problem.text);
        return EXIT_FAILURE;
    }
    puts(leat_testing_control_get_url(control));
    fflush(stdout);
    int taken = 0;
    while (sigwait(&signals, &taken) != 0) {
    }
    leat_testing_control_free(control);
    return EXIT_SUCCESS;
}

/* ---- health ---------------------------------------------------------------------------------- */

static int fail(const char *what)
{
    fprintf(stderr, "leat-control: it does not answer: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

/* Whether it speaks HTTP: who has not the token is answered as well. */
static int health_check(uint16_t port)
{
    static const char question[] = "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char answer[10] = "";
    size_t len = 0;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = HEALTH_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0)
        return fail("socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return fail("connect");
    if (send(fd, question, sizeof(question) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(question) - 1)
        return fail("send");
    errno = 0;
    for (ssize_t got = 1; got > 0 && len<sizeof(answer) - 1; len += got> 0 ? (size_t)got : 0)
        got = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
    close(fd);
    return strcmp(answer, "HTTP/1.1 ") == 0 ? EXIT_SUCCESS : fail("recv");
}

int main(int argc, char **argv)
{
    uint16_t port = 0;
    bool is_check = argc == 2 && strcmp(argv[1], "--health") == 0;
    if (argc > 1 && !is_check) {
        fputs("usage: leat-control [--health]\n"
              "environment: LEAT_HOST, LEAT_PORT, LEAT_TOKEN or LEAT_TOKEN_FILE\n",
              stderr);
        return 2;
    }
    if (!port_read(&port))
        return 2;
    return is_check ? health_check(port) : control_run(port);
}
