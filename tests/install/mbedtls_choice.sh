#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mbedtls_choice.sh CMAKE SOURCE CC: which mbedTLS is taken (LEAT_MBEDTLS), whatever the system has, and what
# configuring says about it.
set -euo pipefail
cmake=$1 source=$2 cc=$3
work=$(mktemp -d "${TMPDIR:-/tmp}/leat-mbedtls-choice.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
    echo "mbedtls_choice: $*" >&2
    exit 1
}

# configure OPTION...: the output, on one line as CMake breaks those of its messages; its exit status. What has
# nothing to do with the choice is looked for once.
configure() {
    PKG_CONFIG_PATH=$work "$cmake" -S "$source" -B "$work/build" -G Ninja -U '*mbedtls*' -U '*libcrypto*' -U 'LEAT_MBEDTLS*' \
        -U 'LEAT_CRYPTO*' -U compiled -U exit_status -DCMAKE_C_COMPILER="$cc" \
        -DLEAT_TESTS=OFF -DLEAT_TOOLS=OFF -DLEAT_EXAMPLES=OFF -DLEAT_INSTALL=OFF "$@" 2>&1 | tr -s ' \n' ' '
}

# offer VERSION: the mbedTLS that pkg-config finds.
offer() {
    local name
    for name in mbedtls mbedx509 mbedcrypto; do
        printf '%s\n' "Name: $name" "Description: for a test" "Version: $1" >"$work/$name.pc"
    done
}

# expect TEXT OPTION...: configuring goes well and says so.
expect() {
    local output text=$1
    shift
    output=$(configure "$@") || fail "not configured with $*: $output"
    grep -qF -e "$text" <<<"$output" || fail "not '$text', but: $output"
}

# expect_refusal TEXT OPTION...: configuring fails and says so.
expect_refusal() {
    local output text=$1
    shift
    ! output=$(configure "$@") || fail "configured with $*"
    grep -qF -e "$text" <<<"$output" || fail "not '$text', but: $output"
}

expect_refusal "LEAT_MBEDTLS is private or system, not 'openssl'" -DLEAT_MBEDTLS=openssl

# The private one, whatever the system has.
offer 3.6.5
expect "mbedTLS: private, in "

offer 3.6.5
expect "mbedTLS: the system's, 3.6.5. It lacks what leat's own has: -- - the primitives of libcrypto" -DLEAT_MBEDTLS=system
expect_refusal "LEAT_CRYPTO=libcrypto is not possible: the system's mbedTLS cannot be told to use it." \
    -DLEAT_MBEDTLS=system -DLEAT_CRYPTO=libcrypto
for version in 2.28.3 3.6.2 3.7.0 4.0.0; do
    offer $version
    expect_refusal "leat needs mbedTLS 3.6.3 or a later one below 3.7, and pkg-config finds $version." -DLEAT_MBEDTLS=system
done

expect_refusal "leat's own mbedTLS is not in $work/nowhere: run script/bootstrap" -DLEAT_MBEDTLS_ROOT="$work/nowhere" \
    -DLEAT_CRYPTO=mbedtls
mkdir -p "$work/other/lib"
touch "$work/other/lib/libmbedtls.a"
expect_refusal "was built otherwise than this leat needs it: run script/bootstrap" -DLEAT_MBEDTLS_ROOT="$work/other" \
    -DLEAT_CRYPTO=mbedtls
echo "of another tree" >"$work/other/recipe"
expect_refusal "was built otherwise than this leat needs it: run script/bootstrap" -DLEAT_MBEDTLS_ROOT="$work/other" \
    -DLEAT_CRYPTO=mbedtls
