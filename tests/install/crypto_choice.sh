#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# crypto_choice.sh CMAKE SOURCE CC MBEDTLS_ROOT MBEDTLS: which LEAT_CRYPTO is taken with a libcrypto that is
# too old, or that lacks something, and what configuring says about it.
set -euo pipefail
cmake=$1 source=$2 cc=$3 mbedtls_root=$4 mbedtls=$5
work=$(mktemp -d "${TMPDIR:-/tmp}/leat-crypto.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
    echo "crypto_choice: $*" >&2
    exit 1
}

# configure OPTION...: the output; its exit status. What has nothing to do with the choice is looked for once.
configure() {
    PKG_CONFIG_PATH=$work "$cmake" -S "$source" -B "$work/build" -G Ninja -U '*libcrypto*' -U 'LEAT_CRYPTO*' -U compiled \
        -U exit_status -DCMAKE_C_COMPILER="$cc" -DLEAT_MBEDTLS="$mbedtls" -DLEAT_MBEDTLS_ROOT="$mbedtls_root" \
        -DLEAT_TESTS=OFF -DLEAT_TOOLS=OFF -DLEAT_EXAMPLES=OFF -DLEAT_INSTALL=OFF "$@" 2>&1
}

# offer VERSION [LINE...]: the libcrypto that pkg-config finds.
offer() {
    printf '%s\n' "Name: libcrypto" "Description: for a test" "Version: $1" "${@:2}" >"$work/libcrypto.pc"
}

# expect_refusal WHY OPTION...: configuring fails and says so.
expect_refusal() {
    local output why=$1
    shift
    ! output=$(configure "$@") || fail "configured with $*"
    # CMake breaks the lines of its messages.
    tr -s ' \n' ' ' <<<"$output" | grep -qF "$why" || fail "not '$why', but: $output"
}

# expect_mbedtls WHY: configuring says so and takes mbedTLS' own primitives.
expect_mbedtls() {
    local output
    output=$(configure) || fail "not configured: $output"
    grep -qF "libcrypto computes nothing for mbedTLS: $1" <<<"$output" || fail "not '$1', but: $output"
    grep -qF "primitives by mbedtls" <<<"$output" || fail "mbedTLS' own primitives were not taken: $output"
}

offer 1.1.1w
expect_refusal "LEAT_CRYPTO is libcrypto, mbedtls or empty, not 'openssl'" -DLEAT_CRYPTO=openssl
if [ "$mbedtls" = system ]; then
    expect_refusal "LEAT_CRYPTO=libcrypto is not possible: the system's mbedTLS cannot be told to use it." \
        -DLEAT_CRYPTO=libcrypto
    exit 0
fi

expect_mbedtls "1.1.1w is older than 3.0"
expect_refusal "LEAT_CRYPTO=libcrypto is not possible: 1.1.1w is older than 3.0." -DLEAT_CRYPTO=libcrypto

offer 3.0.0
expect_mbedtls "3.0.0 lacks functions or headers"

# Everything but AES-GCM.
cat >"$work/without_gcm.c" <<'EOF'
void *OSSL_LIB_CTX_new(void) { return 0; }
void *EVP_CIPHER_fetch(void *context, const char *name, const char *query) { return 0; }
void EVP_CIPHER_free(void *cipher) { }
void OSSL_LIB_CTX_free(void *context) { }
void SHA256_Transform(void *state, const void *block) { }
void SHA512_Transform(void *state, const void *block) { }
EOF
"$cc" -shared -fPIC -w -o "$work/libwithout_gcm.so" "$work/without_gcm.c"
offer 3.0.0 "Libs: -L${work// /\\ } -lwithout_gcm"
expect_mbedtls "3.0.0 has no AES-128-GCM"
