/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/ca_store.h"

#include "tls/mbedtls_process.h"
#include "tls/failures.h"
#include "tls/file.h"
#include "tls/judge/hashed_directory.h"
#include "tls/judge/judge.h"
#include "util/alloc.h"
#include "util/fork.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

struct leati_tls_cas {
    struct leati_tls_cas *next; /* in `shared`, if it is there */
    unsigned references;
    bool is_shared;
    struct stat identity;          /* of the file when it was read */
    struct leati_anchors *anchors; /* NULL: mbedTLS verifies */
    bool has_chain;                /* mbedTLS has parsed all */
    mbedtls_x509_crt chain;
};

/* What became of one text or of many. */
struct outcome {
    size_t good; /* certificates that can be read */
    size_t bad;
    int ret; /* why not, in the code of mbedTLS */
    bool out_of_memory;
};

/* Where distributions keep their bundle. */
static const char *const system_paths[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Arch, Gentoo */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",                            /* openSUSE */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* CentOS, RHEL 7 */
    "/etc/ssl/cert.pem",                                 /* Alpine */
    "/etc/ssl/certs",
};

/* Guards `shared` and every reference count. Held while a bundle is parsed, so that the second
 * thread waits for the first one's copy. */
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static struct leati_tls_cas *shared;

static bool identity_equal(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void cas_free(struct leati_tls_cas *cas)
{
    leati_anchors_free(cas->anchors);
    mbedtls_x509_crt_free(&cas->chain);
    leati_free(cas);
}

static struct leati_tls_cas *cas_new(bool with_chain)
{
    struct leati_tls_cas *cas = leati_calloc(1, sizeof(*cas));

    if (!cas)
        return NULL;
    cas->references = 1;
    cas->has_chain = with_chain || !leati_judge_is_there();
    mbedtls_x509_crt_init(&cas->chain);
    if (!leati_judge_is_there())
        return cas;
    cas->anchors = leati_anchors_new();
    if (cas->anchors)
        return cas;
    cas_free(cas);
    return NULL;
}

/* What mbedTLS says about a text in which nothing can be read. */
static int parser_code(const struct leati_tls_file *file)
{
    mbedtls_x509_crt unused;

    mbedtls_x509_crt_init(&unused);
    int ret = mbedtls_x509_crt_parse(&unused, file->data, leati_tls_file_parse_len(file));
    mbedtls_x509_crt_free(&unused);
    return ret < 0 ? ret : MBEDTLS_ERR_X509_INVALID_FORMAT;
}

static void parser_take(struct leati_tls_cas *cas, const struct leati_tls_file *file,
                        struct outcome *outcome)
{
    int ret = mbedtls_x509_crt_parse(&cas->chain, file->data, leati_tls_file_parse_len(file));

    outcome->out_of_memory = outcome->out_of_memory || leati_mbedtls_out_of_memory();
    if (cas->anchors)
        return; /* it is only for names of whom a server trusts */
    outcome->good += cas->chain.raw.p ? 1 : 0;
    outcome->bad += ret != 0;
    outcome->ret = ret;
}

/* Takes `*fd` over, and sets it to -1, if what is in the file is to be read from there by need. */
static void cas_take(struct leati_tls_cas *cas, const struct leati_tls_file *file, int *fd,
                     const char *path, struct outcome *outcome)
{
    struct leati_anchors_added added = {0};
    int code = LEAT_OK;

    if (cas->has_chain)
        parser_take(cas, file, outcome);
    if (!cas->anchors)
        return;
    if (fd && file->len >= LEATI_ANCHORS_LARGE_BYTES) {
        code = leati_anchors_add_file(cas->anchors, *fd, path, file->data, file->len, &added);
        if (code == LEAT_OK)
            *fd = -1;
    } else {
        code = leati_anchors_add(cas->anchors, file->data, file->len, &added);
    }
    outcome->out_of_memory = outcome->out_of_memory || code != LEAT_OK;
    outcome->good += added.good;
    outcome->bad += added.bad + (added.good + added.bad == 0);
    if (added.good == 0 && code == LEAT_OK)
        outcome->ret = parser_code(file);
}

/* A certificate that cannot be read is a CA that cannot be trusted, and no reason to do without
 * the others. */
static int outcome_settle(const struct outcome *outcome, const char *path,
                          struct leati_failure *failure)
{
    if (outcome->out_of_memory || leati_mbedtls_out_of_memory())
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, outcome->ret,
                                "out of memory while reading the CAs of %s", path);
    if (outcome->good == 0)
        return leati_tls_record(failure, LEAT_E_TLS_VERIFY, 0, outcome->ret,
                                "no CA certificate can be parsed in %s: %s", path,
                                leati_mbedtls_error_text(outcome->ret));
    return LEAT_OK;
}

static int unreadable(struct leati_failure *failure, const char *path, int sys_errno)
{
    return leati_tls_record(
        failure, sys_errno == ENOMEM ? LEAT_E_SYSTEM_INTERNAL : LEAT_E_WS_CERT_FILE, sys_errno, 0,
        "cannot read the CAs of %s: %s", path, leati_tls_file_reason(sys_errno));
}

static int entry_take(struct leati_tls_cas *cas, int fd, struct outcome *outcome)
{
    struct leati_tls_file file;
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return 0;
    int sys_errno = leati_tls_file_read_fd(fd, &file);
    if (sys_errno != 0)
        return sys_errno;
    cas_take(cas, &file, NULL, NULL, outcome);
    leati_tls_file_done(&file);
    return 0;
}

/* Each regular file of the directory. Hash links of OpenSSL name certificates a second time, which
 * costs memory and nothing else; files of other kinds do not parse and are left out. */
static int directory_parse(struct leati_tls_cas *cas, DIR *dir, const char *path,
                           struct leati_failure *failure)
{
    struct outcome outcome = {.ret = MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT};
    const struct dirent *entry;

    while (!outcome.out_of_memory && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
        int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            continue;
        int sys_errno = entry_take(cas, fd, &outcome);
        close(fd);
        if (sys_errno == ENOMEM)
            return unreadable(failure, path, ENOMEM);
    }
    return outcome_settle(&outcome, path, failure);
}

/* Whether its certificates are to be found by the hash of their name. */
static bool directory_is_hashed(DIR *dir)
{
    const struct dirent *entry;
    bool is_hashed = false;

    while (!is_hashed && (entry = readdir(dir)))
        is_hashed = leati_hashed_directory_is_name(entry->d_name);
    rewinddir(dir);
    return is_hashed;
}

static int directory_keep(struct leati_tls_cas *cas, DIR *dir, const char *path,
                          struct leati_failure *failure)
{
    int fd = fcntl(dirfd(dir), F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return unreadable(failure, path, errno);
    int code = leati_anchors_add_directory(cas->anchors, fd, path);
    if (code == LEAT_OK)
        return LEAT_OK;
    close(fd);
    return leati_tls_record(failure, code, 0, 0, "out of memory while reading the CAs of %s", path);
}

static int directory_load(struct leati_tls_cas *cas, int dir_fd, const char *path,
                          struct leati_failure *failure)
{
    DIR *dir = fdopendir(dir_fd);
    if (!dir) {
        int sys_errno = errno;
        close(dir_fd);
        return unreadable(failure, path, sys_errno);
    }

    int code = cas->anchors && !cas->has_chain && directory_is_hashed(dir)
                   ? directory_keep(cas, dir, path, failure)
                   : directory_parse(cas, dir, path, failure);
    closedir(dir);
    return code;
}

static int file_load(struct leati_tls_cas *cas, int fd, const char *path,
                     struct leati_failure *failure)
{
    struct outcome outcome = {0};
    struct leati_tls_file file;
    int sys_errno = leati_tls_file_read_fd(fd, &file);

    if (sys_errno == 0) {
        cas_take(cas, &file, &fd, path, &outcome);
        leati_tls_file_done(&file);
    }
    if (fd >= 0)
        close(fd);
    return sys_errno != 0 ? unreadable(failure, path, sys_errno)
                          : outcome_settle(&outcome, path, failure);
}

static struct leati_tls_cas *shared_find(const struct stat *identity, bool with_chain)
{
    struct leati_tls_cas *cas = shared;

    while (cas && (!identity_equal(&cas->identity, identity) || (with_chain && !cas->has_chain)))
        cas = cas->next;
    return cas;
}

/* Takes over `fd`. Called with the lock held. */
static int cas_load(int fd, const char *path, bool with_chain, struct leati_failure *failure,
                    struct leati_tls_cas **ret_cas)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        int sys_errno = errno;
        close(fd);
        return unreadable(failure, path, sys_errno);
    }
    struct leati_tls_cas *cas = S_ISREG(st.st_mode) ? shared_find(&st, with_chain) : NULL;
    if (cas) {
        close(fd);
        cas->references++;
        *ret_cas = cas;
        return LEAT_OK;
    }

    cas = cas_new(with_chain);
    if (!cas) {
        close(fd);
        return unreadable(failure, path, ENOMEM);
    }
    leati_mbedtls_enter();
    int code = S_ISDIR(st.st_mode) ? directory_load(cas, fd, path, failure)
                                   : file_load(cas, fd, path, failure);
    if (code != LEAT_OK) {
        cas_free(cas);
        return code;
    }
    /* A directory has no identity that changes with its files, so it is not shared. */
    if (S_ISREG(st.st_mode)) {
        cas->is_shared = true;
        cas->identity = st;
        cas->next = shared;
        shared = cas;
    }
    *ret_cas = cas;
    return LEAT_OK;
}

static int system_open(const char **ret_path)
{
    for (size_t i = 0; i < sizeof(system_paths) / sizeof(system_paths[0]); i++) {
        int fd = leati_tls_file_open(system_paths[i]);
        if (fd >= 0) {
            *ret_path = system_paths[i];
            return fd;
        }
    }
    return -1;
}

int leati_tls_cas_acquire(const char *path, bool with_chain, struct leati_failure *failure,
                          struct leati_tls_cas **ret_cas)
{
    int fd = path ? leati_tls_file_open(path) : system_open(&path);

    if (fd < 0 && !path)
        return leati_tls_record(failure, LEAT_E_WS_CERT_FILE, ENOENT, 0,
                                "this system has no CA bundle in any known place (%s, ...)",
                                system_paths[0]);
    if (fd < 0)
        return unreadable(failure, path, errno);

    leati_lock(&shared_lock);
    int code = cas_load(fd, path, with_chain, failure, ret_cas);
    leati_unlock(&shared_lock);
    return code;
}

int leati_tls_cas_parse(const char *const *texts, size_t count, bool with_chain,
                        struct leati_failure *failure, struct leati_tls_cas **ret_cas)
{
    static const char name[] = "the given texts";
    struct leati_tls_cas *cas = cas_new(with_chain);
    struct outcome outcome = {0};

    if (!cas)
        return unreadable(failure, name, ENOMEM);
    leati_mbedtls_enter();
    for (size_t i = 0; i < count && outcome.bad == 0; i++) {
        struct leati_tls_file file = leati_tls_file_of_text(texts[i]);
        cas_take(cas, &file, NULL, NULL, &outcome);
    }
    int code = outcome_settle(&outcome, name, failure);
    /* Whoever names few CAs means each of them. */
    if (code == LEAT_OK && outcome.bad > 0)
        code = leati_tls_record(
            failure, LEAT_E_TLS_VERIFY, 0, outcome.ret, "a CA certificate cannot be parsed: %s",
            outcome.ret < 0 ? leati_mbedtls_error_text(outcome.ret) : "one of several");
    if (code != LEAT_OK) {
        cas_free(cas);
        return code;
    }
    *ret_cas = cas;
    return LEAT_OK;
}

int leati_tls_cas_of(const uint8_t *der, size_t len, struct leati_tls_cas **ret_cas)
{
    struct leati_tls_cas *cas = cas_new(false);
    struct leati_anchors_added added;
    int code = LEAT_OK;

    if (!cas)
        return LEAT_E_SYSTEM_INTERNAL;
    leati_mbedtls_enter();
    if (der && cas->anchors)
        code = leati_anchors_add(cas->anchors, der, len, &added);
    else if (der)
        (void)mbedtls_x509_crt_parse_der(&cas->chain, der, len);
    if (code != LEAT_OK || leati_mbedtls_out_of_memory()) {
        cas_free(cas);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    *ret_cas = cas;
    return LEAT_OK;
}

static void shared_unlink(struct leati_tls_cas *cas)
{
    struct leati_tls_cas **link = &shared;

    while (*link != cas)
        link = &(*link)->next;
    *link = cas->next;
}

void leati_tls_cas_release(struct leati_tls_cas *cas)
{
    if (!cas)
        return;
    leati_lock(&shared_lock);
    bool last = --cas->references == 0;
    if (last && cas->is_shared)
        shared_unlink(cas);
    leati_unlock(&shared_lock);
    if (last)
        cas_free(cas);
}

mbedtls_x509_crt *leati_tls_cas_chain(struct leati_tls_cas *cas)
{
    return &cas->chain;
}

struct leati_anchors *leati_tls_cas_anchors(struct leati_tls_cas *cas)
{
    return cas->anchors;
}
