/* SPDX-License-Identifier: Apache-2.0 */
// Boost.Beast, asynchronously on one io_context, with OpenSSL. SOCKS5 is by hand: Beast has none.
#include "../common/dial.h"
#include "../common/meter.h"
#include "../common/work.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/version.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/version.hpp>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using error = boost::system::error_code;

namespace
{

bench_work work;
bench_result result;
bench_rate rate;
asio::io_context loop{1};
// Between two connections there is nothing to wait for, which would end the loop.
asio::executor_work_guard<asio::io_context::executor_type> loop_stays{loop.get_executor()};
asio::ssl::context tls{asio::ssl::context::tls_client};
SSL_SESSION *session; // of the last connection
bool done;

void must(const error &e, const char *what)
{
    if (e)
        bench_fail("beast: %s: %s", what, e.message().c_str());
}

void run()
{
    done = false;
    while (!done)
        loop.run_one();
}

template <class Lower> Lower make_lower(tcp::socket socket);

template <> tcp::socket make_lower(tcp::socket socket)
{
    return socket;
}

template <> beast::ssl_stream<tcp::socket> make_lower(tcp::socket socket)
{
    return {std::move(socket), tls};
}

template <class Next> void secure(tcp::socket &, Next next)
{
    next();
}

template <class Next> void secure(beast::ssl_stream<tcp::socket> &lower, Next next)
{
    SSL *ssl = lower.native_handle();
    if (SSL_set1_host(ssl, work.host) != 1 || (session && SSL_set_session(ssl, session) != 1))
        bench_fail("beast: SSL");
    lower.async_handshake(asio::ssl::stream_base::client, [next](error e) {
        must(e, "TLS handshake");
        next();
    });
}

template <class Lower> class Connection
{
  public:
    Connection() : ws_{make_lower<Lower>(tcp::socket{loop})}
    {
        websocket::permessage_deflate deflate;
        deflate.client_enable = work.compress;
        ws_.set_option(deflate);
        ws_.auto_fragment(false);
        ws_.read_message_max(64 << 20);
        if (work.text)
            ws_.text(true);
        else
            ws_.binary(true);
    }

    /** `next()` when it is open. Only the proxy is spoken to by blocking calls. */
    template <class Next> void open(Next next)
    {
        tcp::socket &socket = beast::get_lowest_layer(ws_);
        if (work.proxy) {
            socket.assign(tcp::v4(), bench_dial(&work));
            upgrade(next);
            return;
        }
        tcp::endpoint server{asio::ip::make_address(work.host),
                             static_cast<unsigned short>(std::atoi(work.port))};
        socket.async_connect(server, [this, next, &socket](error e) {
            must(e, "connect");
            socket.set_option(tcp::no_delay{true});
            upgrade(next);
        });
    }

    /** BENCH_RATE: what it sends is sent again for ever. */
    void become_bulk()
    {
        is_bulk_ = true;
        size_ = BENCH_BULK_BYTES;
    }

    void read()
    {
        ws_.async_read(buffer_, [this](error e, std::size_t) {
            must(e, "read");
            on_message();
        });
    }

    /** `more` messages may go out. */
    void send(std::uint64_t more)
    {
        due_ += more;
        if (due_ > 0 && !writing_)
            write();
    }

    template <class Next> void close(Next next)
    {
        ws_.async_close(websocket::close_code::normal, [this, next](error e) {
            // Behind the peer's Close it is nobody's failure that the server ends the connection first.
            must(ws_.reason().code == websocket::close_code::none ? e : error{}, "close");
            next();
        });
    }

    static std::vector<std::unique_ptr<Connection>> all;
    static std::uint64_t asked, received;
    static bool is_spread;

  private:
    template <class Next> void upgrade(Next next)
    {
        secure(ws_.next_layer(), [this, next] {
            ws_.async_handshake(std::string(work.host) + ":" + work.port, work.path,
                                [next](error e) {
                                    must(e, "upgrade");
                                    next();
                                });
        });
    }

    void write()
    {
        writing_ = true;
        due_--;
        ws_.async_write(asio::buffer(work.payload, size_), [this](error e, std::size_t) {
            must(e, "write");
            writing_ = false;
            if (due_ > 0)
                write();
        });
    }

    void on_rated()
    {
        if (!is_bulk_)
            done = bench_rate_answered(&rate) || done;
        if (buffer_.size() != size_)
            bench_fail("beast: a message of %zu bytes", buffer_.size());
        buffer_.clear();
        read();
        if (is_bulk_) {
            rate.bulk++;
            send(1);
        }
    }

    void on_message()
    {
        if (work.kind == BENCH_RATE) {
            on_rated();
            return;
        }
        received++;
        if (work.kind == BENCH_SEND) {
            done = true;
            return;
        }
        bool echoes = work.kind != BENCH_RECEIVE;
        if (echoes)
            bench_work_check(&work, buffer_.data().data(), buffer_.size());
        buffer_.clear();
        read();
        done = received == work.count;
        if (echoes && asked < work.count)
            (is_spread ? *all[asked % work.connections] : *this).send((asked++, 1));
    }

    websocket::stream<Lower> ws_;
    beast::flat_buffer buffer_;
    std::uint64_t due_ = 0;
    std::size_t size_ = work.size;
    bool writing_ = false;
    bool is_bulk_ = false;
};

template <class Lower> std::vector<std::unique_ptr<Connection<Lower>>> Connection<Lower>::all;
template <class Lower> std::uint64_t Connection<Lower>::asked;
template <class Lower> std::uint64_t Connection<Lower>::received;
template <class Lower> bool Connection<Lower>::is_spread;

template <class C> void echo_all(unsigned connections, void *)
{
    C::asked = 1;
    C::received = 0;
    C::is_spread = connections > 1;
    C::all[0]->send(1);
    run();
}

/** One more connection, open. */
template <class C> C &opened_one()
{
    C::all.push_back(std::make_unique<C>());
    C::all.back()->open([] { done = true; });
    run();
    return *C::all.back();
}

template <class C> void open_one(unsigned index, void *)
{
    opened_one<C>().read();
    if (index + 1 == work.connections)
        loop.poll();
}

template <class C> void open_run()
{
    for (std::uint64_t i = 0; i < work.count; i++) {
        auto connection = std::make_unique<C>();
        C *opening = connection.get();
        opening->open([opening] {
            if (work.kind == BENCH_OPEN)
                opening->close([] { done = true; });
            else
                done = true;
        });
        run();
        if (work.kind != BENCH_OPEN)
            (void)connection.release();
    }
}

template <class C> void send_due(asio::posix::stream_descriptor &timer, C &measured)
{
    timer.async_wait(asio::posix::descriptor_base::wait_read, [&](error e) {
        must(e, "timer");
        measured.send(bench_rate_due(&rate));
        if (rate.sent < rate.total)
            send_due(timer, measured);
    });
}

template <class C> void rate_run()
{
    C &measured = opened_one<C>();
    measured.read();
    if (work.bulk) {
        C &bulk = opened_one<C>();
        bulk.become_bulk();
        bulk.read();
        bulk.send(BENCH_BULK_COUNT);
    }
    bench_rate_start(&rate, &work);
    asio::posix::stream_descriptor timer{loop, rate.fd};
    bench_meter start = bench_meter_now();
    send_due(timer, measured);
    run();
    result.spent = bench_meter_since(&start);
    timer.release();
    result.rate = &rate;
    result.messages = work.count;
    result.bytes = work.count * work.size;
}

template <class C> void message_run()
{
    C &connection = *C::all[0];
    connection.read();
    if (work.kind != BENCH_RECEIVE) {
        C::asked = work.kind == BENCH_SEND ? work.count : work.in_flight;
        connection.send(C::asked);
    }
    run();
}

template <class C> void stream_run(const bench_meter &main_start)
{
    bench_meter start = main_start;
    if (work.kind == BENCH_OPEN || work.kind == BENCH_REACH) {
        open_run<C>();
    } else {
        opened_one<C>();
        if (work.kind != BENCH_START)
            start = bench_meter_now();
        message_run<C>();
    }
    result.spent =
        work.kind == BENCH_START ? bench_meter_since_exec(&start) : bench_meter_since(&start);
    result.messages = work.count;
    result.bytes = work.count * work.size;
}

template <class Lower> void measure(const bench_meter &start)
{
    if (work.kind == BENCH_IDLE)
        bench_idle_run(&work, &result, open_one<Connection<Lower>>, echo_all<Connection<Lower>>,
                       nullptr);
    else if (work.kind == BENCH_RATE)
        rate_run<Connection<Lower>>();
    else
        stream_run<Connection<Lower>>(start);
}

int on_new_session(SSL *, SSL_SESSION *fresh)
{
    SSL_SESSION_free(session);
    session = fresh;
    return 1;
}

void tls_init()
{
    tls.load_verify_file(work.ca_path);
    tls.set_verify_mode(asio::ssl::verify_peer);
    if (work.resume) {
        SSL_CTX_set_session_cache_mode(tls.native_handle(), SSL_SESS_CACHE_CLIENT);
        SSL_CTX_sess_set_new_cb(tls.native_handle(), on_new_session);
    }
}

} // namespace

int main(int argc, char **argv)
{
    bench_meter start = bench_meter_now();
    bench_work_init(&work, argc, argv);
    bench_raise_descriptor_limit();
    result.client = "beast";
    result.version = BOOST_LIB_VERSION;
    if (work.secure) {
        tls_init();
        measure<beast::ssl_stream<tcp::socket>>(start);
    } else {
        measure<tcp::socket>(start);
    }
    bench_report(&work, &result);
    std::_Exit(0);
}
