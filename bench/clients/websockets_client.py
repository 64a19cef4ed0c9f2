#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""python3-websockets, for orientation. The same arguments and the same line as the other drivers."""
import argparse
import asyncio
import gc
import os
import re
import resource
import ssl
import sys
import time

import websockets

WORDS = '{"key": "some text of the kind that is sent", "n": 1234567}, '


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("--work", "--url", "--ca", "--proxy"):
        parser.add_argument(name)
    for name, default in (("--size", 64), ("--count", 1), ("--in-flight", 1), ("--connections", 1)):
        parser.add_argument(name, type=int, default=default)
    for name in ("--text", "--resume", "--compress"):
        parser.add_argument(name, action="store_true")
    work = parser.parse_args()
    work.in_flight = min(work.in_flight, work.count)
    return work


def unsupported(why):
    print(why, file=sys.stderr)
    sys.exit(3)


def now():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.monotonic(), usage.ru_utime + usage.ru_stime


def since(start):
    end = now()
    return end[0] - start[0], end[1] - start[1]


def status_kib(name):
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(name + r":\s*(\d+)", file.read())[1])


class Driver:
    def __init__(self, work):
        self.work = work
        text = (WORDS * (work.size // len(WORDS) + 1))[:work.size]
        self.payload = text if work.text else os.urandom(work.size)
        self.context = None
        if work.url.startswith("wss"):
            self.context = ssl.create_default_context(cafile=work.ca)

    async def open(self):
        compression = "deflate" if self.work.compress else None
        return await websockets.connect(self.work.url, ssl=self.context, compression=compression,
                                        max_size=None, ping_interval=None)

    async def echo(self, sockets, window):
        sent = 0
        for received in range(self.work.count):
            while sent < self.work.count and sent < received + window:
                await sockets[sent % len(sockets)].send(self.payload)
                sent += 1
            if len(await sockets[received % len(sockets)].recv()) != self.work.size:
                sys.exit("a message came back with another length")

    async def send(self, ws):
        for _ in range(self.work.count):
            await ws.send(self.payload)
        await ws.recv()

    async def receive(self, ws):
        for _ in range(self.work.count):
            await ws.recv()

    async def stream(self, main_start):
        work, start = self.work, main_start
        if work.work == "open":
            for _ in range(work.count):
                await (await self.open()).close()
            return since(start)
        ws = await self.open()
        if work.work == "reach":
            return since(start)
        if work.work != "start":
            start = now()
        if work.work == "send":
            await self.send(ws)
        elif work.work == "receive":
            await self.receive(ws)
        else:
            await self.echo([ws], work.in_flight)
        return since((start[0], 0.0) if work.work == "start" else start)

    async def idle(self):
        work = self.work
        gc.collect()
        before, start, sockets = status_kib("VmRSS"), now(), []
        for _ in range(work.connections):
            sockets.append(await self.open())
        connecting = since(start)
        gc.collect()
        grown = (status_kib("VmRSS") - before) * 1024
        start = now()
        await self.echo(sockets[:1], 1)
        one, start = since(start), now()
        await self.echo(sockets, 1)
        spread = since(start)
        more = (f" heap_per_connection=0 resident_per_connection={grown / work.connections:.0f}"
                f" connect_us={connecting[0] * 1e6 / work.connections:.3f}"
                f" connect_cpu_us={connecting[1] * 1e6 / work.connections:.3f}"
                f" echo_one_cpu_us={one[1] * 1e6 / work.count:.3f}"
                f" echo_spread_cpu_us={spread[1] * 1e6 / work.count:.3f}")
        return connecting, more


def report(spent, messages, size, more=""):
    wall, cpu = spent
    print(f"client=websockets version={websockets.version.version} wall_s={wall:.6f} cpu_s={cpu:.6f}"
          f" messages={messages} cpu_us_per_message={cpu * 1e6 / messages:.4f}"
          f" messages_per_s={messages / wall:.1f} mb_per_s={messages * size / 1e6 / wall:.2f}"
          f" peak_kib={status_kib('VmHWM')}{more}", flush=True)
    os._exit(0)


async def measure(work, start):
    """Reports from inside: the end of the loop would wait for a goodbye."""
    driver = Driver(work)
    if work.work == "idle":
        spent, more = await driver.idle()
        report(spent, work.connections, work.size, more)
    report(await driver.stream(start), work.count, work.size)


def main():
    start = now()
    work = arguments()
    if work.proxy:
        unsupported("this websockets has no proxies")
    if work.resume:
        unsupported("websockets does not keep TLS sessions by itself")
    asyncio.run(measure(work, start))


if __name__ == "__main__":
    main()
