# SPDX-License-Identifier: Apache-2.0
# The mbedTLS of leat's own. Sourced by script/bootstrap, which sets $root, say() and fail().
#
# It is the 3.6 source package of Debian 13, built into build/deps, static and private, twice: computing everything itself, and
# with its primitives left to src/tls/crypto (see cmake/LeatMbedtls.cmake). So TLS is the same on every system. It comes from
# wherever this machine takes its Debian packages.

. "$root/script/lib/apt.sh"

mbedtls_minimum=3.6.3
mbedtls_below=3.7
mbedtls_release=trixie
mbedtls_root=$root/build/deps/mbedtls
mbedtls_config=$root/cmake/mbedtls_user_config.h
mbedtls_libcrypto_config=$root/cmake/mbedtls_libcrypto_config.h
mbedtls_libcrypto_calls=$root/cmake/mbedtls_libcrypto_calls.cmake
mbedtls_libcrypto_headers=$root/src/tls/crypto
mbedtls_mends=$root/cmake/mbedtls_mends.cmake
mbedtls_mended_calls=$root/src/tls/mends/calls.h

# mbedtls_fits VERSION. Another release than 3.6 may lay out otherwise what leat knows of it.
mbedtls_fits() {
    [ -n "$1" ] && dpkg --compare-versions "$1" ge "$mbedtls_minimum" && dpkg --compare-versions "$1" lt "$mbedtls_below"
}

# What the private builds are made from: leat_check_mbedtls_recipe of cmake/LeatMbedtls.cmake has the same files in the same order.
mbedtls_recipe_parts() {
    local LC_ALL=C
    printf '%s\n' "$root/script/lib/mbedtls.sh" "$root"/cmake/mbedtls_* "$mbedtls_libcrypto_headers"/*_alt.h \
        "$mbedtls_mended_calls"
}

# When this changes they are made again.
mbedtls_recipe() {
    local part
    mbedtls_recipe_parts | while read -r part; do
        sha256sum <"$part" | cut -d ' ' -f 1
    done | sha256sum | cut -d ' ' -f 1
}

# mbedtls_is_current [-libcrypto]
mbedtls_is_current() {
    [ "$(cat "$mbedtls_root${1:-}/recipe" 2>/dev/null)" = "$(mbedtls_recipe)" ]
}

mbedtls_is_provided() {
    mbedtls_is_current && mbedtls_is_current -libcrypto
}

# mbedtls_download FOLDER: the newest mbedtls source package of that release.
mbedtls_download() {
    local apt lines
    lines=$(apt_source deb-src "$mbedtls_release" && apt_source deb-src "$mbedtls_release-security")
    apt_open "$1" "$lines" && (cd "$1/package" && "${apt[@]}" source --download-only --only-source mbedtls)
}

# mbedtls_hardening: the flags of cmake/LeatHelpers.cmake against exploits that this compiler has.
mbedtls_hardening() {
    local flag
    for flag in -D_FORTIFY_SOURCE=3 -D_FORTIFY_SOURCE=2; do
        ! "${CC:-cc}" -O2 -Werror $flag -fsyntax-only -x c - <<<'#include <stdio.h>' 2>/dev/null || { echo $flag; break; }
    done
    for flag in -fstack-protector-strong -fstack-clash-protection -fcf-protection -mbranch-protection=standard; do
        ! "${CC:-cc}" -Werror $flag -S -o /dev/null -x c - <<<'int nothing;' 2>/dev/null || echo $flag
    done
}

# mbedtls_calls_are_replaced LIBRARY: another release of mbedTLS may call by other names, and must not do so unnoticed.
mbedtls_calls_are_replaced() {
    local undefined call
    undefined=$("${NM:-nm}" -A -u "$1" 2>/dev/null | sed 's/.*:\(.*\)\.o: *U /\1 /')
    for call in "psa_crypto_ecp.c leati_crypto_ecp_mul" "rsa.c leati_crypto_exp_mod" "rsa.c leati_crypto_exp_mod_public"; do
        grep -qxF "$call" <<<"$undefined" || { echo "mbedTLS: no call of ${call#* } in ${call% *}"; return 1; }
    done
    for call in "psa_crypto_ecp.c mbedtls_ecp_mul" "rsa.c mbedtls_mpi_exp_mod"; do
        ! grep -qxF "$call" <<<"$undefined" || { echo "mbedTLS: ${call% *} still calls ${call#* }"; return 1; }
    done
}

# mbedtls_calls_are_mended LIBRARY: that each file calls what src/tls/mends/calls.h names for it.
mbedtls_calls_are_mended() {
    local symbols call
    symbols=$("${NM:-nm}" -A "$1" 2>/dev/null | sed 's/.*:\(.*\)\.c\.o:[0-9a-f ]* \(.\) /\1 \2 /')
    while read -r call; do
        grep -qxF "$call" <<<"$symbols" || { echo "mbedTLS: ${call%% *}.c has no ${call##* } to replace"; return 1; }
    done < <(awk '/^#ifdef LEATI_MENDS_/ { file = substr($2, 13) }
                  file != "" && match($0, /leati_mend_[a-z0-9_]*/) { print file, "U", substr($0, RSTART, RLENGTH) }
                  file != "" && match($0, /mbedtls_[a-z0-9_]*\(/) { print file, "W", substr($0, RSTART, RLENGTH - 1) }
                  /^#endif/ { file = "" }' "$mbedtls_mended_calls")
}

# mbedtls_compile FOLDER [-libcrypto]: FOLDER/source into FOLDER/install[-libcrypto], just the three static libraries
# and their headers. For another processor script/cross sets CC, NM and mbedtls_cmake.
mbedtls_cmake=()
mbedtls_compile() {
    local source=$1/source build=$1/build${2:-} install=$1/install${2:-} config=$1/config${2:-}.h
    # In sections of their own, so that the linker leaves out what leat does not call. Paths in quotes: a shell reads the flags.
    local flags="-fvisibility=hidden -ffunction-sections -fdata-sections '-ffile-prefix-map=$source=mbedtls'" calls=$mbedtls_mends
    # Tables to find the callers of each instruction: no exception and no callback of a program passes here, and debuggers
    # have their own. They are a sixth of all of it.
    flags+=" -fno-asynchronous-unwind-tables -fno-unwind-tables $(mbedtls_hardening | tr '\n' ' ')"
    cp "$mbedtls_config" "$config"
    if [ -n "${2:-}" ]; then
        cat "$mbedtls_libcrypto_config" >>"$config"
        flags+=" '-I$mbedtls_libcrypto_headers'"
        calls=$mbedtls_libcrypto_calls
    fi
    cmake -S "$source" -B "$build" -G Ninja \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$install" -DCMAKE_INSTALL_LIBDIR=lib \
        -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_C_FLAGS="$flags" \
        -DUSE_STATIC_MBEDTLS_LIBRARY=ON -DUSE_SHARED_MBEDTLS_LIBRARY=OFF \
        -DENABLE_TESTING=OFF -DENABLE_PROGRAMS=OFF -DGEN_FILES=OFF -DMBEDTLS_FATAL_WARNINGS=OFF \
        -DMBEDTLS_USER_CONFIG_FILE="$config" -DCMAKE_PROJECT_INCLUDE="$calls" \
        "${mbedtls_cmake[@]}" &&
        cmake --build "$build" &&
        { [ -z "${2:-}" ] || mbedtls_calls_are_replaced "$build/library/libmbedcrypto.a"; } &&
        mbedtls_calls_are_mended "$build/library/libmbedtls.a" &&
        cmake --install "$build" &&
        rm -rf "$install/lib/cmake" "$install/lib/pkgconfig" &&
        cp "$config" "$install/include/mbedtls/leat_user_config.h" &&
        mkdir -p "$install/internal" && cp "$source"/library/*.h "$install/internal" &&
        { [ -z "${2:-}" ] || cp "$mbedtls_libcrypto_headers"/*_alt.h "$install/include"; }
}

# mbedtls_place FOLDER VERSION [-libcrypto]: puts what was compiled there beside $mbedtls_root, in build/deps.
mbedtls_place() {
    local deps=${mbedtls_root%/*}
    mbedtls_recipe >"$1/install${3:-}/recipe"
    mkdir -p "$deps"
    rm -rf "$deps/mbedtls-$2${3:-}"
    mv "$1/install${3:-}" "$deps/mbedtls-$2${3:-}"
    ln -sfn "mbedtls-$2${3:-}" "$mbedtls_root${3:-}"
}

# mbedtls_build_private [SOURCE]: of the folder SOURCE if there is one, instead of Debian's package; script/matrix does that.
# Runs in a subshell with `set -e`, so that its work folder goes away however it ends.
mbedtls_build_private() (
    set -e
    work=$(mktemp -d "${TMPDIR:-/tmp}/leat-mbedtls.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    log=$work/log

    if [ -n "${1:-}" ]; then
        cp -a "$1" "$work/source"
    else
        say "fetching the mbedTLS source package of Debian $mbedtls_release"
        mbedtls_download "$work" >"$log" 2>&1 || { cat "$log" >&2; fail "mbedTLS could not be fetched (see above)"; }
        dpkg-source --no-copy -x "$work"/package/mbedtls_*.dsc "$work/source" >"$log" 2>&1 ||
            { cat "$log" >&2; fail "mbedTLS could not be unpacked (see above)"; }
    fi

    version=$(sed -n 's/^#define MBEDTLS_VERSION_STRING  *"\(.*\)"/\1/p' "$work/source/include/mbedtls/build_info.h")
    mbedtls_fits "$version" || fail "Debian $mbedtls_release has mbedTLS $version, but leat needs one of" \
        "$mbedtls_minimum or later, below $mbedtls_below"

    for variant in "" -libcrypto; do
        say "building mbedTLS $version$variant, private to build/deps: about a minute"
        mbedtls_compile "$work" $variant >"$log" 2>&1 || { cat "$log" >&2; fail "mbedTLS could not be built (see above)"; }
        mbedtls_place "$work" "$version" $variant
    done
)
