/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/mutator.h"

#define PIECES_MAX 256

struct piece_list {
    struct fuzz_input pieces[PIECES_MAX];
    size_t count;
};

uint32_t mutator_choose(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

void mutator_replace(struct mutator_piece *piece, size_t at, size_t old_len, const void *bytes,
                     size_t len)
{
    FUZZ_MUST(at <= piece->len && old_len <= piece->len - at);
    if (len > piece->cap - (piece->len - old_len))
        return;
    memmove(piece->bytes + at + len, piece->bytes + at + old_len, piece->len - at - old_len);
    if (bytes && len > 0)
        memcpy(piece->bytes + at, bytes, len);
    else if (len > 0)
        memset(piece->bytes + at, 0, len);
    piece->len = piece->len - old_len + len;
}

void mutator_change_bytes(struct mutator_piece *piece, size_t at, size_t len, uint32_t *seed)
{
    static uint8_t part[MUTATOR_MAX_BYTES];
    FUZZ_MUST(at <= piece->len && len <= piece->len - at);
    if (!LLVMFuzzerMutate) {
        uint8_t byte = (uint8_t)mutator_choose(seed, 256);
        mutator_replace(piece, at + (len > 0 ? mutator_choose(seed, (uint32_t)len) : 0),
                        len > 0 ? 1 : 0, &byte, 1);
        return;
    }
    size_t cap = piece->cap - (piece->len - len);
    if (cap == 0)
        return;
    if (len > 0)
        memcpy(part, piece->bytes + at, len);
    mutator_replace(piece, at, len, part, LLVMFuzzerMutate(part, len, cap));
}

static void list_make(struct piece_list *list, const struct mutator_format *format,
                      struct fuzz_input rest)
{
    list->count = 0;
    while (rest.len > 0 && list->count < PIECES_MAX - 1) {
        size_t len = list->count < PIECES_MAX - 2
                         ? format->measure(rest.data, rest.len, list->count)
                         : rest.len;
        FUZZ_MUST(len > 0 && len <= rest.len);
        list->pieces[list->count++] = fuzz_take_bytes(&rest, len);
    }
}

static void list_put_in(struct piece_list *list, size_t at, struct fuzz_input piece)
{
    memmove(list->pieces + at + 1, list->pieces + at, (list->count - at) * sizeof(list->pieces[0]));
    list->pieces[at] = piece;
    list->count++;
}

static void list_take_out(struct piece_list *list, size_t at)
{
    list->count--;
    memmove(list->pieces + at, list->pieces + at + 1, (list->count - at) * sizeof(list->pieces[0]));
}

/* One piece is put in, left out or moved; there is room for one more. */
static void list_change(struct piece_list *list, const struct mutator_format *format,
                        uint32_t *seed)
{
    size_t at = mutator_choose(seed, (uint32_t)list->count);
    size_t to = mutator_choose(seed, (uint32_t)list->count + 1);
    struct fuzz_input piece = list->pieces[at];
    const struct mutator_known *known;
    switch (mutator_choose(seed, 4)) {
    case 0:
        list_take_out(list, at);
        break;
    case 1:
        list_put_in(list, to, piece);
        break;
    case 2:
        list_take_out(list, at);
        list_put_in(list, to < list->count ? to : list->count, piece);
        break;
    default:
        known = &format->known[mutator_choose(seed, (uint32_t)format->known_count)];
        piece = (struct fuzz_input){(const uint8_t *)known->bytes, known->len};
        list_put_in(list, to, piece);
        break;
    }
}

/* Writes what fits. @return how much. */
static size_t list_write(const struct piece_list *list, uint8_t *data, size_t max_size)
{
    size_t size = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t len = list->pieces[i].len < max_size - size ? list->pieces[i].len : max_size - size;
        if (len > 0)
            memcpy(data + size, list->pieces[i].data, len);
        size += len;
    }
    return size;
}

/* Changes one piece within itself. @return whether there is one. */
static bool piece_change(struct piece_list *list, const struct mutator_format *format,
                         const uint8_t *head, size_t max_size, uint32_t *seed)
{
    static uint8_t changed[MUTATOR_MAX_BYTES];
    size_t others = 0;
    size_t at = mutator_choose(seed, (uint32_t)list->count);
    for (size_t i = 0; i < list->count; i++)
        others += i == at ? 0 : list->pieces[i].len;
    if (others + list->pieces[at].len > max_size)
        return false;
    struct mutator_piece piece = {changed, list->pieces[at].len, max_size - others};
    memcpy(changed, list->pieces[at].data, piece.len);
    format->change(&piece, head, seed);
    FUZZ_MUST(piece.len <= piece.cap);
    list->pieces[at] = (struct fuzz_input){changed, piece.len};
    return true;
}

static size_t bytes_change(uint8_t *data, size_t size, size_t max_size, uint32_t *seed)
{
    struct mutator_piece whole = {data, size, max_size};
    mutator_change_bytes(&whole, 0, size, seed);
    return whole.len;
}

size_t mutator_run(const struct mutator_format *format, uint8_t *data, size_t size, size_t max_size,
                   uint32_t seed)
{
    static uint8_t before[MUTATOR_MAX_BYTES];
    static struct piece_list list;
    if (max_size > MUTATOR_MAX_BYTES)
        max_size = MUTATOR_MAX_BYTES;
    size_t head = format->head_bytes;
    uint32_t way = mutator_choose(&seed, 16);
    if (size <= head || size > max_size || way == 0)
        return bytes_change(data, size < max_size ? size : max_size, max_size, &seed);
    if (way == 1) {
        data[mutator_choose(&seed, (uint32_t)head)] = (uint8_t)mutator_choose(&seed, 256);
        return size;
    }
    memcpy(before, data, size);
    list_make(&list, format, (struct fuzz_input){before + head, size - head});
    if (way < 6)
        list_change(&list, format, &seed);
    else if (!piece_change(&list, format, before, max_size - head, &seed))
        return size;
    return head + list_write(&list, data + head, max_size - head);
}
