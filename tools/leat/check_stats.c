/* SPDX-License-Identifier: Apache-2.0 */
/* Counting over many connections. */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

bool check_way_init(struct check_way *way, leat_config *config, size_t count)
{
    *way = (struct check_way){.config = config};
    way->samples = calloc(count, sizeof(*way->samples));
    return way->samples;
}

void check_way_done(struct check_way *way)
{
    if (way->failed != way->first)
        free(way->failed);
    free(way->first);
    free(way->samples);
    *way = (struct check_way){.config = NULL};
}

/* ---- adding ----------------------------------------------------------------------------- */

static bool is_of(const struct check_series *series, const struct check_phase *phase, size_t nth)
{
    return series->nth == nth && strcmp(series->name, phase->name) == 0 &&
           strcmp(series->hop, phase->hop) == 0;
}

/* How many phases of the same kind were before it in its connection. */
static size_t nth_of(const struct check_run *run, size_t index)
{
    size_t nth = 0;
    for (size_t i = 0; i < index; i++)
        nth += strcmp(run->phases[i].name, run->phases[index].name) == 0 &&
               strcmp(run->phases[i].hop, run->phases[index].hop) == 0;
    return nth;
}

/* CHECK_PHASES_MAX = there is no more room. */
static size_t series_find(struct check_way *way, const struct check_phase *phase, size_t nth)
{
    for (size_t i = 0; i < way->series_count; i++)
        if (is_of(&way->series[i], phase, nth))
            return i;
    if (way->series_count == CHECK_PHASES_MAX)
        return CHECK_PHASES_MAX;
    struct check_series *series = &way->series[way->series_count];
    memcpy(series->name, phase->name, sizeof(series->name));
    memcpy(series->hop, phase->hop, sizeof(series->hop));
    series->nth = nth;
    return way->series_count++;
}

static bool run_keep(struct check_run **kept, const struct check_run *run)
{
    if (*kept)
        return true;
    *kept = malloc(sizeof(**kept));
    if (!*kept)
        return false;
    **kept = *run;
    return true;
}

bool check_way_add(struct check_way *way, const struct check_run *run)
{
    struct check_sample *sample = &way->samples[way->count++];
    memset(sample->us, 0xff, sizeof(sample->us));
    for (size_t i = 0; i < run->phase_count; i++) {
        const struct check_phase *phase = &run->phases[i];
        size_t series = series_find(way, phase, nth_of(run, i));
        if (series < CHECK_PHASES_MAX && phase->result == LEAT_OK)
            sample->us[series] = phase->end_us - phase->start_us;
    }
    sample->connect_us = run->connect_us ? run->connect_us : CHECK_ABSENT;
    sample->code = run->error.code;
    /* The last one is the origin's. */
    sample->resumed = run->tls_count > 0 && run->tls[run->tls_count - 1].resumed;
    way->resumed_count += sample->resumed;
    way->failed_count += sample->code != LEAT_OK;
    if (!run_keep(&way->first, run))
        return false;
    if (sample->code == LEAT_OK)
        return true;
    if (way->count == 1)
        way->failed = way->first;
    return run_keep(&way->failed, run);
}

/* ---- statistics ------------------------------------------------------------------------- */

static int compare_us(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* `values` is sorted here; the absent ones are at its end then. */
static struct check_statistics statistics_of(uint64_t *values, size_t count)
{
    struct check_statistics statistics = {0};
    qsort(values, count, sizeof(*values), compare_us);
    while (count > 0 && values[count - 1] == CHECK_ABSENT)
        count--;
    if (count == 0)
        return statistics;
    statistics.count = count;
    statistics.min_us = values[0];
    statistics.median_us = (values[(count - 1) / 2] + values[count / 2]) / 2;
    statistics.p99_us = values[(count * 99 + 99) / 100 - 1];
    statistics.max_us = values[count - 1];
    return statistics;
}

bool check_way_statistics(const struct check_way *way, size_t series,
                          struct check_statistics *ret_statistics)
{
    uint64_t *values = calloc(way->count ? way->count : 1, sizeof(*values));
    if (!values)
        return false;
    for (size_t i = 0; i < way->count; i++)
        values[i] = way->samples[i].us[series];
    *ret_statistics = statistics_of(values, way->count);
    free(values);
    return true;
}

bool check_way_connect_statistics(const struct check_way *way,
                                  struct check_statistics *ret_statistics)
{
    uint64_t *values = calloc(way->count ? way->count : 1, sizeof(*values));
    if (!values)
        return false;
    for (size_t i = 0; i < way->count; i++)
        values[i] = way->samples[i].connect_us;
    *ret_statistics = statistics_of(values, way->count);
    free(values);
    return true;
}

/* ---- pairs ------------------------------------------------------------------------------ */

/* The last one of that name that stands before `end`: the origin's is behind the proxies'. */
static size_t last_of(const struct check_way *way, const char *name, size_t end)
{
    while (end-- > 0)
        if (strcmp(way->series[end].name, name) == 0)
            return end;
    return CHECK_PHASES_MAX;
}

size_t check_pair_series(const struct check_way *direct, const struct check_way *proxied,
                         struct check_pair ret_pairs[2 * CHECK_PHASES_MAX])
{
    struct check_pair pairs[2 * CHECK_PHASES_MAX];
    size_t count = 0, d = direct->series_count, p = proxied->series_count;
    /* From the end: what a pair leaves out on either side stands behind it. */
    while (d > 0) {
        size_t found = last_of(proxied, direct->series[d - 1].name, p);
        while (found != CHECK_PHASES_MAX && p - 1 > found)
            pairs[count++] = (struct check_pair){CHECK_PHASES_MAX, --p};
        if (found != CHECK_PHASES_MAX)
            p--;
        pairs[count++] = (struct check_pair){--d, found};
    }
    while (p > 0)
        pairs[count++] = (struct check_pair){CHECK_PHASES_MAX, --p};
    for (size_t i = 0; i < count; i++)
        ret_pairs[i] = pairs[count - 1 - i];
    return count;
}

int64_t check_days_left(const struct check_certificate *certificate)
{
    const int64_t day_s = 24 * 60 * 60;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t left_s = certificate->not_after - (int64_t)now.tv_sec;
    return left_s >= 0 ? left_s / day_s : -1 - (-left_s - 1) / day_s;
}
