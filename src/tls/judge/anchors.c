/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/judge/anchors.h"

#include "tls/crypto/libcrypto.h"
#include "tls/judge/hashed_directory.h"
#include "tls/judge/x509.h"
#include "util/alloc.h"
#include "util/fork.h"

#include <leat/error_codes.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/x509v3.h>

/* So many stay decoded, which costs 5 KiB each: chains of strangers may ask for all. */
#define DECODED_MAX 16u
/* A file of a directory, and what stands between BEGIN and END. */
#define ENTRY_LIMIT_BYTES 65536u
/* How many certificates of a directory may have one hash. */
#define SAME_HASH_MAX 64u

struct anchor {
    uint32_t hash;   /* of the subject */
    uint32_t offset; /* in the large file, of the Base64 */
    uint32_t len;    /* of the Base64 or of `der` */
    uint8_t *der;    /* NULL: it is in the large file */
    X509 *cert;      /* NULL: not decoded */
};

struct leati_anchors {
    pthread_mutex_t lock;
    struct anchor *list;
    size_t count;
    size_t capacity;
    size_t decoded;
    int fd; /* of the large file; -1: there is none */
    char *path;
    struct stat identity; /* of the large file when it was looked through */
    int dir_fd;           /* -1: there is none; then nothing stands in the list but what is in it */
    char *dir_path;
    struct stat dir_identity; /* when it was opened, or found to have changed */
    bool is_scanned;          /* what is not named by hash in the directory is in the list */
};

struct leati_anchors *leati_anchors_new(void)
{
    struct leati_anchors *anchors = leati_calloc(1, sizeof(*anchors));

    if (!anchors)
        return NULL;
    pthread_mutex_init(&anchors->lock, NULL);
    anchors->fd = -1;
    anchors->dir_fd = -1;
    return anchors;
}

static void anchor_done(struct anchor *anchor)
{
    leati_free(anchor->der);
    X509_free(anchor->cert);
}

static bool identity_equal(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Whether the descriptor is still that of the file or directory: a program may close all that it does
 * not know, and get the number for something else. */
static bool fd_is_ours(int fd, const struct stat *identity)
{
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == identity->st_dev &&
           st.st_ino == identity->st_ino;
}

void leati_anchors_free(struct leati_anchors *anchors)
{
    if (!anchors)
        return;
    leati_fork_hold();
    for (size_t i = 0; i < anchors->count; i++)
        anchor_done(&anchors->list[i]);
    leati_fork_let();
    if (fd_is_ours(anchors->fd, &anchors->identity))
        close(anchors->fd);
    if (fd_is_ours(anchors->dir_fd, &anchors->dir_identity))
        close(anchors->dir_fd);
    pthread_mutex_destroy(&anchors->lock);
    leati_free(anchors->path);
    leati_free(anchors->dir_path);
    leati_free(anchors->list);
    leati_free(anchors);
}

/* ---- the list -------------------------------------------------------------------------------- */

static bool list_append(struct leati_anchors *anchors, const struct anchor *anchor)
{
    if (anchors->count == anchors->capacity &&
        !leati_grow(&anchors->list, &anchors->capacity, 4, sizeof(anchors->list[0])))
        return false;
    anchors->list[anchors->count++] = *anchor;
    return true;
}

static bool list_has(const struct leati_anchors *anchors, const struct anchor *anchor)
{
    for (size_t i = 0; i < anchors->count; i++) {
        const struct anchor *one = &anchors->list[i];
        if (one->hash == anchor->hash && one->der && one->len == anchor->len &&
            memcmp(one->der, anchor->der, anchor->len) == 0)
            return true;
    }
    return false;
}

static void list_trim(struct leati_anchors *anchors)
{
    struct anchor *list =
        anchors->count > 0 ? leati_realloc(anchors->list, anchors->count * sizeof(*list)) : NULL;

    if (!list)
        return;
    anchors->list = list;
    anchors->capacity = anchors->count;
}

static bool name_hash(const X509_NAME *name, uint32_t *ret_hash)
{
    int is_good = 0;
    unsigned long hash = X509_NAME_hash_ex(name, leati_crypto_context(), NULL, &is_good);

    *ret_hash = (uint32_t)hash;
    return is_good == 1;
}

/* Steps into the next element of DER, or over it. */
static bool der_step(const uint8_t **at, const uint8_t *end, bool into, int *ret_tag)
{
    long len = 0;
    int class = 0;

    if (*at >= end || (ASN1_get_object(at, &len, ret_tag, &class, end - *at) & 0x80) != 0 ||
        len > end - *at)
        return false;
    if (!into)
        *at += len;
    return true;
}

/* The subject, without decoding keys and extensions: RFC 5280 section 4.1. */
static X509_NAME *subject_decode(const uint8_t *der, size_t len)
{
    const uint8_t *at = der, *end = der + len;
    int tag;

    if (!der_step(&at, end, true, &tag) || tag != V_ASN1_SEQUENCE ||
        !der_step(&at, end, true, &tag) || tag != V_ASN1_SEQUENCE ||
        !der_step(&at, end, false, &tag))
        return NULL;
    /* The version may be absent, then the first one is the serial number. */
    bool has_version = tag != V_ASN1_INTEGER;
    for (int i = has_version ? 0 : 1; i < 4; i++)
        if (!der_step(&at, end, false, &tag))
            return NULL;
    return d2i_X509_NAME(NULL, &at, end - at);
}

/* Into `anchor`, whose `der` and `len` are set. `whole`: the whole certificate must be readable. */
static bool anchor_read(struct anchor *anchor, bool whole)
{
    if (whole) {
        anchor->cert = leati_x509_decode(anchor->der, anchor->len);
        return anchor->cert && name_hash(X509_get_subject_name(anchor->cert), &anchor->hash);
    }
    X509_NAME *name = subject_decode(anchor->der, anchor->len);
    bool is_good = name && name_hash(name, &anchor->hash);
    X509_NAME_free(name);
    return is_good;
}

/* LEAT_OK: read; LEAT_E_TLS_VERIFY: it cannot be read; LEAT_E_SYSTEM_INTERNAL. libcrypto does not
 * say for sure that it had no memory: what fails is tried again. */
static int anchor_try(struct anchor *anchor, bool whole)
{
    if (!leati_crypto_context())
        return LEAT_E_SYSTEM_INTERNAL;
    if (anchor_read(anchor, whole))
        return LEAT_OK;
    X509_free(anchor->cert);
    anchor->cert = NULL;
    bool is_good = anchor_read(anchor, whole);
    X509_free(anchor->cert);
    anchor->cert = NULL;
    return is_good ? LEAT_E_SYSTEM_INTERNAL : LEAT_E_TLS_VERIFY;
}

/* Takes `der` over. */
static int der_add(struct leati_anchors *anchors, uint8_t *der, size_t len)
{
    struct anchor anchor = {.der = der, .len = (uint32_t)len};
    int code = len > UINT32_MAX ? LEAT_E_TLS_VERIFY : anchor_try(&anchor, true);

    /* A file of a directory that has not the name of its hash is read again and again. */
    if (code == LEAT_OK && list_has(anchors, &anchor)) {
        anchor_done(&anchor);
        return LEAT_OK;
    }
    if (code == LEAT_OK && anchors->decoded >= DECODED_MAX) {
        X509_free(anchor.cert);
        anchor.cert = NULL;
    }
    if (code == LEAT_OK && !list_append(anchors, &anchor))
        code = LEAT_E_SYSTEM_INTERNAL;
    if (code != LEAT_OK)
        anchor_done(&anchor);
    else
        anchors->decoded += anchor.cert ? 1 : 0;
    return code;
}

/* One of the large file: only where it stands is kept. */
static int place_add(struct leati_anchors *anchors, size_t offset, size_t len, uint8_t *der,
                     size_t der_len)
{
    struct anchor anchor = {.der = der, .len = (uint32_t)der_len};
    int code = anchor_try(&anchor, false);

    leati_free(der);
    if (code != LEAT_OK)
        return code;
    anchor.der = NULL;
    anchor.offset = (uint32_t)offset;
    anchor.len = (uint32_t)len;
    return list_append(anchors, &anchor) ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
}

static int pem_add(struct leati_anchors *anchors, const uint8_t *text, size_t len, bool by_place,
                   struct leati_anchors_added *added)
{
    size_t pos = 0, start, base64_len, der_len;

    while (leati_x509_pem_next(text, len, &pos, &start, &base64_len)) {
        bool fits = base64_len <= ENTRY_LIMIT_BYTES && start <= UINT32_MAX;
        uint8_t *der = fits ? leati_x509_pem_decode(text + start, base64_len, &der_len) : NULL;
        int code = LEAT_E_TLS_VERIFY;
        if (!der && fits) {
            /* As in anchor_try(). */
            der = leati_x509_pem_decode(text + start, base64_len, &der_len);
            if (der) {
                leati_free(der);
                return LEAT_E_SYSTEM_INTERNAL;
            }
        } else if (der) {
            code = by_place ? place_add(anchors, start, base64_len, der, der_len)
                            : der_add(anchors, der, der_len);
        }
        if (code == LEAT_E_SYSTEM_INTERNAL)
            return code;
        if (code == LEAT_OK) {
            added->good++;
        } else {
            added->bad++;
            added->why = leati_x509_words();
        }
    }
    return LEAT_OK;
}

static int text_add(struct leati_anchors *anchors, const uint8_t *text, size_t len, bool by_place,
                    struct leati_anchors_added *added)
{
    int code = pem_add(anchors, text, len, by_place, added);

    if (code != LEAT_OK || added->good + added->bad > 0 || len == 0 ||
        text[0] != (V_ASN1_CONSTRUCTED | V_ASN1_SEQUENCE) || len > ENTRY_LIMIT_BYTES)
        return code;
    uint8_t *der = (uint8_t *)leati_bytes_dup(text, len);
    code = der ? der_add(anchors, der, len) : LEAT_E_SYSTEM_INTERNAL;
    added->good += code == LEAT_OK;
    added->bad += code == LEAT_E_TLS_VERIFY;
    if (code == LEAT_E_TLS_VERIFY)
        added->why = leati_x509_words();
    return code == LEAT_E_SYSTEM_INTERNAL ? code : LEAT_OK;
}

int leati_anchors_add(struct leati_anchors *anchors, const uint8_t *text, size_t len,
                      struct leati_anchors_added *ret_added)
{
    *ret_added = (struct leati_anchors_added){.why = "there is no certificate in it"};
    leati_crypto_begin();
    int code = text_add(anchors, text, len, false, ret_added);
    leati_crypto_end();
    return code;
}

/* ---- the large file -------------------------------------------------------------------------- */

int leati_anchors_add_file(struct leati_anchors *anchors, int fd, const char *path,
                           const uint8_t *text, size_t len, struct leati_anchors_added *ret_added)
{
    struct stat st;
    char *copy = leati_strdup(path);

    *ret_added = (struct leati_anchors_added){.why = "there is no certificate in it"};
    if (!copy || fstat(fd, &st) != 0) {
        leati_free(copy);
        return LEAT_E_SYSTEM_INTERNAL;
    }
    leati_crypto_begin();
    int code = text_add(anchors, text, len, true, ret_added);
    leati_crypto_end();
    if (code != LEAT_OK) {
        leati_free(copy);
        return code;
    }
    list_trim(anchors);
    leati_free(anchors->path);
    anchors->path = copy;
    anchors->identity = st;
    anchors->fd = fd;
    return LEAT_OK;
}

static bool fd_read_at(int fd, uint8_t *buf, size_t len, size_t offset)
{
    while (len > 0) {
        ssize_t some = pread(fd, buf, len, (off_t)offset);
        if (some < 0 && errno == EINTR)
            continue;
        if (some <= 0)
            return false;
        buf += some;
        len -= (size_t)some;
        offset += (size_t)some;
    }
    return true;
}

/* What stands in the large file, or all that the directory has. */
static void list_drop(struct leati_anchors *anchors, bool in_file)
{
    size_t kept = 0;

    for (size_t i = 0; i < anchors->count; i++) {
        struct anchor *anchor = &anchors->list[i];
        if (anchor->der && in_file) {
            anchors->list[kept++] = *anchor;
            continue;
        }
        anchors->decoded -= anchor->cert ? 1 : 0;
        anchor_done(anchor);
    }
    anchors->count = kept;
}

/* Looks through the large file again, which is another one now. What cannot be read trusts nobody.
 */
static int file_renew(struct leati_anchors *anchors)
{
    struct leati_anchors_added added = {.why = ""};
    struct stat st;

    if (!fd_is_ours(anchors->fd, &anchors->identity))
        anchors->fd = open(anchors->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    list_drop(anchors, true);
    if (anchors->fd < 0 || fstat(anchors->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size <= 0 || (uintmax_t)st.st_size > UINT32_MAX)
        return LEAT_OK;
    anchors->identity = st;
    uint8_t *text = leati_malloc((size_t)st.st_size);
    if (!text)
        return LEAT_E_SYSTEM_INTERNAL;
    int code = LEAT_OK;
    if (fd_read_at(anchors->fd, text, (size_t)st.st_size, 0))
        code = text_add(anchors, text, (size_t)st.st_size, true, &added);
    leati_free(text);
    return code;
}

static int file_check(struct leati_anchors *anchors)
{
    struct stat st;

    if (!anchors->path || (anchors->fd >= 0 && fstat(anchors->fd, &st) == 0 &&
                           identity_equal(&st, &anchors->identity)))
        return LEAT_OK;
    return file_renew(anchors);
}

/* Decodes what stands in the large file. NULL: it cannot be, or there is no memory. */
static X509 *place_decode(const struct leati_anchors *anchors, const struct anchor *anchor)
{
    size_t der_len;
    uint8_t *base64 = leati_malloc(anchor->len);
    uint8_t *der = base64 && fd_read_at(anchors->fd, base64, anchor->len, anchor->offset)
                       ? leati_x509_pem_decode(base64, anchor->len, &der_len)
                       : NULL;
    X509 *cert = der ? leati_x509_decode(der, der_len) : NULL;

    leati_free(der);
    leati_free(base64);
    return cert;
}

/* ---- the directory --------------------------------------------------------------------------- */

int leati_anchors_add_directory(struct leati_anchors *anchors, int dir_fd, const char *path)
{
    if (fstat(dir_fd, &anchors->dir_identity) != 0)
        return LEAT_E_SYSTEM_INTERNAL;
    anchors->dir_path = leati_strdup(path);
    if (!anchors->dir_path)
        return LEAT_E_SYSTEM_INTERNAL;
    anchors->dir_fd = dir_fd;
    return LEAT_OK;
}

/* Another directory, or one whose names have changed, is read anew. */
static void directory_check(struct leati_anchors *anchors)
{
    struct stat st;

    if (!anchors->dir_path || (anchors->dir_fd >= 0 && fstat(anchors->dir_fd, &st) == 0 &&
                               identity_equal(&st, &anchors->dir_identity)))
        return;
    if (!fd_is_ours(anchors->dir_fd, &anchors->dir_identity))
        anchors->dir_fd = open(anchors->dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    list_drop(anchors, false);
    anchors->is_scanned = false;
    if (anchors->dir_fd >= 0 && fstat(anchors->dir_fd, &st) == 0)
        anchors->dir_identity = st;
}

/* LEAT_OK also where nothing can be read; `ret_is_there` whether there was something to open. */
static int entry_add(struct leati_anchors *anchors, const char *name, bool *ret_is_there)
{
    struct leati_anchors_added added = {.why = ""};
    struct stat st;
    int fd = openat(anchors->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int code = LEAT_OK;

    *ret_is_there = fd >= 0;
    if (fd < 0)
        return LEAT_OK;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
        st.st_size <= (off_t)ENTRY_LIMIT_BYTES) {
        uint8_t *text = leati_malloc((size_t)st.st_size);
        if (!text)
            code = LEAT_E_SYSTEM_INTERNAL;
        else if (fd_read_at(fd, text, (size_t)st.st_size, 0))
            code = text_add(anchors, text, (size_t)st.st_size, false, &added);
        leati_free(text);
    }
    close(fd);
    return code;
}

static int rest_take(void *user, const char *name)
{
    bool is_there;

    return entry_add(user, name, &is_there);
}

/* What is not named by hash: a directory may have both. */
static int directory_scan(struct leati_anchors *anchors)
{
    int code = leati_hashed_directory_rest(anchors->dir_fd, rest_take, anchors);

    anchors->is_scanned = code == LEAT_OK;
    return code;
}

static int directory_look_up(struct leati_anchors *anchors, uint32_t hash)
{
    bool is_there = true;
    int code = LEAT_OK;

    for (unsigned i = 0; code == LEAT_OK && is_there && i < SAME_HASH_MAX; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%08x.%u", hash, i);
        code = entry_add(anchors, name, &is_there);
    }
    return code;
}

/* ---- lookups --------------------------------------------------------------------------------- */

static bool stack_has(const STACK_OF(X509) * stack, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(stack); i++)
        if (X509_cmp(sk_X509_value(stack, i), cert) == 0)
            return true;
    return false;
}

static bool stack_add(STACK_OF(X509) * stack, X509 *cert)
{
    if (stack_has(stack, cert))
        return true;
    if (sk_X509_push(stack, cert) <= 0)
        return false;
    X509_up_ref(cert);
    return true;
}

/* A certificate that cannot be decoded is no anchor. */
static int anchor_use(struct leati_anchors *anchors, struct anchor *anchor, const X509_NAME *name,
                      STACK_OF(X509) * found)
{
    X509 *cert = anchor->cert;

    if (!cert && anchor->der)
        cert = leati_x509_decode(anchor->der, anchor->len);
    else if (!cert)
        cert = place_decode(anchors, anchor);
    if (!cert)
        return LEAT_OK;
    /* Its extensions are read now, with the lock, and not when several threads have it. Where that
     * fails memory may be what lacks, so it is not kept. */
    bool is_sound = X509_check_purpose(cert, -1, 0) == 1;
    bool is_added = X509_NAME_cmp(X509_get_subject_name(cert), name) != 0 || stack_add(found, cert);
    if (is_sound && !anchor->cert && anchors->decoded < DECODED_MAX) {
        anchor->cert = cert;
        anchors->decoded++;
    } else if (!anchor->cert) {
        X509_free(cert);
    } else if (!is_sound) {
        X509_free(anchor->cert);
        anchor->cert = NULL;
        anchors->decoded--;
    }
    return is_added ? LEAT_OK : LEAT_E_SYSTEM_INTERNAL;
}

static int list_find(struct leati_anchors *anchors, uint32_t hash, const X509_NAME *name,
                     STACK_OF(X509) * found, size_t *ret_matches)
{
    int code = LEAT_OK;

    *ret_matches = 0;
    for (size_t i = 0; code == LEAT_OK && i < anchors->count; i++) {
        if (anchors->list[i].hash != hash)
            continue;
        ++*ret_matches;
        code = anchor_use(anchors, &anchors->list[i], name, found);
    }
    return code;
}

static int anchors_find(struct leati_anchors *anchors, uint32_t hash, const X509_NAME *name,
                        STACK_OF(X509) * found)
{
    size_t matches = 0;
    int code = file_check(anchors);

    directory_check(anchors);
    if (code == LEAT_OK)
        code = list_find(anchors, hash, name, found, &matches);
    if (code != LEAT_OK || anchors->dir_fd < 0 || matches > 0)
        return code;
    code = directory_look_up(anchors, hash);
    if (code == LEAT_OK)
        code = list_find(anchors, hash, name, found, &matches);
    if (code != LEAT_OK || matches > 0 || anchors->is_scanned)
        return code;
    code = directory_scan(anchors);
    return code == LEAT_OK ? list_find(anchors, hash, name, found, &matches) : code;
}

int leati_anchors_find(struct leati_anchors *anchors, const X509_NAME *name, STACK_OF(X509) * found)
{
    uint32_t hash;

    if (!name_hash(name, &hash))
        return LEAT_E_SYSTEM_INTERNAL;
    leati_lock(&anchors->lock);
    int code = anchors_find(anchors, hash, name, found);
    leati_unlock(&anchors->lock);
    return code;
}
