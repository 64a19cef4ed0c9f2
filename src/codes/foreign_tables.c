/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The foreign tables, made from foreign/NAME.def. Each macro is one shape of row; the head of a
 * .def file says which it uses.
 */
#include "codes/foreign.h"

/* clang-format off */
#define ROW(...)         {.table = TABLE, __VA_ARGS__},
#define HAS(first, last) .has_range = true, .range = {first, last}
#define TWIN_HAS(first, last) .has_twin = true, .twin = {first, last}
#define TEXTS(en, zh, en_note, zh_note) .texts = {{en, en_note}, {zh, zh_note}}

#define NUMBER_NOTE(number, en, zh, en_note, zh_note) \
    ROW(.key = #number, HAS(number, number), TEXTS(en, zh, en_note, zh_note))
#define NUMBER(number, en, zh) \
    ROW(.key = #number, HAS(number, number), TEXTS(en, zh, "", ""))
#define RANGE(first, last, en, zh) \
    ROW(.key = #first "-" #last, HAS(first, last), TEXTS(en, zh, "", ""))
#define NEGATIVE_NOTE(en, zh, en_note, zh_note) \
    ROW(.key = "<0", HAS(INT64_MIN, -1), TEXTS(en, zh, en_note, zh_note))
#define HEX(number, en, zh) \
    ROW(.key = #number, .hexadecimal = true, HAS(number, number), TEXTS(en, zh, "", ""))
#define HEX_RANGE(first, last, en, zh) \
    ROW(.key = #first "-" #last, .hexadecimal = true, HAS(first, last), TEXTS(en, zh, "", ""))
#define OTHERS(en, zh) \
    ROW(.key = "others", .kind = LEATI_FOREIGN_OTHERS, TEXTS(en, zh, "", ""))
#define PADDED(text, number, en, zh) \
    ROW(.key = text, .digits = 4, HAS(number, number), TEXTS(en, zh, "", ""))
#define PADDED_RANGE(text, first, last, en, zh) \
    ROW(.key = text, .digits = 4, HAS(first, last), TEXTS(en, zh, "", ""))
#define NAMED_CODE(number, symbol, en, zh, en_note, zh_note) \
    ROW(.key = #number, .name = #symbol, HAS(number, number), TEXTS(en, zh, en_note, zh_note))
#define REPLY(number, symbol, en, zh, en_note, zh_note) \
    ROW(.key = #number, .name = #symbol, .hexadecimal = true, .any_base = true, \
        HAS(number, number), TEXTS(en, zh, en_note, zh_note))

#define FORM(form, inner_table, en, zh) \
    ROW(.key = form, .kind = LEATI_FOREIGN_FORM, .inner = LEATI_FOREIGN_##inner_table, \
        TEXTS(en, zh, "", ""))
#define STATE(state, final, en, zh) ROW(.key = state, .name = final, TEXTS(en, zh, "", ""))
#define REPORT(report, en, zh)      ROW(.key = report, TEXTS(en, zh, "", ""))

#define TWIN(number, twin_number, en, zh) \
    ROW(.key = #number " (" #twin_number ")", HAS(number, number), \
        TWIN_HAS(twin_number, twin_number), TEXTS(en, zh, "", ""))
#define PAIR_NOTE(status, result, en, zh, en_note, zh_note) \
    ROW(.key = "status=" #status " result=" #result, HAS(status, status), \
        TWIN_HAS(result, result), TEXTS(en, zh, en_note, zh_note))
#define PAIR(status, result, en, zh) PAIR_NOTE(status, result, en, zh, "", "")
#define PAIR_OTHERS(first, last, en, zh) \
    ROW(.key = "status=others result=" #first "-" #last, .kind = LEATI_FOREIGN_OTHERS, \
        TWIN_HAS(first, last), TEXTS(en, zh, "", ""))

#define NAMED_NOTE(symbol, number, en, zh, en_note, zh_note) \
    ROW(.key = #symbol "=" #number, .name = #symbol, HAS(number, number), \
        TEXTS(en, zh, en_note, zh_note))
#define NAMED(symbol, number, en, zh) NAMED_NOTE(symbol, number, en, zh, "", "")
#define NAMED_HEX(symbol, number, en, zh) \
    ROW(.key = #symbol "=" #number, .name = #symbol, .hexadecimal = true, HAS(number, number), \
        TEXTS(en, zh, "", ""))
#define NAMED_RANGE(symbol, first, last, en, zh) \
    ROW(.key = #symbol "=" #first "-" #last, .name = #symbol, HAS(first, last), \
        TEXTS(en, zh, "", ""))

#define SOCKET_NOTE(number, symbol, linux_errno, en, zh, en_note, zh_note) \
    ROW(.key = #number, .name = #symbol, .leat_code = LEAT_E_SOCKET_##linux_errno, \
        HAS(number, number), TEXTS(en, zh, en_note, zh_note))
#define SOCKET(number, symbol, linux_errno, en, zh) \
    SOCKET_NOTE(number, symbol, linux_errno, en, zh, "", "")
#define SOCKET_ONLY_NOTE(number, symbol, en, zh, en_note, zh_note) \
    ROW(.key = #number, .name = #symbol, HAS(number, number), TEXTS(en, zh, en_note, zh_note))
#define SOCKET_ONLY(number, symbol, en, zh) SOCKET_ONLY_NOTE(number, symbol, en, zh, "", "")
/* clang-format on */

/* clang-format off */
#define TABLE LEATI_FOREIGN_CLOSE
static const struct leat_foreign_code close_codes[] = {
#include "codes/foreign/close.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_HTTP
static const struct leat_foreign_code http_codes[] = {
#include "codes/foreign/http.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_SOCKS5_REPLY
static const struct leat_foreign_code socks5_reply_codes[] = {
#include "codes/foreign/socks5_reply.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_ALERT
static const struct leat_foreign_code alert_codes[] = {
#include "codes/foreign/alert.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_ERRNO
static const struct leat_foreign_code errno_codes[] = {
#include "codes/foreign/errno.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_NDK
static const struct leat_foreign_code ndk_codes[] = {
#include "codes/foreign/ndk.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_HARMONYOS
static const struct leat_foreign_code harmonyos_codes[] = {
#include "codes/foreign/harmonyos.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_GATEWAY
static const struct leat_foreign_code gateway_codes[] = {
#include "codes/foreign/gateway.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_COMPOSITE
static const struct leat_foreign_code composite_codes[] = {
#include "codes/foreign/composite.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_SEND_FAILURE
static const struct leat_foreign_code send_failure_codes[] = {
#include "codes/foreign/send_failure.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_SCP
static const struct leat_foreign_code scp_codes[] = {
#include "codes/foreign/scp.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_DSMP
static const struct leat_foreign_code dsmp_codes[] = {
#include "codes/foreign/dsmp.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_SMC
static const struct leat_foreign_code smc_codes[] = {
#include "codes/foreign/smc.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_SPACE
static const struct leat_foreign_code space_codes[] = {
#include "codes/foreign/space.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_MESSAGE_STATE
static const struct leat_foreign_code message_state_codes[] = {
#include "codes/foreign/message_state.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_DECODE
static const struct leat_foreign_code decode_codes[] = {
#include "codes/foreign/decode.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_LINK
static const struct leat_foreign_code link_codes[] = {
#include "codes/foreign/link.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_WINSOCK
static const struct leat_foreign_code winsock_codes[] = {
#include "codes/foreign/winsock.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_HPUX
static const struct leat_foreign_code hpux_codes[] = {
#include "codes/foreign/hpux.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_AIX
static const struct leat_foreign_code aix_codes[] = {
#include "codes/foreign/aix.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_MAINTENANCE
static const struct leat_foreign_code maintenance_codes[] = {
#include "codes/foreign/maintenance.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_LOGIN
static const struct leat_foreign_code login_codes[] = {
#include "codes/foreign/login.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_SUBMIT
static const struct leat_foreign_code submit_codes[] = {
#include "codes/foreign/submit.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_MESSAGE_RESULT
static const struct leat_foreign_code message_result_codes[] = {
#include "codes/foreign/message_result.def"
};
#undef TABLE
#define TABLE LEATI_FOREIGN_INTERNAL
static const struct leat_foreign_code internal_codes[] = {
#include "codes/foreign/internal.def"
};
#undef TABLE

/* `...`: further members. */
#define TABLE_OF(id, name_, array, en, zh, ...) \
    [LEATI_FOREIGN_##id] = {.name = name_, .title = {en, zh}, .codes = array, \
                            .count = sizeof(array) / sizeof((array)[0]), __VA_ARGS__},

const struct leat_foreign_table leati_foreign_tables[LEATI_FOREIGN_END] = {
    [LEATI_FOREIGN_NONE] = {.name = "", .title = {"", ""}},
    TABLE_OF(CLOSE, "close", close_codes,
             "Close codes of WebSocket",
             "WebSocket 关闭码")
    TABLE_OF(HTTP, "http", http_codes,
             "HTTP status of proxies and upgrades",
             "代理与升级的 HTTP 状态码")
    TABLE_OF(SOCKS5_REPLY, "socks5-reply", socks5_reply_codes,
             "REP of SOCKS5, with Tor's; SOCKS4",
             "SOCKS5 的 REP（含 Tor 扩展）与 SOCKS4 应答")
    TABLE_OF(ALERT, "alert", alert_codes,
             "Alerts of TLS",
             "TLS 警报")
    TABLE_OF(ERRNO, "errno", errno_codes,
             "errno of Linux",
             "Linux 的 errno")
    TABLE_OF(NDK, "ndk", ndk_codes,
             "HarmonyOS C NDK, WebSocket",
             "HarmonyOS C NDK 的 WebSocket")
    TABLE_OF(HARMONYOS, "harmonyos", harmonyos_codes,
             "Other codes of HarmonyOS: HTTP, certificates, newer ones",
             "HarmonyOS 的其他错误码：HTTP、证书、新版本")
    TABLE_OF(GATEWAY, "gateway", gateway_codes,
             "Gateway (AAAA)",
             "网关错误码（AAAA）")
    TABLE_OF(COMPOSITE, "composite", composite_codes,
             "Gateway, with the place of the failure (AAAA, 1XXXX to 12GGGG)",
             "网关组合错误码（AAAA、1XXXX 至 12GGGG）")
    TABLE_OF(SEND_FAILURE, "send-failure", send_failure_codes,
             "Failures on the way to SCP, SP, DSMP or SMC (XXXX)",
             "发往 SCP、SP、DSMP、SMC 时的错误（XXXX）")
    TABLE_OF(SCP, "scp", scp_codes,
             "Status codes of the SCP (BBBB)",
             "SCP 状态码（BBBB）")
    TABLE_OF(DSMP, "dsmp", dsmp_codes,
             "Errors of the DSMP (EEEE)",
             "DSMP 错误码（EEEE）")
    TABLE_OF(SMC, "smc", smc_codes,
             "Errors of the SMC (FFFF, hexadecimal)",
             "SMC 错误码（FFFF，十六进制）",
             .hexadecimal = true)
    TABLE_OF(SPACE, "space", space_codes,
             "Errors of the SPACE (GGGG)",
             "SPACE 错误码（GGGG）")
    TABLE_OF(MESSAGE_STATE, "message-state", message_state_codes,
             "Message states and status reports",
             "消息状态与状态报告")
    TABLE_OF(DECODE, "decode", decode_codes,
             "Decode errors of an interface",
             "接口解码错误")
    TABLE_OF(LINK, "link", link_codes,
             "Handshake and receive errors of an interface",
             "接口握手与接收错误")
    TABLE_OF(WINSOCK, "winsock", winsock_codes,
             "Windows Sockets",
             "Windows Sockets 错误码")
    TABLE_OF(HPUX, "hpux", hpux_codes,
             "10000 + errno of HP-UX",
             "10000 + HP-UX 的 errno")
    TABLE_OF(AIX, "aix", aix_codes,
             "10000 + errno of AIX",
             "10000 + AIX 的 errno")
    TABLE_OF(MAINTENANCE, "maintenance", maintenance_codes,
             "Maintenance codes and network management's (99000, 4000)",
             "维测错误码与网管错误码（99000、4000）")
    TABLE_OF(LOGIN, "login", login_codes,
             "Login results: status of SMPP, result of CMPP",
             "登录结果：SMPP 的 status，CMPP 的 result",
             .column = "status", .twin_column = "result")
    TABLE_OF(SUBMIT, "submit", submit_codes,
             "Submit results: status of SMPP, result of CMPP",
             "提交结果：SMPP 的 status，CMPP 的 result",
             .column = "status", .twin_column = "result")
    TABLE_OF(MESSAGE_RESULT, "message-result", message_result_codes,
             "Results of a message inside the gateway",
             "网关内部的消息处理结果")
    TABLE_OF(INTERNAL, "internal", internal_codes,
             "Internal errors of the gateway, by name",
             "网关内部错误（按名称）")
};
/* clang-format on */
