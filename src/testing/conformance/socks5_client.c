/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of SOCKS5 clients: RFC 1928 and RFC 1929. */
#include "testing/conformance/proxy_client.h"

#include <stdio.h>
#include <string.h>

#define METHOD  "RFC 1928 section 3"
#define REQUEST "RFC 1928 section 4"
#define REPLY   "RFC 1928 section 6"
#define AUTH    "RFC 1929 section 2"

/* Where an answer is another one than the usual. */
enum stage { NOWHERE, AT_METHOD, AT_AUTH, AT_REPLY, LARGE, LOOKS };

struct row {
    const char *id, *section, *title;
    enum leati_proxy_demand demand;
    enum stage stage;
    const char *bytes; /* NULL = the usual ones */
    size_t len;
    unsigned chunk;
    bool glues, ends, resets; /* the words stand behind the reply; TCP is ended, or reset */
};

#define BYTES(text_)   .bytes = (text_), .len = sizeof(text_) - 1
#define V4_REPLY(rep_) "\x05" rep_ "\x00\x01\x7f\x00\x00\x01\x1f\x90"
#define V6_REPLY       "\x05\x00\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x1f\x90"
#define NAME_REPLY                                                                                 \
    "\x05\x00\x00\x03\x0d"                                                                         \
    "bound.example\x1f\x90"
#define X16 "xxxxxxxxxxxxxxxx"
#define LONG_REPLY                                                                                 \
    "\x05\x00\x00\x03\xff" X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16             \
    "xxxxxxxxxxxxxxx\x1f\x90"

static const struct row rows[] = {
    {"greeting.form", METHOD, "the greeting of the client", LEATI_PROXY_OPENS, LOOKS, .chunk = 0},
    {"greeting.method-offered", METHOD, "a method that it has offered", LEATI_PROXY_OPENS, NOWHERE,
     .chunk = 0},
    {"method.byte-by-byte", METHOD, "all answers byte for byte", LEATI_PROXY_OPENS, NOWHERE,
     .chunk = 1},
    {"method.ff", METHOD, "05 FF: no method will do", LEATI_PROXY_REFUSES, AT_METHOD,
     BYTES("\x05\xff")},
    {"method.unoffered", METHOD, "05 80: a method that it has not offered", LEATI_PROXY_REFUSES,
     AT_METHOD, BYTES("\x05\x80")},
    {"method.version-4", METHOD, "04 00", LEATI_PROXY_REFUSES, AT_METHOD, BYTES("\x04\x00")},
    {"method.version-0", METHOD, "00 00", LEATI_PROXY_REFUSES, AT_METHOD, BYTES("\x00\x00")},
    {"method.http", METHOD, "an answer of HTTP", LEATI_PROXY_REFUSES, AT_METHOD,
     BYTES("HTTP/1.1 400 Bad Request\r\n\r\n")},
    {"method.cut", METHOD, "05, then TCP ends", LEATI_PROXY_REFUSES, AT_METHOD, BYTES("\x05"),
     .ends = true},
    {"method.nothing", METHOD, "TCP ends", LEATI_PROXY_REFUSES, AT_METHOD, BYTES(""), .ends = true},
    {"method.reset", METHOD, "TCP is reset", LEATI_PROXY_REFUSES, AT_METHOD, BYTES(""),
     .resets = true},
    {"auth.form", AUTH, "user and password of the client", LEATI_PROXY_OPENS, AT_AUTH, .chunk = 0},
    {"auth.byte-by-byte", AUTH, "the status byte for byte", LEATI_PROXY_OPENS, AT_AUTH, .chunk = 1},
    {"auth.refused-1", AUTH, "01 01", LEATI_PROXY_REFUSES, AT_AUTH, BYTES("\x01\x01")},
    {"auth.refused-ff", AUTH, "01 FF", LEATI_PROXY_REFUSES, AT_AUTH, BYTES("\x01\xff")},
    {"auth.version-5", AUTH, "05 00 in place of 01 00", LEATI_PROXY_EITHER, AT_AUTH,
     BYTES("\x05\x00")},
    {"auth.cut", AUTH, "01, then TCP ends", LEATI_PROXY_REFUSES, AT_AUTH, BYTES("\x01"),
     .ends = true},
    {"reply.ipv4", REPLY, "an IPv4 address", LEATI_PROXY_OPENS, AT_REPLY, BYTES(V4_REPLY("\x00"))},
    {"reply.ipv4-glued", REPLY, "an IPv4 address, data behind it in the same write",
     LEATI_PROXY_OPENS, AT_REPLY, BYTES(V4_REPLY("\x00")), .glues = true},
    {"reply.ipv4-byte-by-byte", REPLY, "an IPv4 address and data, byte for byte", LEATI_PROXY_OPENS,
     AT_REPLY, BYTES(V4_REPLY("\x00")), .glues = true, .chunk = 1},
    {"reply.ipv6", REPLY, "an IPv6 address", LEATI_PROXY_OPENS, AT_REPLY, BYTES(V6_REPLY)},
    {"reply.ipv6-glued", REPLY, "an IPv6 address, data behind it in the same write",
     LEATI_PROXY_OPENS, AT_REPLY, BYTES(V6_REPLY), .glues = true},
    {"reply.ipv6-byte-by-byte", REPLY, "an IPv6 address and data, byte for byte", LEATI_PROXY_OPENS,
     AT_REPLY, BYTES(V6_REPLY), .glues = true, .chunk = 1},
    {"reply.name", REPLY, "a name", LEATI_PROXY_OPENS, AT_REPLY, BYTES(NAME_REPLY)},
    {"reply.name-glued", REPLY, "a name, data behind it in the same write", LEATI_PROXY_OPENS,
     AT_REPLY, BYTES(NAME_REPLY), .glues = true},
    {"reply.name-byte-by-byte", REPLY, "a name and data, byte for byte", LEATI_PROXY_OPENS,
     AT_REPLY, BYTES(NAME_REPLY), .glues = true, .chunk = 1},
    {"reply.name-255", REPLY, "a name of 255 bytes", LEATI_PROXY_OPENS, AT_REPLY, BYTES(LONG_REPLY),
     .glues = true},
    {"reply.name-empty", REPLY, "an empty name", LEATI_PROXY_EITHER, AT_REPLY,
     BYTES("\x05\x00\x00\x03\x00\x1f\x90")},
    {"reply.zeros", REPLY, "0.0.0.0:0", LEATI_PROXY_OPENS, AT_REPLY,
     BYTES("\x05\x00\x00\x01\0\0\0\0\0\0")},
    {"reply.rsv", REPLY, "RSV is not 00", LEATI_PROXY_EITHER, AT_REPLY,
     BYTES("\x05\x00\x01\x01\0\0\0\0\0\0")},
    {"reply.rep-1", REPLY, "REP 01", LEATI_PROXY_REFUSES, AT_REPLY, BYTES(V4_REPLY("\x01"))},
    {"reply.rep-2", REPLY, "REP 02", LEATI_PROXY_REFUSES, AT_REPLY, BYTES(V4_REPLY("\x02"))},
    {"reply.rep-3", REPLY, "REP 03", LEATI_PROXY_REFUSES, AT_REPLY, BYTES(V4_REPLY("\x03"))},
    {"reply.rep-4", REPLY, "REP 04", LEATI_PROXY_REFUSES, AT_REPLY, BYTES(V4_REPLY("\x04"))},
    {"reply.rep-5", REPLY, "REP 05", LEATI_PROXY_REFUSES, AT_REPLY, BYTES(V4_REPLY("\x05"))},
    {"reply.rep-6", REPLY, "REP 06", LEATI_PROXY_REFUSES, AT_REPLY, BYTES(V4_REPLY("\x06"))},
    {"reply.rep-7", REPLY, "REP 07", LEATI_PROXY_REFUSES, AT_REPLY, BYTES(V4_REPLY("\x07"))},
    {"reply.rep-8", REPLY, "REP 08", LEATI_PROXY_REFUSES, AT_REPLY, BYTES(V4_REPLY("\x08"))},
    {"reply.rep-9", REPLY, "REP 09, which is none", LEATI_PROXY_REFUSES, AT_REPLY,
     BYTES(V4_REPLY("\x09"))},
    {"reply.rep-ff", REPLY, "REP FF, which is none", LEATI_PROXY_REFUSES, AT_REPLY,
     BYTES(V4_REPLY("\xff"))},
    {"reply.version-4", REPLY, "version 4", LEATI_PROXY_REFUSES, AT_REPLY,
     BYTES("\x04\x00\x00\x01\0\0\0\0\0\0")},
    {"reply.socks4", REPLY, "a reply of SOCKS4", LEATI_PROXY_REFUSES, AT_REPLY,
     BYTES("\x00\x5a\0\0\0\0\0\0\0\0")},
    {"reply.type-0", REPLY, "an address type that is none, 00", LEATI_PROXY_REFUSES, AT_REPLY,
     BYTES("\x05\x00\x00\x00\0\0\0\0\0\0")},
    {"reply.type-5", REPLY, "an address type that is none, 05", LEATI_PROXY_REFUSES, AT_REPLY,
     BYTES("\x05\x00\x00\x05\0\0\0\0\0\0")},
    {"reply.cut", REPLY, "half a reply, then TCP ends", LEATI_PROXY_REFUSES, AT_REPLY,
     BYTES("\x05\x00\x00\x01\x7f"), .ends = true},
    {"reply.cut-name", REPLY, "a reply that ends within its name", LEATI_PROXY_REFUSES, AT_REPLY,
     BYTES("\x05\x00\x00\x03\xff"
           "name"),
     .ends = true},
    {"reply.nothing", REPLY, "TCP ends", LEATI_PROXY_REFUSES, AT_REPLY, BYTES(""), .ends = true},
    {"reply.reset", REPLY, "TCP is reset", LEATI_PROXY_REFUSES, AT_REPLY, BYTES(""),
     .resets = true},
    {"tunnel.large", "RFC 1928, beyond its text", "1 MiB there and back", LEATI_PROXY_OPENS, LARGE,
     .chunk = 0},
};

/* ---- what the client says ------------------------------------------------------------------- */

static bool wrong(struct leati_judge_guest *guest, struct leati_finding *finding, const char *what)
{
    return leati_judge_tell(&guest->wire, finding, FAIL, what);
}

static bool need(struct leati_judge_guest *guest, size_t len)
{
    return leati_wire_need(&guest->wire, len);
}

static bool answer(struct leati_judge_guest *guest, const struct row *row, enum stage stage,
                   const char *usual, size_t usual_len)
{
    bool is_other = row->stage == stage && row->bytes;
    struct leati_bytes bytes = {0};
    leati_bytes_add(&bytes, is_other ? row->bytes : usual, is_other ? row->len : usual_len);
    /* Behind a refusal as well: whoever does not look at it shows that. */
    if (stage == AT_REPLY && (row->glues || (row->demand == LEATI_PROXY_REFUSES && !row->ends)))
        leati_bytes_text(&bytes, "%s", LEATI_PROXY_WORDS);
    (void)leati_wire_give(&guest->wire, &bytes, row->chunk);
    return row->stage != stage;
}

/* @return whether it offers a method. */
static bool greeting_take(struct leati_judge_guest *guest, bool *ret_none, bool *ret_user,
                          struct leati_finding *finding)
{
    struct leati_bytes *in = &guest->wire.in;
    if (!need(guest, 2) || !need(guest, 2u + in->data[1]))
        return wrong(guest, finding, "its greeting is not whole");
    size_t count = in->data[1];
    *ret_none = count > 0 && memchr(in->data + 2, 0, count);
    *ret_user = count > 0 && memchr(in->data + 2, 2, count);
    bool has_other = in->len > 2 + count;
    if (in->data[0] != 5 || count == 0 || (!*ret_none && !*ret_user))
        return leati_find(
            finding, FAIL,
            "its greeting has version %u and %zu methods, neither 00 nor 02 among them",
            in->data[0], count);
    leati_bytes_consume(in, 2 + count);
    leati_find(finding, PASS, "%zu methods%s", count,
               has_other ? "; it does not wait for the answer" : "");
    return true;
}

static bool user_take(struct leati_judge_guest *guest, struct leati_finding *finding)
{
    struct leati_bytes *in = &guest->wire.in;
    if (!need(guest, 2) || !need(guest, 3u + in->data[1]) ||
        !need(guest, 3u + in->data[1] + in->data[2 + in->data[1]]))
        return wrong(guest, finding, "its user and password are not whole");
    size_t user_len = in->data[1], password_len = in->data[2 + user_len];
    bool is_well = in->data[0] == 1 && user_len > 0;
    if (!is_well)
        leati_find(finding, FAIL, "its user and password have version %u and a user of %zu bytes",
                   in->data[0], user_len);
    leati_bytes_consume(in, 3 + user_len + password_len);
    return is_well;
}

static bool request_take(struct leati_judge_guest *guest, struct leati_finding *finding)
{
    struct leati_bytes *in = &guest->wire.in;
    if (!need(guest, 5))
        return wrong(guest, finding, "its request is not whole");
    size_t len = in->data[3] == 1   ? 10
                 : in->data[3] == 4 ? 22
                 : in->data[3] == 3 ? 7u + in->data[4]
                                    : 0;
    if (in->data[0] != 5 || in->data[1] != 1 || in->data[2] != 0 || len == 0 || len == 7)
        return leati_find(finding, FAIL,
                          "its request is malformed: version %u, CMD %02x, RSV %02x, ATYP %02x",
                          in->data[0], in->data[1], in->data[2], in->data[3]);
    if (!need(guest, len))
        return wrong(guest, finding, "its request is not whole");
    leati_bytes_consume(in, len);
    return true;
}

/* ---- playing -------------------------------------------------------------------------------- */

/* Up to where the row answers otherwise. false: it is over, and the finding is made. */
static bool converse(struct leati_judge_guest *guest, const struct row *row,
                     struct leati_finding *finding)
{
    bool has_none = false, has_user = false;
    if (!greeting_take(guest, &has_none, &has_user, finding))
        return false;
    if (row->stage == AT_AUTH && !has_user)
        return leati_find(finding, NOT_RUN, "it does not offer 02: it has no user");
    bool asks = row->stage == AT_AUTH || !has_none;
    if (!answer(guest, row, AT_METHOD, asks ? "\x05\x02" : "\x05\x00", 2))
        return true;
    if (asks && !user_take(guest, finding))
        return false;
    if (asks && !answer(guest, row, AT_AUTH, "\x01\x00", 2) && row->bytes)
        return true;
    if (!request_take(guest, finding))
        return false;
    (void)answer(guest, row, AT_REPLY, V4_REPLY("\x00"), 10);
    return true;
}

static void row_play(struct leat_testing_conformance *judge, const struct leati_trial *trial,
                     struct leati_judge_guest *guest, struct leati_finding *ret_finding)
{
    const struct row *row = trial->data;
    (void)judge;
    if (!converse(guest, row, ret_finding))
        return;
    const struct leati_proxy_behind behind = {.demand = row->demand,
                                              .glues = row->glues,
                                              .ends = row->ends,
                                              .resets = row->resets,
                                              .is_large = row->stage == LARGE};
    leati_proxy_client_judge(guest, &behind, ret_finding);
}

static void receive(struct leat_testing_conformance *judge, struct leati_judge_guest *guest)
{
    (void)judge;
    /* Whoever connects and says nothing takes no case. */
    if (leati_wire_more(&guest->wire, 0, guest->wire.patience_ms))
        leati_judge_try_next(guest);
}

static void collect(struct leat_testing_conformance *judge)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i)
        leati_judge_add(judge, rows[i].id, rows[i].section, rows[i].title,
                        leati_proxy_expected(rows[i].demand), row_play, &rows[i]);
}

const struct leati_subject leati_subject_socks5_client = {
    .subject = LEAT_TESTING_SUBJECT_SOCKS5_CLIENT,
    .listens = true,
    .schemes = "socks5h",
    .collect = collect,
    .receive = receive,
};
