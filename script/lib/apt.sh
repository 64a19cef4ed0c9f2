# SPDX-License-Identifier: Apache-2.0
# Packages of another release, or for another processor, from wherever this machine takes its own. Sourced by what fetches some.
#
# Nothing of the machine's apt is changed. The chain of trust is apt's: keyring -> Release -> Packages or Sources -> what is fetched.

apt_codename() {
    (. /etc/os-release && echo "${VERSION_CODENAME:-}")
}

# apt_repository LABEL RELEASE: where this machine takes that part of Debian from, in either form of sources.
apt_repository() {
    apt-get indextargets --format '$(CREATED_BY)|$(ORIGIN)|$(LABEL)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)' |
        sed -n "s/^Packages|Debian|$1|$2|main|//p" | sed -n 1p
}

# apt_source deb|deb-src RELEASE [OPTION]: the line of a sources.list for a release of Debian, NAME or NAME-security; nothing
# where this machine has no such archive of its own release.
apt_source() {
    local archive
    case $2 in
    *-security) archive=$(apt_repository Debian-Security "$(apt_codename)-security") ;;
    *) archive=$(apt_repository Debian "$(apt_codename)") ;;
    esac
    [ -z "$archive" ] || echo "$1 [${3:+$3 }signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $2 main"
}

# apt_open FOLDER LINES [OPTION...]: sets `apt` to an apt-get with everything in FOLDER, which knows the sources of LINES alone,
# and fetches their lists. FOLDER/package is for what is downloaded.
apt_open() {
    local folder=$1 lines=$2
    shift 2
    [ -n "$lines" ] || { echo "E: apt's sources name no Debian archive for '$(apt_codename)'" >&2; return 1; }
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$folder/package"
    echo "$lines" >"$folder/sources.list"
    : >"$folder/status"
    chmod -R a+rX "$folder"
    apt=(apt-get -q
        -o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
        -o "Dir::State=$folder" -o "Dir::State::Lists=$folder/lists" -o "Dir::State::status=$folder/status"
        -o "Dir::Cache=$folder/cache" -o APT::Update::Error-Mode=any -o Acquire::Retries=3
        -o Acquire::AllowInsecureRepositories=false -o APT::Get::AllowUnauthenticated=false "$@")
    "${apt[@]}" update
}
