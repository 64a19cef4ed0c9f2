/* SPDX-License-Identifier: Apache-2.0 */
/* Boost.Beast's server under test: echoes, as its example does. Prints its port; ends with its input. */
#include <boost/asio.hpp>
#include <boost/beast.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;

class session : public std::enable_shared_from_this<session>
{
  public:
    explicit session(tcp::socket socket) : stream_(std::move(socket))
    {
    }

    void run()
    {
        stream_.next_layer().set_option(tcp::no_delay(true));
        stream_.binary(true);
        stream_.async_accept([self = shared_from_this()](beast::error_code error) {
            if (!error)
                self->read();
        });
    }

  private:
    void read()
    {
        stream_.async_read(buffer_,
                           [self = shared_from_this()](beast::error_code error, std::size_t) {
                               if (!error)
                                   self->write();
                           });
    }

    void write()
    {
        stream_.async_write(buffer_.data(),
                            [self = shared_from_this()](beast::error_code error, std::size_t) {
                                if (error)
                                    return;
                                self->buffer_.consume(self->buffer_.size());
                                self->read();
                            });
    }

    beast::websocket::stream<tcp::socket> stream_;
    beast::flat_buffer buffer_;
};

static void accept_next(tcp::acceptor &acceptor)
{
    acceptor.async_accept([&acceptor](beast::error_code error, tcp::socket socket) {
        if (!error)
            std::make_shared<session>(std::move(socket))->run();
        accept_next(acceptor);
    });
}

int main()
{
    rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    asio::io_context context{1};
    tcp::acceptor acceptor(context, tcp::endpoint(tcp::v4(), 0));
    accept_next(acceptor);
    std::printf("%u\n", static_cast<unsigned>(acceptor.local_endpoint().port()));
    std::fflush(stdout);
    std::thread([] {
        char byte;
        while (read(STDIN_FILENO, &byte, 1) > 0)
            ;
        _exit(0);
    }).detach();
    context.run();
    return 0;
}
