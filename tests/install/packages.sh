#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# packages.sh ROOTS CMAKE_TESTS: makes the Debian packages and installs them into bare Debian systems, with nothing but what
# they depend on: in one the tool and the libraries, where a server and a client then talk; in the other the development
# files, where programs are then built and run. The bare systems are made by debootstrap once and kept in the folder ROOTS, with
# the packages that apt has fetched. Exit status 77: left out, and why.
set -euo pipefail
roots=$(mkdir -p "$1" && cd "$1" && pwd)
source=$(cd "$(dirname "$0")/../.." && pwd)

say() {
    echo "packages: $*"
}

fail() {
    say "$*" >&2
    exit 1
}

leave_out() {
    echo "left out: packages: $*"
    exit 77
}

[ "$(id -u)" -eq 0 ] || leave_out "it needs root"
for command in debootstrap unshare chroot apt-get dpkg-shlibdeps ip hardening-check nm; do
    command -v $command >/dev/null || leave_out "$command is not there"
done
# Mounts and processes of its own: whatever happens, nothing is left behind.
if [ -z "${LEAT_PACKAGES_ALONE:-}" ]; then
    unshare --mount --pid --fork true 2>/dev/null || leave_out "no namespaces here"
    LEAT_PACKAGES_ALONE=1 exec unshare --mount --propagation private --pid --fork --kill-child "$0" "$@"
fi

. /etc/os-release
work=$(mktemp -d "$roots/work.XXXXXX")
trap 'umount -l "$work" && rmdir "$work"' EXIT
mount -t tmpfs -o mode=755 leat-packages "$work"

# quietly WHAT COMMAND...: shows the command's output only when it fails.
quietly() {
    local what=$1
    shift
    "$@" >"$work/log" 2>&1 </dev/null || { cat "$work/log"; fail "$what failed"; }
}

# Debian's archives as this machine knows them: URI, release, component.
archives() {
    apt-get indextargets --format '$(CREATED_BY)|$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' |
        sed -n 's/^Packages|Debian|\(.*\)|\(.*\)|\(.*\)/\1 \2 \3/p' | sort -u
}

# make_bare FOLDER: a minimal Debian that takes its packages from where this machine does.
make_bare() {
    local archive
    archive=$(archives | awk -v release="$VERSION_CODENAME" '$2 == release && $3 == "main" { print $1; exit }')
    [ -n "$archive" ] || leave_out "apt's sources name no Debian archive for '$VERSION_CODENAME'"
    quietly "debootstrap" debootstrap --variant=minbase "$VERSION_CODENAME" "$1" "$archive"
    archives | while read -r uri release component; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $release $component"
    done >"$1/etc/apt/sources.list"
    apt-config dump | grep '^Acquire::' >"$1/etc/apt/apt.conf.d/90host" || true
    echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/fast"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$1/etc/hosts"
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod 755 "$1/usr/sbin/policy-rc.d"
    cp -L /etc/resolv.conf "$1/etc/resolv.conf"
    quietly "apt-get update" enter "$1" apt-get -q update
}

# enter FOLDER COMMAND...: runs a command in there.
enter() {
    local folder=$1
    shift
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        chroot "$folder" "$@"
}

# alone FOLDER COMMAND...: the same, with no network but its own loopback.
alone() {
    unshare --net sh -c 'ip link set lo up && exec "$@"' sh env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        LC_ALL=C.UTF-8 chroot "$@"
}

# apt_install FOLDER PACKAGE...: what is fetched is kept, so that a later run needs no network.
apt_install() {
    local folder=$1
    shift
    local install=(enter "$folder" apt-get -q -y --no-install-recommends -o Acquire::Retries=3 install "$@")
    cp -L /etc/resolv.conf "$folder/etc/resolv.conf"
    mount --bind "$roots/archives" "$folder/var/cache/apt/archives"
    if ! "${install[@]}" >"$work/log" 2>&1 </dev/null; then
        quietly "apt-get update" enter "$folder" apt-get -q update
        quietly "apt-get install $*" "${install[@]}"
    fi
    umount "$folder/var/cache/apt/archives"
}

# provide NAME COMMAND...: runs the command with a new folder once, and keeps it as ROOTS/NAME. NAME says how it was made.
provide() {
    local folder=$roots/$1
    shift
    if [ ! -e "$folder" ]; then
        rm -rf --one-file-system "$folder.new"
        "$@" "$folder.new"
        mv "$folder.new" "$folder"
    fi
}

# What compiles programs: for the development files.
make_builder() {
    cp -a "$bare" "$1"
    apt_install "$1" gcc libc6-dev make cmake pkgconf
}

# layer NAME LOWER: a system in $work/NAME that begins as LOWER, which stays as it is.
layer() {
    mkdir -p "$work/$1" "$work/$1.upper" "$work/$1.work"
    mount -t overlay -o "lowerdir=$2,upperdir=$work/$1.upper,workdir=$work/$1.work" leat-packages "$work/$1" 2>/dev/null ||
        cp -a "$2/." "$work/$1"
    mount -t proc proc "$work/$1/proc"
    mkdir -p "$work/$1/packages" "$work/$1/test"
    cp "$source"/build/package/packages/*.deb "$work/$1/packages"
}

# packages_of FOLDER [FIND...]: our packages there, as apt wants them.
packages_of() {
    (cd "$1" && find packages -type f "${@:2}") | sed 's|^|/|'
}

# The tag: changing how they are made makes them anew.
tag=$VERSION_CODENAME-$({ archives; sed -n "/^# make_bare/,/^# layer/p" "$0"; } | sha256sum | cut -c -12)
for old in "$roots"/bare-* "$roots"/builder-*; do
    [[ ! -e "$old" || "$old" == *-"$tag" ]] || rm -rf --one-file-system "$old"
done
bare=$roots/bare-$tag
builder=$roots/builder-$tag
mkdir -p "$roots/archives/partial"
provide "bare-$tag" make_bare
provide "builder-$tag" make_builder

quietly "script/package" env DEBFULLNAME="leat test" DEBEMAIL=test@localhost.localdomain "$source/script/package"
if command -v lintian >/dev/null; then
    # No bug of Debian asked for these packages.
    quietly "lintian" lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs,bogus-mail-host,bogus-mail-host-in-debian-changelog \
        "$source"/build/package/packages/*.deb
fi

# Position-independent, with guarded stack, checked lengths, nothing writable behind the linker; for Intel also CET, of which the linker
# marks what it makes only if libc's own objects have it, as Debian 12's have not: then each object of ours must be ready.
options=()
readelf -n "$(cc -print-file-name=crti.o)" | grep -q IBT || options=(--nocfprotection)
looked_at=0
for package in "$source"/build/package/packages/*.deb; do
    dpkg-deb -x "$package" "$work/hardened"
done
while read -r file; do
    [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
    looked_at=$((looked_at + 1))
    # What libleat-codes copies has lengths that the compiler knows.
    case $file in
    */libleat-codes*) fortify=--nofortify ;;
    *) fortify= ;;
    esac
    quietly "hardening-check ${file#"$work/hardened"}" hardening-check --quiet "${options[@]}" $fortify "$file"
done < <(find "$work/hardened" -type f '(' -name '*.so.*' -o -name '*.so' -o -path '*/bin/*' ')')
[ $looked_at -ge 5 ] || fail "of the packages' programs and libraries only $looked_at were looked at"
if [ "$(dpkg --print-architecture)" = amd64 ]; then
    archive=$(find "$work/hardened" -name libleat.a)
    members=$(ar t "$archive" | wc -l)
    [ "$(readelf -n "$archive" 2>/dev/null | grep -c 'IBT, SHSTK')" -eq "$members" ] ||
        fail "of the $members objects of libleat.a some are without CET"
fi

layer user "$bare"
[ ! -e "$work/user/usr/bin/cc" ] || fail "the bare system is not bare"
cp "$source/tests/install/in_bare_root.sh" "$work/user/test"
apt_install "$work/user" $(packages_of "$work/user" '(' -name 'leat_*' -o -name 'libleat1_*' ')')
alone "$work/user" /bin/bash /test/in_bare_root.sh || fail "what is installed does not work"
apt_install "$work/user" $(packages_of "$work/user" ! -name 'libleat-dev_*')
apt_install "$work/user" python3-pytest
cp "$source/tests/install/in_python_root.sh" "$work/user/test"
alone "$work/user" /bin/bash /test/in_python_root.sh || fail "the Python package does not work"
missing=$(enter "$work/user" sh -c 'ldd /usr/lib/*/libleat*.so.1 /usr/lib/*/libnet_websocket.so' 2>&1 | grep 'not found' || true)
[ -z "$missing" ] || fail "the libraries' packages do not bring: $missing"
quietly "removing" enter "$work/user" dpkg --purge python3-leat-testing leat libnet-websocket libleat-testing1 libleat-codes1 libleat1
left=$(find "$work/user/usr" "$work/user/etc" -name '*leat*' -o -name '*net_websocket*')
[ -z "$left" ] || fail "left behind when removed: $left"

layer developer "$builder"
cp -a "$source/examples/project" "$source/examples/makefile" "$source/tests/install/consumer" "$source/tests/install/in_builder_root.sh" \
    "$work/developer/test"
apt_install "$work/developer" $(packages_of "$work/developer")
alone "$work/developer" /bin/bash /test/in_builder_root.sh || fail "what is installed does not build programs"
say "installed, used, built against and removed"
