#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# headers.sh INCLUDE: each public header can be the only one, in the oldest and in the newest C (from C11 on) and C++ (from C++11 on)
# that gcc and clang know, and all of them are understood as every one between; none has anything to complain about.
set -euo pipefail
include=$(cd "$1" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/leat-headers.XXXXXX")
trap 'rm -rf "$work"' EXIT

# One source for each header, which also shows that it can be included twice.
cd "$include"
for header in leat/*.h network/netstack/*.h; do
    for language in c cpp; do
        printf '#include <%s>\n#include <%s>\n' "$header" "$header" >"$work/${header//\//_}.$language"
    done
done
mkdir "$work/all"
for language in c cpp; do
    printf '#include <%s>\n' leat/*.h network/netstack/*.h >"$work/all/all.$language"
done
headers=(leat/*.h network/netstack/*.h)
[ ${#headers[@]} -gt 20 ] || { echo "headers: only ${headers[*]}" >&2; exit 1; }

failures=()
# try COMPILER LANGUAGE STANDARD...: a standard that the compiler does not know yet is left out, by name.
try() {
    local compiler=$1 language=$2 standard sources
    shift 2
    local oldest=$1 newest=${*: -1}
    command -v "$compiler" >/dev/null || { echo "left out: headers by $compiler, which is not there"; return; }
    for standard in "$@"; do
        if ! "$compiler" -std="$standard" -fsyntax-only -x "$([ "$language" = c ] && echo c || echo c++)" /dev/null 2>/dev/null; then
            echo "left out: headers by $compiler as $standard, which it does not know"
            continue
        fi
        sources=("$work/all/all.$language")
        [[ $standard != "$oldest" && $standard != "$newest" ]] || sources=("$work"/*."$language")
        "$compiler" -std="$standard" -pedantic -Wall -Wextra -Wconversion -Wshadow -Werror -fsyntax-only -I "$include" \
            "${sources[@]}" || failures+=("$compiler -std=$standard")
    done
}

try gcc c c11 c17 c2x
try clang c c11 c17 c2x
try g++ cpp c++11 c++14 c++17 c++20 c++2b
try clang++ cpp c++11 c++14 c++17 c++20 c++2b
[ ${#failures[@]} -eq 0 ] || { printf 'headers: not as: %s\n' "${failures[@]}" >&2; exit 1; }
