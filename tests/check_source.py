#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of CONTRIBUTING.md that a machine can check: sizes, licence lines, forbidden functions.

usage: check_source.py [ROOT]     prints one line for each violation
"""
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()

FILE_LINES = 600
FUNCTION_LINES = 70
LICENCE = "SPDX-License-Identifier: Apache-2.0"
GENERATED = "/* Generated from "

# function -> what to use; nowhere
NEVER = {
    "strcpy": "memcpy", "strncpy": "memcpy", "strcat": "leati_text_append", "strncat": "leati_text_append",
    "sprintf": "snprintf", "vsprintf": "vsnprintf", "gets": "getline", "strtok": "a loop", "strtok_r": "a loop",
    "atoi": "a checked parser", "atol": "a checked parser", "atoll": "a checked parser", "atof": "a checked parser",
    "alloca": "a buffer with a limit", "rand": "leati_random_bytes", "srand": "leati_random_bytes",
    "localtime": "localtime_r", "gmtime": "gmtime_r", "ctime": "strftime", "asctime": "strftime",
    "inet_ntoa": "inet_ntop", "gethostbyname": "src/dns", "sleep": "the event", "usleep": "the event",
}
# function -> what to use; not in the library
NEVER_IN_LIBRARY = {
    "malloc": "leati_malloc", "calloc": "leati_calloc", "realloc": "leati_realloc", "free": "leati_free",
    "strdup": "leati_strdup", "strndup": "leati_bytes_dup", "asprintf": "leati_asprintf", "vasprintf": "leati_asprintf",
    "printf": "the trace", "fprintf": "the trace", "puts": "the trace", "perror": "the trace",
    "strcasecmp": "leati_text_is_nocase", "strncasecmp": "leati_text_equal_nocase",  # know the locale
    "strerror": "the catalogue", "exit": "a returned code", "abort": "a returned code",
    "getaddrinfo": "src/dns", "system": "nothing", "popen": "nothing", "nanosleep": "a timer",
    "pthread_mutex_lock": "leati_lock", "pthread_once": "leati_once", "ERR_set_mark": "leati_crypto_begin",
}
NOT_LIBRARY = {
    "src/util/alloc.c",       # wraps the allocator
    "src/errors/generate.c",  # a program of the build
}

ALLOWED = {
    ("src/util/errno_text.c", "strerror"), # where libc has nothing better
    ("src/testing/resolve.c", "getaddrinfo"),  # in a thread of its own, which may block; src/dns needs a loop
    ("src/testing/conformance/endpoint.c", "getaddrinfo"),  # the same
    ("src/testing/conformance/judge.c", "pthread_mutex_lock"),  # held while a callback of the program runs
    ("src/util/fork.c", "pthread_mutex_lock"), ("src/util/fork.c", "pthread_once"),  # are leati_lock, leati_once
    ("src/ohos/runtime.c", "pthread_mutex_lock"), ("src/ohos/runtime.c", "pthread_once"),  # forks by handlers of its own
    ("src/tls/crypto/libcrypto.c", "ERR_set_mark"), ("src/tls/crypto/aead.c", "ERR_set_mark"),  # are leati_crypto_begin
} | {(f"src/testing/{name}.c", "pthread_mutex_lock")  # of threads that a child does not have, and does not ask
     for name in ("capture", "record", "diagram", "server", "seen", "steps", "io", "udp", "frames", "link", "condition_set", "fault_set", "control", "control_servers", "control_waits", "datagrams", "dns")}

PRIVATE_FIELD = re.compile(r"\bMBEDTLS_(PRIVATE|ALLOW_PRIVATE_ACCESS)\b")
PRIVATE_FIELDS_BELONG_TO = "src/tls/mbedtls_private.c"

CUT_FORMAT = re.compile(r"%\.\d+s")
CUT_FORMAT_ALLOWED = {
    "src/ws/handshake.c",           # a key has 24 characters
    "src/testing/connect.c",        # credentials, not a text
    "src/tls/crypto/backend.c",     # a version
}

# One way to write each thing. `!= NULL` is left for a pointer's presence as a value.
DIALECT = [
    (re.compile(r"== NULL\b"), "a null pointer is asked for by `!x`"),
    (re.compile(r"!= NULL(?= &&| \|\|| \?|\) \{$)", re.MULTILINE), "that a pointer is there is asked for by `x`"),
    (re.compile(r"\bint rc\b"), "a code of leat is called `code`, that of another library `result` or `status`"),
    (re.compile(r"^( *)(?:if|for|while) \([^\n]*\) \{\n"
                r" *(?!if|for|while|do|switch)[^\n]*;\n\1\}$", re.MULTILINE), "one line needs no braces"),
]

COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
CALL = re.compile(r"(?<![\w.>])(\w+)\s*\(")


def code_of(text):
    """The text with comments and literals blanked, line numbers kept."""
    return COMMENT_OR_STRING.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def long_functions(code):
    """Bodies start and end with a brace in the first column, which clang-format guarantees."""
    lines = code.split("\n")
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
            while start > 0 and lines[start - 1].strip() and not lines[start - 1].startswith(("}", "#")):
                start -= 1
        elif line.startswith("}") and start is not None:
            length = number - start + 1
            if length > FUNCTION_LINES:
                yield start + 1, f"a function of {length} lines, at most {FUNCTION_LINES} are allowed"
            start = None


def forbidden_calls(name, code):
    rules = dict(NEVER)
    if name.parts[0] in ("src", "include") and str(name) not in NOT_LIBRARY:
        rules.update(NEVER_IN_LIBRARY)
    for match in CALL.finditer(code):
        if match[1] in rules and (str(name), match[1]) not in ALLOWED:
            yield code.count("\n", 0, match.start()) + 1, f"{match[1]}() is forbidden here; instead: {rules[match[1]]}"


def private_fields(name, code):
    if name.parts[0] == "src" and str(name) != PRIVATE_FIELDS_BELONG_TO:
        for match in PRIVATE_FIELD.finditer(code):
            yield code.count("\n", 0, match.start()) + 1, f"private fields of mbedTLS belong to {PRIVATE_FIELDS_BELONG_TO}"


def texts_cut_in_silence(name, text):
    if name.parts[0] in ("src", "tools") and str(name) not in CUT_FORMAT_ALLOWED:
        for match in CUT_FORMAT.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, f"{match[0]} cuts in silence; instead: leati_excerpt, tool_excerpt"


def dialect_problems(code):
    for rule, problem in DIALECT:
        for match in rule.finditer(code):
            yield code.count("\n", 0, match.start()) + 1, problem


def file_problems(name, text):
    lines = text.split("\n")
    if LICENCE not in lines[0]:
        yield 1, "the first line must be the SPDX licence line"
    if any(line.startswith(GENERATED) for line in lines[:3]):
        return
    if len(lines) - 1 >= FILE_LINES:
        yield 1, f"{len(lines) - 1} lines, must be under {FILE_LINES}"
    code = code_of(text)
    yield from long_functions(code)
    yield from forbidden_calls(name, code)
    yield from private_fields(name, code)
    yield from dialect_problems(code)
    yield from texts_cut_in_silence(name, text)


def main():
    found = []
    for top in ("include", "src", "tools", "examples", "bench", "tests"):
        for path in sorted((ROOT / top).rglob("*.[ch]")):
            name = path.relative_to(ROOT)
            found += [f"{name}:{line}: {problem}" for line, problem in file_problems(name, path.read_text())]
    print("\n".join(found) if found else "sizes, licence lines and calls are as CONTRIBUTING.md says")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
