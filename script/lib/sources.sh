# SPDX-License-Identifier: Apache-2.0
# The libraries that leat stands on, built from Debian's source packages: in releases that this machine does not have
# (script/matrix), or for what Debian builds none for (script/cross). Sourced behind mbedtls.sh, with $root set.
#
# Static archives and headers, position independent, and nothing that runs. CC is the compiler. For another processor there are
# AR and RANLIB, and:
sources_cmake_options=()
sources_openssl_target=linux-$(uname -m)

# sources_download PACKAGE RELEASE FOLDER [--tar-only]: the newest source package of that name there, or of it what its authors
# published, into FOLDER/package.
sources_download() {
    local apt
    rm -rf "$3/package"
    apt_open "$3" "$(apt_source deb-src "$2")" -o Debug::NoLocking=true &&
        (cd "$3/package" && "${apt[@]}" source --download-only --only-source ${4:+"$4"} "$1")
}

# sources_whole PACKAGE RELEASE FOLDER: FOLDER/PACKAGE, with Debian's patches.
sources_whole() {
    sources_download "$1" "$2" "$3" && dpkg-source --no-copy --no-check -x "$3"/package/"$1"_*.dsc "$3/$1" &&
        sed -n 's/^Version: //p' "$3"/package/*.dsc >"$3/version"
}

# sources_part PACKAGE RELEASE FOLDER OF FILES DEPTH: FOLDER/PACKAGE of the FILES that the source package OF has, DEPTH folders down.
sources_part() {
    local archive
    sources_download "$4" "$2" "$3" --tar-only || return
    for archive in "$3"/package/$5; do
        mkdir -p "$3/$1" && tar -x -f "$archive" -C "$3/$1" --strip-components="$6" --wildcards "$7" &&
            basename "$archive" >"$3/version" || return
    done
}

# sources_unpack PACKAGE RELEASE FOLDER: FOLDER/PACKAGE, and its version in FOLDER/version. Debian has zlib-ng as a part of another
# package. Not every mirror has every source package: then it is the next release's, or wslay 1.1.1 as aria2 brings it.
sources_unpack() {
    rm -rf "$3/$1"
    case $1 in
    zlib-ng) sources_part "$@" node-yarnpkg '*.orig-zlib-ng.tar.*' 1 '*' ;;
    wslay) sources_whole "$@" || sources_part "$1" bookworm "$3" aria2 '*.orig.tar.*z' 3 '*/deps/wslay' ;;
    uriparser) sources_whole "$@" || sources_part "$1" trixie "$3" "$1" '*.orig.tar.*z' 1 '*' ;;
    *) sources_whole "$@" ;;
    esac
}

# sources_cmake SOURCE PREFIX OPTION...
sources_cmake() {
    local source=$1 prefix=$2
    shift 2
    cmake -S "$source" -B "$source-build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" \
        -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_C_COMPILER="${CC:-cc}" \
        -DBUILD_SHARED_LIBS=OFF "${sources_cmake_options[@]}" "$@" &&
        cmake --build "$source-build" && cmake --install "$source-build"
}

# sources_build PACKAGE SOURCE PREFIX
sources_build() {
    local package=$1 source=$2 prefix=$3
    case $package in
    c-ares) sources_cmake "$source" "$prefix" -DCARES_STATIC=ON -DCARES_STATIC_PIC=ON -DCARES_SHARED=OFF \
        -DCARES_BUILD_TOOLS=OFF ;;
    wslay) # aria2's copy has another build than wslay's own, and four files need neither
        local define=(-DHAVE_ARPA_INET_H -DHAVE_NETINET_IN_H)
        ! "${CC:-cc}" -dM -E - </dev/null | grep -q '__BYTE_ORDER__ __ORDER_BIG_ENDIAN__' || define+=(-DWORDS_BIGENDIAN)
        mkdir -p "$prefix/include/wslay" "$prefix/lib" && (cd "$source/lib" &&
            echo '#define WSLAY_VERSION "1.1.1"' >includes/wslay/wslayver.h && cp includes/wslay/*.h "$prefix/include/wslay/" &&
            "${CC:-cc}" -O2 -fPIC "${define[@]}" -Iincludes -c ./*.c &&
            "${AR:-ar}" rcs "$prefix/lib/libwslay.a" ./*.o) ;;
    uriparser) sources_cmake "$source" "$prefix" -DURIPARSER_BUILD_DOCS=OFF -DURIPARSER_BUILD_TESTS=OFF \
        -DURIPARSER_BUILD_TOOLS=OFF ;;
    libidn2) # with the part of libunistring that it brings, and without symbols of versions; its configure and its pages come made
        (cd "$source" && CFLAGS="-O2 -fPIC" ./configure --host="$("${CC:-cc}" -dumpmachine)" --prefix="$prefix" \
            --with-included-libunistring --enable-static --disable-shared --disable-doc --disable-nls \
            --disable-dependency-tracking && sed -i '/HAVE_SYMVER_ALIAS_SUPPORT/d' config.h &&
            for folder in gl unistring lib; do
                make -j "$(nproc)" -C $folder ACLOCAL=: AUTOCONF=: AUTOMAKE=: AUTOHEADER=: || exit
            done && make -C lib install && make install-pkgconfigDATA) ;;
    zlib) (cd "$source" && CFLAGS="-O2 -fPIC" ./configure --static --prefix="$prefix" && make -j "$(nproc)" install) ;;
    zlib-ng) sources_cmake "$source" "$prefix" -DZLIB_COMPAT=ON -DZLIB_ENABLE_TESTS=OFF -DWITH_GTEST=OFF ;;
    openssl) # all that leat asks of it, without what needs a newer kernel or other libraries, or takes its time
        (cd "$source" && ./Configure "$sources_openssl_target" no-shared no-tests no-engine no-module no-async no-ktls no-zlib \
            no-{cmp,cms,ct,dtls,srp,ts} no-{aria,bf,camellia,cast,gost,idea,mdc2,rc2,rc4,seed,sm2,sm4,whirlpool} CFLAGS=-O2 \
            --prefix="$prefix" --openssldir=/etc/ssl --libdir=lib CC="${CC:-cc}" AR="${AR:-ar}" RANLIB="${RANLIB:-ranlib}" &&
            make -j "$(nproc)" build_generated && make -j "$(nproc)" libcrypto.a libssl.a libcrypto.pc libssl.pc &&
            mkdir -p "$prefix/include" "$prefix/lib/pkgconfig" && cp -r include/openssl "$prefix/include/" &&
            cp libcrypto.a libssl.a "$prefix/lib/" && cp libcrypto.pc libssl.pc "$prefix/lib/pkgconfig/") ;;
    *) echo "no recipe for $package"; return 1 ;;
    esac
}

# sources_provide PACKAGE RELEASE FOLDER PREFIX [SOURCE]: the library in PREFIX, built anew only when it or its recipe changed. Of
# the folder SOURCE, if there is one.
sources_provide() {
    local recipe
    recipe=$(cat "$root/script/lib/sources.sh" - <<<"$1 $2 ${CC:-cc} $sources_openssl_target ${sources_cmake_options[*]}" |
        sha256sum | cut -d ' ' -f 1)
    [ "$(cat "$4/$1.recipe" 2>/dev/null)" != "$recipe" ] || return 0
    mkdir -p "$3" "$4" && rm -rf "$3/$1-build" &&
        if [ -n "${5:-}" ]; then
            rm -rf "$3/$1" && cp -a "$5" "$3/$1" && echo "$2" >"$3/version"
        else
            sources_unpack "$1" "$2" "$3"
        fi && sources_build "$1" "$3/$1" "$4" && mv "$3/version" "$4/$1.version" && echo "$recipe" >"$4/$1.recipe" &&
        rm -rf "$3/$1" "$3/$1-build" "$3/package"
}
