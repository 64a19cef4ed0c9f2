/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/resolv_conf.h"

#include "util/alloc.h"
#include "util/text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As resolver(3) has them. */
enum {
    NDOTS_DEFAULT = 1,
    NDOTS_MAX = 15,
    TIMEOUT_DEFAULT_S = 5,
    TIMEOUT_MAX_S = 30,
    ATTEMPTS_DEFAULT = 2,
    ATTEMPTS_MAX = 5,
};

#define LABEL_MAX_BYTES 63
#define NAME_MAX_BYTES  253

static const char blanks[] = " \t\r\n";

/* ---- options ---------------------------------------------------------------------------- */

/* "name:12"; more than `max` is `max`, as little as `min` is `min`. */
static bool number_read(const char *word, size_t len, const char *name, unsigned min, unsigned max,
                        unsigned *ret_number)
{
    size_t name_len = strlen(name);
    uint64_t number;

    if (len <= name_len || strncmp(word, name, name_len) != 0)
        return false;
    size_t digits = strspn(word + name_len, "0123456789");
    if (digits == 0)
        return false;
    if (!leati_text_parse_u64(word + name_len, digits, max, &number))
        number = max;
    *ret_number = number < min ? min : (unsigned)number;
    return true;
}

static bool word_is(const char *word, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(word, name, len) == 0;
}

static void option_take(struct leati_resolv_conf *conf, const char *word, size_t len)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"rotate", &conf->rotate},
        {"use-vc", &conf->use_vc},
        {"edns0", &conf->edns0},
        {"single-request", &conf->single_request},
        {"single-request-reopen", &conf->single_request},
        {"no-aaaa", &conf->no_aaaa},
        {"no_tld_query", &conf->no_tld_query},
        {"no-tld-query", &conf->no_tld_query},
        {"no-reload", &conf->no_reload},
    };
    unsigned number;

    if (number_read(word, len, "ndots:", 0, NDOTS_MAX, &number))
        conf->ndots = number;
    else if (number_read(word, len, "timeout:", 1, TIMEOUT_MAX_S, &number))
        conf->timeout_ms = number * 1000;
    else if (number_read(word, len, "attempts:", 1, ATTEMPTS_MAX, &number))
        conf->attempts = number;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        *flags[i].flag |= word_is(word, len, flags[i].name);
}

static void options_take(struct leati_resolv_conf *conf, const char *words, size_t len)
{
    const char *end = words + len;

    while (words < end) {
        size_t word_len = 0;
        while (words + word_len < end && !strchr(blanks, words[word_len]))
            word_len++;
        option_take(conf, words, word_len);
        words += word_len + 1;
    }
}

/* ---- the search list -------------------------------------------------------------------- */

/* `words` is cut up; dots at the ends of one say nothing, and a single dot is the root. */
static void domains_split(struct leati_resolv_conf *conf, char *words)
{
    while (conf->domain_count < LEATI_RESOLV_CONF_MAX_DOMAINS) {
        words += strspn(words, blanks);
        size_t len = strcspn(words, blanks);
        if (len == 0)
            return;
        bool is_last = words[len] == '\0';
        words[len] = '\0';
        if (words[len - 1] == '.')
            words[len - 1] = '\0';
        conf->domains[conf->domain_count++] = words[0] == '.' ? words + 1 : words;
        if (is_last)
            return;
        words += len + 1;
    }
}

static bool domains_take(struct leati_resolv_conf *conf, const char *words, size_t len)
{
    conf->search = leati_malloc(len + 1);
    if (!conf->search)
        return false;
    memcpy(conf->search, words, len);
    conf->search[len] = '\0';
    domains_split(conf, conf->search);
    return true;
}

/* ---- the file --------------------------------------------------------------------------- */

/* What follows a keyword at the beginning of the line, NULL = it is another one. */
static const char *line_value(const char *line, size_t len, const char *keyword)
{
    size_t keyword_len = strlen(keyword);

    if (len <= keyword_len || strncmp(line, keyword, keyword_len) != 0 ||
        (line[keyword_len] != ' ' && line[keyword_len] != '\t'))
        return NULL;
    return line + keyword_len;
}

/* The last "domain" or "search" counts; of the first only one word. */
static void file_take(struct leati_resolv_conf *conf, const char *file, const char **ret_search,
                      size_t *ret_len)
{
    for (const char *line = file; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        const char *value = line_value(line, len, "options");
        if (value)
            options_take(conf, value, (size_t)(line + len - value));
        value = line_value(line, len, "search");
        if (value) {
            *ret_search = value;
            *ret_len = (size_t)(line + len - value);
        }
        value = line_value(line, len, "domain");
        if (value) {
            value += strspn(value, " \t");
            *ret_search = value;
            *ret_len = strcspn(value, blanks);
        }
        line += len + (line[len] == '\n');
    }
}

bool leati_resolv_conf_parse(const struct leati_resolv_conf_source *source,
                             struct leati_resolv_conf *ret_conf)
{
    struct leati_resolv_conf conf = {.ndots = NDOTS_DEFAULT};
    const char *domain = source->host_name ? strchr(source->host_name, '.') : NULL;
    const char *search = domain ? domain + 1 : "";
    size_t len = strlen(search);

    if (source->file)
        file_take(&conf, source->file, &search, &len);
    if (source->options)
        options_take(&conf, source->options, strlen(source->options));
    if (source->local_domain) {
        search = source->local_domain;
        len = strlen(search);
    }
    /* One of the two brings the default of the other. */
    if (conf.timeout_ms != 0 && conf.attempts == 0)
        conf.attempts = ATTEMPTS_DEFAULT;
    if (conf.attempts != 0 && conf.timeout_ms == 0)
        conf.timeout_ms = TIMEOUT_DEFAULT_S * 1000;
    if (!domains_take(&conf, search, len))
        return false;
    *ret_conf = conf;
    return true;
}

/* "" if there is none; NULL: no memory. Whatever else lies there (a FIFO) is not waited for. */
static char *file_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    size_t len = 0;
    char *text = leati_malloc(LEATI_RESOLV_CONF_MAX_BYTES + 1);

    while (text && fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
           len < LEATI_RESOLV_CONF_MAX_BYTES) {
        ssize_t n = read(fd, text + len, LEATI_RESOLV_CONF_MAX_BYTES - len);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    if (fd >= 0)
        close(fd);
    if (text)
        text[len] = '\0';
    return text;
}

bool leati_resolv_conf_read(struct leati_resolv_conf *ret_conf)
{
    char host_name[256];
    char *file = file_read(LEATI_RESOLV_CONF_PATH);

    if (!file)
        return false;
    if (gethostname(host_name, sizeof(host_name)) != 0)
        host_name[0] = '\0';
    host_name[sizeof(host_name) - 1] = '\0';
    const struct leati_resolv_conf_source source = {
        .file = file,
        .local_domain = secure_getenv("LOCALDOMAIN"),
        .options = secure_getenv("RES_OPTIONS"),
        .host_name = host_name,
    };
    bool parsed = leati_resolv_conf_parse(&source, ret_conf);
    leati_free(file);
    return parsed;
}

void leati_resolv_conf_done(struct leati_resolv_conf *conf)
{
    leati_free(conf->search);
    conf->search = NULL;
    conf->domain_count = 0;
}

/* ---- which names a host stands for ------------------------------------------------------ */

static unsigned dots_of(const char *name)
{
    unsigned dots = 0;

    for (; *name != '\0'; name++)
        dots += *name == '.';
    return dots;
}

/* Names for which DNS is not to be asked (RFC 7686) must not come to it with a domain behind. */
bool leati_dns_is_onion(const char *host)
{
    size_t len = strlen(host);

    return leati_text_is_nocase(host, "onion") ||
           (len > 6 && leati_text_is_nocase(host + len - 6, ".onion"));
}

static bool has_root(const struct leati_resolv_conf *conf)
{
    for (size_t i = 0; i < conf->domain_count; i++)
        if (conf->domains[i][0] == '\0')
            return true;
    return false;
}

static bool as_is_comes_first(const struct leati_search *search)
{
    return search->as_is_only || dots_of(search->host) >= search->conf->ndots;
}

static bool as_is_comes_last(const struct leati_search *search)
{
    const struct leati_resolv_conf *conf = search->conf;

    if (as_is_comes_first(search) || has_root(conf))
        return false;
    return !conf->no_tld_query || conf->domain_count == 0 || dots_of(search->host) > 0;
}

static bool name_valid(const char *name)
{
    if (strlen(name) > NAME_MAX_BYTES)
        return false;
    for (;; name++) {
        size_t len = strcspn(name, ".");
        if (len == 0 || len > LABEL_MAX_BYTES)
            return false;
        name += len;
        if (*name == '\0')
            return true;
    }
}

/* Whether there is a name at that place of the order; it may still be too long. */
static bool name_at(const struct leati_search *search, size_t place, const char **ret_domain)
{
    const struct leati_resolv_conf *conf = search->conf;

    *ret_domain = "";
    if (place == 0)
        return as_is_comes_first(search);
    if (place == conf->domain_count + 1)
        return as_is_comes_last(search);
    *ret_domain = conf->domains[place - 1];
    /* The root is the name as it is, which has perhaps been first already. */
    return !search->as_is_only && (**ret_domain != '\0' || !as_is_comes_first(search));
}

void leati_search_init(struct leati_search *search, const struct leati_resolv_conf *conf,
                       const char *host, bool is_absolute)
{
    *search = (struct leati_search){
        .conf = conf, .host = host, .as_is_only = is_absolute || leati_dns_is_onion(host)};
}

bool leati_search_next(struct leati_search *search, char ret_name[LEATI_DNS_NAME_SIZE])
{
    while (search->next <= search->conf->domain_count + 1) {
        const char *domain;
        size_t pos = 0;
        if (!name_at(search, search->next++, &domain) ||
            strlen(search->host) + 1 + strlen(domain) > NAME_MAX_BYTES + 1)
            continue;
        leati_text_append(ret_name, LEATI_DNS_NAME_SIZE, &pos, "%s%s%s", search->host,
                          *domain != '\0' ? "." : "", domain);
        if (name_valid(ret_name))
            return true;
    }
    return false;
}

size_t leati_search_left(const struct leati_search *search)
{
    struct leati_search rest = *search;
    char name[LEATI_DNS_NAME_SIZE];
    size_t left = 0;

    while (leati_search_next(&rest, name))
        left++;
    return left;
}
