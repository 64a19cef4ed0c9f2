// SPDX-License-Identifier: Apache-2.0
/*
 * leat in a Boost.Asio io_context, in C++11. The adapter is all between the two lines; the rest is a
 * client that sends three messages, one at each tick of an Asio timer, and prints the answers.
 *
 *     asio_loop wss://HOST/PATH [CA_FILE]
 *
 *     c++ -std=c++11 -Iinclude examples/asio_loop.cpp -Lbuild/release/lib -lleat -pthread -o asio_loop
 */
#include <leat/leat.h>

#include <boost/asio.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>

namespace asio = boost::asio;

/* ---- the adapter ---------------------------------------------------------------------- */

/* Lets an io_context drive a leat loop until it is destroyed. One descriptor stands for all that
 * leat waits for. The io_context must run in one thread: a leat loop has one. */
class asio_leat
{
  public:
    asio_leat(asio::io_context &context, leat_loop *loop)
        : context_(context), loop_(loop), descriptor_(context, leat_loop_get_fd(loop))
    {
        wait();
    }

    ~asio_leat()
    {
        descriptor_.release(); // it stays the loop's
    }

    asio_leat(const asio_leat &) = delete;
    asio_leat &operator=(const asio_leat &) = delete;

  private:
    // Each wait looks at the descriptor anew, so that nothing is lost between two of them.
    void wait()
    {
        descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                               [this](const boost::system::error_code &error) {
                                   if (!error)
                                       ready();
                               });
    }

    void ready()
    {
        int code = leat_loop_dispatch(loop_, 0);
        if (code != LEAT_OK) {
            std::cerr << code << " " << leat_strerror(code) << "\n";
            context_.stop();
            return;
        }
        wait();
    }

    asio::io_context &context_;
    leat_loop *loop_;
    asio::posix::stream_descriptor descriptor_;
};

/* ---- a client ------------------------------------------------------------------------- */

struct loop_free {
    void operator()(leat_loop *loop) const
    {
        leat_loop_free(loop);
    }
};

struct config_free {
    void operator()(leat_config *config) const
    {
        leat_config_free(config);
    }
};

// Callbacks of leat are C: no exception may leave one.
class client
{
  public:
    client(asio::io_context &context, leat_loop *loop)
        : context_(context), loop_(loop), timer_(context)
    {
    }
    ~client()
    {
        leat_websocket_free(ws_);
    }

    client(const client &) = delete;
    client &operator=(const client &) = delete;

    int start(const char *url, const char *ca_path)
    {
        leat_config *made = nullptr;
        int code = leat_config_new(&made);
        std::unique_ptr<leat_config, config_free> config(made);
        if (code == LEAT_OK && ca_path)
            code = leat_config_set_ca_path(config.get(), ca_path);
        leat_websocket_callbacks callbacks = {};
        callbacks.size = sizeof(callbacks);
        callbacks.opened = on_opened;
        callbacks.message = on_message;
        callbacks.closed = on_closed;
        if (code == LEAT_OK)
            code = leat_websocket_new(loop_, &callbacks, this, &ws_);
        if (code == LEAT_OK)
            code = leat_websocket_connect(ws_, url, config.get());
        return code;
    }

    int exit_status() const
    {
        return exit_status_;
    }

  private:
    static const int messages = 3;

    static void on_opened(leat_websocket *, void *user)
    {
        static_cast<client *>(user)->tick_later();
    }

    static void on_message(leat_websocket *ws, leat_message_type, const uint8_t *data, size_t len,
                           void *user)
    {
        client *self = static_cast<client *>(user);
        std::cout.write(reinterpret_cast<const char *>(data), static_cast<std::streamsize>(len))
            << "\n";
        if (++self->answered_ == messages && leat_websocket_close(ws, 1000, nullptr) != LEAT_OK)
            self->context_.stop();
    }

    static void on_closed(leat_websocket *, const leat_close_event *event, void *user)
    {
        client *self = static_cast<client *>(user);
        self->exit_status_ = event->error.code != LEAT_OK || self->answered_ < messages;
        if (event->error.code != LEAT_OK)
            std::cerr << event->error.code << " " << leat_strerror(event->error.code) << " "
                      << event->error.text << "\n";
        self->context_.stop();
    }

    void tick_later()
    {
        timer_.expires_after(std::chrono::milliseconds(20));
        timer_.async_wait([this](const boost::system::error_code &error) {
            if (!error)
                tick();
        });
    }

    void tick()
    {
        std::string text = "tick " + std::to_string(++sent_);
        int code = leat_websocket_send(ws_, LEAT_MESSAGE_TEXT, text.data(), text.size());
        if (code != LEAT_OK)
            std::cerr << "not sent: " << leat_strerror(code) << "\n";
        if (sent_ < messages)
            tick_later();
    }

    asio::io_context &context_;
    leat_loop *loop_;
    asio::steady_timer timer_;
    leat_websocket *ws_ = nullptr;
    int sent_ = 0, answered_ = 0, exit_status_ = 1;
};

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        std::cerr << "usage: " << argv[0] << " URL [CA_FILE]\n";
        return 2;
    }
    leat_loop *made = nullptr;
    if (leat_loop_new(&made) != LEAT_OK)
        return 1;
    // What was made first is destroyed last.
    std::unique_ptr<leat_loop, loop_free> loop(made);
    asio::io_context context;
    asio_leat adapter(context, loop.get());
    client me(context, loop.get());
    int code = me.start(argv[1], argv[2]);
    if (code != LEAT_OK) {
        std::cerr << code << " " << leat_strerror(code) << "\n";
        return 1;
    }
    context.run();
    return me.exit_status();
}
