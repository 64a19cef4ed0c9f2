#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh CMAKE BUILD CC VERSION: installs BUILD into a folder of its own, moves that, and builds and runs programs against
# it in each of the four ways: the consumer, and the example projects with their own tests.
set -euo pipefail
cmake=$1 build=$2 cc=$3 version=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/leat install.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
    echo "install: $*" >&2
    exit 1
}

# expect PROGRAM OUTPUT
expect() {
    local output
    output=$(LD_LIBRARY_PATH=$libdir "$1") || fail "$1 failed: $output"
    [ "$output" = "$2" ] || fail "$1 printed '$output' instead of '$2'"
}

# expect_version PROGRAM
expect_version() {
    expect "$1" "$version"
}

# What tests/install/consumer/codes.c prints.
codes_output="10054 2301104"

"$cmake" --install "$build" --prefix "$work/first" >"$work/log"
mv "$work/first" "$work/prefix"
libdir=$(dirname "$(find "$work/prefix" -name libleat.so)")

# The tool, which finds its library by itself.
if [ -x "$build/bin/leat" ]; then
    [ "$("$work/prefix/bin/leat" --version | head -n 1)" = "leat $version" ] || fail "the installed leat does not run"
    for file in man/man1/leat.1 man/man1/leat-ws.1 bash-completion/completions/leat zsh/site-functions/_leat; do
        [ -s "$work/prefix/share/$file" ] || fail "no share/$file"
    done
fi

for page in leat leat_config leat_websocket_send leat_foreign_code_find leat_testing_server_new OH_WebSocketClient_Send; do
    [ -s "$work/prefix/share/man/man3/$page.3" ] || fail "no manual page $page(3)"
done

# The CMake package.
"$cmake" -S "$here/consumer" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_C_COMPILER="$cc" >"$work/log" ||
    fail "find_package: $(cat "$work/log")"
"$cmake" --build "$work/cmake" >"$work/log" || fail "CMake consumer: $(cat "$work/log")"
expect_version "$work/cmake/consumer_shared"
expect_version "$work/cmake/consumer_static"
expect_version "$work/cmake/consumer_ohos"
expect_version "$work/cmake/consumer_ohos_static"
expect "$work/cmake/consumer_codes" "$codes_output"
expect "$work/cmake/consumer_codes_static" "$codes_output"

# The NDK needs an include path and a library name, and finds libleat.so by itself.
"$cc" -std=c11 "$here/../../examples/ohos_ndk.c" -o "$work/ohos_ndk" -I"$work/prefix/include" -L"$libdir" -lnet_websocket
readelf -d "$work/ohos_ndk" | grep -q 'NEEDED.*\[libnet_websocket.so\]' || fail "libnet_websocket.so has another name"

# The pkg-config file. Only the static program may do without libleat.so.
export PKG_CONFIG_PATH=$libdir/pkgconfig
# pc_build SOURCE PROGRAM PKG_CONFIG_ARGUMENT...: pkg-config writes for a shell.
pc_build() {
    local flags
    eval "flags=($(pkg-config "${@:3}"))"
    "$cc" "$here/consumer/$1" -o "$work/$2" "${flags[@]}" || fail "pkg-config ${*:3} says: $(pkg-config "${@:3}")"
}
pc_build consumer.c pc_shared --cflags --libs leat
pc_build consumer.c pc_static --cflags --libs leat-static
pc_build consumer.c pc_with_static --static --cflags --libs leat
pc_build codes.c pc_codes --cflags --libs leat-codes
pc_build codes.c pc_codes_static --cflags --libs leat-codes-static
for program in pc_shared pc_static pc_with_static; do
    expect_version "$work/$program"
done
expect "$work/pc_codes" "$codes_output"
expect "$work/pc_codes_static" "$codes_output"
# As the README has it: the program finds the library by itself.
eval "'$cc' '$here/consumer/consumer.c' -o '$work/pc_rpath' $(pkg-config --cflags --libs leat) -Wl,-rpath,$(pkg-config --variable=libdir leat)"
[ "$("$work/pc_rpath")" = "$version" ] || fail "pc_rpath does not find the library"
# Where there is no shared library, the line of `pkg-config --static` takes the archive.
mkdir "$work/archives"
cp "$libdir/libleat.a" "$work/archives"
eval "flags=($(pkg-config --static --libs-only-l --libs-only-other leat))"
"$cc" "$here/consumer/consumer.c" -o "$work/pc_archive" -I"$work/prefix/include" -L"$work/archives" "${flags[@]}"
expect_version "$work/pc_archive"
! ldd "$work/pc_codes" | grep -q 'libleat\.so' || fail "the codes need libleat.so"
for program in cmake/consumer_static cmake/consumer_codes_static cmake/consumer_ohos_static pc_static pc_archive pc_codes_static; do
    ! ldd "$work/$program" | grep -q libleat || fail "$program needs libleat.so"
done

# The examples that are projects of their own.
warnings="-Wall -Wextra -Wconversion -Wshadow -Werror"
cp -r "$here/../../examples/makefile" "$work/makefile"
for static in "" 1; do
    "$cmake" -S "$here/../../examples/project" -B "$work/project$static" -DCMAKE_PREFIX_PATH="$work/prefix" \
        -DCMAKE_C_COMPILER="$cc" -DCMAKE_C_FLAGS="$warnings" -DASK_STATIC=${static:-0} >"$work/log" &&
        "$cmake" --build "$work/project$static" >"$work/log" || fail "examples/project, static '$static': $(cat "$work/log")"
    (cd "$work/project$static" && "${cmake%/*}/ctest" --output-on-failure) >"$work/log" ||
        fail "the tests of examples/project, static '$static': $(cat "$work/log")"
    LD_LIBRARY_PATH=$libdir make -C "$work/makefile" ${static:+STATIC=1} CC="$cc" CFLAGS="$warnings" clean check \
        >"$work/log" 2>&1 || fail "examples/makefile, static '$static': $(cat "$work/log")"
done
for program in project1/ask project1/test_ask makefile/say makefile/check_say; do
    ! ldd "$work/$program" | grep -q libleat || fail "$program needs libleat*.so"
done

# Nothing but the public functions is visible, above all not an mbedTLS that could clash with the program's own.
strangers=$(nm -D --defined-only "$libdir/libleat.so" | awk '$2 != "A" && $3 !~ /^leat_/ || $2 != "A" && /leat_foreign_/ { print $3 }')
[ -z "$strangers" ] || fail "libleat.so exports: $strangers"
strangers=$(nm -D --defined-only "$libdir/libleat-codes.so" | awk '$2 != "A" && $3 !~ /^leat_foreign_/ { print $3 }')
[ -z "$strangers" ] || fail "libleat-codes.so exports: $strangers"
strangers=$(nm -D --defined-only "$libdir/libleat-testing.so" | awk '$2 != "A" && $3 !~ /^leat_/ { print $3 }')
[ -z "$strangers" ] || fail "libleat-testing.so exports: $strangers"
strangers=$(nm -D --defined-only "$libdir/libnet_websocket.so" | awk '$2 != "A" && $3 !~ /^(OH_WebSocketClient_|OH_NetStack_CertVerification$|leat_ohos_)/ { print $3 }')
[ -z "$strangers" ] || fail "libnet_websocket.so exports: $strangers"

# Each of them has the version in which it came.
for library in libleat:LEAT_1.0 libleat-codes:LEAT_CODES_1.0 libleat-testing:LEAT_TESTING_1.0; do
    bare=$(nm -D --defined-only "$libdir/${library%:*}.so" | awk -v version="@@${library#*:}" '$2 == "T" && index($3, version) == 0')
    [ -z "$bare" ] || fail "${library%:*}.so has symbols without a version: $bare"
    readelf -d "$libdir/${library%:*}.so" | grep -qF "soname: [${library%:*}.so.${version%%.*}]" || fail "the soname of ${library%:*}"
done

# No header needs one that is not installed, in C and in C++. (headers.sh takes each by itself.)
for language in c:c11 c++:c++17; do
    (cd "$work/prefix/include" && printf '#include <%s>\n' leat/*.h network/netstack/*.h) |
        clang -x "${language%:*}" -std="${language#*:}" -pedantic -Wall -Wextra -Werror -fsyntax-only -I "$work/prefix/include" - ||
        fail "the headers are not ${language%:*}"
done
