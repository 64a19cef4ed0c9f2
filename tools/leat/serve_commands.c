/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of leat serve, as tables. */
#include "serve.h"

static int socks5_command(const struct tool_command *command, int argc, char **argv)
{
    return tool_serve_command(command, LEAT_TESTING_SOCKS5, argc, argv);
}

static int connect_command(const struct tool_command *command, int argc, char **argv)
{
    return tool_serve_command(command, LEAT_TESTING_CONNECT, argc, argv);
}

static int tcp_command(const struct tool_command *command, int argc, char **argv)
{
    return tool_serve_command(command, LEAT_TESTING_TCP, argc, argv);
}

static int udp_command(const struct tool_command *command, int argc, char **argv)
{
    return tool_serve_command(command, LEAT_TESTING_UDP, argc, argv);
}

static int dns_command(const struct tool_command *command, int argc, char **argv)
{
    return tool_serve_command(command, LEAT_TESTING_DNS, argc, argv);
}

static int http_command(const struct tool_command *command, int argc, char **argv)
{
    return tool_serve_command(command, LEAT_TESTING_HTTP, argc, argv);
}

static int socks4_command(const struct tool_command *command, int argc, char **argv)
{
    return tool_serve_command(command, LEAT_TESTING_SOCKS4, argc, argv);
}

static int replay_command(const struct tool_command *command, int argc, char **argv)
{
    return tool_serve_command(command, LEAT_TESTING_REPLAY, argc, argv);
}

static int echo_command(const struct tool_command *command, int argc, char **argv)
{
    return tool_serve_command(command, LEAT_TESTING_WEBSOCKET, argc, argv);
}

/* ---- the tables ----------------------------------------------------------------------------- */

#define SERVE_DETAIL                                                                               \
    "The first line of output is the address to connect to, as a client takes it: "                \
    "socks5h://a:b@127.0.0.1:41234. When it is there the server accepts. With --tls the second "   \
    "is \"ca: PATH\": whom the client is to trust.\n\n"                                            \
    "It ends on SIGINT, SIGTERM and SIGHUP with status 0, and its files are gone then."

static const struct tool_section socks5_sections[] = {
    {"options", tool_serve_options, 0},     {"recording", tool_serve_recording_options, 0},
    {"link", tool_serve_link_options, 0},   {"faults", tool_serve_fault_options, 0},
    {"proxy", tool_serve_proxy_options, 0}, {0},
};

static const struct tool_example socks5_examples[] = {
    {"leat serve socks5 --user a:b --fault 'reply=05,01,00,01;then=close'",
     "an answer that is cut off"},
    {"leat serve socks5 --resolve '*=127.0.0.1' --log", "every name is this machine"},
    {0},
};

const struct tool_command tool_serve_socks5 = {
    .path = "serve socks5",
    .summary = "a SOCKS5 proxy: CONNECT and UDP ASSOCIATE",
    .sections = socks5_sections,
    .examples = socks5_examples,
    .run = socks5_command,
};

static const struct tool_section connect_sections[] = {
    {"options", tool_serve_options, 0},     {"recording", tool_serve_recording_options, 0},
    {"link", tool_serve_link_options, 0},   {"faults", tool_serve_fault_options, 0},
    {"proxy", tool_serve_proxy_options, 0}, {"authentication", tool_serve_auth_options, 0},
    {"TLS", tool_serve_tls_options, 0},     {0},
};

static const struct tool_example connect_examples[] = {
    {"leat serve connect --fault 'reply=refuse 407'", "nobody gets through"},
    {"leat serve connect --tls", "a proxy that is itself reached by TLS"},
    {0},
};

const struct tool_command tool_serve_connect = {
    .path = "serve connect",
    .summary = "an HTTP proxy that knows CONNECT, also over TLS",
    .sections = connect_sections,
    .examples = connect_examples,
    .run = connect_command,
};

static const struct tool_section echo_sections[] = {
    {"options", tool_serve_options, 0},
    {"recording", tool_serve_recording_options, 0},
    {"link", tool_serve_link_options, 0},
    {"faults", tool_serve_fault_options, 0},
    {"TLS", tool_serve_tls_options, 0},
    {"WebSocket", tool_serve_echo_options, 0},
    {0},
};

static const struct tool_example echo_examples[] = {
    {"leat serve echo --tls", "wss, with a certificate that \"ca: PATH\" verifies"},
    {"leat serve echo --cert-fault expired,wrong-host", "a certificate with two faults"},
    {"leat serve echo --fault 'message=delay 2000'", "late answers"},
    {0},
};

const struct tool_command tool_serve_echo = {
    .path = "serve echo",
    .summary = "a WebSocket server that sends back what it gets",
    .sections = echo_sections,
    .examples = echo_examples,
    .run = echo_command,
};

static const struct tool_section tcp_sections[] = {
    {"destination", tool_serve_to_options, 0},
    {"options", tool_serve_options, 0},
    {"recording", tool_serve_recording_options, 0},
    {"link", tool_serve_link_options, 0},
    {"faults", tool_serve_fault_options, 0},
    {"TLS", tool_serve_tls_options, 0},
    {0},
};

static const struct tool_example tcp_examples[] = {
    {"leat serve tcp --to 127.0.0.1:5432 --link latency=80", "a database that is far away"},
    {"leat serve tcp --to 127.0.0.1:6379 --link 'limit=4096 @10%'",
     "a tenth of the connections breaks"},
    {"leat serve tcp --to mqtt.test:8883 --to-tls --log", "plain here, TLS there"},
    {0},
};

const struct tool_command tool_serve_tcp = {
    .path = "serve tcp",
    .summary = "a relay for any protocol over TCP",
    .sections = tcp_sections,
    .examples = tcp_examples,
    .run = tcp_command,
};

static const struct tool_section udp_sections[] = {
    {"destination", tool_serve_to_host_options, 0},
    {"options", tool_serve_options, 0},
    {"link", tool_serve_link_options, 0},
    {"faults", tool_serve_fault_options, 0},
    {0},
};

static const struct tool_example udp_examples[] = {
    {"leat serve udp --to 127.0.0.1:53 --link 'both:loss=10%'", "a resolver behind a bad link"},
    {"leat serve udp --to 127.0.0.1:53 --fault 'datagram#1=skip'", "the first datagram is lost"},
    {0},
};

const struct tool_command tool_serve_udp = {
    .path = "serve udp",
    .summary = "a relay for any protocol over UDP",
    .sections = udp_sections,
    .examples = udp_examples,
    .run = udp_command,
};

static const struct tool_section dns_sections[] = {
    {"records", tool_serve_record_options, 0},
    {"options", tool_serve_options, 0},
    {"link", tool_serve_link_options, 0},
    {"faults", tool_serve_fault_options, 0},
    {0},
};

static const struct tool_example dns_examples[] = {
    {"leat serve dns -r 'a.test A 127.0.0.1' -r 'a.test AAAA ::1 delay 3000'", "a slow AAAA"},
    {"leat serve dns -r '* * servfail'", "nobody is found"},
    {0},
};

const struct tool_command tool_serve_dns = {
    .path = "serve dns",
    .summary = "a DNS server over UDP and TCP, right or wrong",
    .sections = dns_sections,
    .examples = dns_examples,
    .run = dns_command,
};

static const struct tool_section http_sections[] = {
    {"options", tool_serve_options, 0},     {"recording", tool_serve_recording_options, 0},
    {"link", tool_serve_link_options, 0},   {"faults", tool_serve_fault_options, 0},
    {"proxy", tool_serve_proxy_options, 0}, {"authentication", tool_serve_auth_options, 0},
    {"TLS", tool_serve_tls_options, 0},     {0},
};

static const struct tool_example http_examples[] = {
    {"leat serve http --user a:b --auth digest", "a proxy that asks for Digest"},
    {"leat serve http --fault 'reply#2=refuse 503'", "the second request is refused"},
    {0},
};

const struct tool_command tool_serve_http = {
    .path = "serve http",
    .summary = "an HTTP proxy that forwards requests, and CONNECT",
    .sections = http_sections,
    .examples = http_examples,
    .run = http_command,
};

static const struct tool_section socks4_sections[] = {
    {"options", tool_serve_options, 0},     {"recording", tool_serve_recording_options, 0},
    {"link", tool_serve_link_options, 0},   {"faults", tool_serve_fault_options, 0},
    {"proxy", tool_serve_proxy_options, 0}, {0},
};

static const struct tool_example socks4_examples[] = {
    {"leat serve socks4 --user alice", "only her user id is taken"},
    {"leat serve socks4 --fault 'reply=refuse 92'", "no identd"},
    {0},
};

const struct tool_command tool_serve_socks4 = {
    .path = "serve socks4",
    .summary = "a SOCKS4 and SOCKS4A proxy",
    .sections = socks4_sections,
    .examples = socks4_examples,
    .run = socks4_command,
};

static const struct tool_section replay_sections[] = {
    {"replay", tool_serve_replay_options, 0},
    {"options", tool_serve_options, 0},
    {"recording", tool_serve_recording_options, 0},
    {"link", tool_serve_link_options, 0},
    {"faults", tool_serve_fault_options, 0},
    {"TLS", tool_serve_tls_options, 0},
    {0},
};

static const struct tool_example replay_examples[] = {
    {"leat serve tcp --to 127.0.0.1:6379 --record run.jsonl", "what is to be replayed"},
    {"leat serve replay run.jsonl", "the same without that server"},
    {"leat serve replay run.jsonl --fault 'send#2=truncate 3;then=reset'",
     "the second answer breaks off"},
    {0},
};

const struct tool_command tool_serve_replay = {
    .path = "serve replay",
    .argument = "FILE",
    .value = TOOL_VALUE_FILE,
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "what --record has written, said again",
    .detail =
        "Each connection gets what the recorded one got, byte for byte, once it has said what that "
        "one had said; the first, the second and so on, then from the first again. One that says "
        "something else is ended, and standard error tells the line of the file and what differs; "
        "the exit status is 1 then.\n\n"
        "The steps for --fault are those of the recording; what a relay or proxy has carried to "
        "the "
        "client is the answer of a step send. A recording made with --tls is plain inside: give "
        "--tls "
        "here as well.",
    .sections = replay_sections,
    .examples = replay_examples,
    .run = replay_command,
};

static const struct tool_command *const commands[] = {&tool_serve_socks5,
                                                      &tool_serve_socks4,
                                                      &tool_serve_connect,
                                                      &tool_serve_http,
                                                      &tool_serve_echo,
                                                      &tool_serve_tcp,
                                                      &tool_serve_udp,
                                                      &tool_serve_dns,
                                                      &tool_serve_replay,
                                                      &tool_serve_control,
                                                      &tool_serve_conformance,
                                                      NULL};

const struct tool_command tool_serve = {
    .path = "serve",
    .summary = "local servers for tests, with any fault",
    .detail = SERVE_DETAIL,
    .subcommands = commands,
};
