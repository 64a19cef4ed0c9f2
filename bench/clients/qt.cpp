/* SPDX-License-Identifier: Apache-2.0 */
// Qt 6 WebSockets, by its signals, on Qt's loop of poll(2) (no GLib: QT_NO_GLIB, which is faster).
#include "../common/meter.h"
#include "../common/work.h"

#include <QtCore/QCoreApplication>
#include <QtCore/QFile>
#include <QtNetwork/QNetworkProxy>
#include <QtNetwork/QSslConfiguration>
#include <QtNetwork/QSslCertificate>
#include <QtWebSockets/QWebSocket>

#include <cstdlib>
#include <string>
#include <vector>

namespace
{

bench_work work;
bench_result result;
bench_meter start;
QSslConfiguration tls;
QByteArray payload;
QString payload_text;
std::vector<QWebSocket *> all;
std::uint64_t sent, received, opened;
bool is_spread, done;

void run()
{
    done = false;
    while (!done)
        QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
}

void send_one(QWebSocket *ws)
{
    qint64 taken = work.text ? ws->sendTextMessage(payload_text) : ws->sendBinaryMessage(payload);
    if (taken < 0)
        bench_fail("qt: send: %s", qPrintable(ws->errorString()));
    sent++;
}

/* Until a queue is full; `bytesWritten` goes on, unless it comes from in here. */
void send_stream(QWebSocket *ws)
{
    static bool is_sending;

    if (is_sending)
        return;
    is_sending = true;
    while (sent < work.count && ws->bytesToWrite() < 256 * 1024)
        send_one(ws);
    is_sending = false;
}

void on_opened(QWebSocket *ws)
{
    bool is_stream =
        work.kind == BENCH_ECHO || work.kind == BENCH_SEND || work.kind == BENCH_RECEIVE;

    if (opened++ == 0 && is_stream)
        start = bench_meter_now();
    if (work.kind == BENCH_ECHO || work.kind == BENCH_START) {
        while (sent < work.in_flight)
            send_one(ws);
    } else if (work.kind == BENCH_SEND) {
        send_stream(ws);
    } else if (work.kind == BENCH_OPEN) {
        ws->close();
    } else if (work.kind == BENCH_REACH || work.kind == BENCH_IDLE) {
        done = true;
    }
}

void on_message(QWebSocket *ws, qsizetype len)
{
    received++;
    if (work.kind == BENCH_SEND) {
        done = true;
        return;
    }
    if (static_cast<std::size_t>(len) != work.size)
        bench_fail("qt: a message of %lld bytes", static_cast<long long>(len));
    done = received == work.count;
    if (work.kind != BENCH_RECEIVE && sent < work.count)
        send_one(is_spread ? all[sent % work.connections] : ws);
}

QWebSocket *connection_start()
{
    auto *ws = new QWebSocket;

    ws->setProxy(QNetworkProxy::NoProxy);
    if (work.secure)
        ws->setSslConfiguration(tls);
    ws->setMaxAllowedIncomingMessageSize(64 << 20);
    ws->setMaxAllowedIncomingFrameSize(64 << 20);
    QObject::connect(ws, &QWebSocket::connected, [ws] { on_opened(ws); });
    QObject::connect(ws, &QWebSocket::binaryMessageReceived,
                     [ws](const QByteArray &message) { on_message(ws, message.size()); });
    QObject::connect(ws, &QWebSocket::textMessageReceived,
                     [ws](const QString &message) { on_message(ws, message.size()); });
    QObject::connect(ws, &QWebSocket::disconnected, [ws] {
        if (work.kind != BENCH_OPEN)
            bench_fail("qt: closed: %s", qPrintable(ws->errorString()));
        done = true;
    });
    if (work.kind == BENCH_SEND)
        QObject::connect(ws, &QWebSocket::bytesWritten, [ws] { send_stream(ws); });
    ws->open(QUrl(work.url));
    return ws;
}

void echo_all(unsigned connections, void *)
{
    sent = received = 0;
    is_spread = connections > 1;
    send_one(all[0]);
    run();
}

void open_one(unsigned, void *)
{
    all.push_back(connection_start());
    run();
}

void stream_run()
{
    bool opens = work.kind == BENCH_OPEN || work.kind == BENCH_REACH;

    for (std::uint64_t i = 0; i < (opens ? work.count : 1); i++) {
        QWebSocket *ws = connection_start();
        run();
        if (work.kind == BENCH_OPEN)
            delete ws;
    }
    result.spent =
        work.kind == BENCH_START ? bench_meter_since_exec(&start) : bench_meter_since(&start);
    result.messages = work.count;
    result.bytes = work.count * work.size;
}

void refuse_what_it_cannot()
{
    if (work.proxy)
        bench_unsupported("Qt's SOCKS5 is not measured");
    if (work.resume)
        bench_unsupported("Qt's WebSockets do not keep TLS sessions by themselves");
    if (work.compress)
        bench_unsupported("Qt's WebSockets do not compress");
    if (work.kind == BENCH_RATE)
        bench_unsupported("not measured at a rate");
    if (work.kind == BENCH_OPEN)
        bench_unsupported("opening and closing takes less of Qt's driver than of bare sockets: not "
                          "the same work");
    if (work.kind == BENCH_SEND)
        bench_unsupported("sending only does not end with Qt's driver, and why is not known");
}

void prepare()
{
    payload =
        QByteArray(reinterpret_cast<const char *>(work.payload), static_cast<qsizetype>(work.size));
    if (work.text)
        payload_text = QString::fromUtf8(payload);
    if (!work.secure)
        return;
    tls = QSslConfiguration::defaultConfiguration();
    tls.setCaCertificates(QSslCertificate::fromPath(QString::fromUtf8(work.ca_path)));
}

} // namespace

int main(int argc, char **argv)
{
    start = bench_meter_now();
    bench_work_init(&work, argc, argv);
    bench_raise_descriptor_limit();
    refuse_what_it_cannot();
    setenv("QT_NO_GLIB", "1", 1);
    int no_arguments = 1;
    QCoreApplication application{no_arguments, argv};
    prepare();
    result.client = "qt";
    result.version = qVersion();
    if (work.kind == BENCH_IDLE)
        bench_idle_run(&work, &result, open_one, echo_all, nullptr);
    else
        stream_run();
    bench_report(&work, &result);
    std::_Exit(0);
}
