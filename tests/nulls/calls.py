#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes calls of every public function with NULL in each of its places for a pointer, one place at a time and all at
once, for nulls.c.

usage: calls.py INCLUDE OUTPUT

What leat.h promises of each: it does not crash; where a code is returned, NULL that is not allowed is one, and for the
object itself it is LEAT_E_PARAMETER. Whatever a comment says of NULL is allowed; where no comment speaks of it, it is
not."""
import re
import sys
from pathlib import Path

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
FUNCTION = re.compile(r"(?P<comment>/\*\*(?:(?!\*/).)*\*/)?\s*"
                      r"(?:LEAT_API\b(?P<result>[^;{}()]*?)\b(?P<name>leat_\w+)"
                      r"|^(?P<ndk_result>\w[^;{}()/]*?)\b(?P<ndk_name>OH_\w+))"
                      r"\((?P<places>[^;]*?)\)\s*;", re.DOTALL | re.MULTILINE)
FUNCTION_TYPE = re.compile(r"typedef\s[^;]*?\(\*(\w+)\)\s*\(")
OPAQUE = re.compile(r"typedef struct (\w+) (\w+);")
SIZED = re.compile(r"struct (\w+) \{\s*(?:/\*(?:(?!\*/).)*\*/\s*)?size_t size;", re.DOTALL)

# What stands in the places that are not NULL: good enough that a function goes on to the place that is. By the function
# and the name of the place, by the name, by the type.
VALUES = {
    "url": '"ws://127.0.0.1:9/"', "address": '"127.0.0.1"', "server_ip": '"127.0.0.1"', "group": '"224.0.0.251"',
    "servers": '"127.0.0.1"', "step": '"accept"', "interface": '"lo"',
    "leat_config_set_proxy url": '"socks5h://127.0.0.1:9"', "leat_config_add_proxy url": '"socks5h://127.0.0.1:9"',
    "leat_config_set_cipher_suite names": '"TLS_AES_128_GCM_SHA256"',
    "leat_config_set_proxy_tls_cipher_suite names": '"TLS_AES_128_GCM_SHA256"',
    "leat_tls_options_set_cipher_suite names": '"TLS_AES_128_GCM_SHA256"',
    "leat_tls_options_set_protocol_names names": '"TLSv1.3"',
    "leat_tls_options_set_signature_algorithms names": '"ecdsa_secp256r1_sha256"',
    "leat_tls_options_set_groups names": '"x25519"',
    "leat_local_socket_bind address": "nulls_local_path(o)", "leat_local_socket_connect address": "nulls_local_path(o)",
    "leat_local_socket_server_listen address": "nulls_local_path(o)",
    "leat_testing_faults_parse text": '"reply=05;then=close"',
    "leat_testing_certificate_faults_parse names": '"expired"',
    "port": "9", "len": "1", "length": "1", "count": "1", "cap": "1", "bytes": "1", "number": "1", "code": "1000",
    "leat_http_request_accept header_count": "1", "leat_http_request_answer header_count": "1",
    "leat_config_add_allowed_origin origin": '"https://example.com"',
    "leat_config_add_trusted_proxy network": '"10.0.0.0/8"',
    "is_first": "true", "is_last": "true",
    "enum leat_message_type": "LEAT_MESSAGE_TEXT", "enum leat_tls_protocol": "LEAT_TLS_V13",
    "const char *": '"text"', "const char *const *": "nulls_texts(o)",
    "const struct leat_testing_options *": "nulls_testing_options(o)",
    "const struct leat_testing_certificate *": "nulls_testing_certificate(o)",
    "const struct leat_close_event *": "nulls_close_event(o)",
}
# Of an object that comes first it is LEAT_E_PARAMETER; the NDK has codes of its own.
NDK_CODES = {"client": "WEBSOCKET_CLIENT_NULL"}
# Whoever gets these knows what to do without: nothing is wanted, or passed on.
NEVER_NEEDED = {"user", "ret_problem"}


class Place:
    def __init__(self, text, types):
        text = " ".join(text.split())
        self.type, self.name = re.fullmatch(r"(.*?)(\w+)(?:\[\w*\])?", text).groups()
        self.type = self.type.strip()
        self.is_function = self.type in types["functions"]
        self.is_pointer = "*" in self.type or text.endswith("]") or self.is_function
        bare = self.type.replace("const", "").replace("*", "").replace("struct", "").strip()
        self.bare = types["aliases"].get(bare, bare)
        self.is_object = self.type.count("*") == 1 and bare in types["opaque"]
        self.is_sized = self.bare in types["sized"]

    def value(self, function):
        for key in (f"{function} {self.name}", self.name, self.type):
            if key in VALUES and (self.is_pointer == ('"' in VALUES[key] or "(" in VALUES[key])):
                return VALUES[key] if self.is_pointer else f"({self.type}){VALUES[key]}"
        if self.is_function:
            return f"({self.type})(void (*)(void))nulls_function"
        if not self.is_pointer:
            if self.type.startswith("struct"):
                return f"({self.type}){{0}}"
            return f"({self.type})0"
        if self.is_object:
            return f"nulls_{self.bare}(o)"
        if self.is_sized:
            return f"nulls_sized(o, sizeof(struct {self.bare}))"
        return "nulls_room(o)"


def read_types(text):
    code = COMMENT.sub("", text)
    opaque, aliases = set(), {}
    for struct, name in OPAQUE.findall(code):
        opaque.add(name)
        if struct != name:
            aliases[name] = struct
    for struct, name in re.findall(r"typedef (\w+) (leat_\w+);", code):
        opaque.add(name)
        aliases[name] = struct
    # The NDK's handle has its struct in the open.
    opaque.add("WebSocket")
    return {"functions": set(FUNCTION_TYPE.findall(code)), "opaque": opaque, "aliases": aliases,
            "sized": set(SIZED.findall(text))}


def functions(text, types):
    for match in FUNCTION.finditer(text):
        name = match["name"] or match["ndk_name"]
        result = match["result"] or match["ndk_result"]
        is_code = match["name"] is None or "LEAT_MUST_CHECK" in result
        result = result.replace("LEAT_MUST_CHECK", "").replace("LEAT_DEPRECATED", "").strip()
        places = COMMENT.sub("", match["places"]).strip()
        parsed = [] if places == "void" else [Place(p, types) for p in re.split(r",(?![^()]*\))", places)]
        yield name, " ".join(result.split()), is_code, match["comment"] or "", parsed


def expectation(name, result, is_code, comment, places, null):
    """What a call must return: a code, NULLS_REFUSED = not LEAT_OK, NULLS_TEXT = not NULL, or NULLS_ANYTHING."""
    if result == "const char *" and ("never NULL" in comment or "NULL" not in comment):
        return "NULLS_TEXT"
    is_ndk = name.startswith("OH_")
    first = places[0] in null and places[0].is_object
    if result != "int" or not is_code:
        return "NULLS_ANYTHING"
    if first and "NULL" not in comment.split("@return")[0]:
        return NDK_CODES["client"] if is_ndk else "LEAT_E_PARAMETER"
    if "NULL" in comment or all(place.name in NEVER_NEEDED for place in null):
        return "NULLS_ANYTHING"
    return "NULLS_REFUSED"


def write_call(out, index, name, result, places, null):
    arguments = ", ".join("NULL" if place in null else place.value(name) for place in places)
    call = f"{name}({arguments})"
    out.append(f"static int call_{index}(struct nulls_objects *o)\n{{")
    out.append("    (void)o;")
    if result == "void":
        out.append(f"    {call};\n    return 0;\n}}")
    elif result == "int":
        out.append(f"    return {call};\n}}")
    elif result == "const char *":
        out.append(f"    return nulls_text_len({call});\n}}")
    else:
        out.append(f"    (void)!{call};\n    return 0;\n}}")


def main():
    include, output = Path(sys.argv[1]), Path(sys.argv[2])
    texts = [path.read_text() for path in sorted(include.rglob("*.h"))]
    types = read_types("\n".join(texts))
    out, rows, seen, stateful = [], [], set(), ("websocket", "socket")
    for text in texts:
        for name, result, is_code, comment, places in functions(text, types):
            assert name not in seen, f"{name} is declared twice"
            seen.add(name)
            pointers = [place for place in places if place.is_pointer]
            for null in [[place] for place in pointers] + ([pointers] if len(pointers) > 1 else []):
                which = null[0].name if len(null) == 1 else "all"
                write_call(out, len(rows), name, result, places, null)
                has_states = any(p.is_object and any(s in p.bare for s in stateful) and p not in null for p in places)
                expected = expectation(name, result, is_code, comment, places, null)
                rows.append(f'    {{"{name}", "{which}", call_{len(rows)}, {expected}, {str(has_states).lower()}}},')
    declared = re.compile(r"^(?:LEAT_API|(?=[^\n]*\bOH_))[^;(]*\b((?:leat|OH)_\w+)\(", re.MULTILINE)
    missed = {name for text in texts for name in declared.findall(COMMENT.sub("", text))} - seen
    assert not missed, f"not understood: {missed}"
    output.write_text("/* Generated from the public headers by calls.py. */\n"
                      '#include "nulls/nulls.h"\n\n#pragma GCC diagnostic ignored "-Wnonnull"\n'
                      '#pragma GCC diagnostic ignored "-Wcast-function-type"\n\n'
                      + "\n".join(out) + "\n\nconst struct nulls_call nulls_calls[] = {\n" + "\n".join(rows) + "\n};\n"
                      "const size_t nulls_call_count = sizeof(nulls_calls) / sizeof(nulls_calls[0]);\n")


if __name__ == "__main__":
    main()
