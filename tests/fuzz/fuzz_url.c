/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of servers and of proxies, and the rules about hosts: what is accepted can stand in a
 * request as it is. The first byte chooses which. */
#include "fuzz/fuzz.h"
#include "url/domain_policy.h"
#include "url/host_match.h"
#include "url/local_url.h"
#include "url/proxy_env.h"
#include "util/alloc.h"

static void url_check(const struct leati_url *url)
{
    FUZZ_MUST(url->host[0] != '\0' && url->port != 0);
    FUZZ_MUST(!strpbrk(url->host, " \t\r\n/@[]") && fuzz_is_printable(url->host));
    FUZZ_MUST(url->target[0] == '/' && !strpbrk(url->target, " \t\r\n#"));
    FUZZ_MUST(fuzz_is_printable(url->target));
}

static void websocket_run(const char *text, struct leati_failure *failure)
{
    struct leati_url url, again;
    int code = leati_url_parse_websocket(text, failure, &url);
    FUZZ_MUST(code == LEAT_OK || code == LEAT_E_WS_URL);
    if (code != LEAT_OK)
        return;
    url_check(&url);
    FUZZ_MUST(!url.user && !url.password);
    /* What came out means the same when it is put in again. */
    char *copy = NULL;
    FUZZ_MUST(asprintf(&copy, "%s://%s%s%s:%u%s", url.scheme, url.host_is_ipv6 ? "[" : "", url.host,
                       url.host_is_ipv6 ? "]" : "", url.port, url.target) > 0);
    if (!strchr(url.host, '%') && strlen(copy) <= LEATI_URL_MAX_BYTES) {
        FUZZ_MUST(leati_url_parse_websocket(copy, failure, &again) == LEAT_OK);
        FUZZ_MUST(strcmp(again.host, url.host) == 0 && again.port == url.port);
        FUZZ_MUST(strcmp(again.target, url.target) == 0);
        leati_url_done(&again);
    }
    free(copy);
    leati_url_done(&url);
}

/* The same text behind the scheme of local sockets. */
static void local_run(const char *text, struct leati_failure *failure)
{
    struct leati_url url;
    char *path = NULL, *copy = NULL;
    FUZZ_MUST(asprintf(&copy, "ws+unix:%s", text) > 0);
    int code = leati_url_parse_local(copy, failure, &path, &url);
    FUZZ_MUST(code == LEAT_OK || code == LEAT_E_WS_URL);
    if (code == LEAT_OK) {
        FUZZ_MUST(path[0] != '\0' && strlen(path) <= strlen(text));
        FUZZ_MUST(strcmp(url.host, "localhost") == 0);
        url_check(&url);
        leati_url_done(&url);
    }
    leati_free(path);
    free(copy);
}

static void proxy_run(const char *text, struct leati_failure *failure)
{
    struct leati_url url;
    int code = leati_url_parse_proxy(text, failure, &url);
    FUZZ_MUST(code == LEAT_OK || code == LEAT_E_PARAMETER);
    if (code != LEAT_OK)
        return;
    url_check(&url);
    leati_url_done(&url);
}

static void no_proxy_run(const char *text)
{
    bool matches = false;
    int code = leati_no_proxy_check(text);
    FUZZ_MUST(code == LEAT_OK || code == LEAT_E_PARAMETER);
    (void)leati_no_proxy_matches(text, "www.example.com", 443, &matches);
    (void)leati_no_proxy_matches(text, "10.1.2.3", 80, &matches);
    (void)leati_no_proxy_matches(text, "fd00::1", 8080, &matches);
}

static void policy_run(const char *text)
{
    struct leati_domain_policy policy;
    const char *reason = NULL;
    const char *entry = NULL;
    leati_domain_policy_init(&policy);
    int code = leati_domain_policy_add(&policy, LEATI_DOMAIN_DENY, text, &reason);
    FUZZ_MUST(code == LEAT_OK || (code == LEAT_E_PARAMETER && reason));
    if (!leati_domain_policy_allows(&policy, "www.example.com", &entry))
        FUZZ_MUST(entry);
    (void)leati_domain_policy_allows(&policy, "127.0.0.1", &entry);
    (void)leati_domain_policy_allows(&policy, "::1", &entry);
    leati_domain_policy_done(&policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct leati_failure failure;
    struct leat_error error;
    uint8_t choice = fuzz_take(&input);
    char *text = fuzz_copy(input, true);

    leati_failure_init(&failure);
    switch (choice & 3) {
    case 0:
        websocket_run(text, &failure);
        local_run(text, &failure);
        break;
    case 1:
        proxy_run(text, &failure);
        break;
    case 2:
        no_proxy_run(text);
        break;
    default:
        policy_run(text);
        break;
    }
    leati_failure_get(&failure, &error);
    FUZZ_MUST(fuzz_is_printable(error.text));
    leati_failure_done(&failure);
    free(text);
    return 0;
}
