/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS5: 2301206 to 2301213. */
#include "fault/fault.h"

#include <errno.h>

/* What clang-format knows of arrays does not do for tables made of macros. */
/* clang-format off */

#define SOCKS5(code_)    .code = (code_), .layer = LEAT_LAYER_SOCKS5
#define WITH_CREDENTIALS .proxy_url = "socks5h://alice:secret@127.0.0.1:%u"

/* ---- scripts --------------------------------------------------------------------------------- */

#define AFTER_GREETING(...)                                                                        \
    {                                                                                              \
        {LEAT_SCRIPT_READ_SOCKS5_GREETING}, __VA_ARGS__                                                   \
    }
#define AFTER_AUTH(...)                                                                            \
    AFTER_GREETING({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x02")}, {LEAT_SCRIPT_READ_SOCKS5_AUTH}, __VA_ARGS__)
#define AFTER_REQUEST(...)                                                                         \
    AFTER_GREETING({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")}, {LEAT_SCRIPT_READ_SOCKS5_REQUEST}, __VA_ARGS__)
#define SCRIPT static const struct leat_script_row

SCRIPT greeting_stalls[] = AFTER_GREETING({LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE});
SCRIPT greeting_closes[] = AFTER_GREETING({LEAT_SCRIPT_CLOSE});
SCRIPT greeting_resets[] = AFTER_GREETING({LEAT_SCRIPT_RESET});
SCRIPT greeting_half[] = AFTER_GREETING({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05")}, {LEAT_SCRIPT_CLOSE});
SCRIPT greeting_half_stalls[] = AFTER_GREETING(
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05")}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE});
SCRIPT greeting_ff[] = AFTER_GREETING({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\xff")}, {LEAT_SCRIPT_CLOSE});
SCRIPT greeting_not_offered[] = AFTER_GREETING({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x01")}, {LEAT_SCRIPT_CLOSE});
SCRIPT greeting_password[] = AFTER_GREETING({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x02")}, {LEAT_SCRIPT_CLOSE});
SCRIPT greeting_version[] = AFTER_GREETING({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x04\x00")}, {LEAT_SCRIPT_CLOSE});
SCRIPT greeting_http[] = AFTER_GREETING(
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("HTTP/1.0 400 Bad Request\r\n\r\n")}, {LEAT_SCRIPT_CLOSE});

SCRIPT auth_refused[] = AFTER_AUTH({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x01\x01")}, {LEAT_SCRIPT_CLOSE});
SCRIPT auth_refused_ff[] = AFTER_AUTH({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x01\xff")}, {LEAT_SCRIPT_RESET});
SCRIPT auth_version[] = AFTER_AUTH({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x02\x00")}, {LEAT_SCRIPT_CLOSE});
SCRIPT auth_refused_05[] = AFTER_AUTH({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x01")}, {LEAT_SCRIPT_CLOSE});
SCRIPT auth_stalls[] = AFTER_AUTH({LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE});
SCRIPT auth_closes[] = AFTER_AUTH({LEAT_SCRIPT_CLOSE});
SCRIPT auth_resets[] = AFTER_AUTH({LEAT_SCRIPT_RESET});
SCRIPT auth_half[] = AFTER_AUTH({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x01")}, {LEAT_SCRIPT_CLOSE});

SCRIPT takes_no_request[] = AFTER_GREETING(
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00")}, {LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE});
SCRIPT takes_nothing[] = {{LEAT_SCRIPT_DRAIN}, {LEAT_SCRIPT_CLOSE}};
SCRIPT resets_first[] = {{LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_RESET}};
SCRIPT refuses_first[] = {{LEAT_SCRIPT_WAIT}, {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\xff")}, {LEAT_SCRIPT_RESET}};

SCRIPT request_stalls[] = AFTER_REQUEST({LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE});
SCRIPT request_closes[] = AFTER_REQUEST({LEAT_SCRIPT_CLOSE});
SCRIPT request_resets[] = AFTER_REQUEST({LEAT_SCRIPT_RESET});
SCRIPT request_half[] = AFTER_REQUEST(
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00\x00\x01\x7f")}, {LEAT_SCRIPT_CLOSE});
SCRIPT request_half_stalls[] = AFTER_REQUEST(
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00\x00\x01\x7f")}, {LEAT_SCRIPT_STALL}, {LEAT_SCRIPT_CLOSE});
SCRIPT request_version[] = AFTER_REQUEST(
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x04\x00\x00\x01\x00\x00\x00\x00\x00\x00")}, {LEAT_SCRIPT_CLOSE});
SCRIPT request_atyp[] = AFTER_REQUEST(
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x00\x00\x09\x00\x00\x00\x00\x00\x00")}, {LEAT_SCRIPT_CLOSE});
SCRIPT request_refused_atyp_0[] = AFTER_REQUEST(
    {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x05\x00\x00\x00\x00\x00\x00\x00\x00")}, {LEAT_SCRIPT_CLOSE});
SCRIPT request_refused_short[] = AFTER_REQUEST({LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES("\x05\x04")}, {LEAT_SCRIPT_CLOSE});
SCRIPT request_refused_then_reset[] = AFTER_REQUEST(
    {LEAT_SCRIPT_SEND_SOCKS5_REPLY, .number = 5}, {LEAT_SCRIPT_RESET});
SCRIPT request_refused_byte_by_byte[] = AFTER_REQUEST(
    {LEAT_SCRIPT_SEND_SOCKS5_REPLY, .number = 4, .split = 1}, {LEAT_SCRIPT_CLOSE});

/* ---- settings that cannot be serialized ------------------------------------------------------ */

#define TEN(text)     text text text text text text text text text text
#define LONG_256      TEN(TEN("aa")) TEN("aaaaa") "aaaaaa"

static int long_user(leat_config *config)
{
    return leat_config_set_proxy(config, "socks5h://" LONG_256 ":secret@localhost");
}

static int long_password(leat_config *config)
{
    return leat_config_set_proxy(config, "socks5h://alice:" LONG_256 "@localhost");
}

static int empty_user(leat_config *config)
{
    return leat_config_set_proxy(config, "socks5h://:secret@localhost");
}

#define HOST_264      TEN("aaaaaaaaa.") TEN("aaaaaaaaa.") TEN("aaaaa.") "test"

static int add_proxy(leat_config *config)
{
    return leat_config_add_proxy(config, "socks5h://127.0.0.1:1");
}

SCRIPT no_connection[] = {{LEAT_SCRIPT_CLOSE}};

static const struct dns_record no_proxy[] = {{NULL}};

static int add_unknown_proxy(leat_config *config)
{
    return leat_config_add_proxy(config, "socks5h://second.test:1");
}

/* ---- replies that refuse --------------------------------------------------------------------- */

#define REPLY_SCRIPT(rep_)                                                                         \
    SCRIPT reply_##rep_[] =                                                                        \
        AFTER_REQUEST({LEAT_SCRIPT_SEND_SOCKS5_REPLY, .number = (0x##rep_)}, {LEAT_SCRIPT_CLOSE})
REPLY_SCRIPT(01);
REPLY_SCRIPT(02);
REPLY_SCRIPT(03);
REPLY_SCRIPT(04);
REPLY_SCRIPT(05);
REPLY_SCRIPT(06);
REPLY_SCRIPT(07);
REPLY_SCRIPT(08);
REPLY_SCRIPT(42);
REPLY_SCRIPT(f0);
REPLY_SCRIPT(f1);
REPLY_SCRIPT(f2);
REPLY_SCRIPT(f3);
REPLY_SCRIPT(f4);
REPLY_SCRIPT(f5);
REPLY_SCRIPT(f6);
REPLY_SCRIPT(f7);

#define REPLY(rep_, text_)                                                                         \
    {                                                                                              \
        .name = "REP " #rep_, .proxy = reply_##rep_, SOCKS5(LEAT_E_SOCKS5_CONNECT_REMOTE),         \
        .native_code = 0x##rep_, .text = (text_)                                                   \
    }

/* ---- the table ------------------------------------------------------------------------------- */

static const struct fault faults[] = {
    /* 2301206 */
    {.name = "the proxy refuses", .proxy = peer_refusing, SOCKS5(LEAT_E_SOCKS5_CONNECT_PROXY),
     .sys_errno = ECONNREFUSED, .text = "proxy"},
    {.name = "the proxy does not answer", .proxy = peer_unanswering,
     .deadline = {LEAT_PHASE_TCP, 50}, SOCKS5(LEAT_E_SOCKS5_CONNECT_PROXY), .sys_errno = ETIMEDOUT},
    {.name = "the proxy's name is unknown", .proxy = peer_refusing, .dns = no_proxy,
     .proxy_url = "socks5h://proxy.test:%u", SOCKS5(LEAT_E_SOCKS5_CONNECT_PROXY),
     .sys_errno = EHOSTUNREACH, .native_code = 4, .text = "proxy.test"},
    {.name = "the second proxy's name is unknown", .proxy = no_connection, .dns = no_proxy,
     .configure = add_unknown_proxy, .proxy_url = "socks5://127.0.0.1:%u",
     SOCKS5(LEAT_E_SOCKS5_CONNECT_PROXY), .sys_errno = EHOSTUNREACH, .native_code = 4,
     .text = "second.test"},
    /* 2301207 */
    {.name = "wrong password", .proxy = auth_refused, WITH_CREDENTIALS,
     SOCKS5(LEAT_E_SOCKS5_AUTH), .native_code = 1},
    {.name = "wrong password, with the version of SOCKS", .proxy = auth_refused_05, WITH_CREDENTIALS,
     SOCKS5(LEAT_E_SOCKS5_AUTH), .native_code = 1},
    {.name = "wrong password, status FF, reset", .proxy = auth_refused_ff, WITH_CREDENTIALS,
     SOCKS5(LEAT_E_SOCKS5_AUTH), .native_code = 0xff},
    {.name = "a password is demanded and none is configured", .proxy = greeting_password,
     SOCKS5(LEAT_E_SOCKS5_AUTH)},
    /* 2301208 */
    REPLY(01, "general"),
    REPLY(02, "not allowed"),
    REPLY(03, "network unreachable"),
    REPLY(04, "host unreachable"),
    REPLY(05, "refused"),
    REPLY(06, "TTL"),
    REPLY(07, "command"),
    REPLY(08, "address type"),
    REPLY(42, "42"),
    REPLY(f0, "onion"),
    REPLY(f1, "onion"),
    REPLY(f2, "onion"),
    REPLY(f3, "onion"),
    REPLY(f4, "onion"),
    REPLY(f5, "onion"),
    REPLY(f6, "onion"),
    REPLY(f7, "onion"),
    {.name = "REP 5 with ATYP 0", .proxy = request_refused_atyp_0,
     SOCKS5(LEAT_E_SOCKS5_CONNECT_REMOTE), .native_code = 5},
    {.name = "REP 4 without anything behind it", .proxy = request_refused_short,
     SOCKS5(LEAT_E_SOCKS5_CONNECT_REMOTE), .native_code = 4},
    {.name = "REP 5, then reset: the first failure counts", .proxy = request_refused_then_reset,
     SOCKS5(LEAT_E_SOCKS5_CONNECT_REMOTE), .native_code = 5},
    {.name = "REP 4 byte by byte", .proxy = request_refused_byte_by_byte,
     SOCKS5(LEAT_E_SOCKS5_CONNECT_REMOTE), .native_code = 4},
    /* 2301209 */
    {.name = "no acceptable method", .proxy = greeting_ff, SOCKS5(LEAT_E_SOCKS5_METHOD),
     .native_code = 0xff},
    {.name = "a method that was not offered", .proxy = greeting_not_offered,
     SOCKS5(LEAT_E_SOCKS5_METHOD), .native_code = 1},
    {.name = "no method, said before the greeting, then reset", .proxy = refuses_first,
     .peer_is_first = true, SOCKS5(LEAT_E_SOCKS5_METHOD), .native_code = 0xff},
    /* 2301210 */
    {.name = "sending the greeting fails", .proxy = takes_nothing,
     .shim = {SHIM_SENDMSG, EPIPE}, SOCKS5(LEAT_E_SOCKS5_SEND), .sys_errno = EPIPE},
    {.name = "sending the request fails", .proxy = takes_no_request,
     .shim = {SHIM_SENDMSG, ENETDOWN, .skip = 1}, SOCKS5(LEAT_E_SOCKS5_SEND),
     .sys_errno = ENETDOWN},
    {.name = "reset before the greeting", .proxy = resets_first, .peer_is_first = true,
     SOCKS5(LEAT_E_SOCKS5_SEND), .sys_errno = ECONNRESET, .text = "greeting"},
    /* 2301211 */
    {.name = "no answer to the greeting", .proxy = greeting_stalls,
     .deadline = {LEAT_PHASE_PROXY, 50}, SOCKS5(LEAT_E_SOCKS5_RECV), .sys_errno = ETIMEDOUT,
     .text = "greeting"},
    {.name = "half an answer to the greeting", .proxy = greeting_half_stalls,
     .deadline = {LEAT_PHASE_PROXY, 50}, SOCKS5(LEAT_E_SOCKS5_RECV), .sys_errno = ETIMEDOUT,
     .text = "greeting"},
    {.name = "closed instead of an answer to the greeting", .proxy = greeting_closes,
     SOCKS5(LEAT_E_SOCKS5_RECV), .text = "greeting"},
    {.name = "reset instead of an answer to the greeting", .proxy = greeting_resets,
     SOCKS5(LEAT_E_SOCKS5_RECV), .sys_errno = ECONNRESET, .text = "greeting"},
    {.name = "no answer to the password", .proxy = auth_stalls, WITH_CREDENTIALS,
     .deadline = {LEAT_PHASE_PROXY, 50}, SOCKS5(LEAT_E_SOCKS5_RECV), .sys_errno = ETIMEDOUT,
     .text = "password"},
    {.name = "closed instead of an answer to the password", .proxy = auth_closes,
     WITH_CREDENTIALS, SOCKS5(LEAT_E_SOCKS5_RECV), .text = "password"},
    {.name = "reset instead of an answer to the password", .proxy = auth_resets, WITH_CREDENTIALS,
     SOCKS5(LEAT_E_SOCKS5_RECV), .sys_errno = ECONNRESET, .text = "password"},
    {.name = "no answer to the request", .proxy = request_stalls,
     .deadline = {LEAT_PHASE_PROXY, 50}, SOCKS5(LEAT_E_SOCKS5_RECV), .sys_errno = ETIMEDOUT,
     .text = "request"},
    {.name = "no answer to the request within the whole deadline", .proxy = request_stalls,
     .connect_timeout_ms = 50, SOCKS5(LEAT_E_SOCKS5_RECV), .sys_errno = ETIMEDOUT,
     .text = "request"},
    {.name = "half an answer to the request", .proxy = request_half_stalls,
     .deadline = {LEAT_PHASE_PROXY, 50}, SOCKS5(LEAT_E_SOCKS5_RECV), .sys_errno = ETIMEDOUT,
     .text = "request"},
    {.name = "closed instead of an answer to the request", .proxy = request_closes,
     SOCKS5(LEAT_E_SOCKS5_RECV), .text = "request"},
    {.name = "reset instead of an answer to the request", .proxy = request_resets,
     SOCKS5(LEAT_E_SOCKS5_RECV), .sys_errno = ECONNRESET, .text = "request"},
    /* 2301212 */
    {.name = "user name too long", .moment = FAULT_SETTING, .configure = long_user,
     SOCKS5(LEAT_E_SOCKS5_SERIALIZE), .text = "user name"},
    {.name = "password too long", .moment = FAULT_SETTING, .configure = long_password,
     SOCKS5(LEAT_E_SOCKS5_SERIALIZE), .text = "password"},
    {.name = "empty user name", .moment = FAULT_SETTING, .configure = empty_user,
     SOCKS5(LEAT_E_SOCKS5_SERIALIZE), .text = "user name"},
    {.name = "a host too long for the proxy", .moment = FAULT_REFUSED, .proxy = no_connection,
     .url = "ws://" HOST_264 "/?%u", SOCKS5(LEAT_E_SOCKS5_SERIALIZE), .text = "255"},
    {.name = "a host too long for the second proxy", .moment = FAULT_REFUSED,
     .proxy = no_connection, .configure = add_proxy, .url = "ws://" HOST_264 "/?%u",
     SOCKS5(LEAT_E_SOCKS5_SERIALIZE), .text = "255"},
    /* 2301213 */
    {.name = "wrong version in the answer to the greeting", .proxy = greeting_version,
     SOCKS5(LEAT_E_SOCKS5_DESERIALIZE)},
    {.name = "HTTP instead of SOCKS5", .proxy = greeting_http, SOCKS5(LEAT_E_SOCKS5_DESERIALIZE)},
    {.name = "closed in the middle of the answer to the greeting", .proxy = greeting_half,
     SOCKS5(LEAT_E_SOCKS5_DESERIALIZE)},
    {.name = "wrong version in the answer to the password", .proxy = auth_version,
     WITH_CREDENTIALS, SOCKS5(LEAT_E_SOCKS5_DESERIALIZE)},
    {.name = "closed in the middle of the answer to the password", .proxy = auth_half,
     WITH_CREDENTIALS, SOCKS5(LEAT_E_SOCKS5_DESERIALIZE)},
    {.name = "wrong version in the reply", .proxy = request_version,
     SOCKS5(LEAT_E_SOCKS5_DESERIALIZE)},
    {.name = "unknown address type in a good reply", .proxy = request_atyp,
     SOCKS5(LEAT_E_SOCKS5_DESERIALIZE)},
    {.name = "closed in the middle of the reply", .proxy = request_half,
     SOCKS5(LEAT_E_SOCKS5_DESERIALIZE)},
};

FAULT_TABLE(socks5);
