/* SPDX-License-Identifier: Apache-2.0 */
/* leat check --conformance and leat serve conformance: running the judge, and its report. */
#include "conformance.h"

#include "exit_status.h"
#include "json.h"
#include "options.h"
#include "report.h"
#include "terminal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <time.h>

enum { VERDICTS = LEAT_TESTING_VERDICT_FAIL + 1 };

static const struct {
    const char *name, *counted;
    enum tool_style style;
} verdicts[VERDICTS] = {
    [LEAT_TESTING_VERDICT_NOT_RUN] = {"not run", "not run", TOOL_STYLE_DIM},
    [LEAT_TESTING_VERDICT_PASS] = {"pass", "pass", TOOL_STYLE_GREEN},
    [LEAT_TESTING_VERDICT_INFORMATIONAL] = {"info", "informational", TOOL_STYLE_CYAN},
    [LEAT_TESTING_VERDICT_NON_STRICT] = {"non-strict", "non-strict", TOOL_STYLE_YELLOW},
    [LEAT_TESTING_VERDICT_FAIL] = {"FAIL", "failed", TOOL_STYLE_RED},
};

static const char *const subjects[] = {
    [LEAT_TESTING_SUBJECT_WEBSOCKET_SERVER] = "websocket-server",
    [LEAT_TESTING_SUBJECT_WEBSOCKET_CLIENT] = "websocket-client",
    [LEAT_TESTING_SUBJECT_SOCKS5_PROXY] = "socks5-proxy",
    [LEAT_TESTING_SUBJECT_SOCKS5_CLIENT] = "socks5-client",
    [LEAT_TESTING_SUBJECT_CONNECT_PROXY] = "connect-proxy",
    [LEAT_TESTING_SUBJECT_CONNECT_CLIENT] = "connect-client",
};

bool tool_conformance_subject(const char *url, enum leat_testing_subject *ret_subject)
{
    static const struct {
        const char *scheme;
        enum leat_testing_subject subject;
    } schemes[] = {
        {"ws://", LEAT_TESTING_SUBJECT_WEBSOCKET_SERVER},
        {"wss://", LEAT_TESTING_SUBJECT_WEBSOCKET_SERVER},
        {"socks5://", LEAT_TESTING_SUBJECT_SOCKS5_PROXY},
        {"socks5h://", LEAT_TESTING_SUBJECT_SOCKS5_PROXY},
        {"http://", LEAT_TESTING_SUBJECT_CONNECT_PROXY},
        {"https://", LEAT_TESTING_SUBJECT_CONNECT_PROXY},
    };
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strncasecmp(url, schemes[i].scheme, strlen(schemes[i].scheme)) == 0) {
            *ret_subject = schemes[i].subject;
            return true;
        }
    return false;
}

/* ---- the report ----------------------------------------------------------------------------- */

struct report {
    leat_testing_conformance *judge;
    const struct tool_conformance *conformance;
    enum leat_testing_subject subject;
    unsigned counts[VERDICTS];
    uint64_t duration_ms;
};

static struct leat_testing_case case_get(const leat_testing_conformance *judge, size_t index)
{
    struct leat_testing_case now = {.size = sizeof(now)};
    if (leat_testing_conformance_get_case(judge, index, &now) != LEAT_OK)
        now = (struct leat_testing_case){
            .id = "", .section = "", .title = "", .expected = "", .seen = ""};
    return now;
}

static bool is_first_of_section(const leat_testing_conformance *judge, size_t index)
{
    const char *section = case_get(judge, index).section;
    for (size_t i = 0; i < index; i++)
        if (strcmp(case_get(judge, i).section, section) == 0)
            return false;
    return true;
}

static void counts_print(FILE *out, const unsigned counts[VERDICTS])
{
    static const enum leat_testing_verdict order[] = {
        LEAT_TESTING_VERDICT_PASS, LEAT_TESTING_VERDICT_INFORMATIONAL,
        LEAT_TESTING_VERDICT_NON_STRICT, LEAT_TESTING_VERDICT_NOT_RUN, LEAT_TESTING_VERDICT_FAIL};
    const char *comma = "";
    for (size_t i = 0; i < VERDICTS; i++) {
        if (counts[order[i]] == 0)
            continue;
        fprintf(out, "%s%s%u %s%s", comma, tool_style(out, verdicts[order[i]].style),
                counts[order[i]], verdicts[order[i]].counted, tool_style(out, TOOL_STYLE_PLAIN));
        comma = ", ";
    }
    fputc('\n', out);
}

static void row_print(const struct report *report, const struct leat_testing_case *now)
{
    bool is_short = now->verdict == LEAT_TESTING_VERDICT_PASS;
    printf("  %s%-10s%s  %-32s  ", tool_style(stdout, verdicts[now->verdict].style),
           verdicts[now->verdict].name, tool_style(stdout, TOOL_STYLE_PLAIN), now->id);
    tool_print_safe(stdout, now->title, strlen(now->title));
    putchar('\n');
    if (!is_short || report->conformance->verbose)
        printf("              expected: %s\n              seen:     %s\n", now->expected,
               now->seen);
}

static void section_print(const struct report *report, const char *section)
{
    unsigned counts[VERDICTS] = {0};
    size_t count = leat_testing_conformance_get_count(report->judge);
    for (size_t i = 0; i < count; i++) {
        const struct leat_testing_case now = case_get(report->judge, i);
        if (strcmp(now.section, section) == 0)
            counts[now.verdict]++;
    }
    printf("%s%-28s%s  ", tool_style(stdout, TOOL_STYLE_BOLD), section,
           tool_style(stdout, TOOL_STYLE_PLAIN));
    counts_print(stdout, counts);
    bool is_all_same = counts[LEAT_TESTING_VERDICT_NOT_RUN] > 3; /* said once, below */
    bool has_told = false;
    for (size_t i = 0; i < count; i++) {
        const struct leat_testing_case now = case_get(report->judge, i);
        bool is_not_run = now.verdict == LEAT_TESTING_VERDICT_NOT_RUN;
        if (strcmp(now.section, section) != 0 ||
            (now.verdict == LEAT_TESTING_VERDICT_PASS && !report->conformance->verbose) ||
            (is_not_run && is_all_same && has_told && !report->conformance->verbose))
            continue;
        row_print(report, &now);
        has_told = has_told || is_not_run;
    }
}

static void report_print(const struct report *report)
{
    size_t count = leat_testing_conformance_get_count(report->judge);
    const char *agent = leat_testing_conformance_get_agent(report->judge);
    if (agent[0])
        printf("agent: %s\n", agent);
    for (size_t i = 0; i < count; i++)
        if (is_first_of_section(report->judge, i))
            section_print(report, case_get(report->judge, i).section);
    printf("%zu cases in %u.%u s: ", count, (unsigned)(report->duration_ms / 1000),
           (unsigned)(report->duration_ms % 1000 / 100));
    counts_print(stdout, report->counts);
}

static void case_describe(struct tool_json *json, const struct leat_testing_case *now, bool has_run)
{
    static const char *const words[VERDICTS] = {"not-run", "pass", "informational", "non-strict",
                                                "fail"};
    tool_json_break(json);
    tool_json_object(json, NULL);
    tool_json_string(json, "id", now->id);
    tool_json_string(json, "section", now->section);
    tool_json_string(json, "title", now->title);
    tool_json_string(json, "expected", now->expected);
    if (has_run) {
        tool_json_string(json, "verdict", words[now->verdict]);
        tool_json_string(json, "seen", now->seen);
        tool_json_thousandths(json, "duration_ms", now->duration_us);
    }
    tool_json_object_end(json);
}

static void report_describe(const struct report *report)
{
    struct tool_json json = {.out = stdout};
    const char *agent = leat_testing_conformance_get_agent(report->judge);
    size_t count = leat_testing_conformance_get_count(report->judge);
    bool has_run = !report->conformance->lists;
    tool_json_object(&json, NULL);
    tool_json_string(&json, "subject", subjects[report->subject]);
    if (has_run) {
        tool_json_string(&json, "url", leat_testing_conformance_get_url(report->judge));
        tool_json_string(&json, "agent", agent[0] ? agent : NULL);
        tool_json_number(&json, "pass", report->counts[LEAT_TESTING_VERDICT_PASS]);
        tool_json_number(&json, "informational",
                         report->counts[LEAT_TESTING_VERDICT_INFORMATIONAL]);
        tool_json_number(&json, "non_strict", report->counts[LEAT_TESTING_VERDICT_NON_STRICT]);
        tool_json_number(&json, "not_run", report->counts[LEAT_TESTING_VERDICT_NOT_RUN]);
        tool_json_number(&json, "fail", report->counts[LEAT_TESTING_VERDICT_FAIL]);
        tool_json_thousandths(&json, "duration_s", report->duration_ms);
    }
    tool_json_array(&json, "cases");
    for (size_t i = 0; i < count; i++) {
        const struct leat_testing_case now = case_get(report->judge, i);
        case_describe(&json, &now, has_run);
    }
    tool_json_array_end(&json);
    tool_json_object_end(&json);
    tool_json_end(&json);
}

static void list_print(const leat_testing_conformance *judge)
{
    size_t count = leat_testing_conformance_get_count(judge);
    for (size_t i = 0; i < count; i++) {
        const struct leat_testing_case now = case_get(judge, i);
        if (i == 0 || strcmp(case_get(judge, i - 1).section, now.section) != 0)
            printf("%s%s%s\n", tool_style(stdout, TOOL_STYLE_BOLD), now.section,
                   tool_style(stdout, TOOL_STYLE_PLAIN));
        printf("  %-32s  %s -> %s\n", now.id, now.title, now.expected);
    }
}

/* ---- running -------------------------------------------------------------------------------- */

struct running {
    leat_testing_conformance *judge;
    atomic_bool is_done;
    atomic_uint done_count;
    int code;
    bool shows_progress;
    const char *command; /* NULL = none */
};

static void *judge_thread(void *user)
{
    struct running *running = user;
    running->code = leat_testing_conformance_run(running->judge);
    atomic_store(&running->is_done, true);
    return NULL;
}

static void count_judged(const struct leat_testing_case *now, void *user)
{
    struct running *running = user;
    (void)now;
    atomic_fetch_add(&running->done_count, 1);
}

static void progress_print(struct running *running, bool is_last)
{
    if (!running->shows_progress)
        return;
    if (is_last)
        fputs("\r\033[K", stderr);
    else
        fprintf(stderr, "\r%u of %zu\033[K", atomic_load(&running->done_count),
                leat_testing_conformance_get_count(running->judge));
    fflush(stderr);
}

/* ---- a command that is the client ------------------------------------------------------------ */

extern char **environ;

/* Runs it once. false: it could not be, or the run is over. */
static bool command_run(struct running *running, const char *command)
{
    char shell[] = "sh", option[] = "-c";
    char *argv[] = {shell, option, (char *)command, NULL};
    const struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};
    posix_spawnattr_t attributes;
    sigset_t none;
    pid_t child = -1;
    int state = 0;
    sigemptyset(&none);
    if (posix_spawnattr_init(&attributes) != 0)
        return false;
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    int result = posix_spawn(&child, "/bin/sh", NULL, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    if (result != 0)
        return false;
    while (waitpid(child, &state, WNOHANG) == 0) {
        if (atomic_load(&running->is_done))
            kill(-child, SIGKILL); /* it and what it has started */
        nanosleep(&moment, NULL);
    }
    return !atomic_load(&running->is_done);
}

static void *command_thread(void *user)
{
    enum { NOTHING_MAX = 3 };
    struct running *running = user;
    for (unsigned nothing = 0; nothing < NOTHING_MAX;) {
        unsigned before = atomic_load(&running->done_count);
        if (!command_run(running, running->command))
            return NULL;
        nothing = atomic_load(&running->done_count) == before ? nothing + 1 : 0;
    }
    leat_testing_conformance_stop(running->judge);
    return NULL;
}

/* Until it is done, or a signal comes: then what there is counts. */
static void judge_await(struct running *running, const sigset_t *signals)
{
    const struct timespec moment = {.tv_nsec = 100 * 1000 * 1000};
    while (!atomic_load(&running->is_done)) {
        int number = sigtimedwait(signals, NULL, &moment);
        if (number > 0)
            leat_testing_conformance_stop(running->judge);
        progress_print(running, false);
    }
    progress_print(running, true);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Runs it to its end. @return a code. */
static int judge_run(struct running *running, struct report *report)
{
    pthread_t thread, commander;
    sigset_t signals;
    uint64_t start_ms = now_ms();
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (pthread_create(&thread, NULL, judge_thread, running) != 0)
        return LEAT_E_SYSTEM_INTERNAL;
    bool has_command =
        running->command && pthread_create(&commander, NULL, command_thread, running) == 0;
    judge_await(running, &signals);
    pthread_join(thread, NULL);
    if (has_command)
        pthread_join(commander, NULL);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    report->duration_ms = now_ms() - start_ms;
    size_t count = leat_testing_conformance_get_count(running->judge);
    for (size_t i = 0; i < count; i++)
        report->counts[case_get(running->judge, i).verdict]++;
    return running->code;
}

static int fail(const struct tool_command *command, int code, const char *text)
{
    bool is_socket = code > LEAT_E_SOCKET_BASE && code < LEAT_E_SOCKET_BASE + 200;
    struct leat_error error = {.code = code,
                               .layer = is_socket ? LEAT_LAYER_TCP : LEAT_LAYER_NONE,
                               .sys_errno = is_socket ? code - LEAT_E_SOCKET_BASE : 0};
    if (code == LEAT_E_PARAMETER)
        return tool_usage_error(command, "%s", text);
    tool_format(error.text, sizeof(error.text), "%s", text);
    tool_report_error(stderr, &error, tool_language());
    return tool_exit_status(&error, false);
}

static int status_of(const struct report *report)
{
    const unsigned *counts = report->counts;
    bool has_run =
        counts[LEAT_TESTING_VERDICT_NOT_RUN] < leat_testing_conformance_get_count(report->judge);
    bool is_well = counts[LEAT_TESTING_VERDICT_FAIL] == 0 && has_run;
    if (report->conformance->is_strict)
        is_well = is_well && counts[LEAT_TESTING_VERDICT_NON_STRICT] == 0 &&
                  counts[LEAT_TESTING_VERDICT_NOT_RUN] == 0;
    return is_well ? TOOL_EXIT_OK : TOOL_EXIT_FAILED;
}

static int judge_and_print(const struct tool_command *command, struct running *running,
                           struct report *report, const char *listen_url)
{
    char text[200];
    if (listen_url) {
        FILE *out = report->conformance->json ? stderr : stdout;
        fprintf(out, "%s\n", listen_url);
        fflush(out);
        (void)setenv("LEAT_URL", listen_url, 1);
    }
    int code = judge_run(running, report);
    if (code != LEAT_OK) {
        const char *problem = leat_testing_conformance_get_problem(running->judge);
        tool_format(text, sizeof(text), problem[0] ? "%s: %s" : "%s cannot be reached: %s",
                    leat_testing_conformance_get_url(running->judge),
                    problem[0]                  ? problem
                    : code > LEAT_E_SOCKET_BASE ? strerror(code - LEAT_E_SOCKET_BASE)
                                                : "out of memory");
        return fail(command, code, text);
    }
    if (report->conformance->json)
        report_describe(report);
    else
        report_print(report);
    return tool_flush(command, status_of(report));
}

int tool_conformance_run(const struct tool_command *command,
                         const struct tool_conformance *conformance,
                         struct leat_testing_conformance_options *judge_options)
{
    struct leat_testing_problem problem = {.text = "out of memory"};
    struct running running = {.command = conformance->command,
                              .shows_progress =
                                  tool_is_terminal(stderr) && tool_terminal_has_cursor()};
    struct report report = {.conformance = conformance, .subject = judge_options->subject};
    judge_options->cases = conformance->cases;
    judge_options->judged = count_judged;
    judge_options->user = &running;
    int code = leat_testing_conformance_new(judge_options, &running.judge, &problem);
    if (code != LEAT_OK)
        return fail(command, code, problem.text);
    report.judge = running.judge;
    int status = TOOL_EXIT_OK;
    if (conformance->lists) {
        if (conformance->json)
            report_describe(&report);
        else
            list_print(running.judge);
        status = tool_flush(command, TOOL_EXIT_OK);
    } else {
        bool listens = !judge_options->url;
        status = judge_and_print(command, &running, &report,
                                 listens ? leat_testing_conformance_get_url(running.judge) : NULL);
    }
    leat_testing_conformance_free(running.judge);
    return status;
}
