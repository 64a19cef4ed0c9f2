/* SPDX-License-Identifier: Apache-2.0 */
#include "rfc/play.h"
#include "support/client_run.h"
#include "support/frame_bytes.h"
#include "support/raw_socket.h"
#include "testing/conformance/ws_play.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const size_t rfc_chunks[RFC_CHUNKS] = {0, 1, 5, 1460};

bool rfc_chunk_fits(const struct leati_ws_case *now, size_t chunk)
{
    if (now->chunk_bytes > 0)
        return chunk == 0;
    return chunk == 0 || (chunk > 100) == (now->input.len > 3000);
}

/* ---- playing -------------------------------------------------------------------------------- */

bool rfc_play(int fd, const struct leati_ws_case *now, bool masks, size_t chunk, char *problem,
              size_t cap)
{
    const struct leati_ws_rules rules = {
        .masks = masks, .fail_fast_ms = CLIENT_RUN_TIMEOUT_MS, .chunk = chunk, .is_exact = true};
    struct leati_finding finding = {.seen = ""};
    struct leati_wire wire;
    leati_wire_init(&wire, dup(fd), -1, CLIENT_RUN_TIMEOUT_MS);
    wire.gap_ms = 0;
    leati_ws_play(&wire, now, &rules, &finding);
    leati_wire_close(&wire);
    bool passes = finding.verdict == LEAT_TESTING_VERDICT_PASS;
    snprintf(problem, cap, "%s", passes ? "" : finding.seen);
    return passes;
}

/* ---- handshakes ----------------------------------------------------------------------------- */

int rfc_client_open(uint16_t port, const struct leati_ws_case *now, char *problem, size_t cap)
{
    char request[1024], head[4096];
    int fd = raw_connect(NULL, port);
    problem[0] = '\0';
    snprintf(request, sizeof(request), RAW_UPGRADE_WITH("/echo", "%s%s%s"),
             now && now->terms ? "Sec-WebSocket-Extensions: " : "",
             now && now->terms ? now->terms->offer : "", now && now->terms ? "\r\n" : "");
    if (!raw_send(fd, request, strlen(request)) ||
        !raw_recv_until(fd, "\r\n\r\n", head, sizeof(head))) {
        snprintf(problem, cap, "no answer to the upgrade");
    } else if (strncmp(head, "HTTP/1.1 101", 12) != 0) {
        snprintf(problem, cap, "%.60s", head);
    } else if ((strstr(head, "permessage-deflate") != NULL) != (now && now->terms)) {
        snprintf(problem, cap, "compression is not what was offered");
    }
    return fd;
}

bool rfc_server_open(int fd, const char *request, const struct leati_ws_case *now, char *problem,
                     size_t cap)
{
    char answer[1024];
    char plain[1024];
    problem[0] = '\0';
    raw_upgrade_answer(request, answer, sizeof(answer));
    char *extensions = strstr(answer, "Sec-WebSocket-Extensions");
    if (!extensions) {
        snprintf(problem, cap, "no compression is offered");
        return false;
    }
    snprintf(plain, sizeof(plain), "%.*s%s%s\r\n", (int)(extensions - answer), answer,
             now && now->terms ? "Sec-WebSocket-Extensions: " : "",
             now && now->terms ? now->terms->answer : "");
    if (now && now->terms)
        snprintf(plain + strlen(plain), sizeof(plain) - strlen(plain), "\r\n");
    return raw_send(fd, plain, strlen(plain));
}

/* ---- a connection that outlives the cases --------------------------------------------------- */

bool rfc_echo(int fd, const char *text)
{
    struct bytes frame = {0};
    uint8_t back[2 + 125];
    size_t len = strlen(text);
    bytes_add_frame(
        &frame,
        &(struct raw_frame){.opcode = LEATI_WS_TEXT, .masked = true, .payload = text, .len = len});
    bool done = len <= 125 && raw_send(fd, frame.data, frame.len) &&
                recv(fd, back, 2 + len, MSG_WAITALL) == (ssize_t)(2 + len) && back[0] == 0x81 &&
                back[1] == len && memcmp(back + 2, text, len) == 0;
    bytes_free(&frame);
    return done;
}

void rfc_return_all(int fd)
{
    uint8_t frame[6 + 125];
    for (;;) {
        if (recv(fd, frame, 6, MSG_WAITALL) != 6 || (frame[1] & 0x7f) > 125)
            return;
        size_t len = frame[1] & 0x7f;
        if (len > 0 && recv(fd, frame + 6, len, MSG_WAITALL) != (ssize_t)len)
            return;
        for (size_t i = 0; i < len; ++i)
            frame[6 + i] ^= frame[2 + i % 4];
        const uint8_t head[] = {frame[0], (uint8_t)len};
        memmove(frame + 2, frame + 6, len);
        memcpy(frame, head, 2);
        if (!raw_send(fd, frame, 2 + len) || (head[0] & 0xf) == LEATI_WS_CLOSE)
            return;
    }
}
