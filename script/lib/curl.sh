# SPDX-License-Identifier: Apache-2.0
# libcurl for script/bench on machines whose own is older than 8.11, where its WebSocket functions left their
# experiment. Sourced by script/bootstrap behind apt.sh, which sets $root and say().
#
# Debian 12 has a new enough one in its backports. It is unpacked into build/deps/curl and not installed. Where there is
# none, nothing fails: the rows of the benchmark say so.

curl_minimum=8.11
curl_root=$root/build/deps/curl

curl_is_provided() {
    [ -e "$curl_root/usr/include" ] && return
    pkg-config --exists "libcurl >= $curl_minimum"
}

# curl_fetch FOLDER: unpacks both packages of the backports into FOLDER/root.
curl_fetch() {
    local apt package backports
    backports=$(apt_codename)-backports
    apt_open "$1" "$(apt_source deb "$backports")" &&
        (cd "$1/package" && "${apt[@]}" download "libcurl4/$backports" "libcurl4-openssl-dev/$backports") &&
        for package in "$1"/package/*.deb; do
            dpkg-deb -x "$package" "$1/root" || return
        done
}

curl_provide() (
    ! curl_is_provided || exit 0
    work=$(mktemp -d "${TMPDIR:-/tmp}/leat-curl.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    say "fetching libcurl from the backports, private to build/deps"
    if curl_fetch "$work" >"$work/log" 2>&1; then
        mkdir -p "$root/build/deps"
        rm -rf "$curl_root"
        mv "$work/root" "$curl_root"
    else
        say "there is no libcurl $curl_minimum here: it will not be measured"
    fi
)
