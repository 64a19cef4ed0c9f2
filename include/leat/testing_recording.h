/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What a server of libleat-testing and its clients say to each other, written into a file, and said again
 * by a server that has nothing but the file.
 *
 *     code = leat_testing_server_new(
 *         LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_TCP, .to = "db.test:6379", .record_path = "run.jsonl"),
 *         &relay, NULL);
 *     ... a client talks to the real server through the relay ...
 *     leat_testing_server_free(relay);
 *
 *     code = leat_testing_server_new(
 *         LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_REPLAY, .replay_path = "run.jsonl",
 *                              .faults = "send#2=truncate 3;then=reset"),
 *         &replay, NULL);
 *
 * The file
 * --------
 * `record_path` names a regular file that is made or emptied, with mode 0600: it has all that was said,
 * passwords too. It grows as things happen. All servers but those of UDP and DNS can record; what is said
 * is written as it is inside of TLS that the server itself speaks.
 *
 * It is text, one JSON object on each line. The first one is
 *
 *     {"leat_recording":1,"kind":"tcp","address":"127.0.0.1:41234","tls":false}
 *
 * and each other one has `time_ms` (since the server's start, with thousandths), `connection` (from 1) and
 * one of
 *
 * | members                             | meaning                                             |
 * |-------------------------------------|-----------------------------------------------------|
 * | `client`: TEXT, `client_hex`: HEX   | bytes from the client                               |
 * | `server`: TEXT, `server_hex`: HEX   | bytes to the client                                 |
 * | `step`: NAME, `text`: TEXT          | a step of leat/testing.h is reached                 |
 * | `client_end`, `server_end`          | "fin" or "reset": nothing more comes from that side |
 *
 * in the order in which it happened. A last line {"full":true} says that LEAT_TESTING_RECORDING_BYTES_MAX,
 * the disk or the memory has ended it. The file may be edited: it is checked line by line when a replay
 * starts, and what is wrong is told with its line.
 *
 * The replay
 * ----------
 * The n-th connection gets what the n-th recorded one got; behind the last one they begin anew. Before each
 * answer the client must have said what it had said before it then. Who says something else, or ends
 * early, is a problem (struct leat_testing_seen) that names the line of the file and what differs, and is
 * closed. Answers go out byte for byte, but for the Sec-WebSocket-Accept of another key (RFC 6455 section
 * 4.2.2), where the recorded one was right; at once, unless `keeps_times` is set. Connections end as they
 * ended then, and where the recording stops before an end, with the client.
 *
 * LEAT_TESTING_MATCH_MESSAGES compares heads of HTTP by their fields in any order, without
 * Sec-WebSocket-Key, Date, User-Agent, the port in Host and by which name it calls this machine, and what
 * answers a challenge (Authorization and Proxy-Authorization but for Basic); WebSocket frames without their
 * masks; all else byte for byte. For LEAT_TESTING_MATCH_ANY a head ends with its empty line and brings the
 * body that its Content-Length says, frames are counted, and all else are as many bytes. TLS that somebody
 * behind the server has ended is no text: it cannot be replayed, and a replay that comes to it says so.
 *
 * Faults may name the steps that are in the recording. What a proxy or relay has carried to the client, and
 * is no answer of its own, is the answer of a step `send` here; bytes that stand together are one. There
 * is no `refuse`, and at `relay` no `split`.
 */
#ifndef LEAT_TESTING_RECORDING_H
#define LEAT_TESTING_RECORDING_H

#include <leat/testing.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The longest recording. */
#define LEAT_TESTING_RECORDING_BYTES_MAX (64u << 20)
/** The highest number of a connection in one. */
#define LEAT_TESTING_RECORDING_CONNECTIONS_MAX 65535
/** Its `leat_recording`. */
#define LEAT_TESTING_RECORDING_VERSION 1

/** How many lines of a recording were left out, because it is full. 0 for a server without one. */
LEAT_API uint64_t leat_testing_server_get_unrecorded(leat_testing_server *server);

#ifdef __cplusplus
}
#endif

#endif
