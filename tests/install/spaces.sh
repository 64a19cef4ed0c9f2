#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# spaces.sh SOURCE CC: the private mbedTLS is compiled where every path has spaces in it: that of the tree, and that of the temporary
# folder. What is compiled is a stand-in for mbedTLS, which looks for what script/lib/mbedtls.sh gives it.
set -euo pipefail
source=$1 cc=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/leat spaces.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
    echo "spaces: $*" >&2
    exit 1
}

# A tree with what the recipe is made of.
mkdir -p "$work/the tree/src/tls"
cp -r "$source/cmake" "$source/script" "$work/the tree"
cp -r "$source/src/tls/crypto" "$source/src/tls/mends" "$work/the tree/src/tls"

standin="$work/temporary files/source"
mkdir -p "$standin/library" "$standin/include/mbedtls"
cat >"$standin/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.5)
project(standin LANGUAGES C)
add_subdirectory(library)
END
cat >"$standin/library/CMakeLists.txt" <<'END'
foreach(name IN ITEMS mbedtls mbedx509 mbedcrypto)
    add_library(${name} STATIC ${name}.c ssl_tls.c)
    target_compile_definitions(${name} PRIVATE MBEDTLS_USER_CONFIG_FILE="${MBEDTLS_USER_CONFIG_FILE}")
    install(TARGETS ${name} ARCHIVE DESTINATION lib)
endforeach()
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/ DESTINATION include)
END
for name in mbedtls mbedx509 mbedcrypto; do
    printf '#include MBEDTLS_USER_CONFIG_FILE\n#ifdef WITH_LIBCRYPTO\n#include "gcm_alt.h"\n#endif\nconst char *%s_file(void) { return __FILE__; }\n' \
        $name >"$standin/library/$name.c"
done
echo 'int *ssl_tls_is_there(void) { return &ssl_tls_is_mended; }' >"$standin/library/ssl_tls.c"
echo '/* of the stand-in */' >"$standin/library/ssl_misc.h"
# Of the tree's files the stand-in only looks whether they are found.
printf '#ifdef LEATI_MENDS_ssl_tls\nextern int ssl_tls_is_mended;\n#endif\n' >"$work/the tree/src/tls/mends/calls.h"
echo '#define WITH_LIBCRYPTO' >>"$work/the tree/cmake/mbedtls_libcrypto_config.h"
for file in "$work/the tree"/cmake/mbedtls_*.h; do
    sed -i 's/^#include.*//' "$file"
done
echo 'typedef int gcm_of_the_tree;' >"$work/the tree/src/tls/crypto/gcm_alt.h"

root="$work/the tree"
. "$root/script/lib/mbedtls.sh"
# The stand-in calls nothing that is to be replaced.
mbedtls_calls_are_replaced() { :; }
mbedtls_calls_are_mended() { :; }
export CC=$cc
for variant in "" -libcrypto; do
    mbedtls_compile "$work/temporary files" $variant >"$work/log" 2>&1 || { cat "$work/log"; fail "mbedTLS$variant is not compiled"; }
    mbedtls_place "$work/temporary files" 3.6.0 $variant
    [ -s "$root/build/deps/mbedtls$variant/lib/libmbedtls.a" ] || fail "no libmbedtls.a of mbedTLS$variant"
    ! grep -qF "$work" "$root/build/deps/mbedtls$variant/lib/libmbedcrypto.a" || fail "mbedTLS$variant knows where it was compiled"
done
mbedtls_is_provided || fail "what was made is not what is wanted"
