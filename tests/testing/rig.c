/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/rig.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

leat_testing_server *rig_start(const struct leat_testing_options *options)
{
    leat_testing_server *server = NULL;
    struct leat_testing_problem problem = {0};
    int code = leat_testing_server_new(options, &server, &problem);
    cr_assert(code == LEAT_OK, "%d %s", code, problem.text);
    return server;
}

leat_testing_server *rig_greeter(void)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_SEND, LEAT_SCRIPT_BYTES(RIG_GREETING)},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *server = script_server_start(script);
    cr_assert(server);
    return server;
}

void rig_read(int fd, struct rig_output *ret_output)
{
    ret_output->len = 0;
    for (;;) {
        ssize_t got = recv(fd, ret_output->data + ret_output->len,
                           sizeof(ret_output->data) - ret_output->len, 0);
        if (got <= 0) {
            ret_output->end = got == 0 ? 0 : errno;
            return;
        }
        ret_output->len += (size_t)got;
        cr_assert(ret_output->len < sizeof(ret_output->data), "too much came");
    }
}

void rig_expect(int fd, const void *bytes, size_t len)
{
    uint8_t buf[4096];
    cr_assert(len <= sizeof(buf));
    ssize_t got = recv(fd, buf, len, MSG_WAITALL);
    cr_assert(got == (ssize_t)len, "%zd of %zu bytes came: %s", got, len, strerror(errno));
    cr_assert(memcmp(buf, bytes, len) == 0, "other bytes came");
}

int rig_socks5(const leat_testing_server *proxy, uint16_t port, uint8_t rep)
{
    uint8_t request[] = {5, 1, 0, 1, 127, 0, 0, 1, (uint8_t)(port >> 8), (uint8_t)port};
    uint8_t reply[10];
    int fd = raw_connect(NULL, leat_testing_server_get_port(proxy));
    RIG_SEND(fd, "\x05\x01\x00");
    RIG_EXPECT(fd, "\x05\x00");
    cr_assert(raw_send(fd, request, sizeof(request)));
    cr_assert(recv(fd, reply, sizeof(reply), MSG_WAITALL) == sizeof(reply));
    cr_assert(reply[0] == 5 && reply[1] == rep, "REP %u", reply[1]);
    return fd;
}

unsigned rig_segments_in(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);
    cr_assert(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
    return info.tcpi_data_segs_in;
}

char rig_path[64];
static char folder[] = "/tmp/leat-testing-XXXXXX";

void rig_folder_make(void)
{
    cr_assert(mkdtemp(folder));
    snprintf(rig_path, sizeof(rig_path), "%s/file", folder);
}

void rig_folder_remove(void)
{
    unlink(rig_path);
    rmdir(folder);
}
