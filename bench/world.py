# SPDX-License-Identifier: Apache-2.0
"""Everything around a measurement: certificates, the server, the proxy, the relay, and who runs on which core."""
import ctypes
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from plan import Work

SERVER_CORE, CLIENT_CORE = 0, 1
UNSUPPORTED = 3  # exit status of a driver
START_LIMIT_S = 10


class Void(Exception):
    """The measurement cannot be trusted, or was not possible."""


class Unsupported(Exception):
    """The library cannot do that."""


def cpu_seconds(pid):
    """What a process has used. The number of the clock is the kernel's MAKE_PROCESS_CPUCLOCK."""
    return time.clock_gettime(~pid << 3 | 2)


def pin(core):
    """What is started from now on runs there."""
    cores = sorted(os.sched_getaffinity(0)) if not hasattr(pin, "cores") else pin.cores
    pin.cores = cores
    os.sched_setaffinity(0, {cores[core % len(cores)]})


class Process:
    """A program that says something when it is ready, and ends with its input."""

    def __init__(self, command, quiet=False):
        pin(SERVER_CORE)
        self.child = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                                      stdout=subprocess.DEVNULL if quiet else subprocess.PIPE,
                                      stderr=subprocess.DEVNULL if quiet else None, text=True)
        pin(CLIENT_CORE)

    def line(self):
        text = self.child.stdout.readline()
        if not text:
            raise Void(f"{self.child.args[0]} has ended")
        return text.split()

    def stop(self):
        self.child.stdin.close()
        try:
            self.child.wait(1)
        except subprocess.TimeoutExpired:
            self.child.terminate()
            self.child.wait(START_LIMIT_S)
        if self.child.stdout:
            self.child.stdout.close()


def make_certificates(folder):
    """A CA and a leaf for 127.0.0.1, both P-256."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    for name in ("ca", "leaf"):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
    openssl("req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=bench CA", "-days", "7", "-out", "ca.pem",
            "-addext", "keyUsage=critical,keyCertSign")  # which Python 3.13 insists on
    openssl("req", "-new", "-key", "leaf.key", "-subj", "/CN=127.0.0.1", "-out", "leaf.csr")
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"
                                       "authorityKeyIdentifier=keyid\n")
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "7",
            "-extfile", "extensions", "-out", "leaf.pem")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise Void(f"nobody listens on port {port}")


class World:
    def __init__(self, build, folder):
        self.build, self.folder = Path(build), Path(folder)
        make_certificates(self.folder)
        self.server = Process([self.build / "bin/bench_echo_server", self.folder / "leaf.pem",
                               self.folder / "leaf.key"])
        self.ports = dict(zip(("ws", "wss", "tcp", "tls", "udp"), self.server.line()))
        self.proxy = None
        self.proxy_port = 0
        self.clients = Path(__file__).parent / "clients"

    def stop(self):
        for process in (self.server, self.proxy):
            if process:
                process.stop()

    def start_proxy(self):
        """microsocks, which asks for a password. It cannot choose its port itself."""
        if self.proxy:
            return
        if not shutil.which("microsocks"):
            raise Void("microsocks is missing")
        for _ in range(5):
            self.proxy_port = free_port()
            self.proxy = Process(["microsocks", "-i", "127.0.0.1", "-p", self.proxy_port, "-u", "user", "-P", "secret"],
                                 quiet=True)
            try:
                wait_for_port(self.proxy_port)
                return
            except Void:
                self.proxy.stop()
        raise Void("microsocks does not start")

    def proxy_argument(self, port=None):
        return ["--proxy", f"user:secret@127.0.0.1:{port or self.proxy_port}"]

    def command(self, peer, work):
        driver = peer.driver if work.is_websocket else peer.sockets
        if not driver:
            raise Unsupported("has no WebSocket" if work.is_websocket else "not compared without WebSocket")
        if peer.driver.endswith(".js"):
            return ["node", "--expose-gc", str(self.clients / peer.driver)]
        if peer.driver.endswith(".py"):
            return ["/usr/bin/python3", str(self.clients / peer.driver)]
        program = self.build / "bin" / driver
        if not program.exists():
            raise Unsupported("not built: its library is missing or too old")
        return [str(program)]

    def run(self, peer, work, count, connections, limit_s, more=()):
        """One measurement: the driver's line as a dictionary, with what the server used meanwhile."""
        url = f"{work.scheme}://127.0.0.1:{self.ports[work.scheme]}{work.path(count)}"
        command = [*self.command(peer, work), "--url", url, "--ca", str(self.folder / "ca.pem"),
                   *work.arguments(count, connections), *more]
        if work.socks5 and not more:
            self.start_proxy()
            command += self.proxy_argument()
        environment = dict(os.environ, NODE_PATH="/usr/share/nodejs:/usr/lib/nodejs")
        pin(CLIENT_CORE)
        before = cpu_seconds(self.server.child.pid)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, env=environment,
                                  check=False)
        except subprocess.TimeoutExpired as error:
            raise Void(f"{peer.name}: {work.name}: no end after {limit_s} s") from error
        if done.returncode == UNSUPPORTED:
            raise Unsupported(done.stderr.strip())
        if done.returncode != 0:
            raise Void(f"{peer.name}: {work.name}: {done.stderr.strip() or done.returncode}")
        line = dict(part.split("=", 1) for part in done.stdout.split())
        result = {key: value if key in ("client", "version") else float(value) for key, value in line.items()}
        result["server_cpu_s"] = cpu_seconds(self.server.child.pid) - before
        return result

    def flights(self, peer, opening, delay_ms, limit_s):
        """Opens through the relay and a proxy: round trips of the last time with TCP's own, and milliseconds."""
        work = Work("opening " + opening.name, "reach", "wss", socks5=True)
        proxy = Process(["/usr/bin/python3", str(Path(__file__).parent / "server/socks5_proxy.py"), "user", "secret"])
        relay = None
        try:
            relay = Process([self.build / "bin/bench_delay_relay", delay_ms, proxy.line()[0]])
            more = [*self.proxy_argument(relay.line()[0]), *opening.arguments]
            result = self.run(peer, work, opening.opens, 1, limit_s, more)
            counts = [int(relay.line()[1]) for _ in range(opening.opens)]
            return {"round_trips": counts[-1], "open_ms": result["wall_s"] * 1e3}
        finally:
            for process in (relay, proxy):
                if process:
                    process.stop()


def tls_primitives(build):
    """Who computes for the TLS of leat."""
    lines = subprocess.run(["ldd", Path(build) / "bin/bench_leat"], capture_output=True, text=True, check=True).stdout
    return "libcrypto" if "libcrypto" in lines else "mbedTLS"


def library_sizes(build, folder):
    """Stripped, in bytes: leat with the mbedTLS that is inside of it; the others without their OpenSSL."""
    found = {}
    wanted = (("leat", "bench_leat", "libleat.so"), ("libwebsockets", "bench_lws", "libwebsockets.so"),
              ("libcurl", "bench_curl", "libcurl.so"), ("beast", "bench_beast", None))
    for name, driver, library in wanted:
        program = Path(build) / "bin" / driver
        if not program.exists():
            continue
        path = str(program)
        if library:
            lines = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines()
            path = next(line.split("=>")[1].split()[0] for line in lines if library in line)
        stripped = Path(folder) / f"stripped-{name}"
        subprocess.run(["strip", "-o", stripped, path], check=True)
        found[name] = stripped.stat().st_size
    return found


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)

def bring_up_loopback():
    """Of a fresh network namespace. The numbers of the kernel's <linux/if.h> and <linux/sockios.h>."""
    set_flags, up = 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, set_flags, struct.pack("16sh14x", b"lo", up))


def enter_network():
    """Moves this process into a network of its own, in which TCP fast open is allowed. Whether that was possible."""
    new_network = 0x40000000  # CLONE_NEWNET
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(new_network) != 0:
        return False
    bring_up_loopback()
    try:
        Path("/proc/sys/net/ipv4/tcp_fastopen").write_text("3", encoding="ascii")
    except OSError:  # some containers have it read-only
        return False
    return True


def run_apart(function):
    """What function(fast_open) returns, from a child in a network of its own where that is possible."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(ours)
            result = json.dumps(function(enter_network()))
            with os.fdopen(theirs, "w") as pipe:
                pipe.write(result)
            status = 0
        except BaseException as error:  # pylint: disable=broad-except
            print(f"bench: {error}", file=sys.stderr)
        finally:
            os._exit(status)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        text = pipe.read()
    if os.waitpid(child, 0)[1] != 0 or not text:
        raise Void("the openings could not be measured")
    return json.loads(text)
