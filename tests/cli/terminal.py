#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `leat ws` in a terminal, which tmux is: typing, history, messages while one types, Ctrl-C, resizing.

usage: terminal.py PROGRAM     PROGRAM is the tool `leat`
"""
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
import time
import unittest

import peer
from patience import patience

PROGRAM = peer.program()
TIMEOUT = patience(10)
SHELL = "PS1='$ ' exec sh"


def setUpModule():
    global server
    server = peer.Server()


def tearDownModule():
    server.stop()


class Terminal:
    """A terminal with a shell in it."""

    def __init__(self, folder, columns=80, lines=20, **environment):
        self.socket = os.path.join(folder, "tmux")
        self.environment = peer.environment(HOME=folder, XDG_STATE_HOME=f"{folder}/state", LANG="C.UTF-8", **environment)
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(lines), SHELL)
        self.until(lambda screen: screen.startswith("$"))

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-u", "-S", self.socket, *arguments], env=self.environment, check=True,
                              capture_output=True, text=True, timeout=TIMEOUT).stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def text(self, text):
        self.tmux("send-keys", "-l", text)

    def line(self, text):
        self.text(text)
        self.keys("Enter")

    def screen(self, *options):
        rows = self.tmux("capture-pane", "-p", *options).splitlines()
        while rows and not rows[-1].strip():
            rows.pop()
        return "\n".join(row.rstrip() for row in rows)

    def until(self, wanted, *options):
        """Waits until the screen is as wanted: a text that it contains, or a function of it."""
        test = wanted if callable(wanted) else lambda screen: wanted in screen
        end = time.monotonic() + TIMEOUT
        while True:
            screen = self.screen(*options)
            if test(screen):
                return screen
            if time.monotonic() > end:
                raise AssertionError(f"never came: {wanted}\n{screen}")
            threading.Event().wait(0.02)  # tmux tells nobody when a screen changes

    def until_ends(self, *lines):
        """Waits until these are the last lines."""
        return self.until(lambda screen: screen.split("\n")[-len(lines):] == list(lines))

    def cursor(self):
        return self.tmux("display-message", "-p", "#{cursor_x}").strip()

    def resize(self, columns):
        """tmux draws at once and tells the program a little later."""
        self.tmux("resize-window", "-x", str(columns), "-y", "20")
        tty = self.tmux("display-message", "-p", "#{pane_tty}").strip()
        self.until(lambda _: subprocess.run(["stty", "-F", tty, "size"], capture_output=True, check=True, text=True,
                                            timeout=TIMEOUT).stdout.split()[1] == str(columns))

    def stop(self):
        self.tmux("kill-server")


@unittest.skipUnless(shutil.which("tmux"), "needs tmux")
class InATerminal(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def terminal(self, *arguments, url=None, **options):
        """A terminal in which the tool is connected and waits for a line."""
        terminal = Terminal(self.folder, **options)
        self.addCleanup(terminal.stop)
        self.launch(terminal, *arguments, url=url)
        return terminal

    def launch(self, terminal, *arguments, url=None):
        terminal.line(" ".join(["clear;", PROGRAM, "ws", url or server.url(), *arguments, "; echo status $?"]))
        opened = '"event": "open"' if "--json" in arguments else "connected to"
        terminal.until(lambda screen: opened in screen and screen.endswith("\n>"))

    def leave(self, terminal, status=0):
        terminal.keys("C-c")
        terminal.until_ends(f"status {status}", "$")

    def test_typing(self):
        terminal = self.terminal()
        terminal.line("hello wörld 你好")
        terminal.until_ends("> hello wörld 你好", "< hello wörld 你好", ">")
        terminal.text("on")
        terminal.keys("Left", "Left")
        terminal.text("m")
        terminal.keys("C-e")
        terminal.text("XY")
        terminal.keys("BSpace", "BSpace")
        terminal.until_ends("> mon")
        terminal.keys("C-a", "C-k")
        terminal.until_ends(">")
        terminal.text("zwei 你们")
        terminal.keys("C-w")
        terminal.line("drei")
        terminal.until_ends("> zwei drei", "< zwei drei", ">")
        terminal.line("")  # an empty message is a message
        terminal.until_ends(">", "<", ">")
        self.leave(terminal)

    def test_history(self):
        terminal = self.terminal()
        for text in "first", "second", "second", " secret":
            terminal.line(text)
            terminal.until_ends(f"> {text}".rstrip(), f"< {text}".rstrip(), ">")
        terminal.keys("Up")
        terminal.until_ends("> second")
        terminal.keys("Up")
        terminal.until_ends("> first")
        terminal.keys("Down")
        terminal.until_ends("> second")
        terminal.keys("C-u")
        self.leave(terminal)
        # It is kept, for its owner alone.
        path = f"{self.folder}/state/leat/history"
        with open(path) as file:
            self.assertEqual(file.read(), "first\nsecond\n")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)
        self.launch(terminal)
        terminal.keys("Up")
        terminal.until_ends("> second")
        terminal.keys("C-r")
        terminal.text("fir")
        terminal.until(lambda screen: "first" in screen.split("\n")[-1] or "first" in screen.split("\n")[-2])
        terminal.keys("Enter")
        terminal.until(lambda screen: "< first" in screen and screen.endswith("\n>"))
        self.leave(terminal)

    def test_no_history(self):
        terminal = self.terminal("--no-history")
        terminal.line("secret")
        terminal.until_ends("> secret", "< secret", ">")
        terminal.keys("Up")
        terminal.until_ends("> secret")  # of this session
        self.leave(terminal)
        self.assertFalse(os.path.exists(f"{self.folder}/state"))

    def test_history_does_not_grow_without_end(self):
        path = f"{self.folder}/state/leat/history"
        os.makedirs(os.path.dirname(path))
        with open(path, "w") as file:
            for i in range(20000):
                file.write(f"line {i:010d}\n")
        os.chmod(path, 0o644)
        terminal = self.terminal()
        terminal.keys("Up")
        terminal.until_ends("> line 0000019999")
        terminal.keys("C-u")
        terminal.line("newest")
        terminal.until_ends("> newest", "< newest", ">")
        self.leave(terminal)
        self.assertLess(os.path.getsize(path), 80000)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path) as file:
            lines = file.read().splitlines()
        self.assertEqual(lines[-2:], ["line 0000019999", "newest"])
        self.assertTrue(all(len(line) == 15 for line in lines[:-1]))

    def test_history_that_is_damaged(self):
        path = f"{self.folder}/state/leat/history"
        os.makedirs(os.path.dirname(path))
        with open(path, "wb") as file:
            file.write(b"well\n\xff\xfe\n\0\0\nz\xc3\n\x1b[31mred\nend")
        terminal = self.terminal()
        terminal.keys(*["Up"] * 8)
        terminal.until_ends("> well")
        terminal.keys(*["Down"] * 8, "C-u")
        terminal.line("hello")
        terminal.until_ends("> hello", "< hello", ">")
        self.leave(terminal)

    def test_a_terminal_that_can_do_little(self):
        terminal = Terminal(self.folder)
        self.addCleanup(terminal.stop)
        terminal.line(f"TERM=dumb {PROGRAM} ws {server.url()}")
        terminal.until("connected to")
        terminal.line("hello")
        terminal.until_ends("hello", "hello")
        terminal.keys("C-d")
        terminal.until(lambda screen: screen.endswith("\n$"))

    def test_history_cannot_be_kept(self):
        """Something in its place that is no file: typing works all the same."""
        os.makedirs(f"{self.folder}/state/leat/history")
        terminal = self.terminal()
        terminal.line("hello")
        terminal.until_ends("> hello", "< hello", ">")
        self.leave(terminal)

    def test_messages_while_one_types(self):
        """Do not mangle the line, also when it fills several rows and the cursor is in the middle."""
        talks = threading.Event()

        def talk(connection):
            peer.upgrade(connection)
            for text in b"one", b"two\nlines", b"\x1b[2Jthree\x07":
                talks.wait(TIMEOUT)
                talks.clear()
                connection.sendall(bytes([0x81, len(text)]) + text)
            connection.recv(1 << 20)

        with peer.listener(talk) as port:
            terminal = self.terminal(url=f"ws://127.0.0.1:{port}", columns=40)
            terminal.text("typing")
            terminal.until_ends("> typing")
            talks.set()
            terminal.until_ends("< one", "> typing")
            terminal.text(" " + "long" * 12)
            terminal.keys("C-a", "Right", "Right")
            rows = ("> typing " + "long" * 12)[:40], ("> typing " + "long" * 12)[40:]
            terminal.until_ends(*rows)
            talks.set()
            terminal.until_ends("< two", "  lines", *rows)
            talks.set()
            screen = terminal.until_ends("< ?[2Jthree?", *rows)
            self.assertEqual(screen.count("typing"), 1)
            self.assertEqual(terminal.cursor(), "4")
            self.leave(terminal)

    def test_resizing(self):
        terminal = self.terminal(columns=60)
        terminal.text("a line of words that is longer than thirty columns")
        terminal.until_ends("> a line of words that is longer than thirty columns")
        terminal.resize(30)
        terminal.until_ends("> a line of words that is long", "er than thirty columns")
        terminal.resize(70)
        terminal.until_ends("> a line of words that is longer than thirty columns")
        terminal.keys("Enter")
        terminal.until_ends("> a line of words that is longer than thirty columns",
                            "< a line of words that is longer than thirty columns", ">")
        self.leave(terminal)

    def test_end_of_input(self):
        terminal = self.terminal()
        terminal.text("x")
        terminal.keys("BSpace", "C-d")
        terminal.until_ends("status 0", "$")
        terminal.line("stty -a | grep -o '[-]*icanon'")
        terminal.until_ends("icanon", "$")

    def test_interrupt(self):
        terminal = self.terminal("--json")
        terminal.text("half a li")
        terminal.until_ends("> half a li")
        terminal.keys("C-c")
        screen = terminal.until_ends("status 0", "$")
        self.assertIn('"by": "local", "code": 1000', screen.replace("\n", ""))
        self.assertNotIn("half a li", screen)
        terminal.line("stty -a | grep -o '[-]*icanon'")
        terminal.until_ends("icanon", "$")

    def test_second_interrupt(self):
        with peer.listener(lambda connection: (peer.upgrade(connection), connection.recv(1 << 20),
                                               connection.recv(1 << 20))) as port:
            terminal = self.terminal("--trace", url=f"ws://127.0.0.1:{port}")
            terminal.keys("C-c")
            terminal.until("> close")  # which is not answered
            terminal.keys("C-c")
            # The shell drops the rest of its line when a command of it dies by an interrupt.
            terminal.until(lambda screen: screen.endswith("\n$"))
        terminal.line("echo status $?")
        terminal.until_ends("status 130", "$")
        terminal.line("stty -a | grep -o '[-]*icanon'")
        terminal.until_ends("icanon", "$")

    def test_stop_and_go_on(self):
        terminal = self.terminal()
        terminal.text("half a li")
        terminal.until_ends("> half a li")
        terminal.keys("C-z")
        terminal.until(lambda screen: screen.endswith("\n$"))
        terminal.line("fg")
        terminal.until_ends("> half a li")
        terminal.line("ne")
        terminal.until_ends("> half a line", "< half a line", ">")
        terminal.keys("C-c")
        terminal.until(lambda screen: screen.endswith("\n$"))
        terminal.line("echo status $?")
        terminal.until_ends("status 0", "$")

    def test_the_server_closes(self):
        with peer.listener(lambda connection: (peer.upgrade(connection), connection.recv(1 << 20),
                                               connection.sendall(b"\x88\x05\x0f\xa0bye"),
                                               connection.recv(1 << 20))) as port:
            terminal = self.terminal(url=f"ws://127.0.0.1:{port}")
            terminal.line("go away")
            terminal.until_ends("> go away", "leat ws: closed by the server: 4000 bye", "status 9", "$")

    def test_colours(self):
        terminal = self.terminal()
        terminal.line("x")
        terminal.until(lambda screen: "\x1b[36m<" in screen, "-e")
        self.leave(terminal)

    def test_no_colours(self):
        terminal = self.terminal(NO_COLOR="1")
        terminal.line("x")
        self.assertNotIn("\x1b[", terminal.until(lambda screen: "< x" in screen, "-e"))
        self.leave(terminal)

    def test_text_that_cannot_be_sent(self):
        terminal = self.terminal("--hex")
        terminal.line("xyz")
        terminal.until_ends("> xyz", "leat ws: not sent: it is not hexadecimal", ">")
        terminal.line("00ff")
        terminal.until_ends("> 00ff", "< 00ff", ">")
        self.leave(terminal)

    def test_pongs(self):
        terminal = self.terminal("--ping=100ms")
        terminal.text("typing")
        terminal.until(lambda screen: "leat ws: pong after" in screen and screen.endswith("\n> typing"))
        self.leave(terminal)

    def test_reconnect(self):
        """What was being typed is still there."""
        count = 0

        def serve(connection):
            nonlocal count
            count += 1
            peer.upgrade(connection)
            if count == 1:
                connection.recv(1)
                connection.recv(1 << 20)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            else:
                connection.sendall(b"\x81\x05again")
                connection.recv(1 << 20)

        with peer.listener(serve) as port:
            terminal = self.terminal("--reconnect", url=f"ws://127.0.0.1:{port}")
            terminal.line("x")
            terminal.until("connecting again in")
            terminal.until_ends("< again", ">")
            self.leave(terminal)


if __name__ == "__main__":
    unittest.main()
