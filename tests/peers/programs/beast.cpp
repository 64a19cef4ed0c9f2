// SPDX-License-Identifier: Apache-2.0
// Boost.Beast at the other end:
//   beast server         an echo server; prints "PORT n". Paths /echo, /close?CODE, /fragments,
//   /ping beast client URL     a client of server_run at ws://HOST:PORT; ends with 0 if all is as
//   it must be
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
namespace net = boost::asio;
using tcp = net::ip::tcp;
using stream = websocket::stream<tcp::socket>;

static const std::size_t message_max = std::size_t{65} << 20;

static bool compresses;

static void prepare(stream &ws)
{
    websocket::permessage_deflate deflate;
    deflate.server_enable = deflate.client_enable = compresses;
    ws.set_option(deflate);
    ws.read_message_max(message_max);
    ws.auto_fragment(false);
}

static void echo(stream &ws, bool fragments)
{
    for (;;) {
        beast::flat_buffer buffer;
        ws.read(buffer);
        ws.text(ws.got_text());
        if (!fragments) {
            ws.write(buffer.data());
            continue;
        }
        // one byte in each frame, with a Ping between
        const char *bytes = static_cast<const char *>(buffer.data().data());
        for (std::size_t i = 0; i < buffer.size(); ++i) {
            ws.write_some(false, net::buffer(bytes + i, 1));
            ws.ping("between");
        }
        ws.write_some(true, net::const_buffer());
    }
}

static void serve(tcp::socket socket)
{
    try {
        stream ws(std::move(socket));
        beast::flat_buffer buffer;
        http::request<http::string_body> request;
        http::read(ws.next_layer(), buffer, request);
        std::string target(request.target());
        prepare(ws);
        ws.accept(request);
        if (target.rfind("/close?", 0) == 0) {
            ws.close({static_cast<websocket::close_code>(std::stoi(target.substr(7))), "because"});
            return;
        }
        if (target == "/ping") {
            ws.control_callback([&ws](websocket::frame_type kind, beast::string_view payload) {
                if (kind == websocket::frame_type::pong)
                    ws.write(net::buffer(std::string(payload)));
            });
            ws.ping("hello");
        }
        echo(ws, target == "/fragments");
    } catch (const std::exception &) {
        // the end of the connection
    }
}

static int server()
{
    net::io_context io;
    tcp::acceptor acceptor(io, {net::ip::make_address("127.0.0.1"), 0});
    std::cout << "PORT " << acceptor.local_endpoint().port() << std::endl;
    for (;;)
        std::thread(serve, acceptor.accept()).detach();
}

static void must(bool condition, const std::string &what)
{
    if (!condition)
        throw std::runtime_error(what);
}

class client
{
  public:
    explicit client(const std::string &url)
    {
        auto colon = url.rfind(':');
        must(url.rfind("ws://", 0) == 0 && colon > 5, "ws://HOST:PORT is expected");
        host_ = url.substr(5, colon - 5);
        endpoint_ = {net::ip::make_address(host_),
                     static_cast<unsigned short>(std::stoi(url.substr(colon + 1)))};
    }

    void run()
    {
        sizes();
        fragments();
        closes();
        std::cout << "ok" << std::endl;
    }

  private:
    net::io_context io_;
    std::string host_;
    tcp::endpoint endpoint_;

    void open(stream &ws, const std::string &path)
    {
        ws.next_layer().connect(endpoint_);
        prepare(ws);
        ws.handshake(host_, path);
    }

    static std::string receive(stream &ws)
    {
        beast::flat_buffer buffer;
        ws.read(buffer);
        return beast::buffers_to_string(buffer.data());
    }

    void sizes()
    {
        stream ws(io_);
        open(ws, "/echo");
        for (std::size_t size : {0, 1, 125, 126, 65535, 65536, 1 << 20, 64 << 20}) {
            std::string data(size, 'b');
            ws.binary(true);
            ws.write(net::buffer(data));
            must(receive(ws) == data && ws.got_binary(), "echo of " + std::to_string(size));
        }
        ws.close(websocket::close_code::normal);
        must(ws.reason().code == 1000, "close code");
    }

    void fragments()
    {
        stream ws(io_);
        bool pong = false;
        open(ws, "/echo");
        ws.control_callback([&pong](websocket::frame_type kind, beast::string_view payload) {
            pong = kind == websocket::frame_type::pong && payload == "between";
        });
        ws.text(true);
        ws.write_some(false, net::buffer(std::string("gr\xc3")));
        ws.ping("between");
        ws.write_some(true, net::buffer(std::string("\xbc\xc3\x9f")));
        must(receive(ws) == "gr\xc3\xbc\xc3\x9f", "fragmented text");
        must(pong, "no pong");
        ws.close({static_cast<websocket::close_code>(4321), "done"});
        must(ws.reason().code == 4321, "close code 4321");
    }

    void closes()
    {
        for (int code : {1000, 1001, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000,
                         4999}) { // for Beast 1014 is a violation
            stream ws(io_);
            beast::flat_buffer buffer;
            beast::error_code error;
            open(ws, "/close?code=" + std::to_string(code) + "&reason=because");
            ws.read(buffer, error);
            must(error == websocket::error::closed, "not closed: " + error.message());
            must(ws.reason().code == code && ws.reason().reason == "because",
                 "close code " + std::to_string(code));
        }
    }
};

int main(int argc, char **argv)
{
    std::signal(SIGPIPE, SIG_IGN);
    compresses = argc > 1 && std::string(argv[argc - 1]) == "deflate";
    try {
        if (argc >= 3 && std::string(argv[1]) == "client") {
            client(argv[2]).run();
            return 0;
        }
        return server();
    } catch (const std::exception &error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
}
