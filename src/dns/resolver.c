/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/resolver.h"

#include "util/alloc.h"
#include "util/clock.h"
#include "util/fork.h"

#include <leat/error_codes.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Unless resolv.conf says something. One try; each further round doubles it. The caller's deadline
 * rules over all of it. */
#define TRY_TIMEOUT_MS 2000
#define TRIES          3

/* When c-ares names no time for a query that it has. */
#define IDLE_CHECK_MS 1000

struct leati_resolver_socket {
    struct leati_resolver_socket *next;
    struct leati_resolver *resolver;
    struct leati_io io;
};

/* All resolvers of a loop. */
struct resolver_list {
    struct leati_resolver *first;
};

static const char list_key;

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_status;

/* c-ares 1.20 got a cache of /etc/hosts. When memory runs out while it is filled, an entry that is
 * in there already is freed, and once more with the cache (seen in 1.34.5). Failures that a test
 * makes must stay out of these versions. */
#define HOSTS_CACHE_VERSION 0x011400

static void library_init(void)
{
    int version;

    ares_version(&version);
    if (version < HOSTS_CACHE_VERSION)
        library_status =
            ares_library_init_mem(ARES_LIB_INIT_ALL, leati_malloc, leati_free, leati_realloc);
    else
        library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

/* ---- the channel on the loop ----------------------------------------------------------------- */

/* Nothing of c-ares is set up or gone in here, and no answer is delivered: the timer runs as long
 * as something is pending, so setting it needs memory at most once, in leati_resolver_ask(). */
static bool resolver_set_timer(struct leati_resolver *resolver)
{
    struct timeval tv;

    if (resolver->pending == 0) {
        leati_timer_stop(&resolver->timer);
        return true;
    }
    uint64_t delay_ms = IDLE_CHECK_MS;
    if (ares_timeout(resolver->channel, NULL, &tv))
        delay_ms = (uint64_t)tv.tv_sec * 1000 + ((uint64_t)tv.tv_usec + 999) / 1000;
    /* The clock is cut to whole milliseconds: one more, so that it is never early. */
    return leati_timer_set(&resolver->timer, leati_clock_ms() + delay_ms + 1) == LEAT_OK;
}

static void resolver_free(struct leati_resolver *resolver)
{
    if (resolver->channel)
        ares_destroy(resolver->channel);
    leati_timer_stop(&resolver->timer);
    leati_resolv_conf_done(&resolver->conf);
    leati_free(resolver->servers);
    leati_free(resolver);
}

static void resolver_unlink(struct leati_resolver *resolver)
{
    struct resolver_list *list = leati_loop_attachment_get(resolver->loop, &list_key);
    struct leati_resolver **link = &list->first;

    while (*link != resolver)
        link = &(*link)->next;
    *link = resolver->next;
}

/* After every call into c-ares. The resolver may be gone afterwards. */
static void resolver_settle(struct leati_resolver *resolver)
{
    if (resolver->out_of_memory) {
        resolver->out_of_memory = false;
        ares_cancel(resolver->channel);
    }
    if (resolver->retired && resolver->pending == 0 && resolver->users == 0) {
        resolver_unlink(resolver);
        resolver_free(resolver);
        return;
    }
    (void)resolver_set_timer(resolver);
}

static void resolver_on_timer(struct leati_timer *timer, void *user)
{
    struct leati_resolver *resolver = user;

    (void)timer;
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    resolver_settle(resolver);
}

static void socket_on_event(struct leati_io *io, unsigned events, void *user)
{
    struct leati_resolver_socket *sock = user;
    struct leati_resolver *resolver = sock->resolver;
    ares_socket_t fd = io->fd;
    bool can_read = (events & (LEATI_IO_READ | LEATI_IO_HANGUP)) != 0;
    bool can_write = (events & (LEATI_IO_WRITE | LEATI_IO_HANGUP)) != 0;

    /* This may free `sock`. */
    ares_process_fd(resolver->channel, can_read ? fd : ARES_SOCKET_BAD,
                    can_write ? fd : ARES_SOCKET_BAD);
    resolver_settle(resolver);
}

static struct leati_resolver_socket *socket_new(struct leati_resolver *resolver, ares_socket_t fd)
{
    struct leati_resolver_socket *sock = leati_malloc(sizeof(*sock));

    if (!sock)
        return NULL;
    sock->resolver = resolver;
    sock->next = resolver->sockets;
    resolver->sockets = sock;
    leati_io_init(&sock->io, resolver->loop, fd, socket_on_event, sock);
    return sock;
}

/* c-ares says what it waits for on a socket; nothing = it is about to close it. Without memory the
 * socket is not watched, and nothing would come of it. */
static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
    struct leati_resolver *resolver = data;
    struct leati_resolver_socket **link = &resolver->sockets;
    unsigned mask = (readable ? LEATI_IO_READ : 0u) | (writable ? LEATI_IO_WRITE : 0u);

    while (*link && (*link)->io.fd != fd)
        link = &(*link)->next;
    struct leati_resolver_socket *sock = *link;
    if (mask != 0) {
        if (!sock)
            sock = socket_new(resolver, fd);
        if (!sock || leati_io_set(&sock->io, mask) != LEAT_OK)
            resolver->out_of_memory = true;
    } else if (sock) {
        *link = sock->next;
        leati_io_done(&sock->io);
        leati_free(sock);
    }
}

/* ---- making and finding them
 * --------------------------------------------------------------------- */

/* c-ares 1.18 takes no IPv6 address in brackets without a port. */
static char *servers_with_ports(const char *servers)
{
    static const char port[] = ":53";
    char *copy = leati_malloc(strlen(servers) * sizeof(port) + 1);
    char *end = copy;

    if (!copy)
        return NULL;
    for (; *servers != '\0'; servers++) {
        *end++ = *servers;
        if (servers[0] == ']' && servers[1] != ':') {
            memcpy(end, port, sizeof(port) - 1);
            end += sizeof(port) - 1;
        }
    }
    *end = '\0';
    return copy;
}

static int channel_set_servers(struct leati_resolver *resolver)
{
    char *servers = servers_with_ports(resolver->servers);

    if (!servers)
        return ARES_ENOMEM;
    int status = ares_set_servers_ports_csv(resolver->channel, servers);
    leati_free(servers);
    return status;
}

/* `lookups` is "f" for /etc/hosts or "b" for DNS, whatever nsswitch.conf says. All else that
 * resolv.conf(5) has, but for the servers, is given here: c-ares' versions read different parts. */
static int channel_open(struct leati_resolver *resolver, char *lookups, ares_channel *ret_channel)
{
    const struct leati_resolv_conf *conf = &resolver->conf;
    struct ares_options options;
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
               ARES_OPT_SOCK_STATE_CB | (conf->rotate ? ARES_OPT_ROTATE : ARES_OPT_NOROTATE);

    memset(&options, 0, sizeof(options));
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES |
                    (conf->use_vc ? ARES_FLAG_USEVC : 0) | (conf->edns0 ? ARES_FLAG_EDNS : 0);
    options.timeout = conf->timeout_ms != 0 ? (int)conf->timeout_ms : TRY_TIMEOUT_MS;
    options.tries = conf->timeout_ms != 0 ? (int)conf->attempts : TRIES;
    options.lookups = lookups;
    options.sock_state_cb = on_socket_state;
    options.sock_state_cb_data = resolver;
    int status = ares_init_options(ret_channel, &options, mask);
    if (status != ARES_SUCCESS)
        *ret_channel = NULL;
    return status;
}

/* A channel takes 75 KB, so there is none before somebody asks, and none for names that are in
 * /etc/hosts. */
static int dns_open(struct leati_resolver *resolver)
{
    static char dns[] = "b";

    if (resolver->channel)
        return ARES_SUCCESS;
    int status = channel_open(resolver, dns, &resolver->channel);
    if (status == ARES_SUCCESS && resolver->servers)
        status = channel_set_servers(resolver);
    if (status != ARES_SUCCESS && resolver->channel) {
        ares_destroy(resolver->channel);
        resolver->channel = NULL;
    }
    return status;
}

static void config_stat(struct stat *ret_config)
{
    if (stat(LEATI_RESOLV_CONF_PATH, ret_config) < 0)
        memset(ret_config, 0, sizeof(*ret_config));
}

static bool config_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int resolver_new(leat_loop *loop, const char *servers, const struct stat *config,
                        struct leati_resolver **ret_resolver)
{
    struct leati_resolver *resolver = leati_calloc(1, sizeof(*resolver));

    if (!resolver)
        return ARES_ENOMEM;
    if (!leati_resolv_conf_read(&resolver->conf)) {
        leati_free(resolver);
        return ARES_ENOMEM;
    }
    resolver->loop = loop;
    resolver->config = *config;
    leati_timer_init(&resolver->timer, loop, resolver_on_timer, resolver);
    if (servers) {
        resolver->servers = leati_strdup(servers);
        if (!resolver->servers) {
            resolver_free(resolver);
            return ARES_ENOMEM;
        }
    }
    *ret_resolver = resolver;
    return ARES_SUCCESS;
}

static void list_free(void *object)
{
    struct resolver_list *list = object;

    while (list->first) {
        struct leati_resolver *resolver = list->first;
        list->first = resolver->next;
        resolver_free(resolver);
    }
    leati_free(list);
}

static struct resolver_list *list_get(leat_loop *loop)
{
    struct resolver_list *list = leati_loop_attachment_get(loop, &list_key);

    if (list)
        return list;
    list = leati_calloc(1, sizeof(*list));
    if (list && leati_loop_attachment_set(loop, &list_key, list, list_free) != LEAT_OK) {
        leati_free(list);
        return NULL;
    }
    return list;
}

static bool servers_are(const struct leati_resolver *resolver, const char *servers)
{
    if (!servers || !resolver->servers)
        return servers == resolver->servers;
    return strcmp(servers, resolver->servers) == 0;
}

static int resolver_find(leat_loop *loop, const char *servers, struct leati_resolver **ret_resolver)
{
    leati_once(&library_once, library_init);
    if (library_status != ARES_SUCCESS)
        return library_status;
    struct resolver_list *list = list_get(loop);
    if (!list)
        return ARES_ENOMEM;

    struct stat config;
    struct leati_resolver *found = list->first;
    config_stat(&config);
    while (found && (found->retired || !servers_are(found, servers)))
        found = found->next;
    /* resolv.conf holds more than the servers (search, ndots): it counts for all. */
    if (found && (found->conf.no_reload || config_is_same(&found->config, &config))) {
        *ret_resolver = found;
        return ARES_SUCCESS;
    }

    struct leati_resolver *fresh;
    int status = resolver_new(loop, servers, &config, &fresh);
    if (status != ARES_SUCCESS)
        return status;
    fresh->next = list->first;
    list->first = fresh;
    if (found) {
        found->retired = true;
        resolver_settle(found);
    }
    *ret_resolver = fresh;
    return ARES_SUCCESS;
}

int leati_resolver_get(leat_loop *loop, const char *servers, struct leati_resolver **ret_resolver)
{
    int status = resolver_find(loop, servers, ret_resolver);

    if (status == ARES_SUCCESS)
        (*ret_resolver)->users++;
    return status;
}

void leati_resolver_retire(struct leati_resolver *resolver)
{
    resolver->retired = true;
}

void leati_resolver_release(struct leati_resolver *resolver)
{
    resolver->users--;
    resolver_settle(resolver);
}

/* ---- queries --------------------------------------------------------------------------------- */

void leati_resolver_look_up(struct leati_resolver *resolver, const char *host,
                            ares_addrinfo_callback callback, void *arg)
{
    static char hosts[] = "f";
    struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NOSORT, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    ares_channel channel;
    int status = channel_open(resolver, hosts, &channel);

    if (status != ARES_SUCCESS) {
        callback(arg, status, 0, NULL);
        return;
    }
    ares_getaddrinfo(channel, host, NULL, &hints, callback, arg);
    /* A file is read at once; should c-ares ever put that off, the answer is that it has none. */
    ares_cancel(channel);
    ares_destroy(channel);
}

bool leati_resolver_ask(struct leati_resolver *resolver, const char *name, int family,
                        ares_addrinfo_callback callback, void *arg)
{
    struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NOSORT, .ai_family = family, .ai_socktype = SOCK_STREAM};
    char absolute[LEATI_DNS_NAME_SIZE + 1];

    resolver->pending++;
    resolver->awaited++;
    /* So that no version takes the end of a name for a search domain of its own. */
    snprintf(absolute, sizeof(absolute), "%s.", name);
    int status = dns_open(resolver);
    if (status == ARES_SUCCESS)
        ares_getaddrinfo(resolver->channel, absolute, NULL, &hints, callback, arg);
    else
        callback(arg, status, 0, NULL);
    bool watched = !resolver->out_of_memory;
    resolver->out_of_memory = false;
    return resolver_set_timer(resolver) && watched;
}

void leati_resolver_answered(struct leati_resolver *resolver, bool is_awaited)
{
    resolver->pending--;
    if (is_awaited)
        resolver->awaited--;
}

void leati_resolver_abandon(struct leati_resolver *resolver, size_t count)
{
    resolver->awaited -= count;
    if (resolver->awaited == 0)
        ares_cancel(resolver->channel);
    resolver_settle(resolver);
}
