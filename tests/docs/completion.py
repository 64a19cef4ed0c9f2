#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""completion.py bash|zsh COMPLETION LEAT: types into a real shell on a terminal, presses Tab, and looks at what the shell
then runs, or at what it offers. What to expect comes from `LEAT --describe`."""

import json
import os
import pathlib
import pty
import re
import select
import shlex
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 20


class Shell:
    """A shell on a terminal of its own; `leat` only prints its arguments there."""

    def __init__(self, kind, completion, folder):
        self.output = b""
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "TERM": "dumb", "PS1": "", "LC_ALL": "C.UTF-8",
                       "ZDOTDIR": folder, "COLUMNS": "200"}
        command = {"bash": ["bash", "--noprofile", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"]}[kind]
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environment)
        self.run("stty -echo cols 200")
        self.run("leat() { printf '<%s>' ran \"$@\"; echo; }")
        if kind == "bash":
            self.run("PS1= PS2=; bind 'set show-all-if-ambiguous on' 'set page-completions off' 'set bell-style none' "
                     "'set enable-bracketed-paste off'")
            self.run("bind 'set show-all-if-ambiguous on'; bind 'set page-completions off'; bind 'set bell-style none'")
            self.run(f"source {shlex.quote(str(completion))}")
        else:
            self.run("PS1= PS2= RPS1=; unsetopt prompt_cr prompt_sp zle_bracketed_paste 2>/dev/null; LISTMAX=10000")
            self.run(f"fpath=({shlex.quote(str(pathlib.Path(completion).parent))} $fpath); autoload -Uz compinit; compinit -u -D")
            self.run("unset zle_bracketed_paste; zstyle ':completion:*' list-prompt ''")

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def read_until(self, pattern):
        """What has come up to the pattern, which is taken out of what is to be read."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            found = re.search(pattern, self.output, re.S)
            if found:
                self.output = self.output[found.end():]
                return found
            wait = deadline - time.monotonic()
            if wait <= 0 or not select.select([self.terminal], [], [], wait)[0]:
                sys.exit(f"waited in vain for {pattern!r}; there is {self.output!r}")
            self.output += os.read(self.terminal, 65536)

    def run(self, command):
        # The shell's echo shows $((6*7)); only what it runs shows 42.
        self.type(f"{command}; echo done-$((6*7))\n")
        self.read_until(rb"done-42")

    def complete(self, line):
        """The arguments with which leat is run after a Tab at the end of the line."""
        self.type(f"{line}\t\n")
        found = self.read_until(rb"<ran>((<[^<>]*>)*)\r?\n")
        return re.findall(r"<([^<>]*)>", found.group(1).decode())

    def offers(self, line, words):
        """Whether all the words are listed after a Tab at the end of the line."""
        self.type(f"{line}\t\t")
        for word in sorted(words):
            # In any order: what was read before a word stays for the others.
            before = self.output
            self.read_until(re.escape(word.encode()) + rb"(?![-\w])")
            self.output = before + self.output
        # Away with the line.
        self.type("\x15\x03")
        self.run("true")


def commands_of(command):
    yield command
    for sub in command["commands"]:
        yield from commands_of(sub)


def check(shell, described):
    checked = 0

    def expect(line, *arguments):
        nonlocal checked
        checked += 1
        got = shell.complete(line)
        if got != list(arguments):
            sys.exit(f"{line!r} and a Tab: ran {got}, expected {list(arguments)}")

    for command in commands_of(described["tool"]):
        words = command["path"].split()
        if not words:
            continue
        siblings = [other["path"].split()[-1] for other in commands_of(described["tool"])
                    if other["path"] and other["path"].split()[:-1] == words[:-1]]
        alone = next(words[-1][:n] for n in range(1, len(words[-1]) + 1)
                     if sum(other.startswith(words[-1][:n]) for other in siblings) == 1)
        expect(" ".join(["leat"] + words[:-1] + [alone]), *words)
        for option in (option for section in command["sections"] for option in section["options"]):
            line, name = " ".join(["leat"] + words), "--" + option["name"]
            if option["argument"] and option["argument_is_optional"]:
                continue
            if option["argument"] and option.get("value") == "word":
                word = max(option["words"], key=lambda word: (sum(w.startswith(word) for w in option["words"]) == 1, len(word)))
                expect(f"{line} {name} {word[:-1] if sum(w.startswith(word[:-1]) for w in option['words']) == 1 else word}",
                       *words, name, word)
                expect(f"{line} {name}={word}", *words, f"{name}={word}")
            elif option.get("value") == "file":
                expect(f"{line} {name} certif", *words, name, "certificate.pem")
                expect(f"{line} {name}=certif", *words, f"{name}=certificate.pem")
    # Behind arguments and values, URLs among them, and behind --.
    expect("leat check wss://localhost:1/ --no-ec", "check", "wss://localhost:1/", "--no-echo")
    expect("leat ws -x socks5h://a:b@localhost:1 --ling", "ws", "-x", "socks5h://a:b@localhost:1", "--linger")
    expect("leat ws -H Name:value --tls-min=1.3 wss://localhost --ling", "ws", "-H", "Name:value", "--tls-min=1.3",
           "wss://localhost", "--linger")
    shell.offers("leat ", [command["path"] for command in described["tool"]["commands"]])
    shell.offers("leat ws --tls-m", ["--tls-min", "--tls-max"])
    shell.offers("leat ws --tls-min ", ["1.2", "1.3"])
    return checked


def main():
    kind, completion, tool = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(strict=True), sys.argv[3]
    described = json.loads(subprocess.run([tool, "--describe"], check=True, capture_output=True, text=True).stdout)
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "certificate.pem").touch()
        shell = Shell(kind, completion, folder)
        try:
            checked = check(shell, described)
        finally:
            shell.close()
    print(f"{checked} lines completed by {kind}")


main()
