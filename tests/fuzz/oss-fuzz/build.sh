#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# [NAME...]: builds every fuzz target, or those named, into $OUT with its corpus, as OSS-Fuzz wants it; from the folder of leat's sources, with CC, CFLAGS and
# LIB_FUZZING_ENGINE set. $SRC/mbedtls, if it is there, is the mbedTLS that is taken, else script/bootstrap's. By hand:
#
#     CC=clang CXX=clang++ CFLAGS="-O1 -g -fsanitize=address,undefined,fuzzer-no-link" CXXFLAGS=$CFLAGS \
#         LIB_FUZZING_ENGINE=-fsanitize=fuzzer SRC=/nowhere WORK=/tmp/work OUT=/tmp/out tests/fuzz/oss-fuzz/build.sh
set -euo pipefail
root=$PWD
[ -e "$root/tests/fuzz/CMakeLists.txt" ] || { echo "build.sh: run it in leat's folder" >&2; exit 1; }

say() {
    echo "build.sh: $*"
}

fail() {
    say "$*" >&2
    exit 1
}

. script/lib/mbedtls.sh
if [ -e "$SRC/mbedtls" ]; then
    # With the same instruments (CFLAGS), so that the parsers of certificates and records are seen as well. What a release has
    # generated is made here.
    mbedtls_cmake=(-DGEN_FILES=ON)
    mbedtls_root=$root/build/oss-fuzz-deps/mbedtls
    mbedtls_build_private "$SRC/mbedtls"
else
    mbedtls_is_provided || mbedtls_build_private
fi

targets=(fuzz)
[ $# -eq 0 ] || targets=("${@/#/fuzz_}")
# A runner has none of the libraries: they lie beside the targets.
cmake -S . -B build/oss-fuzz -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG= -DLEAT_WERROR=OFF -DLEAT_TOOLS=OFF \
    -DLEAT_EXAMPLES=OFF -DLEAT_INSTALL=OFF -DLEAT_TESTS=ON -DLEAT_PLAIN_CRITERION=ON -DLEAT_FUZZ=ON \
    -DLEAT_FUZZING_ENGINE="$LIB_FUZZING_ENGINE" -DLEAT_MBEDTLS_ROOT="$mbedtls_root" \
    -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON "-DCMAKE_INSTALL_RPATH=\$ORIGIN/lib" -DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags
cmake --build build/oss-fuzz --target "${targets[@]}"

# libraries_of PROGRAM: those that a runner has not.
libraries_of() {
    ldd "$1" | sed -n 's|.*=> \(/[^ ]*\) .*|\1|p' | grep -Ev '/(libc|libm|libpthread|libdl|librt|libgcc_s|libresolv)\.so'
}

mkdir -p "$OUT/lib"
for program in build/oss-fuzz/tests/fuzz/fuzz_*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    name=${program##*/fuzz_}
    cp "$program" "$OUT"
    libraries_of "$program" | xargs -r cp -nLt "$OUT/lib"
    ! libraries_of "$OUT/fuzz_$name" | grep -Fv "$OUT/lib/" || fail "fuzz_$name takes these from this system"
    seeds=$(mktemp -d)
    cp "tests/fuzz/corpus/$name"/* "$seeds/"
    script/lib/found.py unpack "tests/fuzz/found/$name.hex" "$seeds"
    (cd "$seeds" && rm -f "$OUT/fuzz_${name}_seed_corpus.zip" &&
        python3 -m zipfile -c "$OUT/fuzz_${name}_seed_corpus.zip" ./*)
    rm -rf "$seeds"
    printf '[libfuzzer]\nmax_len = 4096\ntimeout = 120\n' >"$OUT/fuzz_$name.options"
done
say "$(find "$OUT" -maxdepth 1 -name 'fuzz_*' -perm -u+x | wc -l) targets in $OUT"
