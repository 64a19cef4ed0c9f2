/* SPDX-License-Identifier: Apache-2.0 */
/* leat serve: the servers of libleat-testing as programs. */
#include "serve.h"

#include "exit_status.h"
#include "files.h"
#include "options.h"
#include "report.h"
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* What runs, and what ends with it. */
struct service {
    struct tool_serve_state *serve;
    char *user, *password;
    leat_testing_ca *ca;
    const char *ca_path, *crl_path; /* of the certificate that was made; NULL = none */
    struct leat_testing_tls tls;
    leat_testing_server *server;
    leat_testing_capture *capture; /* NULL = none */
    int signal_fd;
    struct leat_error error;
};

static int service_fail(struct service *service, int code, int sys_errno, const char *text)
{
    service->error = (struct leat_error){.code = code, .sys_errno = sys_errno};
    tool_format(service->error.text, sizeof(service->error.text), "%s", text);
    return code;
}

/* ---- what it needs -------------------------------------------------------------------------- */

static int fail_file(struct service *service, int code, const char *path, int sys_errno)
{
    service_fail(service, code, sys_errno, "");
    tool_format(service->error.text, sizeof(service->error.text), "cannot read %s: %s", path,
                strerror(sys_errno));
    return code;
}

static int file_check(struct service *service, const char *path)
{
    struct stat st;
    if (!path)
        return LEAT_OK;
    if (access(path, R_OK) != 0 || stat(path, &st) != 0)
        return fail_file(service, LEAT_E_WS_CERT_FILE, path, errno);
    /* Whoever opens a FIFO by its path waits for a writer. */
    return S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)
               ? fail_file(service, LEAT_E_WS_CERT_FILE, path, EINVAL)
               : LEAT_OK;
}

static int certificate_make(struct service *service)
{
    const struct tool_serve_state *serve = service->serve;
    const struct leat_testing_certificate *certificate = NULL;
    const struct leat_testing_crl *crl = NULL;
    struct leat_testing_problem problem = {.text = ""};
    char hosts[128];
    bool is_usual = strcmp(serve->host, "127.0.0.1") == 0 || strcmp(serve->host, "::1") == 0;
    snprintf(hosts, sizeof(hosts), "localhost,127.0.0.1,::1%s%s", is_usual ? "" : ",",
             is_usual ? "" : serve->host);
    int code = leat_testing_ca_new(NULL, &service->ca, &problem);
    if (code == LEAT_OK)
        code = leat_testing_ca_issue(
            service->ca,
            LEAT_TESTING_CERTIFICATE(.hosts = serve->cert_hosts ? serve->cert_hosts : hosts,
                                     .common_name = "localhost",
                                     .faults = serve->certificate_faults),
            &certificate, &problem);
    if (code == LEAT_OK && serve->certificate_faults & LEAT_TESTING_CERTIFICATE_REVOKED)
        code = leat_testing_ca_make_crl(service->ca, NULL, &crl, &problem);
    if (code != LEAT_OK)
        return service_fail(service, code, 0, problem.text);
    service->tls.cert_path = certificate->cert_path;
    service->tls.key_path = certificate->key_path;
    service->ca_path = leat_testing_ca_get_certificate(service->ca)->cert_path;
    service->crl_path = crl ? crl->path : NULL;
    return LEAT_OK;
}

static int tls_prepare(struct service *service)
{
    static const int versions[] = {0x0303, 0x0304};
    const struct tool_serve_state *serve = service->serve;
    service->tls = (struct leat_testing_tls){
        .cert_path = serve->cert,
        .key_path = serve->key,
        .client_ca_path = serve->client_ca,
        .min_version = versions[serve->tls_min],
        .max_version = versions[serve->tls_max],
    };
    int code = file_check(service, serve->client_ca);
    if (code == LEAT_OK)
        code = file_check(service, serve->cert);
    if (code == LEAT_OK)
        code = file_check(service, serve->key);
    if (code == LEAT_OK && !serve->cert)
        code = certificate_make(service);
    return code;
}

/* Takes user and password apart. */
static int user_prepare(struct service *service)
{
    const struct tool_serve_state *serve = service->serve;
    if (!serve->user)
        return LEAT_OK;
    size_t len = strcspn(serve->user, ":");
    service->user = strndup(serve->user, len);
    service->password = serve->password_path
                            ? tool_read_first_line(serve->password_path)
                            : strdup(serve->user[len] ? serve->user + len + 1 : "");
    if (service->user && service->password)
        return LEAT_OK;
    if (!service->user || !serve->password_path)
        return service_fail(service, LEAT_E_SYSTEM_INTERNAL, 0, "out of memory");
    return fail_file(service, LEAT_E_PARAMETER, serve->password_path, errno);
}

/* ---- listening ------------------------------------------------------------------------------ */

/* What the documents call a server that cannot listen; see ERRORS.md. */
static int listen_code(int sys_errno)
{
    switch (sys_errno) {
    case EADDRINUSE:
    case EACCES:
    case EPERM:
        return LEAT_E_WS_PORT;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return LEAT_E_WS_NIC;
    default:
        return LEAT_E_SOCKET_BASE + sys_errno;
    }
}

static int server_fail(struct service *service, int code, const char *text)
{
    const struct tool_serve_state *serve = service->serve;
    bool is_socket = code > LEAT_E_SOCKET_BASE && code < LEAT_E_SOCKET_BASE + 200;
    if (!is_socket)
        return service_fail(
            service, code == LEAT_E_PARAMETER && serve->cert ? LEAT_E_TLS_VERIFY : code, 0, text);
    int sys_errno = code - LEAT_E_SOCKET_BASE;
    service_fail(service, listen_code(sys_errno), sys_errno, text);
    service->error.layer = LEAT_LAYER_TCP;
    snprintf(service->error.hop, sizeof(service->error.hop),
             strchr(serve->host, ':') ? "[%s]:%u" : "%s:%u", serve->host, serve->port);
    return service->error.code;
}

static int server_start(struct service *service)
{
    struct tool_serve_state *serve = service->serve;
    struct leat_testing_problem problem = {.text = ""};
    const struct leat_testing_to_tls to_tls = {
        .name = serve->to_name, .ca_path = serve->to_ca, .no_verify = serve->to_insecure};
    int code = tool_serve_capture(serve->pcapng, serve->pcapng_mib, &service->capture, &problem);
    if (code != LEAT_OK)
        return service_fail(service, LEAT_E_PARAMETER, 0, problem.text);
    code = leat_testing_server_new(
        LEAT_TESTING_OPTIONS(
                .kind = serve->kind, .address = serve->host, .port = (uint16_t)serve->port,
                .fault_list = serve->faults, .fault_count = serve->fault_count,
                .log = tool_serve_log, .log_user = serve, .user = service->user,
                .password = service->password, .names = serve->names,
                .tls = serve->has_tls ? &service->tls : NULL, .subprotocols = serve->protocols,
                .to = serve->to, .to_tls = serve->has_to_tls ? &to_tls : NULL,
                .condition_list = serve->conditions, .condition_count = serve->condition_count,
                .seed = serve->seed, .unix_path = serve->unix_path, .records = serve->records,
                .auth = (enum leat_testing_auth)serve->auth,
                .proxy_header = (enum leat_testing_proxy_header)serve->proxy_header,
                .session_tickets = serve->has_tickets, .deflate = serve->deflates,
                .capture = service->capture, .record_path = serve->record,
                .replay_path = serve->replay, .match = (enum leat_testing_match)serve->match,
                .keeps_times = serve->keeps_times),
        &service->server, &problem);
    return code == LEAT_OK ? LEAT_OK : server_fail(service, code, problem.text);
}

sigset_t tool_serve_end_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    return signals;
}

static sigset_t signals_of_interest(void)
{
    sigset_t signals = tool_serve_end_signals();
    sigaddset(&signals, SIGUSR1);
    return signals;
}

/* Signals are read, so that every end is an orderly one; the server's threads inherit the mask. */
static int signals_open(struct service *service)
{
    sigset_t signals = signals_of_interest();
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0 ||
        (service->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC)) < 0 ||
        (service->serve->enough_fd = eventfd(0, EFD_CLOEXEC)) < 0) {
        int sys_errno = errno;
        return service_fail(service, LEAT_E_SOCKET_BASE + sys_errno, sys_errno,
                            "signalfd, eventfd");
    }
    return LEAT_OK;
}

static int service_start(struct service *service)
{
    int code = signals_open(service);
    if (code == LEAT_OK)
        code = user_prepare(service);
    if (code == LEAT_OK && service->serve->has_tls)
        code = tls_prepare(service);
    return code == LEAT_OK ? server_start(service) : code;
}

static void service_done(struct service *service)
{
    leat_testing_ca_free(service->ca); /* the files first: from now on a signal ends the process */
    sigset_t signals = signals_of_interest();
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
    leat_testing_server_free(service->server); /* a log that nobody reads holds it up */
    leat_testing_capture_free(service->capture);
    if (service->password)
        explicit_bzero(service->password, strlen(service->password));
    free(service->password);
    free(service->user);
    if (service->signal_fd >= 0)
        close(service->signal_fd);
    if (service->serve->enough_fd >= 0)
        close(service->serve->enough_fd);
}

/* ---- running -------------------------------------------------------------------------------- */

/* The address, as a client takes it. A password from a file is not printed. */
static void address_print(const struct service *service)
{
    const char *url = leat_testing_server_get_url(service->server);
    const char *at = strrchr(url, '@');
    const char *host = strstr(url, "://");
    if (at && host && service->serve->password_path)
        printf("%.*s%s\n", (int)(host + 3 - url), url, at + 1);
    else
        puts(url);
}

int tool_serve_flush(const struct tool_command *command, bool *ret_is_read)
{
    /* A libc may have written the lines before. */
    *ret_is_read = fflush(stdout) == 0 && !ferror(stdout);
    int sys_errno = errno;
    clearerr(stdout); /* it is dealt with here */
    if (*ret_is_read || sys_errno == EPIPE)
        return TOOL_EXIT_OK;
    fprintf(stderr, "leat %s: cannot write the output: %s\n", command->path, strerror(sys_errno));
    return TOOL_EXIT_FAILED;
}

static int lines_print(const struct tool_command *command, const struct service *service,
                       bool *ret_is_read)
{
    errno = 0;
    address_print(service);
    if (service->ca_path)
        printf("ca: %s\n", service->ca_path);
    if (service->crl_path)
        printf("crl: %s\n", service->crl_path);
    return tool_serve_flush(command, ret_is_read);
}

/* Whether it ends the service. */
static bool signal_read(struct service *service)
{
    struct signalfd_siginfo info;
    if (read(service->signal_fd, &info, sizeof(info)) != sizeof(info))
        return false;
    if (info.ssi_signo != SIGUSR1)
        return true;
    leat_testing_server_release(service->server);
    return false;
}

static bool input_has_ended(void)
{
    char dropped[512];
    ssize_t len = read(STDIN_FILENO, dropped, sizeof(dropped));
    return len == 0 || (len < 0 && errno != EINTR && errno != EAGAIN);
}

static void service_wait(struct service *service)
{
    struct pollfd fds[] = {
        {.fd = service->signal_fd, .events = POLLIN},
        {.fd = service->serve->enough_fd, .events = POLLIN},
        {.fd = service->serve->until_eof ? STDIN_FILENO : -1, .events = POLLIN},
    };
    for (bool is_over = false; !is_over;) {
        if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0 && errno != EINTR)
            return;
        is_over = fds[1].revents || (fds[0].revents && signal_read(service)) ||
                  (fds[2].revents && input_has_ended());
    }
}

/* What --diagram wants. */
static int diagram_write(const struct tool_command *command, const struct service *service)
{
    struct leat_testing_problem problem = {.text = "out of memory"};
    const char *path = service->serve->diagram;
    if (!path || leat_testing_server_save_diagram(service->server, path, &problem) == LEAT_OK)
        return TOOL_EXIT_OK;
    fprintf(stderr, "leat %s: %s\n", command->path, problem.text);
    return TOOL_EXIT_FAILED;
}

/* What the first client that differed did. */
static int difference_tell(const struct tool_command *command, const struct service *service)
{
    struct leat_testing_seen seen;
    leat_testing_server_get_seen(service->server, &seen);
    if (seen.problem[0] == '\0')
        return TOOL_EXIT_OK;
    fprintf(stderr, "leat %s: ", command->path);
    tool_print_safe(stderr, seen.problem, strlen(seen.problem));
    fputc('\n', stderr);
    return TOOL_EXIT_FAILED;
}

int tool_serve_command(const struct tool_command *command, enum leat_testing_kind kind, int argc,
                       char **argv)
{
    struct tool_serve_state serve;
    struct tool_line line;
    int status = TOOL_EXIT_USAGE;
    tool_serve_init(&serve, kind);
    bool is_parsed = tool_options_parse(command, argc, argv, &serve, &line, &status);
    if (is_parsed && kind == LEAT_TESTING_REPLAY)
        serve.replay = line.arguments[0];
    if (is_parsed && tool_serve_finish(&serve, command)) {
        struct service service = {.serve = &serve, .signal_fd = -1};
        bool is_read = false;
        if (service_start(&service) == LEAT_OK) {
            status = lines_print(command, &service, &is_read);
        } else {
            tool_report_error(stderr, &service.error, tool_language());
            status = tool_exit_status(&service.error, false);
        }
        if (is_read) {
            service_wait(&service);
            status = diagram_write(command, &service);
            if (status == TOOL_EXIT_OK && kind == LEAT_TESTING_REPLAY)
                status = difference_tell(command, &service);
        }
        service_done(&service);
    }
    tool_serve_done(&serve);
    return status;
}
