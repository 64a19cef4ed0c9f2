/* SPDX-License-Identifier: Apache-2.0 */
// WebSocket++, on one io_context of Boost.Asio, with OpenSSL. SOCKS5 is left out: it only has HTTP proxies.
#include "../common/meter.h"
#include "../common/work.h"

#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_client.hpp>
#include <websocketpp/version.hpp>

#include <cstdlib>
#include <string>
#include <vector>

namespace
{

using websocketpp::connection_hdl;
using websocketpp::lib::error_code;

bench_work work;
bench_result result;
bench_meter start;

void must(const error_code &e, const char *what)
{
    if (e)
        bench_fail("websocketpp: %s: %s", what, e.message().c_str());
}

/** Its default, but for what would be logged, and messages of 64 MiB. */
template <class Base> struct Config : Base {
    static const websocketpp::log::level elog_level = websocketpp::log::elevel::none;
    static const websocketpp::log::level alog_level = websocketpp::log::alevel::none;
    static const size_t max_message_size = 64 << 20;
};

void secure(websocketpp::client<Config<websocketpp::config::asio_client>> &)
{
}

void secure(websocketpp::client<Config<websocketpp::config::asio_tls_client>> &client)
{
    namespace ssl = websocketpp::lib::asio::ssl;
    static auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    context->load_verify_file(work.ca_path);
    context->set_verify_mode(ssl::verify_peer);
    client.set_tls_init_handler([](connection_hdl) { return context; });
    client.set_socket_init_handler([](connection_hdl, auto &stream) {
        if (SSL_set1_host(stream.native_handle(), work.host) != 1)
            bench_fail("websocketpp: SSL");
    });
}

template <class Client> class Bench
{
  public:
    Bench()
    {
        client_.init_asio();
        secure(client_);
        client_.set_tcp_post_init_handler([this](connection_hdl c) {
            client_.get_con_from_hdl(c)->get_socket().lowest_layer().set_option(
                websocketpp::lib::asio::ip::tcp::no_delay{true});
        });
        client_.set_open_handler([this](connection_hdl c) { on_open(c); });
        client_.set_fail_handler([](connection_hdl) { bench_fail("websocketpp: cannot connect"); });
        client_.set_message_handler([this](connection_hdl c, typename Client::message_ptr message) {
            on_message(c, message->get_payload());
        });
        client_.set_close_handler([this](connection_hdl) { on_close(); });
    }

    void measure()
    {
        if (work.kind == BENCH_IDLE)
            idle_run();
        else
            stream_run();
    }

  private:
    void connect()
    {
        error_code e;
        auto connection = client_.get_connection(work.url, e);
        must(e, "connect");
        client_.connect(connection);
    }

    void run()
    {
        done_ = false;
        while (!done_)
            client_.run_one();
    }

    void send_one(connection_hdl c)
    {
        error_code e;
        client_.send(
            c, work.payload, work.size,
            work.text ? websocketpp::frame::opcode::text : websocketpp::frame::opcode::binary, e);
        must(e, "send");
        sent_++;
    }

    /** It has no end of its queue that it would tell, and no word when there is room again. */
    void send_stream(connection_hdl c)
    {
        while (sent_ < work.count &&
               client_.get_con_from_hdl(c)->get_buffered_amount() < 256 * 1024)
            send_one(c);
        if (sent_ < work.count)
            client_.get_io_service().post([this, c] { send_stream(c); });
    }

    void on_open(connection_hdl c)
    {
        all_.push_back(c);
        if (all_.size() == 1 && work.kind != BENCH_OPEN && work.kind != BENCH_REACH &&
            work.kind != BENCH_START)
            start = bench_meter_now();
        if (work.kind == BENCH_ECHO || work.kind == BENCH_START) {
            while (sent_ < work.in_flight)
                send_one(c);
        } else if (work.kind == BENCH_SEND) {
            send_stream(c);
        } else if (work.kind == BENCH_OPEN) {
            error_code e;
            client_.close(c, websocketpp::close::status::normal, "", e);
            must(e, "close");
        } else if (work.kind == BENCH_REACH || work.kind == BENCH_IDLE) {
            done_ = true;
        }
    }

    void on_message(connection_hdl c, const std::string &payload)
    {
        received_++;
        if (work.kind == BENCH_SEND) {
            done_ = true;
            return;
        }
        done_ = received_ == work.count;
        if (work.kind == BENCH_RECEIVE)
            return;
        bench_work_check(&work, payload.data(), payload.size());
        if (sent_ < work.count)
            send_one(is_spread_ ? all_[sent_ % work.connections] : c);
    }

    void on_close()
    {
        if (work.kind != BENCH_OPEN)
            bench_fail("websocketpp: closed");
        done_ = true;
    }

    void echo_all(unsigned connections)
    {
        sent_ = received_ = 0;
        is_spread_ = connections > 1;
        send_one(all_[0]);
        run();
    }

    void open_one(unsigned index)
    {
        if (index == 0)
            client_.start_perpetual();
        connect();
        run();
    }

    void idle_run()
    {
        bench_idle_run(
            &work, &result,
            [](unsigned index, void *self) { static_cast<Bench *>(self)->open_one(index); },
            [](unsigned connections, void *self) {
                static_cast<Bench *>(self)->echo_all(connections);
            },
            this);
    }

    void stream_run()
    {
        bool opens = work.kind == BENCH_OPEN || work.kind == BENCH_REACH;
        client_.start_perpetual();
        for (std::uint64_t i = 0; i < (opens ? work.count : 1); i++) {
            connect();
            run();
        }
        result.spent =
            work.kind == BENCH_START ? bench_meter_since_exec(&start) : bench_meter_since(&start);
        result.messages = work.count;
        result.bytes = work.count * work.size;
    }

    Client client_;
    std::vector<connection_hdl> all_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    bool is_spread_ = false;
    bool done_ = false;
};

} // namespace

int main(int argc, char **argv)
{
    start = bench_meter_now();
    bench_work_init(&work, argc, argv);
    bench_raise_descriptor_limit();
    if (work.proxy)
        bench_unsupported("WebSocket++ has no SOCKS5");
    if (work.resume)
        bench_unsupported("WebSocket++ does not keep TLS sessions by itself");
    if (work.compress)
        bench_unsupported("WebSocket++'s compression is an experiment");
    if (work.kind == BENCH_RATE)
        bench_unsupported("not measured at a rate");
    result.client = "websocketpp";
    result.version = "0.8";
    if (work.secure)
        Bench<websocketpp::client<Config<websocketpp::config::asio_tls_client>>>().measure();
    else
        Bench<websocketpp::client<Config<websocketpp::config::asio_client>>>().measure();
    bench_report(&work, &result);
    std::_Exit(0);
}
