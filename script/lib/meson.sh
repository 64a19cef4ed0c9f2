#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# meson.sh SOURCE BUILD OUTPUT MBEDTLS_ROOT OPTION... -- TARGET...: builds those targets with CMake, for meson.build, and puts the
# archives into OUTPUT, those that are as they were untouched.
set -euo pipefail
source=$1 build=$2 output=$3 mbedtls_root=$4
shift 4
options=()
while [ "$1" != -- ]; do
    options+=("$1")
    shift
done
shift
[ -z "$mbedtls_root" ] || options+=("-DLEAT_MBEDTLS_ROOT=$mbedtls_root")

cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DLEAT_TOOLS=OFF -DLEAT_TESTS=OFF \
    -DLEAT_EXAMPLES=OFF -DLEAT_WERROR=OFF "${options[@]}" >"$build.log" 2>&1 || { cat "$build.log" >&2; exit 1; }
cmake --build "$build" --target "$@"
for archive in "$build"/lib/*.a; do
    cmp -s "$archive" "$output/${archive##*/}" || cp "$archive" "$output"
done
