/* SPDX-License-Identifier: Apache-2.0 */
/** @file What a client of SOCKS5 says and hears, for the judge of proxies. */
#ifndef LEATI_TESTING_CONFORMANCE_SOCKS5_TALK_H
#define LEATI_TESTING_CONFORMANCE_SOCKS5_TALK_H

#include "testing/conformance/tunnel.h"

enum { CMD_CONNECT = 1, CMD_BIND = 2, CMD_ASSOCIATE = 3, ATYP_V4 = 1, ATYP_NAME = 3, ATYP_V6 = 4 };
enum { REP_NONE = 0x100 };

/** One conversation with the proxy. */
struct leati_socks5_talk {
    struct leat_testing_conformance *judge;
    struct leati_tunnel tunnel;
    struct leati_finding *finding;
    size_t chunk; /**< what the client sends goes in such pieces */
};

bool leati_socks5_tell(struct leati_socks5_talk *talk, enum leat_testing_verdict verdict,
                       const char *what);
bool leati_socks5_say(struct leati_socks5_talk *talk, const void *data, size_t len);
bool leati_socks5_need(struct leati_socks5_talk *talk, size_t len);
bool leati_socks5_dial(struct leati_socks5_talk *talk);
/** Greets. @return the method, -1: there was no answer, and it is told. */
int leati_socks5_greet(struct leati_socks5_talk *talk, const uint8_t *methods, size_t count);
/** Shows a user. @return the status, -1: there was no answer, and it is told. */
int leati_socks5_show_user(struct leati_socks5_talk *talk, const char *user, const char *password);
/** To where a request may follow. */
bool leati_socks5_enter(struct leati_socks5_talk *talk);
size_t leati_socks5_request(uint8_t buf[262], uint8_t command, uint8_t type, const void *host,
                            size_t host_len, uint16_t port);
/** A request for the tunnel's own address, or that of a port. */
size_t leati_socks5_own_request(const struct leati_socks5_talk *talk, uint8_t buf[262],
                                uint8_t command, uint16_t port);
/** Reads a reply. @return its REP; REP_NONE = TCP has ended, or nothing came; -1: it is malformed, and that is
 * told. */
int leati_socks5_reply(struct leati_socks5_talk *talk);
int leati_socks5_ask(struct leati_socks5_talk *talk, const uint8_t *request, size_t len);

#endif
