# SPDX-License-Identifier: Apache-2.0
# dante with GSS-API, a peer of the tests. Sourced by script/bootstrap behind apt.sh, which sets $root and say().
#
# Debian's package is built without GSS-API, and Debian 13 has none at all. So the source package of Debian 12 is fetched from
# wherever this machine takes its Debian packages, and built into build/deps/dante, of which the tests take
# `sockd`. Where that cannot be done nothing fails: the tests that need it are left out by name.

dante_release=bookworm
dante_root=$root/build/deps/dante

# When this changes it is made again.
dante_recipe() {
    sha256sum <"$root/script/lib/dante.sh" | cut -d ' ' -f 1
}

dante_is_provided() {
    [ "$(cat "$dante_root/recipe" 2>/dev/null)" = "$(dante_recipe)" ] && [ -x "$dante_root/sockd" ]
}

# dante_download FOLDER: the source package, into FOLDER/package.
dante_download() {
    local apt
    apt_open "$1" "$(apt_source deb-src "$dante_release")" &&
        (cd "$1/package" && "${apt[@]}" source --download-only --only-source dante)
}

# dante_compile FOLDER: the server alone. It was written before compilers took C99 at its word, its configure knows gcc by that
# name only, and its parsers come made, as debian/rules uses them.
dante_compile() (
    cd "$1/source" || exit
    export PATH=/usr/lib/ccache:$PATH CC=gcc
    export CFLAGS="-O1 -Wno-implicit-function-declaration -Wno-implicit-int -Wno-int-conversion -Wno-incompatible-pointer-types"
    ./configure --disable-client --disable-shared --disable-preload --disable-dependency-tracking \
        --with-gssapi --without-krb5 --without-libwrap --without-pam --without-bsdauth --without-ldap --without-sasl \
        --without-upnp &&
        cp lib/config_parse.c lib/config_scan.c dlib/ &&
        cp lib/config_parse.c lib/config_scan.c sockd/ &&
        make -j "$(nproc)" ACLOCAL=: AUTOCONF=: AUTOMAKE=: AUTOHEADER=: &&
        grep -q '^#define HAVE_GSSAPI 1' include/autoconf.h
)

dante_provide() (
    ! dante_is_provided || exit 0
    work=$(mktemp -d "${TMPDIR:-/tmp}/leat-dante.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    say "fetching dante's source package of Debian $dante_release"
    dante_download "$work" >"$work/log" 2>&1 &&
        dpkg-source --no-copy -x "$work"/package/dante_*.dsc "$work/source" >"$work/log" 2>&1 ||
        { say "left out: dante with GSS-API: its source cannot be fetched: $(grep '^[EW]:' "$work/log" | tail -n 1)"; exit 0; }
    say "building dante with GSS-API, private to build/deps: a minute or two"
    dante_compile "$work" >"$work/log" 2>&1 ||
        { say "left out: dante with GSS-API: it cannot be built: $(tail -n 1 "$work/log")"; exit 0; }
    rm -rf "$dante_root"
    mkdir -p "$dante_root"
    cp "$work/source/sockd/sockd" "$dante_root/sockd"
    dante_recipe >"$dante_root/recipe"
)
