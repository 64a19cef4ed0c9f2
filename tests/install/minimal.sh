#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# minimal.sh CMAKE SOURCE CC LEAT: the preset `minimal` is built where neither OpenSSL nor zlib can be found, talks through proxies
# to servers of LEAT (the tool of another build), and has nothing of what it leaves out; and each of the options alone leaves out
# what it says. It prints the size, and the heap of one connection. Exit status 77: left out, and why.
set -euo pipefail
cmake=$1 source=$2 cc=$3 leat=$4
here=$(cd "$(dirname "$0")" && pwd)
# Of the stripped library, without mbedTLS, on x86-64: a bound for what is added unnoticed. It has 323.
most_kib=335
work=$(mktemp -d "${TMPDIR:-/tmp}/leat-minimal.XXXXXX")
servers=()
trap '[ ${#servers[@]} -eq 0 ] || kill "${servers[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

fail() {
    echo "minimal: $*" >&2
    exit 1
}

# quietly WHAT COMMAND...: shows the command's output only when it fails.
quietly() {
    local what=$1
    shift
    "$@" >"$work/log" 2>&1 </dev/null || { tail -n 40 "$work/log"; fail "$what"; }
}

. "$source/script/lib/ccache.sh"
ccache_use "$source"

# What a distribution has, or the same built from its source.
root=$source
. "$source/script/lib/mbedtls.sh"
. "$source/script/lib/mbedtls_plain.sh"
if ! mbedtls_system_fits; then
    if ! mbedtls_plain_provide >"$work/log" 2>&1; then
        echo "left out: the preset minimal: there is no mbedTLS $mbedtls_minimum, and none can be built: $(tail -n 1 "$work/log")"
        exit 77
    fi
    export PKG_CONFIG_PATH=$mbedtls_plain_pkgconfig
fi

# All that pkg-config knows, but for what is off.
mkdir "$work/pc"
IFS=: read -ra folders <<<"${PKG_CONFIG_PATH:-}:$(pkg-config --variable pc_path pkg-config)"
for folder in "${folders[@]}"; do
    [ ! -d "$folder" ] || find "$folder/" -name '*.pc' -exec cp -n -t "$work/pc" {} +
done
rm -f "$work"/pc/{openssl,libssl,libcrypto,zlib,libpsl}.pc
unset PKG_CONFIG_PATH
export PKG_CONFIG_LIBDIR=$work/pc

# build OPTION...: of the preset, which has all of them off; in one folder, so that only what changes is compiled.
build() {
    quietly "not configured: $*" "$cmake" --preset minimal -S "$source" -B "$work/minimal" -DCMAKE_C_COMPILER="$cc" "$@"
    quietly "not built: $*" "$cmake" --build "$work/minimal" --target leat leat_static
}

# has_none PATTERN...: neither library defines such a symbol.
has_none() {
    local folder=$work/minimal pattern found
    nm -D --defined-only "$folder/lib/libleat.so" >"$work/symbols"
    nm --defined-only "$folder/lib/libleat.so" >>"$work/symbols" 2>/dev/null
    nm --defined-only "$folder/lib/libleat.a" >>"$work/symbols" 2>/dev/null
    for pattern in "$@"; do
        found=$(grep -E " $pattern" "$work/symbols" | head -n 3) || true
        [ -z "$found" ] || fail "there is '$found'"
    done
    grep -q " leat_websocket_connect$" "$work/symbols" || fail "there is no client"
}

server='leat_(websocket_server|http_request|topic)_ leat_config_add_trusted_proxy leati_(ws_accept_answer|ws_accept_engine|server_make_room|forwarded|settings_trust)'
sockets='leat_(tcp_|tls_socket_|udp_|local_socket)'
listening='leati_(clients_add|admission|tcp_listener)'

# each of them alone
build -DLEAT_SERVER=OFF -DLEAT_SOCKETS=ON -DLEAT_EXPLANATIONS=ON -DLEAT_CODES=ON -DLEAT_OHOS=ON
has_none $server
grep -q " leat_tcp_socket_connect$" "$work/symbols" || fail "without servers there are no sockets"
grep -q "The host answered that nobody listens" "$work/minimal/lib/libleat.so" || fail "there are no explanations"
build -DLEAT_SERVER=ON -DLEAT_SOCKETS=OFF -DLEAT_EXPLANATIONS=OFF
has_none $sockets
grep -q " leat_websocket_server_start$" "$work/symbols" || fail "without sockets there are no servers"
! grep -q "The host answered that nobody listens" "$work/minimal/lib/libleat.so" || fail "explanations that are off are there"
! "$cmake" --preset minimal -S "$source" -B "$work/refused" -DLEAT_TOOLS=ON >"$work/log" 2>&1 ||
    fail "the tool is configured without servers"
grep -qF "LEAT_SERVER=OFF is for the libraries alone" "$work/log" || fail "it is not said why: $(cat "$work/log")"

# all of them, and with all that is built then
build
quietly "not built: all of it" "$cmake" --build "$work/minimal"
has_none $server $sockets $listening
[ -z "$(find "$work/minimal" -name 'libleat-codes*' -o -name 'libnet_websocket*')" ] || fail "libraries that are off were built"
if readelf -d "$work/minimal/lib/libleat.so" | grep -E 'NEEDED.*(libcrypto|libssl|libz|libpsl)'; then
    fail "it needs a library that is off"
fi

# serve COMMAND...: the first two lines of a server.
serve() {
    local fifo=$work/fifo.${#servers[@]}
    mkfifo "$fifo"
    "$leat" serve "$@" >"$fifo" &
    servers+=($!)
    exec {from}<"$fifo"
    read -r -t 60 -u "$from" first || fail "leat serve $* said nothing"
    second=
    [[ "$*" != *--tls* ]] || read -r -t 60 -u "$from" second
}

libraries=(-lcares -lwslay -luriparser -lidn2 -lpthread)
"$cc" -std=gnu11 -Wall -Wextra -Werror -I"$source/include" "$here/minimal.c" -o "$work/program" -L"$work/minimal/lib" -lleat
"$cc" -std=gnu11 -Wall -Wextra -Werror -I"$source/include" "$here/minimal.c" -o "$work/program_static" "$work/minimal/lib/libleat.a" \
    $(pkg-config --libs mbedtls mbedx509 mbedcrypto) "${libraries[@]}"
! "$cc" -I"$source/include" -x c - -o "$work/none" -L"$work/minimal/lib" -lleat 2>"$work/log" <<<'
#include <leat/leat.h>
int main(void) { leat_websocket_server_free(NULL); return 0; }' || fail "a program with a server links"
grep -q "undefined reference to .leat_websocket_server_free" "$work/log" || fail "not linked, but: $(cat "$work/log")"

serve echo --tls
url=$first ca=${second#ca: }
for proxy in socks5 connect; do
    serve $proxy
    for program in program program_static; do
        heap=$(LD_LIBRARY_PATH=$work/minimal/lib timeout 120 "$work/$program" "$url" "$ca" "$first") ||
            fail "$program through $proxy: $heap"
        echo "heap of one idle wss connection, $program through $proxy: $heap bytes"
    done
done

# The library without mbedTLS: linked as if that were shared, which it is where the distribution has it.
link=$(cd "$work/minimal" && ninja -t commands lib/libleat.so | grep -- '-shared' | tail -n 1)
link=$(sed -E 's/ [^ ]*libmbed[^ ]*\.a//g; s/-Wl,--no-undefined/-Wl,--unresolved-symbols=ignore-all/; s, -o [^ ]+, -o '"$work/alone.so"',' <<<"$link")
(cd "$work/minimal" && bash -c "$link") || fail "not linked without mbedTLS"
strip -s "$work/alone.so"
size=$(stat -c %s "$work/alone.so")
echo "libleat.so, stripped, without mbedTLS: $(((size + 1023) / 1024)) KiB"
[ "$(uname -m)" != x86_64 ] || [ "$size" -le $((most_kib * 1024)) ] || fail "it is larger than $most_kib KiB"
