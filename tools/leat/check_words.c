/* SPDX-License-Identifier: Apache-2.0 */
#include "check_words.h"

#include <string.h>

static const struct {
    const char *english, *chinese;
} words[] = {
    [CHECK_WORD_DNS] = {"dns", "域名解析"},
    [CHECK_WORD_TCP] = {"tcp", "TCP 连接"},
    [CHECK_WORD_SOCKS4] = {"socks4", "SOCKS4 代理"},
    [CHECK_WORD_SOCKS5] = {"socks5", "SOCKS5 代理"},
    [CHECK_WORD_HTTP_PROXY] = {"http-proxy", "HTTP 代理"},
    [CHECK_WORD_PROXY_AUTH] = {"proxy-auth", "代理认证"},
    [CHECK_WORD_PROXY] = {"proxy", "代理"},
    [CHECK_WORD_TLS] = {"tls", "TLS 握手"},
    [CHECK_WORD_WEBSOCKET] = {"websocket", "WebSocket 升级"},
    [CHECK_WORD_ECHO] = {"echo", "消息回显"},
    [CHECK_WORD_CLOSE] = {"close", "关闭"},
    [CHECK_WORD_TOTAL] = {"until open", "建立连接合计"},
    [CHECK_WORD_FAILED] = {"failed", "失败"},
    [CHECK_WORD_NOT_REACHED] = {"not reached", "未执行"},
    [CHECK_WORD_ECHO_RETURNED] = {"one text message there and back", "文本消息往返一次"},
    [CHECK_WORD_ECHO_PONG_ONLY] = {"a Pong came, but the message did not come back",
                                   "收到 Pong，但消息未被回显"},
    [CHECK_WORD_ADDRESSES] = {"addresses", "地址"},
    [CHECK_WORD_ADDRESS_USED] = {"used", "已采用"},
    [CHECK_WORD_ADDRESS_SLOWER] = {"slower than another", "慢于另一地址"},
    [CHECK_WORD_CERTIFICATES] = {"certificates", "证书"},
    [CHECK_WORD_NOT_VERIFIED] = {"not verified", "未校验"},
    [CHECK_WORD_NAMES] = {"names", "域名"},
    [CHECK_WORD_ISSUER] = {"issuer", "签发者"},
    [CHECK_WORD_FULL_HANDSHAKE] = {"full handshake", "完整握手"},
    [CHECK_WORD_RESUMED] = {"resumed", "会话恢复"},
    [CHECK_WORD_SUBPROTOCOL] = {"subprotocol", "子协议"},
    [CHECK_WORD_COMPRESSED] = {"compressed", "已压缩"},
    [CHECK_WORD_DAY_LEFT] = {"1 day left", "剩余 1 天"},
    [CHECK_WORD_DAYS_LEFT] = {"%lld days left", "剩余 %lld 天"},
    [CHECK_WORD_EXPIRED_JUST_NOW] = {"expired less than a day ago", "已过期不足 1 天"},
    [CHECK_WORD_EXPIRED_DAY_AGO] = {"expired 1 day ago", "已过期 1 天"},
    [CHECK_WORD_EXPIRED_DAYS_AGO] = {"expired %lld days ago", "已过期 %lld 天"},
    [CHECK_WORD_EXPIRES_SOON] = {"expires soon", "即将过期"},
    [CHECK_WORD_REPEATED] = {"%zu connections, %zu resumed, %zu failed",
                             "%zu 次连接，%zu 次会话恢复，%zu 次失败"},
    [CHECK_WORD_MEDIAN] = {"median", "中位数"},
    [CHECK_WORD_P99] = {"p99", "P99"},
    [CHECK_WORD_MIN] = {"min", "最小"},
    [CHECK_WORD_MAX] = {"max", "最大"},
    [CHECK_WORD_COUNT] = {"count", "次数"},
    [CHECK_WORD_DIRECT] = {"direct", "直连"},
    [CHECK_WORD_PROXIED] = {"proxied", "经代理"},
    [CHECK_WORD_DIFFERENCE] = {"difference", "差值"},
    [CHECK_WORD_HEADERS] = {"headers", "头部"},
    [CHECK_WORD_LIBRARY] = {"library", "程序库"},
    [CHECK_WORD_FAILED_AT] = {"failed at", "失败于"},
    [CHECK_WORD_MEANING] = {"meaning", "含义"},
    [CHECK_WORD_DETAIL] = {"detail", "详情"},
    [CHECK_WORD_SYS_ERRNO] = {"errno", "内核"},
    [CHECK_WORD_NATIVE] = {"native", "内码"},
    [CHECK_WORD_CAUSE] = {"cause", "原因"},
    [CHECK_WORD_REMEDY] = {"to do", "处理"},
};

const char *check_word(enum check_word word, enum leat_language language)
{
    return language == LEAT_LANGUAGE_ZH ? words[word].chinese : words[word].english;
}

bool check_phase_is_proxy(const char *name)
{
    return strncmp(name, "socks", strlen("socks")) == 0 || strcmp(name, "http-proxy") == 0;
}

const char *check_phase_word(const char *name, enum leat_language language)
{
    for (enum check_word word = CHECK_WORD_DNS; word <= CHECK_WORD_CLOSE; word++)
        if (strcmp(words[word].english, name) == 0)
            return check_word(word, language);
    return name;
}
