#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run by packages.sh in a bare system where the tool and the libraries are installed, with no network but its loopback.
set -euo pipefail

fail() {
    echo "in the bare system: $*" >&2
    exit 1
}

for file in /usr/share/man/man1/leat.1.gz /usr/share/man/man1/leat-ws.1.gz /usr/share/bash-completion/completions/leat \
    /usr/share/zsh/vendor-completions/_leat /usr/share/doc/leat/copyright /usr/share/doc/libleat1/changelog.Debian.gz; do
    [ -s "$file" ] || fail "no $file"
done
[ ! -e /usr/include/leat ] || fail "there are headers"
[ "$(dpkg-query -W -f '${db:Status-Abbrev}' leat)" = "ii " ] || fail "leat is not installed"
version=$(dpkg-query -W -f '${Version}' leat)
[ "$(leat --version | head -n 1)" = "leat ${version%-*}" ] || fail "$(leat --version) is not $version"
leat explain 2301207 | grep -q LEAT_E_SOCKS5_AUTH || fail "leat explain does not know a code"

# Nobody listens on a port that was free a moment ago: the code says so, and the status.
status=0
output=$(leat check ws://localhost:1/ 2>&1) || status=$?
[ $status -eq 4 ] && [[ $output == *2301111* ]] || fail "leat check ended with $status: $output"

# serve NAME ARGUMENT...: starts a server and sets NAME_url to the URL that it prints, NAME_ca to the CA's path if it speaks
# TLS.
started=()
trap 'kill "${started[@]}" 2>/dev/null || true' EXIT
serve() {
    local name=$1 line
    shift
    mkfifo "/test/$name"
    leat serve "$@" >"/test/$name" &
    started+=($!)
    exec 3<"/test/$name"
    read -r -t 10 line <&3 || fail "leat serve $* says nothing"
    printf -v "${name}_url" %s "$line"
    if [[ $* == *--tls* ]]; then
        read -r -t 10 line <&3 || fail "leat serve $* names no CA"
        printf -v "${name}_ca" %s "${line#ca: }"
    fi
}

serve echo echo
serve proxy socks5 --user a:b
serve tls echo --tls
# shellcheck disable=SC2154 # serve sets them
[ "$(echo hello | leat ws "$echo_url")" = hello ] || fail "no echo of $echo_url"
leat check "$echo_url" >/test/log || fail "leat check: $(cat /test/log)"
[ "$(echo again | leat ws "$echo_url" --proxy "$proxy_url")" = again ] || fail "no echo through $proxy_url"
[ "$(echo secret | leat ws "$tls_url" --ca "$tls_ca" --proxy "$proxy_url")" = secret ] || fail "no echo of $tls_url"
leat check "$tls_url" --ca "$tls_ca" >/test/log || fail "leat check: $(cat /test/log)"
# There are no CAs in a bare system: that is said, and nobody is trusted.
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || fail "there are CAs"
status=0
output=$(leat ws "$tls_url" </dev/null 2>&1) || status=$?
[ $status -eq 2 ] && [[ $output == *2302002*"no CA bundle"* ]] || fail "without CAs: status $status: $output"
