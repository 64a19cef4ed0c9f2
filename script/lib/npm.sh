# SPDX-License-Identifier: Apache-2.0
# script/lib/npm.sh, sourced by script/bootstrap: clients of Node that Debian does not have, for tests. They go to build/npm, and
# the tests that use them are left out by name where they are missing.

npm_packages=(
    toxiproxy-node-client@4.1.0 # a client of the interface that `leat serve control` speaks
    undici@6.21.3               # a client of bindings/node/examples: HTTP, CONNECT, WebSocket
    socks-proxy-agent@8.0.5     # the same: SOCKS5
)

npm_provide() {
    if ! command -v npm >/dev/null; then
        say "left out: ${npm_packages[*]}: there is no npm"
        return
    fi
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$root/build/npm" "${npm_packages[@]}" >/dev/null 2>&1 ||
        say "left out: ${npm_packages[*]}: npm cannot fetch them"
}
