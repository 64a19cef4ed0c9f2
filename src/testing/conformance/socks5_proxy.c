/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of SOCKS5 proxies: RFC 1928 and RFC 1929. */
#include "testing/conformance/socks5_talk.h"
#include "testing/resolve.h"

#include "util/alloc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GREETING "RFC 1928 section 3"
#define REQUEST  "RFC 1928 section 4"
#define REPLY    "RFC 1928 section 6"
#define AUTH     "RFC 1929 section 2"
#define BEYOND   "RFC 1928, beyond its text"

/* How long a proxy may take to end TCP behind a refusal (section 6). */
enum { REFUSAL_END_MS = 10500 };

/* A refusal, as it should be: `best` = that code, 0 = any. */
static void refusal_judge(struct leati_socks5_talk *talk, int rep, int best)
{
    if (rep == REP_NONE && talk->tunnel.client.end == LEATI_WIRE_OPEN)
        (void)leati_socks5_tell(talk, FAIL, "no reply");
    else if (rep == REP_NONE)
        (void)leati_socks5_tell(talk, NON_STRICT, "no reply");
    else if (rep == 0)
        leati_find(talk->finding, FAIL, "REP 00: it takes it");
    else if (rep > 0 && best != 0 && rep != best)
        leati_find(talk->finding, NON_STRICT, "REP %02x", rep);
    else if (rep > 0)
        leati_find(talk->finding, PASS, "REP %02x", rep);
}

static bool open_tunnel(struct leati_socks5_talk *talk, int rep)
{
    if (rep == REP_NONE)
        return leati_socks5_tell(talk, FAIL, "no reply");
    if (rep > 0)
        leati_find(talk->finding, FAIL, "REP %02x", rep);
    if (rep != 0)
        return false;
    if (talk->tunnel.has_target || leati_tunnel_accept(talk->judge, &talk->tunnel))
        return true;
    return leati_find(talk->finding, FAIL, "REP 00, but it has not connected");
}

/* ---- trials: the way in --------------------------------------------------------------------- */

static void greet_many(struct leati_socks5_talk *talk, int number)
{
    uint8_t methods[255];
    for (size_t i = 0; i < sizeof(methods); ++i)
        methods[i] = (uint8_t)(254 - i);
    (void)number;
    int method = leati_socks5_dial(talk) ? leati_socks5_greet(talk, methods, sizeof(methods)) : -1;
    if (method >= 0)
        leati_find(talk->finding, method == 0xff ? FAIL : PASS, "method %02x", method);
}

/* One method that it cannot have. */
static void greet_unknown(struct leati_socks5_talk *talk, int number)
{
    const uint8_t unknown = (uint8_t)number;
    int method = leati_socks5_dial(talk) ? leati_socks5_greet(talk, &unknown, 1) : -1;
    if (method >= 0)
        leati_find(talk->finding, method == 0xff ? PASS : FAIL, "method %02x", method);
    else if (talk->tunnel.client.end != LEATI_WIRE_OPEN && talk->finding->verdict == FAIL)
        talk->finding->verdict = NON_STRICT;
}

/* What is no SOCKS5: it must not be taken for it. */
static void greet_junk(struct leati_socks5_talk *talk, int number)
{
    static const struct {
        const char *data;
        size_t len;
    } junk[] = {{"\x04\x01\x00\x50\x7f\x00\x00\x01\x00", 9},
                {"\x06\x01\x00", 3},
                {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27},
                {"\x05\x00", 2}};
    if (!leati_socks5_dial(talk))
        return;
    (void)leati_socks5_say(talk, junk[number].data, junk[number].len);
    bool has_answered = leati_socks5_need(talk, 2);
    const uint8_t *answer = talk->tunnel.client.in.data;
    if (has_answered && answer[0] == 5 && answer[1] != 0xff)
        leati_find(talk->finding, FAIL, "it chooses the method %02x", answer[1]);
    else if (has_answered || talk->tunnel.client.end != LEATI_WIRE_OPEN)
        leati_find(talk->finding, PASS, "%s",
                   has_answered ? "it refuses" : leati_wire_describe(&talk->tunnel.client));
    else
        (void)leati_socks5_tell(talk, number == 3 ? INFORMATIONAL : NON_STRICT,
                                "it waits for more");
}

static void users(struct leati_socks5_talk *talk, int number)
{
    const struct leati_endpoint *proxy = &talk->judge->endpoint;
    const uint8_t methods[] = {0, 2};
    char longest[256], user[256], password[256] = "";
    memset(longest, 'x', sizeof(longest) - 1);
    longest[255] = '\0';
    if (!proxy->has_user) {
        leati_find(talk->finding, NOT_RUN, "the URL has no user");
        return;
    }
    if (!leati_socks5_dial(talk))
        return;
    int method =
        number == 0 ? leati_socks5_greet(talk, methods, 1) : leati_socks5_greet(talk, methods, 2);
    if (method < 0)
        return;
    if (number == 0 || method != 2) {
        bool is_right = method == (number == 0 ? 0xff : 2);
        leati_find(talk->finding, is_right ? PASS : FAIL, "method %02x", method);
        return;
    }
    snprintf(user, sizeof(user), "%s", number == 3 ? "" : number == 4 ? longest : proxy->user);
    snprintf(password, sizeof(password), "%s",
             number == 4   ? longest
             : number == 3 ? ""
                           : proxy->password);
    if (number == 2) /* another one of the same length, or "x" */
        password[0] = password[0] == 'x' ? 'y' : 'x';
    int status = leati_socks5_show_user(talk, user, password);
    leati_wipe(password, sizeof(password));
    bool is_right = number == 1 ? status == 0 : status > 0;
    if (status >= 0)
        leati_find(talk->finding, is_right ? PASS : FAIL, "status %02x", status);
    else if (number == 3 && talk->tunnel.client.end != LEATI_WIRE_OPEN)
        talk->finding->verdict = NON_STRICT; /* an empty name is no name */
    if (status > 0 && is_right && !leati_wire_wait_end(&talk->tunnel.client, REFUSAL_END_MS))
        (void)leati_socks5_tell(talk, FAIL, "it refuses, but does not end TCP");
}

/* ---- trials: requests ----------------------------------------------------------------------- */

enum { OPEN_V4, OPEN_NAME, OPEN_V6, OPEN_SLOWLY, OPEN_RSV };

static void open_play(struct leati_socks5_talk *talk, int number)
{
    static const char name[] = "localhost";
    uint8_t request[262];
    bool is_local = !talk->judge->options.target_address;
    bool is_v6 = number == OPEN_V6 || (number == OPEN_NAME && leati_testing_localhost_is_v6());
    if (!leati_tunnel_listen(talk->judge, &talk->tunnel, is_v6) ||
        (number == OPEN_NAME && !is_local)) {
        leati_find(talk->finding, NOT_RUN, "this machine has no such address");
        return;
    }
    talk->chunk = number == OPEN_SLOWLY ? 1 : 0;
    if (!leati_socks5_enter(talk))
        return;
    uint16_t port = talk->tunnel.port;
    size_t len = number == OPEN_NAME ? leati_socks5_request(request, CMD_CONNECT, ATYP_NAME, name,
                                                            sizeof(name) - 1, port)
                                     : leati_socks5_own_request(talk, request, CMD_CONNECT, port);
    request[2] = number == OPEN_RSV ? 1 : 0;
    int rep = leati_socks5_ask(talk, request, len);
    bool may_refuse = number == OPEN_V6 || number == OPEN_RSV;
    if (may_refuse && rep != 0 && rep != -1)
        leati_find(talk->finding, INFORMATIONAL,
                   rep == REP_NONE ? "it refuses, without a reply" : "it refuses (REP %02x)", rep);
    else if (open_tunnel(talk, rep))
        (void)leati_tunnel_speak(&talk->tunnel, talk->finding);
}

/* The usual way to a tunnel that is open. */
static bool reach_target(struct leati_socks5_talk *talk)
{
    uint8_t request[262];
    if (!leati_tunnel_listen(talk->judge, &talk->tunnel, false) || !leati_socks5_enter(talk))
        return false;
    size_t len = leati_socks5_own_request(talk, request, CMD_CONNECT, talk->tunnel.port);
    return open_tunnel(talk, leati_socks5_ask(talk, request, len));
}

/* What is asked of a tunnel that is open. */
static void tunnel_play(struct leati_socks5_talk *talk, int number)
{
    if (reach_target(talk))
        leati_tunnel_judge(&talk->tunnel, (enum leati_tunnel_demand)number, talk->finding);
}

/* The target speaks as soon as it is connected, so that its words stand behind the reply. */
static void target_first(struct leati_socks5_talk *talk, int number)
{
    static const char words[] = "the target speaks first";
    enum { LEN = sizeof(words) - 1 };
    uint8_t request[262];
    (void)number;
    if (!leati_tunnel_listen(talk->judge, &talk->tunnel, false) || !leati_socks5_enter(talk))
        return;
    (void)leati_socks5_say(talk, request,
                           leati_socks5_own_request(talk, request, CMD_CONNECT, talk->tunnel.port));
    if (leati_tunnel_accept(talk->judge, &talk->tunnel))
        (void)leati_wire_send(&talk->tunnel.target, words, LEN, 0);
    if (!open_tunnel(talk, leati_socks5_reply(talk)))
        return;
    bool is_there =
        leati_socks5_need(talk, LEN) && memcmp(talk->tunnel.client.in.data, words, LEN) == 0;
    if (is_there)
        leati_find(talk->finding, PASS, "it arrives behind the reply");
    else
        (void)leati_socks5_tell(talk, FAIL, "it is lost, or changed");
}

/* The client does not wait: for the reply (0), or for the method either (1). */
static void client_first(struct leati_socks5_talk *talk, int number)
{
    static const char words[] = "the client does not wait";
    enum { LEN = sizeof(words) - 1 };
    uint8_t request[3 + 262 + LEN] = {5, 1, 0};
    if (!leati_tunnel_listen(talk->judge, &talk->tunnel, false))
        return;
    if (number == 1 && talk->judge->endpoint.has_user) {
        leati_find(talk->finding, NOT_RUN, "the URL has a user");
        return;
    }
    if (number == 1 ? !leati_socks5_dial(talk) : !leati_socks5_enter(talk))
        return;
    size_t len = leati_socks5_own_request(talk, request + 3, CMD_CONNECT, talk->tunnel.port) + 3;
    memcpy(request + len, words, LEN);
    (void)leati_socks5_say(talk, request + (number == 1 ? 0 : 3),
                           len + LEN - (number == 1 ? 0 : 3));
    if (number == 1 && leati_socks5_need(talk, 2))
        leati_bytes_consume(&talk->tunnel.client.in, 2);
    if (!open_tunnel(talk, leati_socks5_reply(talk))) {
        talk->finding->verdict = INFORMATIONAL;
        return;
    }
    bool is_there = leati_wire_need(&talk->tunnel.target, LEN) &&
                    memcmp(talk->tunnel.target.in.data, words, LEN) == 0;
    leati_find(talk->finding, INFORMATIONAL,
               is_there ? "it carries what came too early" : "it loses what came too early");
}

enum {
    BAD_REFUSED,
    BAD_UNKNOWN,
    BAD_PORT_0,
    BAD_COMMAND,
    BAD_TYPE,
    BAD_VERSION,
    BAD_NAME_EMPTY,
    BAD_NAME_LONG,
    BAD_NAME_NUL,
    BAD_CLOSES,
};

static void refusals(struct leati_socks5_talk *talk, int number)
{
    static const int best[] = {
        [BAD_REFUSED] = 5, [BAD_UNKNOWN] = 4, [BAD_COMMAND] = 7, [BAD_TYPE] = 8, [BAD_CLOSES] = 0};
    static const char name[] = "no-such-host.invalid", with_nul[] = "localhost\0.invalid";
    uint8_t request[262];
    char longest[255];
    memset(longest, 'n', sizeof(longest));
    for (size_t i = 50; i < 240; i += 50)
        longest[i] = '.';
    memcpy(longest + 247, ".invalid", 8);
    bool is_v6 = number == BAD_NAME_NUL && leati_testing_localhost_is_v6();
    if (!leati_tunnel_listen(talk->judge, &talk->tunnel, is_v6) || !leati_socks5_enter(talk))
        return;
    uint16_t port = talk->tunnel.port;
    if (number == BAD_REFUSED || number == BAD_CLOSES) {
        close(talk->tunnel.listener); /* nobody is there any more */
        talk->tunnel.listener = -1;
    }
    size_t len = leati_socks5_own_request(talk, request, number == BAD_COMMAND ? 9 : CMD_CONNECT,
                                          number == BAD_PORT_0 ? 0 : port);
    if (number == BAD_UNKNOWN)
        len = leati_socks5_request(request, CMD_CONNECT, ATYP_NAME, name, sizeof(name) - 1, port);
    else if (number == BAD_NAME_EMPTY)
        len = leati_socks5_request(request, CMD_CONNECT, ATYP_NAME, name, 0, port);
    else if (number == BAD_NAME_LONG)
        len = leati_socks5_request(request, CMD_CONNECT, ATYP_NAME, longest, sizeof(longest), port);
    else if (number == BAD_NAME_NUL)
        len = leati_socks5_request(request, CMD_CONNECT, ATYP_NAME, with_nul, sizeof(with_nul) - 1,
                                   port);
    else if (number == BAD_TYPE)
        request[3] = 5;
    else if (number == BAD_VERSION)
        request[0] = 4;
    int rep = leati_socks5_ask(talk, request, len);
    refusal_judge(talk, rep, (size_t)number < sizeof(best) / sizeof(best[0]) ? best[number] : 0);
    if (number == BAD_CLOSES && rep > 0 && rep != REP_NONE &&
        !leati_wire_wait_end(&talk->tunnel.client, REFUSAL_END_MS))
        (void)leati_socks5_tell(talk, FAIL, "TCP is still open 10 s behind the refusal");
}

/* What a proxy need not have. */
static void other_commands(struct leati_socks5_talk *talk, int number)
{
    uint8_t request[262];
    if (!leati_tunnel_listen(talk->judge, &talk->tunnel, false) || !leati_socks5_enter(talk))
        return;
    int rep =
        leati_socks5_ask(talk, request,
                         leati_socks5_own_request(talk, request, (uint8_t)number,
                                                  number == CMD_BIND ? talk->tunnel.port : 0));
    if (rep == REP_NONE)
        (void)leati_socks5_tell(talk, FAIL, "no reply");
    else if (rep >= 0)
        leati_find(talk->finding, INFORMATIONAL, rep == 0 ? "it has it" : "REP %02x", rep);
}

/* ---- trials: many ---------------------------------------------------------------------------- */

/* Connections that end in the middle, then a good one. */
static void cut_short(struct leati_socks5_talk *talk, int number)
{
    static const char half[] = "\x05\x02\x00\x02";
    for (int i = 0; i < number; ++i) {
        struct leati_wire wire;
        if (!leati_judge_dial(talk->judge, &wire, talk->finding))
            return;
        (void)leati_wire_send(&wire, half, (size_t)i % 4, 0);
        if (i % 2)
            leati_wire_reset(&wire);
        leati_wire_close(&wire);
    }
    tunnel_play(talk, LEATI_TUNNEL_SPEAK);
}

static void many_at_once(struct leati_socks5_talk *talk, int number)
{
    struct leati_socks5_talk *talks = leati_calloc((size_t)number, sizeof(*talks));
    bool is_well = talks != NULL;
    for (int i = 0; is_well && i < number; ++i) {
        talks[i] = (struct leati_socks5_talk){.judge = talk->judge, .finding = talk->finding};
        is_well = reach_target(&talks[i]);
    }
    for (int i = number; is_well && i-- > 0;)
        is_well = leati_tunnel_speak(&talks[i].tunnel, talk->finding);
    for (int i = 0; talks && i < number; ++i)
        if (talks[i].judge)
            leati_tunnel_close(&talks[i].tunnel);
    leati_free(talks);
}

/* ---- all of them ---------------------------------------------------------------------------- */

struct row {
    const char *id, *section, *title, *expected;
    void (*play)(struct leati_socks5_talk *talk, int number);
    int number;
};

static const struct row rows[] = {
    {"greeting.methods-255", GREETING, "255 methods, 00 and 02 among them", "one of them",
     greet_many, 0},
    {"greeting.method-80", GREETING, "only a method that nobody has", "05 FF", greet_unknown, 0x80},
    {"greeting.method-7e", GREETING, "only a reserved method", "05 FF", greet_unknown, 0x7e},
    {"greeting.socks4", GREETING, "a request of SOCKS4", "it is not taken for SOCKS5", greet_junk,
     0},
    {"greeting.version-6", GREETING, "version 6", "it is not taken for SOCKS5", greet_junk, 1},
    {"greeting.http", GREETING, "a request of HTTP", "it is not taken for SOCKS5", greet_junk, 2},
    {"greeting.no-methods", GREETING, "a greeting without methods", "05 FF, or as it likes",
     greet_junk, 3},
    {"auth.none-offered", AUTH, "a user is wanted, and only 00 is offered", "05 FF", users, 0},
    {"auth.right", AUTH, "the user of the URL, 00 and 02 offered", "02, then status 00", users, 1},
    {"auth.wrong-password", AUTH, "another password", "a status that is not 00, TCP ends", users,
     2},
    {"auth.empty", AUTH, "an empty user and password", "a status that is not 00, TCP ends", users,
     3},
    {"auth.longest", AUTH, "user and password of 255 bytes", "a status that is not 00, TCP ends",
     users, 4},
    {"request.ipv4", REQUEST, "CONNECT to an IPv4 address", "REP 00, and both directions carry",
     open_play, OPEN_V4},
    {"request.name", REQUEST, "CONNECT to a name", "REP 00, and both directions carry", open_play,
     OPEN_NAME},
    {"request.ipv6", REQUEST, "CONNECT to an IPv6 address",
     "REP 00, and both directions carry, or a refusal", open_play, OPEN_V6},
    {"request.byte-by-byte", REQUEST, "everything byte for byte",
     "REP 00, and both directions carry", open_play, OPEN_SLOWLY},
    {"request.rsv", REQUEST, "RSV is not 00", "as it likes", open_play, OPEN_RSV},
    {"request.bind", REQUEST, "BIND", "as it likes", other_commands, CMD_BIND},
    {"request.associate", REQUEST, "UDP ASSOCIATE", "as it likes", other_commands, CMD_ASSOCIATE},
    {"request.command-9", REQUEST, "a command that is none", "REP 07", refusals, BAD_COMMAND},
    {"request.type-5", REQUEST, "an address type that is none", "REP 08", refusals, BAD_TYPE},
    {"request.version-4", REQUEST, "version 4 behind the greeting", "a refusal", refusals,
     BAD_VERSION},
    {"request.name-empty", REQUEST, "an empty name", "a refusal", refusals, BAD_NAME_EMPTY},
    {"request.name-255", REQUEST, "a name of 255 bytes", "a refusal", refusals, BAD_NAME_LONG},
    {"request.name-nul", REQUEST, "a name with a NUL: localhost\\0.invalid", "a refusal", refusals,
     BAD_NAME_NUL},
    {"request.port-0", REQUEST, "port 0", "a refusal", refusals, BAD_PORT_0},
    {"reply.refused", REPLY, "nobody listens there", "REP 05", refusals, BAD_REFUSED},
    {"reply.unknown-host", REPLY, "a name that does not exist", "REP 04", refusals, BAD_UNKNOWN},
    {"reply.closes", REPLY, "a refusal, then waiting", "TCP ends within 10 s", refusals,
     BAD_CLOSES},
    {"reply.target-first", BEYOND, "the target speaks before the reply can have left",
     "it arrives behind the reply", target_first, 0},
    {"request.data-behind", BEYOND, "data behind the request, in the same write", "as it likes",
     client_first, 0},
    {"request.one-write", BEYOND, "greeting, request and data in one write", "as it likes",
     client_first, 1},
    {"endurance.cut-short", BEYOND, "40 connections that end within the greeting, then a good one",
     "the good one works", cut_short, 40},
    {"endurance.many", BEYOND, "20 tunnels at once", "all of them carry", many_at_once, 20},
};

static void talk_play(struct leat_testing_conformance *judge,
                      void (*play)(struct leati_socks5_talk *talk, int number), int number,
                      struct leati_finding *ret_finding)
{
    struct leati_socks5_talk talk = {.judge = judge, .finding = ret_finding, .tunnel.listener = -1};
    leati_find(ret_finding, NOT_RUN, "this machine cannot listen there");
    play(&talk, number);
    leati_tunnel_close(&talk.tunnel);
}

static void row_play(struct leat_testing_conformance *judge, const struct leati_trial *trial,
                     struct leati_judge_guest *guest, struct leati_finding *ret_finding)
{
    const struct row *row = trial->data;
    (void)guest;
    talk_play(judge, row->play, row->number, ret_finding);
}

static void demand_play(struct leat_testing_conformance *judge, const struct leati_trial *trial,
                        struct leati_judge_guest *guest, struct leati_finding *ret_finding)
{
    const enum leati_tunnel_demand *demand = trial->data;
    (void)guest;
    talk_play(judge, tunnel_play, (int)*demand, ret_finding);
}

static void collect(struct leat_testing_conformance *judge)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i)
        leati_judge_add(judge, rows[i].id, rows[i].section, rows[i].title, rows[i].expected,
                        row_play, &rows[i]);
    leati_tunnel_collect(judge, BEYOND, demand_play);
}

/* ---- a tunnel that stays beside the cases ---------------------------------------------------- */

static void *beside_begin(struct leat_testing_conformance *judge)
{
    struct leati_finding finding = {.seen = ""};
    struct leati_socks5_talk talk = {.judge = judge, .finding = &finding, .tunnel.listener = -1};
    struct leati_tunnel *beside = leati_calloc(1, sizeof(*beside));
    if (!beside || !reach_target(&talk)) {
        leati_tunnel_close(&talk.tunnel);
        leati_free(beside);
        return NULL;
    }
    *beside = talk.tunnel;
    return beside;
}

const struct leati_subject leati_subject_socks5_proxy = {
    .subject = LEAT_TESTING_SUBJECT_SOCKS5_PROXY,
    .schemes = "socks5 socks5h",
    .collect = collect,
    .worker_begin = beside_begin,
    .worker_check = leati_tunnel_beside_check,
    .worker_end = leati_tunnel_beside_end,
};
