#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# part.sh WAY CMAKE SOURCE CC MBEDTLS_ROOT MBEDTLS VERSION: a project that has leat as a part of itself (tests/install/part) is
# built, and its programs run. WAY: add_subdirectory, fetch_content or meson. The sources are unpacked where a path has spaces.
# Exit status 77: left out, and why.
set -euo pipefail
way=$1 cmake=$2 source=$3 cc=$4 mbedtls_root=$5 mbedtls=$6 version=$7
here=$(cd "$(dirname "$0")" && pwd)
if [ "$way" = meson ] && ! command -v meson >/dev/null; then
    echo "left out: leat as a subproject of Meson: there is no meson"
    exit 77
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/leat part.XXXXXX")
trap 'rm -rf "$work"' EXIT
. "$source/script/lib/ccache.sh"
ccache_use "$work"

fail() {
    echo "part: $way: $*" >&2
    exit 1
}

# quietly WHAT COMMAND...: shows the command's output only when it fails.
quietly() {
    local what=$1
    shift
    "$@" >"$work/log" 2>&1 </dev/null || { cat "$work/log"; fail "$what"; }
}

# expect PROGRAM OUTPUT
expect() {
    local output
    output=$("$work/build/$1") || fail "$1 failed: $output"
    [ "$output" = "$2" ] || fail "$1 printed '$output' instead of '$2'"
}

# The sources without what was built of them, as an archive of a release has them.
(cd "$source" && tar -cf "$work/leat.tar" --transform 's,^,leat/,' CHANGELOG.md CMakeLists.txt LICENSE cmake docs include meson.build \
    meson_options.txt script src tools)
cp -r "$here/consumer" "$here/part" "$work"
configure=("$cmake" -S "$work/part" -B "$work/build" -G Ninja -DCMAKE_C_COMPILER="$cc" -DLEAT_MBEDTLS="$mbedtls"
    -DLEAT_MBEDTLS_ROOT="$mbedtls_root" -DCMAKE_INSTALL_PREFIX="$work/prefix")
codes="10054 2301104"

# cmake_programs: those that each way with CMake has.
cmake_programs() {
    local kind
    quietly "it is not built" "$cmake" --build "$work/build"
    for kind in leat static ohos ohos_static; do
        expect consumer_$kind "$version"
    done
    expect consumer_codes "$codes"
    expect consumer_codes_static "$codes"
    [[ $(cd "$work/build" && "${cmake%/*}/ctest" -N) == *"Total Tests: 1" ]] || fail "leat has added tests"
    quietly "it is not installed" "$cmake" --install "$work/build"
}

case $way in
add_subdirectory)
    tar -C "$work" -xf "$work/leat.tar"
    quietly "it is not configured" "${configure[@]}" -DLEAT_SOURCE="$work/leat"
    cmake_programs
    [ "$(cd "$work/prefix" && find . -type f)" = ./share/CMakeLists.txt ] || fail "leat is installed: $(find "$work/prefix")"
    [ ! -e "$work/build/leat/lib/libleat-testing.so" ] || fail "libleat-testing is built unasked"
    ;;
fetch_content)
    quietly "it is not configured" "${configure[@]}" -DLEAT_ARCHIVE="$work/leat.tar" -DLEAT_INSTALL=ON -DLEAT_TESTING=ON
    cmake_programs
    expect consumer_testing listening
    for file in include/leat/leat.h share/CMakeLists.txt; do
        [ -s "$work/prefix/$file" ] || fail "no $file is installed"
    done
    [ -n "$(find "$work/prefix" -name leatConfig.cmake)" ] || fail "no leatConfig.cmake is installed"
    [ ! -e "$work/prefix/bin" ] || fail "the tool is installed unasked"
    ;;
meson)
    mkdir "$work/part/subprojects"
    tar -C "$work/part/subprojects" -xf "$work/leat.tar"
    mv "$work/consumer" "$work/part/consumer"
    quietly "it is not configured" env CC="${CMAKE_C_COMPILER_LAUNCHER-} $cc" meson setup "$work/build" "$work/part" -Dleat:testing=true \
        -Dleat:mbedtls="$mbedtls" -Dleat:mbedtls_root="$mbedtls_root"
    quietly "it is not built" meson compile -C "$work/build"
    expect consumer_leat "$version"
    expect consumer_codes "$codes"
    expect consumer_testing listening
    ! ldd "$work/build/consumer_leat" | grep -q libleat || fail "leat is not static"
    ;;
*)
    fail "there is no such way"
    ;;
esac
