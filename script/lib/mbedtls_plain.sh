# SPDX-License-Identifier: Apache-2.0
# The mbedTLS 3.6 of a distribution, for the tests of LEAT_MBEDTLS=system on a machine that has none: what Debian's source
# package makes, with threads, and with nothing of leat's. Static and hidden, because the test framework needs libgit2, and that
# Debian 12's mbedTLS. Sourced by script/test behind mbedtls.sh.

# Where its .pc files are.
mbedtls_plain_pkgconfig=$root/build/deps/mbedtls-plain/lib/pkgconfig

mbedtls_system_fits() {
    mbedtls_fits "$(pkg-config --modversion mbedtls 2>/dev/null)"
}

# Into build/deps/mbedtls-plain, unless it is there.
mbedtls_plain_provide() (
    set -e
    fail() {
        echo "$*"
        exit 1
    }
    [ ! -e "$mbedtls_plain_pkgconfig/mbedtls.pc" ] || exit 0
    work=$(mktemp -d "${TMPDIR:-/tmp}/leat-mbedtls.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mbedtls_download "$work"
    dpkg-source --no-copy -x "$work"/package/mbedtls_*.dsc "$work/source"
    sed -i 's,^//\(#define MBEDTLS_THREADING_\(C\|PTHREAD\)\)$,\1,' "$work/source/include/mbedtls/mbedtls_config.h"
    cmake -S "$work/source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_LIBDIR=lib \
        -DCMAKE_INSTALL_PREFIX="$root/build/deps/mbedtls-plain" \
        -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_C_FLAGS=-fvisibility=hidden \
        -DUSE_STATIC_MBEDTLS_LIBRARY=ON -DUSE_SHARED_MBEDTLS_LIBRARY=OFF \
        -DENABLE_TESTING=OFF -DENABLE_PROGRAMS=OFF -DGEN_FILES=OFF -DMBEDTLS_FATAL_WARNINGS=OFF
    cmake --build "$work/build"
    cmake --install "$work/build"
)
