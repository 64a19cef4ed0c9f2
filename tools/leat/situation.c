/* SPDX-License-Identifier: Apache-2.0 */
#include "situation.h"

#include <errno.h>
#include <string.h>

/* ---- texts -------------------------------------------------------------------------------- */

static const struct {
    const char *heading[2], *cause[2], *remedies[2]; /* by enum leat_language */
} situations[] = {
    [TOOL_SITUATION_OTHER] = {{"", ""}, {"", ""}, {"", ""}},
#define SITUATION(name, heading_en, heading_zh, cause_en, cause_zh, remedies_en, remedies_zh)      \
    [TOOL_SITUATION_##                                                                             \
        name] = {{heading_en, heading_zh}, {cause_en, cause_zh}, {remedies_en, remedies_zh}},
#include "situations.def"
#undef SITUATION
};

const char *tool_situation_heading(enum tool_situation situation, enum leat_language language)
{
    return situations[situation].heading[language == LEAT_LANGUAGE_ZH];
}

const char *tool_situation_causes(enum tool_situation situation, enum leat_language language)
{
    return situations[situation].cause[language == LEAT_LANGUAGE_ZH];
}

const char *tool_situation_remedies(enum tool_situation situation, enum leat_language language)
{
    return situations[situation].remedies[language == LEAT_LANGUAGE_ZH];
}

/* ---- by a number -------------------------------------------------------------------------- */

struct by_number {
    int number;
    enum tool_situation situation;
};

#define BY_NUMBER(rows, number) by_number(rows, sizeof(rows) / sizeof((rows)[0]), number)

static enum tool_situation by_number(const struct by_number *rows, size_t count, int number)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].number == number)
            return rows[i].situation;
    return TOOL_SITUATION_OTHER;
}

/* The statuses of c-ares. */
static const struct by_number dns_statuses[] = {
    {1, TOOL_SITUATION_NAME_WITHOUT_ADDRESS},
    {2, TOOL_SITUATION_DNS_FAILS},
    {3, TOOL_SITUATION_DNS_FAILS},
    {4, TOOL_SITUATION_NAME_NOT_FOUND},
    {5, TOOL_SITUATION_DNS_FAILS},
    {6, TOOL_SITUATION_DNS_FAILS},
    {10, TOOL_SITUATION_DNS_FAILS},
    {11, TOOL_SITUATION_DNS_SILENT},
    {12, TOOL_SITUATION_DNS_SILENT},
};

static const struct by_number errnos[] = {
    {ECONNREFUSED, TOOL_SITUATION_REFUSED},        {ETIMEDOUT, TOOL_SITUATION_CONNECT_TIMED_OUT},
    {EHOSTUNREACH, TOOL_SITUATION_UNREACHABLE},    {ENETUNREACH, TOOL_SITUATION_UNREACHABLE},
    {EADDRNOTAVAIL, TOOL_SITUATION_LOCAL_ADDRESS}, {ENODEV, TOOL_SITUATION_NO_INTERFACE},
    {ENOENT, TOOL_SITUATION_NO_LOCAL_SOCKET},      {EAFNOSUPPORT, TOOL_SITUATION_NO_SUCH_FAMILY},
    {EMFILE, TOOL_SITUATION_TOO_MANY_FILES},       {ENFILE, TOOL_SITUATION_TOO_MANY_FILES},
};

/* REP of SOCKS5, and what Tor adds to it. */
static const struct by_number replies[] = {
    {0x01, TOOL_SITUATION_REP_GENERAL},      {0x02, TOOL_SITUATION_REP_NOT_ALLOWED},
    {0x03, TOOL_SITUATION_REP_UNREACHABLE},  {0x04, TOOL_SITUATION_REP_UNREACHABLE},
    {0x05, TOOL_SITUATION_REP_REFUSED},      {0x06, TOOL_SITUATION_REP_TIMED_OUT},
    {0x08, TOOL_SITUATION_REP_ADDRESS_TYPE}, {0x5B, TOOL_SITUATION_REP_GENERAL},
    {0xF0, TOOL_SITUATION_REP_TOR},          {0xF1, TOOL_SITUATION_REP_TOR},
    {0xF2, TOOL_SITUATION_REP_TOR},          {0xF3, TOOL_SITUATION_REP_TOR},
    {0xF4, TOOL_SITUATION_REP_TOR_KEY},      {0xF5, TOOL_SITUATION_REP_TOR_KEY},
    {0xF6, TOOL_SITUATION_REP_TOR},          {0xF7, TOOL_SITUATION_REP_TOR},
};

/* What an HTTP proxy answers to CONNECT. */
static const struct by_number connect_statuses[] = {
    {400, TOOL_SITUATION_CONNECT_UNKNOWN},     {401, TOOL_SITUATION_CONNECT_UNKNOWN},
    {403, TOOL_SITUATION_CONNECT_FORBIDDEN},   {404, TOOL_SITUATION_CONNECT_UNKNOWN},
    {405, TOOL_SITUATION_CONNECT_UNKNOWN},     {429, TOOL_SITUATION_CONNECT_BUSY},
    {500, TOOL_SITUATION_CONNECT_UNREACHABLE}, {501, TOOL_SITUATION_CONNECT_UNKNOWN},
    {502, TOOL_SITUATION_CONNECT_UNREACHABLE}, {503, TOOL_SITUATION_CONNECT_UNREACHABLE},
    {504, TOOL_SITUATION_CONNECT_UNREACHABLE},
};

/* What a server answers to the upgrade. */
static const struct by_number upgrade_statuses[] = {
    {101, TOOL_SITUATION_HANDSHAKE_INVALID},
    {200, TOOL_SITUATION_HTTP_OK},
    {204, TOOL_SITUATION_HTTP_OK},
    {301, TOOL_SITUATION_HTTP_REDIRECT},
    {302, TOOL_SITUATION_HTTP_REDIRECT},
    {303, TOOL_SITUATION_HTTP_REDIRECT},
    {307, TOOL_SITUATION_HTTP_REDIRECT},
    {308, TOOL_SITUATION_HTTP_REDIRECT},
    {400, TOOL_SITUATION_HTTP_BAD_REQUEST},
    {401, TOOL_SITUATION_HTTP_LOGIN},
    {403, TOOL_SITUATION_HTTP_FORBIDDEN},
    {404, TOOL_SITUATION_HTTP_NOT_FOUND},
    {405, TOOL_SITUATION_HTTP_METHOD},
    {407, TOOL_SITUATION_HTTP_PROXY_LOGIN},
    {410, TOOL_SITUATION_HTTP_NOT_FOUND},
    {413, TOOL_SITUATION_HTTP_TOO_LARGE},
    {414, TOOL_SITUATION_HTTP_TOO_LARGE},
    {421, TOOL_SITUATION_HTTP_MISDIRECTED},
    {426, TOOL_SITUATION_HTTP_UPGRADE_REQUIRED},
    {429, TOOL_SITUATION_HTTP_TOO_MANY},
    {431, TOOL_SITUATION_HTTP_TOO_LARGE},
    {500, TOOL_SITUATION_HTTP_SERVER_ERROR},
    {501, TOOL_SITUATION_HTTP_SERVER_ERROR},
    {502, TOOL_SITUATION_HTTP_GATEWAY},
    {503, TOOL_SITUATION_HTTP_UNAVAILABLE},
    {504, TOOL_SITUATION_HTTP_GATEWAY},
    {511, TOOL_SITUATION_HTTP_PORTAL},
};

static const struct by_number close_codes[] = {
    {1001, TOOL_SITUATION_CLOSED_LATER},  {1003, TOOL_SITUATION_CLOSED_DATA},
    {1006, TOOL_SITUATION_LOST},          {1007, TOOL_SITUATION_CLOSED_DATA},
    {1008, TOOL_SITUATION_CLOSED_POLICY}, {1009, TOOL_SITUATION_CLOSED_DATA},
    {1011, TOOL_SITUATION_CLOSED_ERROR},  {1012, TOOL_SITUATION_CLOSED_LATER},
    {1013, TOOL_SITUATION_CLOSED_LATER},  {3000, TOOL_SITUATION_CLOSED_POLICY},
    {3003, TOOL_SITUATION_CLOSED_POLICY},
};

/* ---- by a part of the text ---------------------------------------------------------------- */

struct by_text {
    const char *part;
    enum tool_situation situation;
};

#define BY_TEXT(rows, text) by_text(rows, sizeof(rows) / sizeof((rows)[0]), text)

static enum tool_situation by_text(const struct by_text *rows, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(text, rows[i].part))
            return rows[i].situation;
    return TOOL_SITUATION_OTHER;
}

static const struct by_text url_texts[] = {
    {"ws and wss: http:", TOOL_SITUATION_URL_SCHEME_HTTP},
    {"ws and wss: https:", TOOL_SITUATION_URL_SCHEME_HTTP},
    {"has no scheme", TOOL_SITUATION_URL_WITHOUT_SCHEME},
    {"has user info", TOOL_SITUATION_URL_USER},
    {"has a fragment", TOOL_SITUATION_URL_FRAGMENT},
};

/* The worst of several reasons comes first. */
static const struct by_text certificate_texts[] = {
    {"no CA bundle", TOOL_SITUATION_NO_CA_BUNDLE},
    {"no CA certificate can be parsed", TOOL_SITUATION_CA_FILE_UNUSABLE},
    {"does not belong to", TOOL_SITUATION_CLIENT_KEY_OTHER},
    {"cannot parse the client", TOOL_SITUATION_CLIENT_CERTIFICATE_UNUSABLE},
    {"cannot use the client", TOOL_SITUATION_CLIENT_CERTIFICATE_UNUSABLE},
    {"pin mismatch", TOOL_SITUATION_PIN},
    {"revoked", TOOL_SITUATION_REVOKED},
    {"self-signed", TOOL_SITUATION_SELF_SIGNED},
    {"unknown issuer", TOOL_SITUATION_UNKNOWN_ISSUER},
    {"expired since", TOOL_SITUATION_EXPIRED},
    {"not yet valid", TOOL_SITUATION_NOT_YET_VALID},
    {"host name mismatch", TOOL_SITUATION_WRONG_HOST},
    {"bad usage", TOOL_SITUATION_CERTIFICATE_USAGE},
    {"weak", TOOL_SITUATION_CERTIFICATE_WEAK},
};

static const struct by_text engine_texts[] = {
    {"begins with \"SSH-", TOOL_SITUATION_TLS_PORT_IS_SSH},
    {"not a TLS server", TOOL_SITUATION_TLS_PORT_IS_PLAIN},
    {"no password is set", TOOL_SITUATION_CLIENT_KEY_PASSWORD},
    {"wrong password", TOOL_SITUATION_CLIENT_KEY_PASSWORD_WRONG},
    {"cannot use the client", TOOL_SITUATION_CLIENT_CERTIFICATE_UNUSABLE},
    {"handshake_failure", TOOL_SITUATION_TLS_HANDSHAKE_FAILURE},
    {"insufficient_security", TOOL_SITUATION_TLS_HANDSHAKE_FAILURE},
    {"protocol_version", TOOL_SITUATION_TLS_VERSION},
    {"unrecognized_name", TOOL_SITUATION_TLS_NAME},
    {"no_application_protocol", TOOL_SITUATION_TLS_ALPN},
    {"certificate_required", TOOL_SITUATION_CLIENT_CERTIFICATE_WANTED},
    {"bad_certificate", TOOL_SITUATION_CLIENT_CERTIFICATE_REFUSED},
    {"unsupported_certificate", TOOL_SITUATION_CLIENT_CERTIFICATE_REFUSED},
    {"certificate_revoked", TOOL_SITUATION_CLIENT_CERTIFICATE_REFUSED},
    {"certificate_expired", TOOL_SITUATION_CLIENT_CERTIFICATE_REFUSED},
    {"certificate_unknown", TOOL_SITUATION_CLIENT_CERTIFICATE_REFUSED},
    {"unknown_ca", TOOL_SITUATION_CLIENT_CERTIFICATE_REFUSED},
    {"access_denied", TOOL_SITUATION_CLIENT_CERTIFICATE_REFUSED},
};

static const struct by_text upgrade_texts[] = {
    {"byte 0x15 in the status", TOOL_SITUATION_WS_TO_TLS},
    {"byte 0 is 0x15", TOOL_SITUATION_WS_TO_TLS},
    {"not an HTTP response", TOOL_SITUATION_NOT_HTTP},
    {"after 0 bytes of it", TOOL_SITUATION_WS_CLOSED},
    {"no response head within", TOOL_SITUATION_UPGRADE_SILENT},
    {"ubprotocol", TOOL_SITUATION_SUBPROTOCOL},
    {"Sec-WebSocket", TOOL_SITUATION_HANDSHAKE_INVALID},
    {"malformed", TOOL_SITUATION_HANDSHAKE_INVALID},
};

static const struct by_text connect_texts[] = {
    {"byte 0x05 in the status", TOOL_SITUATION_HTTP_PROXY_IS_SOCKS5},
    {"byte 0x15 in the status", TOOL_SITUATION_HTTP_PROXY_IS_TLS},
    {"after 0 bytes of it", TOOL_SITUATION_HTTP_PROXY_CLOSED},
    {"did not answer", TOOL_SITUATION_HTTP_PROXY_SILENT},
    {"malformed", TOOL_SITUATION_CONNECT_UNKNOWN},
};

/* What is wrong with GSS-API, of SOCKS5 and HTTP proxies; the first that fits. */
static const struct by_text gss_texts[] = {
    {"kinit", TOOL_SITUATION_GSS_NO_TICKET},
    {"has no service of that name", TOOL_SITUATION_GSS_SERVICE},
    {"minutes of difference", TOOL_SITUATION_GSS_CLOCK},
    {"krb5.conf", TOOL_SITUATION_GSS_REALM},
    {"the KDC", TOOL_SITUATION_GSS_KDC},
    {"does not take the ticket", TOOL_SITUATION_GSS_REFUSED},
    {"refused GSS-API", TOOL_SITUATION_GSS_REFUSED},
    {"install libgssapi", TOOL_SITUATION_GSS_LIBRARY},
    {"install gss-ntlmssp", TOOL_SITUATION_GSS_LIBRARY},
    {"grants", TOOL_SITUATION_GSS_PROTECTION},
    {"no protection that is wanted", TOOL_SITUATION_GSS_PROTECTION},
};

/* Why a 407 is final; the first that fits. */
static const struct by_text login_texts[] = {
    {"refuses the token", TOOL_SITUATION_CONNECT_SCHEME},
    {"credentials were sent", TOOL_SITUATION_CONNECT_REFUSES_USER},
    {"is not known here", TOOL_SITUATION_CONNECT_SCHEME},
    {"is not allowed by the program", TOOL_SITUATION_CONNECT_SCHEME},
    {"cannot be answered", TOOL_SITUATION_CONNECT_SCHEME},
    {"has no token", TOOL_SITUATION_CONNECT_SCHEME},
    {"", TOOL_SITUATION_CONNECT_WANTS_USER},
};

static const struct by_text socks5_texts[] = {
    {"begins with byte 0x48", TOOL_SITUATION_SOCKS5_IS_HTTP},
    {"begins with byte 0x00", TOOL_SITUATION_SOCKS5_IS_SOCKS4},
    {"not a SOCKS5 proxy", TOOL_SITUATION_SOCKS5_IS_OTHER},
    {"not a SOCKS4 proxy", TOOL_SITUATION_SOCKS4_IS_OTHER},
    {"SOCKS4 carries", TOOL_SITUATION_SOCKS4_CANNOT},
    {"answering the request", TOOL_SITUATION_SOCKS5_CLOSED_AT_REQUEST},
    {"answering the greeting", TOOL_SITUATION_SOCKS5_IS_OTHER},
    {"did not answer", TOOL_SITUATION_SOCKS5_SILENT},
};

/* What web servers answer to plain HTTP at a port that speaks TLS. */
static const char *const tls_port_bodies[] = {"HTTPS port", "HTTPS server", "an HTTPS",
                                              "SSL-enabled"};

/* ---- by the code -------------------------------------------------------------------------- */

static enum tool_situation of_socks5(const struct leat_error *error)
{
    enum tool_situation of_gss = BY_TEXT(gss_texts, error->text);
    if (of_gss != TOOL_SITUATION_OTHER && error->code != LEAT_E_SOCKS5_CONNECT_REMOTE)
        return of_gss;
    switch (error->code) {
    case LEAT_E_SOCKS5_CONNECT_PROXY:
        return error->native_code ? TOOL_SITUATION_PROXY_NAME : TOOL_SITUATION_PROXY_AWAY;
    case LEAT_E_SOCKS5_AUTH:
        if (strstr(error->text, "identd"))
            return TOOL_SITUATION_SOCKS4_USER;
        return strstr(error->text, "none") ? TOOL_SITUATION_PROXY_WANTS_USER
                                           : TOOL_SITUATION_PROXY_REFUSES_USER;
    case LEAT_E_SOCKS5_METHOD:
        return strstr(error->text, "may demand") ? TOOL_SITUATION_PROXY_WANTS_USER
                                                 : TOOL_SITUATION_PROXY_METHOD;
    case LEAT_E_SOCKS5_CONNECT_REMOTE:
        return BY_NUMBER(replies, error->native_code);
    default:
        return BY_TEXT(socks5_texts, error->text);
    }
}

static enum tool_situation of_connect(const struct leat_error *error)
{
    enum tool_situation of_gss = BY_TEXT(gss_texts, error->text);
    if (strstr(error->text, "but it is not who it should be"))
        return TOOL_SITUATION_PROXY_UNPROVED;
    if (error->native_code == 407)
        return of_gss != TOOL_SITUATION_OTHER ? of_gss : BY_TEXT(login_texts, error->text);
    return error->native_code > 0 ? BY_NUMBER(connect_statuses, error->native_code)
                                  : BY_TEXT(connect_texts, error->text);
}

static enum tool_situation of_upgrade(const struct tool_story *story)
{
    const struct leat_error *error = story->error;
    const char *body = story->answer ? story->answer->body : "";
    if (error->native_code == 400)
        for (size_t i = 0; i < sizeof(tls_port_bodies) / sizeof(tls_port_bodies[0]); i++)
            if (strstr(body, tls_port_bodies[i]))
                return TOOL_SITUATION_WS_TO_TLS;
    enum tool_situation situation = BY_NUMBER(upgrade_statuses, error->native_code);
    if (error->native_code == 101 || error->native_code == 0) {
        enum tool_situation precise = BY_TEXT(upgrade_texts, error->text);
        situation = precise != TOOL_SITUATION_OTHER ? precise : situation;
    }
    if (situation == TOOL_SITUATION_WS_CLOSED && story->is_secure)
        return TOOL_SITUATION_WSS_CLOSED;
    return situation == TOOL_SITUATION_OTHER && error->native_code >= 100
               ? TOOL_SITUATION_HTTP_REFUSED
               : situation;
}

static enum tool_situation of_open(const struct leat_error *error)
{
    bool is_ours = !strstr(error->text, "closed the connection with");
    switch (error->native_code) {
    case 1002:
    case 1003:
    case 1007:
        return is_ours ? TOOL_SITUATION_PEER_PROTOCOL
                       : tool_situation_of_close((unsigned)error->native_code);
    case 1009:
        return is_ours ? TOOL_SITUATION_TOO_LONG : TOOL_SITUATION_CLOSED_DATA;
    default:
        return tool_situation_of_close((unsigned)error->native_code);
    }
}

static enum tool_situation of_tls_proxy(const struct leat_error *error)
{
    enum tool_situation situation = BY_TEXT(engine_texts, error->text);
    if (error->code == LEAT_E_TLS_VERIFY && strstr(error->text, "is not accepted"))
        return TOOL_SITUATION_HTTPS_PROXY_CERTIFICATE;
    if (situation == TOOL_SITUATION_CLIENT_CERTIFICATE_WANTED)
        return TOOL_SITUATION_HTTPS_PROXY_WANTS_CERTIFICATE;
    return situation == TOOL_SITUATION_TLS_PORT_IS_PLAIN || error->code == LEAT_E_TLS_READ ||
                   error->code == LEAT_E_TLS_SYSCALL
               ? TOOL_SITUATION_HTTPS_PROXY_IS_PLAIN
               : situation;
}

static enum tool_situation of_tls(const struct tool_story *story)
{
    const struct leat_error *error = story->error;
    if (story->is_of_proxy)
        return of_tls_proxy(error);
    switch (error->code) {
    case LEAT_E_TLS_VERIFY:
        return BY_TEXT(certificate_texts, error->text);
    case LEAT_E_TLS_ENGINE:
        return BY_TEXT(engine_texts, error->text);
    case LEAT_E_TLS_READ:
        return story->was_open ? TOOL_SITUATION_SILENT : TOOL_SITUATION_TLS_PORT_IS_SILENT;
    case LEAT_E_TLS_SYSCALL:
        return story->was_open ? TOOL_SITUATION_LOST : TOOL_SITUATION_TLS_CLOSED;
    case LEAT_E_TLS_CLOSED:
        return story->was_open ? TOOL_SITUATION_LOST : TOOL_SITUATION_OTHER;
    default:
        return TOOL_SITUATION_OTHER;
    }
}

static enum tool_situation of_socket(const struct tool_story *story)
{
    const struct leat_error *error = story->error;
    int sys_errno = leat_code_errno(error->code);
    bool is_cut = sys_errno == ECONNRESET || sys_errno == EPIPE;
    if (error->layer == LEAT_LAYER_DNS && story->is_of_proxy)
        return TOOL_SITUATION_PROXY_NAME;
    if (error->layer == LEAT_LAYER_DNS)
        return BY_NUMBER(dns_statuses, error->native_code);
    if (is_cut && story->was_open)
        return TOOL_SITUATION_RESET_WHEN_OPEN;
    if (is_cut)
        return story->is_secure ? TOOL_SITUATION_OTHER : TOOL_SITUATION_RESET_WHILE_CONNECTING;
    if (error->layer == LEAT_LAYER_WEBSOCKET && sys_errno == ETIMEDOUT)
        return strstr(error->text, "nor a Pong") ? TOOL_SITUATION_NO_ECHO : TOOL_SITUATION_SILENT;
    enum tool_situation situation = BY_NUMBER(errnos, sys_errno);
    bool is_away = situation == TOOL_SITUATION_REFUSED ||
                   situation == TOOL_SITUATION_CONNECT_TIMED_OUT ||
                   situation == TOOL_SITUATION_UNREACHABLE;
    return is_away && story->is_of_proxy ? TOOL_SITUATION_PROXY_AWAY : situation;
}

enum tool_situation tool_situation_of_close(unsigned close_code)
{
    enum tool_situation situation = BY_NUMBER(close_codes, (int)close_code);
    bool is_code = close_code >= 1002 && close_code < 5000 && close_code != 1005;
    return situation == TOOL_SITUATION_OTHER && is_code ? TOOL_SITUATION_CLOSED_OTHER : situation;
}

enum tool_situation tool_situation_of(const struct tool_story *story)
{
    const struct leat_error *error = story->error;
    bool is_of_proxy_layer =
        error->layer == LEAT_LAYER_SOCKS5 || error->layer == LEAT_LAYER_HTTP_PROXY;
    switch (leat_code_family(error->code)) {
    case LEAT_FAMILY_GENERAL:
        return error->code == LEAT_E_PARAMETER && is_of_proxy_layer
                   ? TOOL_SITUATION_ENVIRONMENT_PROXY
                   : TOOL_SITUATION_OTHER;
    case LEAT_FAMILY_SOCKET:
    case LEAT_FAMILY_TLS_SOCKET:
        return of_socket(story);
    case LEAT_FAMILY_SOCKS5:
        return of_socks5(error);
    case LEAT_FAMILY_TLS:
        return of_tls(story);
    case LEAT_FAMILY_WEBSOCKET:
        break;
    case LEAT_FAMILY_NONE:
        return TOOL_SITUATION_OTHER;
    }
    if (error->code == LEAT_E_WS_URL)
        return BY_TEXT(url_texts, error->text);
    if (error->code == LEAT_E_WS_CERT_FILE)
        return strstr(error->text, "no CA bundle") ? TOOL_SITUATION_NO_CA_BUNDLE
                                                   : TOOL_SITUATION_FILE_MISSING;
    if (error->code != LEAT_E_WS_CONNECT)
        return TOOL_SITUATION_OTHER;
    if (story->was_open)
        return of_open(error);
    return error->layer == LEAT_LAYER_HTTP_PROXY ? of_connect(error) : of_upgrade(story);
}
