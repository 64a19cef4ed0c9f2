/* SPDX-License-Identifier: Apache-2.0 */
/* What a server has seen: counts, the log, and waiting for it. */
#include "testing/peer.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/readable.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* Makes room for one more event, in place of the oldest one if there must be. false: there is none. */
static bool event_room(struct leat_testing_server *server)
{
    size_t kept = server->event_count - server->event_first;
    if (kept < server->event_cap)
        return true;
    /* What has begun to be a ring stays as long as it is. */
    if (server->event_cap < LEAT_TESTING_EVENTS_MAX && server->event_first == 0 &&
        leati_grow(&server->events, &server->event_cap, 32, sizeof(server->events[0])))
        return true;
    if (server->event_cap == 0)
        return false;
    leati_free((void *)(uintptr_t)server->events[server->event_first % server->event_cap].text);
    ++server->event_first;
    return true;
}

/* Keeps an event; the text is copied. */
static void event_keep(struct leat_testing_server *server, const struct leat_testing_event *event)
{
    char *text = leati_strdup(event->text);
    if (text && event_room(server)) {
        struct leat_testing_event *own = &server->events[server->event_count % server->event_cap];
        *own = *event;
        own->text = text;
        ++server->event_count;
        return;
    }
    leati_free(text);
    /* A gap would be a lie: with it all that is older is lost. */
    leati_testing_server_events_drop(server);
    server->event_first = ++server->event_count;
}

void leati_testing_server_events_drop(struct leat_testing_server *server)
{
    for (size_t i = server->event_first; i < server->event_count; ++i)
        leati_free((void *)(uintptr_t)server->events[i % server->event_cap].text);
    server->event_first = server->event_count;
}

const struct leat_testing_event *leati_testing_server_event_at(
    const struct leat_testing_server *server, size_t index)
{
    bool exists = index >= server->event_first && index < server->event_count;
    return exists ? &server->events[index % server->event_cap] : NULL;
}

static void label_count(struct leat_testing_server *server, const char *label)
{
    size_t i = 0;
    while (i < server->label_count && strcmp(server->labels[i].name, label) != 0)
        ++i;
    if (i < LEATI_TESTING_LABELS_MAX) {
        server->label_count += i == server->label_count;
        server->labels[i].name = label;
        server->labels[i].count++;
    }
}

void leati_testing_server_reached(struct leat_testing_server *server, const struct leati_peer *p,
                                  const char *label, enum leat_testing_step step, const char *text)
{
    struct leat_testing_event event = {
        .time_us = leati_clock_us() - server->start_us,
        .connection = p->number,
        .step = label ? label : leat_testing_step_name(step),
        .text = text,
        .bytes_in = p->bytes_in,
        .bytes_out = p->bytes_out,
    };
    pthread_mutex_lock(&server->log_lock);
    pthread_mutex_lock(&server->lock);
    event_keep(server, &event);
    if (label) {
        label_count(server, label);
    } else {
        server->step_counts[step]++;
    }
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    if (server->options.log)
        server->options.log(&event, server->options.log_user);
    pthread_mutex_unlock(&server->log_lock);
}

void leati_peer_show_request(struct leati_peer *p)
{
    const struct leati_peer_request *request = &p->request;
    struct leat_testing_seen *seen = &p->server->seen;
    pthread_mutex_lock(&p->server->lock);
    memcpy(seen->methods, request->methods, sizeof(seen->methods));
    seen->method_count = request->method_count;
    memcpy(seen->user, request->user, sizeof(seen->user));
    memcpy(seen->password, request->password, sizeof(seen->password));
    seen->address_type = request->address_type;
    memcpy(seen->host, request->host, sizeof(seen->host));
    seen->port = request->port;
    memcpy(seen->http_head, request->http_head, strlen(request->http_head) + 1);
    pthread_mutex_unlock(&p->server->lock);
}

static unsigned step_count(const struct leat_testing_server *server, const char *name)
{
    enum leat_testing_step step;
    unsigned count =
        leati_testing_step_find(name, strlen(name), &step) ? server->step_counts[step] : 0;
    for (size_t i = 0; i < server->label_count; ++i)
        count += strcmp(server->labels[i].name, name) == 0 ? server->labels[i].count : 0;
    return count;
}

static bool is_idle(const struct leat_testing_server *server)
{
    return server->seen.connections > 0 && server->seen.live == 0;
}

/* What is waited for: a step so often, so many events, or that the server is idle. */
struct wish {
    enum { WISH_STEP, WISH_EVENT, WISH_IDLE } what;
    const char *step;
    size_t count;
};

static bool wish_is_met(const struct leat_testing_server *server, const struct wish *wish)
{
    return wish->what == WISH_STEP    ? step_count(server, wish->step) >= wish->count
           : wish->what == WISH_EVENT ? server->event_count >= wish->count
                                      : is_idle(server);
}

/* A server that stops does nothing any more. */
static bool server_wait(struct leat_testing_server *server, struct wish wish, int timeout_ms)
{
    struct timespec end;
    if (leati_testing_server_is_inherited(server))
        return false;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += timeout_ms / 1000;
    end.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    pthread_mutex_lock(&server->lock);
    bool met;
    int result = 0;
    while (!(met = wish_is_met(server, &wish)) && result == 0 && !server->stopping)
        result = pthread_cond_timedwait(&server->changed, &server->lock, &end);
    pthread_mutex_unlock(&server->lock);
    return met;
}

bool leat_testing_server_wait_step(leat_testing_server *server, const char *step, unsigned count,
                                   int timeout_ms)
{
    return server && step && server_wait(server, (struct wish){WISH_STEP, step, count}, timeout_ms);
}

bool leat_testing_server_wait_idle(leat_testing_server *server, int timeout_ms)
{
    return server && server_wait(server, (struct wish){.what = WISH_IDLE}, timeout_ms);
}

bool leati_testing_server_wait_event(struct leat_testing_server *server, size_t index,
                                     int timeout_ms)
{
    return server_wait(server, (struct wish){.what = WISH_EVENT, .count = index + 1}, timeout_ms);
}

unsigned leati_testing_server_step_count(struct leat_testing_server *server, const char *step)
{
    pthread_mutex_lock(&server->lock);
    unsigned count = step_count(server, step);
    pthread_mutex_unlock(&server->lock);
    return count;
}

bool leat_testing_server_get_event(leat_testing_server *server, size_t index,
                                   struct leat_testing_event *ret_event)
{
    if (!server || !ret_event || leati_testing_server_is_inherited(server))
        return false;
    pthread_mutex_lock(&server->lock);
    const struct leat_testing_event *event = leati_testing_server_event_at(server, index);
    if (event)
        *ret_event = *event;
    pthread_mutex_unlock(&server->lock);
    return event;
}

bool leati_testing_server_copy_event(struct leat_testing_server *server, size_t *index,
                                     struct leat_testing_event *ret_event,
                                     char ret_text[LEATI_TESTING_TEXT_SIZE])
{
    pthread_mutex_lock(&server->lock);
    *index = *index < server->event_first ? server->event_first : *index;
    const struct leat_testing_event *event = leati_testing_server_event_at(server, *index);
    if (event) {
        *ret_event = *event;
        leati_readable_format(ret_text, LEATI_TESTING_TEXT_SIZE, "%s", event->text);
        ret_event->text = ret_text;
    }
    pthread_mutex_unlock(&server->lock);
    return event;
}

uint64_t leat_testing_server_get_lost_events(leat_testing_server *server)
{
    if (!server || leati_testing_server_is_inherited(server))
        return 0;
    pthread_mutex_lock(&server->lock);
    uint64_t lost = server->event_first;
    pthread_mutex_unlock(&server->lock);
    return lost;
}

void leat_testing_server_get_seen(leat_testing_server *server, struct leat_testing_seen *ret_seen)
{
    if (!ret_seen)
        return;
    if (!server || leati_testing_server_is_inherited(server)) {
        *ret_seen = (struct leat_testing_seen){0};
        return;
    }
    pthread_mutex_lock(&server->lock);
    *ret_seen = server->seen;
    pthread_mutex_unlock(&server->lock);
}
