# SPDX-License-Identifier: Apache-2.0
# libcurl for script/bench on machines whose own is older than 8.11, where its WebSocket functions left their
# experiment. Sourced by script/bootstrap behind mbedtls.sh, which sets $root, say() and mbedtls_repository().
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
    local folder=$1 archive codename keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    archive=$(mbedtls_repository Debian "$codename")
    [ -n "$archive" ] || return
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$folder/package" "$folder/root"
    echo "deb [signed-by=$keyring] $archive $codename-backports main" >"$folder/sources.list"
    chmod -R a+rX "$folder"

    local options=(-q
        -o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State=$folder" -o "Dir::State::Lists=$folder/lists" -o Dir::State::status=/var/lib/dpkg/status
        -o "Dir::Cache=$folder/cache" -o APT::Update::Error-Mode=any -o APT::Sandbox::User=root
        -o Acquire::AllowInsecureRepositories=false)
    apt-get "${options[@]}" update &&
        (cd "$folder/package" &&
            apt-get "${options[@]}" download "libcurl4/$codename-backports" "libcurl4-openssl-dev/$codename-backports") &&
        for package in "$folder"/package/*.deb; do
            dpkg-deb -x "$package" "$folder/root" || return
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
