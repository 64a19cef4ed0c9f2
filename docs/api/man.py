#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""man.py INCLUDE VERSION FOLDER [--gzip]: writes the manual pages of section 3 into FOLDER from the comments of the public
headers below INCLUDE: one for each function, and one for each header with its text, types and functions. --gzip compresses
them, as packages have them."""

import gzip
import pathlib
import re
import sys

FUNCTION = re.compile(r"(?P<comment>/\*\*(?:(?!\*/).)*\*/)?\s*"
                      r"(?:^LEAT_API\b(?P<result>[^;{}()]*?)\b(?P<name>leat_\w+)"
                      r"|^(?P<ndk_result>\w[^;{}()/]*?)\b(?P<ndk_name>OH_\w+))"
                      r"\((?P<places>[^;]*?)\)[^;()]*(?:\([^;()]*\))?\s*;", re.DOTALL | re.MULTILINE)
FILE_COMMENT = re.compile(r"/\*\*(?:(?!\*/).)*@file\b(?P<text>(?:(?!\*/).)*)\*/", re.DOTALL)
LIBRARIES = {"foreign_code": "leat\\-codes", "ohos": "net_websocket", "testing": "leat\\-testing",
             "testing_capture": "leat\\-testing", "testing_certificates": "leat\\-testing", "testing_conditions": "leat\\-testing", "testing_conformance": "leat\\-testing", "testing_control": "leat\\-testing", "testing_recording": "leat\\-testing", "testing_script": "leat\\-testing",
             "net_websocket": "net_websocket", "net_websocket_type": "net_websocket", "net_ssl_c": "net_websocket",
             "net_ssl_c_type": "net_websocket"}


# ---- comments --------------------------------------------------------------------------------


def comment_lines(comment):
    """The lines of a comment without its frame."""
    text = re.sub(r"^\s*/\*+<?", "", comment)
    text = re.sub(r"\*+/\s*$", "", text)
    return [re.sub(r"^\s*\* ?", "", line).rstrip() for line in text.split("\n")]


class Comment:
    """What a comment says, by the words that begin its parts."""

    def __init__(self, comment):
        self.body, self.params, self.result, self.thread = [], [], [], []
        part = self.body
        for line in comment_lines(comment or ""):
            while (found := re.search(r"(?<!\")@(param|return|thread)\b ?", line)):
                part.append(line[:found.start()].rstrip())
                line = line[found.end():]
                part = []
                if found[1] == "param":
                    name, _, line = line.strip().partition(" ")
                    self.params.append((name, part))
                elif found[1] == "return":
                    part = self.result
                else:
                    part = self.thread
            part.append(line.strip() if part is not self.body else line)

    def brief(self):
        """What the first sentence begins with, on one line that an index has room for."""
        text = " ".join(line.strip() for line in paragraphs_of(self.body)[0]).replace("`", "")
        sentence = re.split(r"(?<!e\.g)(?<!i\.e)\.(?= |$)", text, maxsplit=1)[0].rstrip(":")
        for end in (": ", "; ", " (", ", "):
            if len(sentence) > 75 and 10 < (cut := sentence.rfind(end, 0, 77)):
                return sentence[:cut]
        return sentence


def paragraphs_of(lines):
    paragraphs = [[]]
    for line in lines:
        if line.strip():
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    return paragraphs if paragraphs[-1] or len(paragraphs) == 1 else paragraphs[:-1]


# ---- roff ------------------------------------------------------------------------------------


def roff(text):
    """Plain text as roff shows it unchanged."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("^", "\\(ha").replace("~", "\\(ti")
    return text.replace("`", "\\(ga").replace('"', "\\(dq")


def inline(text):
    """Text with `code` and functions() in bold."""
    pieces = re.split(r"`([^`]+)`", text)
    shown = []
    for i, piece in enumerate(pieces):
        if i % 2:
            shown.append(f"\\fB{roff(piece)}\\fR")
        else:
            shown.append(re.sub(r"\b((?:leat|OH)_\w+)\(\)", r"\\fB\1\\fR()", roff(piece)))
    return "\\&" + "".join(shown)


def verbatim(lines):
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    shown = [("\\&" + roff(line[margin:])) if line.strip() else "\\&" for line in lines]
    return [".PP", ".RS 4", ".nf", *shown, ".fi", ".RE"]


ITEM = re.compile(r"(?P<tag>-|\d+\.) +(?P<text>.*)")


def text_lines(lines):
    """A text with paragraphs, lists, headings, tables and code."""
    out, i = [], 0
    blank = True  # whether the line before was
    while i < len(lines):
        line = lines[i]
        item = ITEM.match(line.lstrip()) if not line.startswith("    ") else None
        if not line.strip():
            blank = True
            i += 1
            continue
        if line.startswith("    ") and blank:
            code = []
            while i < len(lines) and (lines[i].startswith("    ") or not lines[i].strip()):
                code.append(lines[i])
                i += 1
            while not code[-1].strip():
                code.pop()
            out += verbatim(code)
            continue
        if line.startswith("|"):
            table = []
            while i < len(lines) and lines[i].startswith("|"):
                table.append(lines[i])
                i += 1
            out += verbatim([row for row in table if not re.fullmatch(r"[|\- ]+", row)])
            continue
        if i + 1 < len(lines) and re.fullmatch(r"[-=]{3,}", lines[i + 1]):
            out.append(f".SS {roff(line)}")
            i += 2
            continue
        if item:
            out.append(f'.IP "{roff(item["tag"]) if item["tag"] != "-" else chr(92) + "(bu"}" 4')
            words = [item["text"]]
        else:
            if blank or not out:
                out.append(".PP")
            words = [line.strip()]
        i += 1
        while i < len(lines) and lines[i].strip() and not ITEM.match(lines[i].lstrip()) and not lines[i].startswith("|") \
                and not (i + 1 < len(lines) and re.fullmatch(r"[-=]{3,}", lines[i + 1])):
            words.append(lines[i].strip())
            i += 1
        out.append(inline(" ".join(words)))
        blank = False
    return out


# ---- pages -----------------------------------------------------------------------------------


class Function:
    def __init__(self, found):
        self.name = found["name"] or found["ndk_name"]
        result = found["result"] if found["name"] else found["ndk_result"]
        self.result = " ".join(result.replace("LEAT_MUST_CHECK", "").replace("LEAT_DEPRECATED", "").replace("extern", "").split())
        self.places = [" ".join(place.split()) for place in split_places(found["places"])]
        self.comment = Comment(found["comment"])
        self.source = found["comment"] or ""

    def prototype(self):
        gap = "" if self.result.endswith("*") else " "
        head = f"{self.result}{gap}{self.name}("
        if not self.places or self.places == ["void"]:
            return [f"\\fB{roff(head)}void);\\fR"]
        shown = [place_roff(place) for place in self.places]
        lines, line = [], f"\\fB{roff(head)}"
        for i, place in enumerate(shown):
            end = ");" if i + 1 == len(shown) else ","
            lines.append((line if i == 0 else "\\fB" + " " * 8) + place + end + "\\fR")
        return lines if sum(map(len, self.places)) + len(head) > 70 else \
            ["\\fB" + roff(head) + ", ".join(shown) + ");\\fR"]


def split_places(places):
    """At the commas that are in no brackets."""
    parts, depth = [""], 0
    for c in places:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part for part in parts if part.strip()]


def place_roff(place):
    """In bold, with the name in italics."""
    found = re.fullmatch(r"(.*?)(\w+)(\[\w*\])?", place)
    if not found or not found[1].strip():
        return roff(place)
    return f"{roff(found[1])}\\fI{roff(found[2])}\\fB{roff(found[3] or '')}"


class Header:
    def __init__(self, path, include):
        self.path = str(path.relative_to(include))
        self.stem = path.stem
        self.text = path.read_text()
        in_leat = self.path.startswith("leat/")
        self.page = "leat" if self.path == "leat/leat.h" else f"leat_{path.stem}" if in_leat else path.stem
        found = FILE_COMMENT.search(self.text)
        if not found:
            sys.exit(f"{path}: no comment with @file")
        self.comment = Comment("/**" + found["text"] + "*/")
        self.library = LIBRARIES.get(self.stem, "leat")
        body = self.text[found.end():]
        body = re.sub(r"(?m)^#ifdef __cplusplus\n.*\n#endif\n", "", body)
        self.functions = [Function(found) for found in FUNCTION.finditer(body)]
        rest = FUNCTION.sub("\n", body)
        rest = re.sub(r"(?m)^#(?:ifndef|define) \w+_H\n|^#include .*\n|^#endif\s*\Z", "", rest)
        self.types = re.sub(r"\n{3,}", "\n\n", rest).strip("\n")

    def include_lines(self):
        return [".nf", f"\\fB#include <{roff(self.path)}>\\fR"]


def page(name, version, title, body):
    body = [line for before, line in zip([""] + body, body) if line != ".PP" or not before.startswith((".SH", ".SS"))]
    return "\n".join(['.\\" SPDX-License-Identifier: Apache-2.0', '.\\" Made by docs/api/man.py from the public headers.',
                      f'.TH {roff(name)} 3 "" "leat {version}" "leat"', ".ad l", ".nh",
                      ".SH NAME", f"{roff(name)} \\- {title}"] + body) + "\n"


def see_also(names):
    return [".SH SEE ALSO", ",\n".join(f"\\fB{roff(name)}\\fR(3)" for name in names)]


def threads(comment):
    if not comment.thread:
        return []
    text = " ".join(line for line in comment.thread if line)
    return [".SH THREADS", *text_lines([re.sub("^any", "Any thread may call it", text)])]


def function_page(header, function, known, version):
    comment = function.comment
    if not any(line.strip() for line in comment.body):
        sys.exit(f"{header.path}: {function.name} has no text")
    body = [".SH SYNOPSIS", *header.include_lines(), "", *function.prototype(), ".fi", ".PP",
            f"Link with \\fB\\-l{header.library}\\fR.", ".SH DESCRIPTION", *text_lines(comment.body)]
    if comment.params:
        body.append(".SH PARAMETERS")
        for name, lines in comment.params:
            body += [".TP", f"\\fI{roff(name)}\\fR", inline(" ".join(line for line in lines if line))]
    if comment.result:
        body += [".SH RETURN VALUE", *text_lines(comment.result)]
    body += threads(comment)
    named = sorted(set(re.findall(r"\b((?:leat|OH)_\w+)\(\)", function.source)) & known - {function.name})
    body += see_also([header.page] + named)
    return page(function.name, version, roff(comment.brief()), body)


def header_page(header, version):
    body = [".SH SYNOPSIS", *header.include_lines(), ".fi", ".SH DESCRIPTION", *text_lines(header.comment.body)]
    body += threads(header.comment)
    if header.functions:
        body.append(".SH FUNCTIONS")
        for function in header.functions:
            body += [".TP", f"\\fB{roff(function.name)}\\fR(3)", "\\&" + roff(function.comment.brief()) + "."]
    if header.types:
        body += [".SH TYPES AND CONSTANTS", *verbatim(header.types.split("\n"))]
    others = re.findall(r"#include <leat/(\w+)\.h>", header.text)
    body += see_also(["leat" if other == "leat" else f"leat_{other}" for other in others] or
                     [name for name in ("leat",) if name != header.page] or ["leat_config"])
    return page(header.page, version, roff(header.comment.brief()), body)


def main():
    include, version, folder = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    compress = sys.argv[4:] == ["--gzip"]
    headers = [Header(path, include) for path in sorted(include.rglob("*.h"))]
    known = {function.name for header in headers for function in header.functions}
    pages = {}
    for header in headers:
        made = {header.page: header_page(header, version)}
        made.update({function.name: function_page(header, function, known, version) for function in header.functions})
        if twice := pages.keys() & made.keys():
            sys.exit(f"two pages of one name: {sorted(twice)}")
        pages.update(made)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {f"{name}.3.gz" if compress else f"{name}.3": text.encode() for name, text in pages.items()}
    for old in folder.iterdir():
        if old.name not in wanted:
            old.unlink()
    for name, data in wanted.items():
        (folder / name).write_bytes(gzip.compress(data, 9, mtime=0) if compress else data)


main()
