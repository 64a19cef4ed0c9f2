/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/ca_store.h"

#include "tls/mbedtls_process.h"
#include "tls/failures.h"
#include "tls/file.h"
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
    struct stat identity; /* of the file when it was read */
    mbedtls_x509_crt chain;
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

static struct leati_tls_cas *cas_new(void)
{
    struct leati_tls_cas *cas = leati_calloc(1, sizeof(*cas));

    if (!cas)
        return NULL;
    cas->references = 1;
    mbedtls_x509_crt_init(&cas->chain);
    return cas;
}

static void cas_free(struct leati_tls_cas *cas)
{
    mbedtls_x509_crt_free(&cas->chain);
    leati_free(cas);
}

static bool cas_has_any(const struct leati_tls_cas *cas)
{
    return cas->chain.raw.p;
}

/* What mbedTLS's parser said, once something was parsed: a certificate that it cannot read is a CA
 * that it cannot trust, and no reason to do without the others. */
static int parse_outcome(const struct leati_tls_cas *cas, int ret, const char *path,
                         struct leati_failure *failure)
{
    if (leati_mbedtls_out_of_memory())
        return leati_tls_record(failure, LEAT_E_SYSTEM_INTERNAL, 0, ret,
                                "out of memory while reading the CAs of %s", path);
    if (!cas_has_any(cas))
        return leati_tls_record(failure, LEAT_E_TLS_VERIFY, 0, ret,
                                "no CA certificate can be parsed in %s: %s", path,
                                leati_mbedtls_error_text(ret));
    return LEAT_OK;
}

static int unreadable(struct leati_failure *failure, const char *path, int sys_errno)
{
    return leati_tls_record(
        failure, sys_errno == ENOMEM ? LEAT_E_SYSTEM_INTERNAL : LEAT_E_WS_CERT_FILE, sys_errno, 0,
        "cannot read the CAs of %s: %s", path, leati_tls_file_reason(sys_errno));
}

static int chain_parse_fd(mbedtls_x509_crt *chain, int fd, int *ret_parse)
{
    struct leati_tls_file file;
    int sys_errno = leati_tls_file_read_fd(fd, &file);

    if (sys_errno != 0)
        return sys_errno;
    *ret_parse = mbedtls_x509_crt_parse(chain, file.data, leati_tls_file_parse_len(&file));
    leati_tls_file_done(&file);
    return 0;
}

/* Each regular file of the directory. Hash links of OpenSSL name certificates a second time, which
 * costs memory and nothing else; files of other kinds do not parse and are left out. */
static int directory_parse(struct leati_tls_cas *cas, int dir_fd, const char *path,
                           struct leati_failure *failure)
{
    DIR *dir = fdopendir(dir_fd);
    if (!dir) {
        int sys_errno = errno;
        close(dir_fd);
        return unreadable(failure, path, sys_errno);
    }

    int ret = MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT;
    const struct dirent *entry;
    while ((entry = readdir(dir)) && !leati_mbedtls_out_of_memory()) {
        if (entry->d_name[0] == '.')
            continue;
        /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
        int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            continue;
        struct stat st;
        int sys_errno = 0;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
            sys_errno = chain_parse_fd(&cas->chain, fd, &ret);
        close(fd);
        if (sys_errno == ENOMEM) {
            closedir(dir);
            return unreadable(failure, path, ENOMEM);
        }
    }
    closedir(dir);
    return parse_outcome(cas, ret, path, failure);
}

static int file_parse(struct leati_tls_cas *cas, int fd, const char *path,
                      struct leati_failure *failure)
{
    int ret = 0;
    int sys_errno = chain_parse_fd(&cas->chain, fd, &ret);

    close(fd);
    if (sys_errno != 0)
        return unreadable(failure, path, sys_errno);
    return parse_outcome(cas, ret, path, failure);
}

static struct leati_tls_cas *shared_find(const struct stat *identity)
{
    struct leati_tls_cas *cas = shared;

    while (cas && !identity_equal(&cas->identity, identity))
        cas = cas->next;
    return cas;
}

/* Takes over `fd`. Called with the lock held. */
static int cas_load(int fd, const char *path, struct leati_failure *failure,
                    struct leati_tls_cas **ret_cas)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        int sys_errno = errno;
        close(fd);
        return unreadable(failure, path, sys_errno);
    }
    struct leati_tls_cas *cas = S_ISREG(st.st_mode) ? shared_find(&st) : NULL;
    if (cas) {
        close(fd);
        cas->references++;
        *ret_cas = cas;
        return LEAT_OK;
    }

    cas = cas_new();
    if (!cas) {
        close(fd);
        return unreadable(failure, path, ENOMEM);
    }
    leati_mbedtls_enter();
    int code = S_ISDIR(st.st_mode) ? directory_parse(cas, fd, path, failure)
                                   : file_parse(cas, fd, path, failure);
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

int leati_tls_cas_acquire(const char *path, struct leati_failure *failure,
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
    int code = cas_load(fd, path, failure, ret_cas);
    leati_unlock(&shared_lock);
    return code;
}

int leati_tls_cas_parse(const char *const *texts, size_t count, struct leati_failure *failure,
                        struct leati_tls_cas **ret_cas)
{
    static const char name[] = "the given texts";
    struct leati_tls_cas *cas = cas_new();
    int ret = 0;

    if (!cas)
        return unreadable(failure, name, ENOMEM);
    leati_mbedtls_enter();
    for (size_t i = 0; i < count && ret == 0; i++) {
        struct leati_tls_file file = leati_tls_file_of_text(texts[i]);
        ret = mbedtls_x509_crt_parse(&cas->chain, file.data, leati_tls_file_parse_len(&file));
    }
    int code = parse_outcome(cas, ret, name, failure);
    /* Whoever names few CAs means each of them. */
    if (code == LEAT_OK && ret != 0)
        code = leati_tls_record(failure, LEAT_E_TLS_VERIFY, 0, ret,
                                "a CA certificate cannot be parsed: %s",
                                ret < 0 ? leati_mbedtls_error_text(ret) : "one of several");
    if (code != LEAT_OK) {
        cas_free(cas);
        return code;
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
