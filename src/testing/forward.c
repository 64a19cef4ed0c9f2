/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in absolute form: RFC 9112 section 3.2.2, RFC 9110 section 7.6. */
#include "testing/proxy_auth.h"
#include "util/alloc.h"
#include "util/text.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

struct target {
    char host[256];
    uint16_t port;
    const char *authority, *path; /* in the head */
    size_t authority_len, path_len;
};

/* "http://host[:port][/path]" */
static bool target_parse(const char *head, struct target *ret_target)
{
    const char *text = strchr(head, ' ');
    if (!text || !leati_text_begins_nocase(++text, "http://"))
        return false;
    text += 7;
    size_t len = strcspn(text, " \r\n"), authority_len = strcspn(text, "/? \r\n");
    *ret_target = (struct target){.authority = text,
                                  .authority_len = authority_len,
                                  .path = text + authority_len,
                                  .path_len = len - authority_len};
    if (!leati_proxy_authority_parse(text, authority_len, ret_target->host, &ret_target->port))
        return false;
    if (ret_target->port == 0)
        ret_target->port = 80;
    return true;
}

static bool line_is(const char *line, const char *name)
{
    return leati_text_begins_nocase(line, name) && line[strlen(name)] == ':';
}

/* The head as the origin gets it: in origin form, without what is between client and proxy. NULL: no
 * memory. */
static char *head_rewrite(const char *head, const struct target *target)
{
    static const char *const dropped[] = {"Proxy-Authorization", "Proxy-Connection", "Connection",
                                          "Keep-Alive", "Host"};
    size_t len = strlen(head);
    size_t at = 0, cap = len + 2 * sizeof(target->host) + 64;
    char *out = leati_malloc(cap);
    if (!out)
        return NULL;
    bool has_slash = target->path_len > 0 && target->path[0] == '/';
    leati_text_append(out, cap, &at, "%.*s %s%.*s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n",
                      (int)strcspn(head, " "), head, has_slash ? "" : "/", (int)target->path_len,
                      target->path, (int)target->authority_len, target->authority);
    for (const char *line = strstr(head, "\r\n") + 2; *line != '\r';) {
        size_t line_len = strcspn(line, "\n") + 1;
        bool is_dropped = false;
        for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); ++i)
            is_dropped = is_dropped || line_is(line, dropped[i]);
        if (!is_dropped) {
            memcpy(out + at, line, line_len);
            at += line_len;
        }
        line += line_len;
    }
    memcpy(out + at, "\r\n", 3);
    return out;
}

/* Onto the wire of the origin, which takes a head at once. */
static bool head_send(struct leati_peer *p, int upstream, const char *head)
{
    for (size_t len = strlen(head); len > 0;) {
        if (!leati_peer_wait_fd(p, upstream, POLLOUT, -1))
            return false;
        ssize_t sent = send(upstream, head, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0)
            return leati_peer_problem(p, "the destination takes no request");
        head += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool leati_proxy_forward(struct leati_peer *p)
{
    struct leati_peer_request *asked = &p->request;
    struct target target;
    if (!target_parse(asked->http_head, &target))
        return leati_proxy_reply(p, 400);
    memcpy(asked->host, target.host, sizeof(asked->host));
    asked->port = target.port;
    leati_peer_show_request(p);
    int upstream = leati_proxy_dial(p, target.host, target.port);
    if (upstream < 0)
        return false;
    unsigned status = 502;
    char *head = head_rewrite(asked->http_head, &target);
    if (!head || !leati_peer_step(p, LEAT_TESTING_STEP_REPLY, "forwarded"))
        goto fail;
    if (leati_peer_refuses(p, 502, &status)) {
        leati_free(head);
        close(upstream);
        return leati_proxy_refuse(p, status);
    }
    /* The answer is the origin's: nothing is said here, but faults may say something. */
    if (!leati_peer_answer(p, "", 0) || !head_send(p, upstream, head) ||
        !leati_peer_step(p, LEAT_TESTING_STEP_RELAY, "%s:%u", target.host, target.port))
        goto fail;
    leati_free(head);
    return leati_peer_relay(p, upstream) && leati_peer_step_done(p) &&
           leati_peer_end(p, LEATI_PEER_CLOSE);
fail:
    leati_free(head);
    close(upstream);
    return false;
}
