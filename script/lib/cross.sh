# SPDX-License-Identifier: Apache-2.0
# leat for another processor, or with another libc. Sourced by script/cross behind mbedtls.sh and sources.sh, with $root set.
#
# Nothing of this machine changes but for Debian's cross compiler and qemu: the other processor's libraries are the .deb files of
# the same archive, checked by apt and unpacked into build/cross/ARCH/root. Where Debian has none they are built there, of the
# source packages of the same release, or of the folder build/cross/sources/LIBRARY if somebody has put it there.

# What leat and its tests are linked with.
cross_libraries=(libc6-dev libc-ares-dev libwslay-dev liburiparser-dev libidn2-dev libpsl-dev zlib1g-dev libssl-dev)

# The same as source packages. Without libpsl, which wants the whole of libunistring.
cross_sources=(c-ares wslay uriparser libidn2 zlib openssl)

# cross_describe ARCH: sets cross_gnu (GNU's name, which Debian's folders have), cross_compiler, cross_binutils (what the names of
# nm and ar begin with), cross_packages (theirs), cross_emulator, and cross_of_sources: whether the libraries have to be built.
cross_describe() {
    cross_emulator='' cross_of_sources=''
    case $1 in
    arm64) cross_gnu=aarch64-linux-gnu cross_emulator=qemu-aarch64-static ;;
    armhf) cross_gnu=arm-linux-gnueabihf cross_emulator=qemu-arm-static ;;
    i386) cross_gnu=i386-linux-gnu cross_emulator=qemu-i386-static ;; # not every x86-64 kernel runs such programs itself
    riscv64) cross_gnu=riscv64-linux-gnu cross_emulator=qemu-riscv64-static ;;
    s390x) cross_gnu=s390x-linux-gnu cross_emulator=qemu-s390x-static ;;
    ppc64el) cross_gnu=powerpc64le-linux-gnu cross_emulator=qemu-ppc64le-static ;;
    mipsel) cross_gnu=mipsel-linux-gnu cross_emulator=qemu-mipsel-static ;;
    powerpc) cross_gnu=powerpc-linux-gnu cross_emulator=qemu-ppc-static cross_of_sources=yes ;;
    musl) # this processor's
        cross_gnu=$(uname -m)-linux-musl cross_compiler=musl-gcc cross_binutils='' cross_of_sources=yes
        cross_packages=(gcc musl-tools linux-libc-dev make perl)
        return ;;
    *) return 1 ;;
    esac
    local tools=${cross_gnu/#i386/i686}
    cross_compiler=$tools-gcc cross_binutils=$tools-
    cross_packages=("gcc-$(tr _ - <<<"$tools")" qemu-user-static)
    [ -z "$cross_of_sources" ] || cross_packages+=("libc6-dev-$1-cross" make perl)
}

# cross_release ARCH: the Debian release whose packages are taken: this machine's, or the next one where that has none for ARCH.
cross_release() {
    local codename
    codename=$(apt_codename)
    [ "$1-$codename" != riscv64-bookworm ] || codename=trixie
    echo "$codename"
}

# cross_download ARCH FOLDER: the packages of cross_libraries and what they depend on.
cross_download() {
    local apt arch=$1
    apt_open "$2" "$(apt_source deb "$(cross_release "$arch")" "arch=$arch")" -y -o Debug::NoLocking=true \
        -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o Acquire::Languages=none &&
        "${apt[@]}" --no-install-recommends --download-only install "${cross_libraries[@]}"
}

# cross_unpack FOLDER ROOT: links that begin at / would leave the root.
cross_unpack() {
    local package link name
    mkdir -p "$2/usr"
    for name in bin sbin lib lib32 lib64; do
        mkdir -p "$2/usr/$name"
        ln -sfn "usr/$name" "$2/$name"
    done
    for package in "$1"/cache/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$2" --keep-directory-symlink --no-same-owner || return
    done
    while read -r link; do
        ln -sfn "$2$(readlink "$link")" "$link"
    done < <(find "$2" -type l -lname '/*' ! -lname "$2/*")
}

# cross_build_sources ARCH FOLDER: what cross_sources names, into FOLDER/root.
cross_build_sources() {
    local -x CC=$2/cc AR=${cross_binutils}ar RANLIB=${cross_binutils}ranlib
    local package kept kernel=/usr/include
    sources_cmake_options=(-DCMAKE_TOOLCHAIN_FILE="$2/toolchain.cmake")
    [ "$1" != powerpc ] || sources_openssl_target=linux-ppc
    mkdir -p "$2/root/usr/include"
    if [ "$1" = musl ]; then # Debian's has no headers of the kernel
        ln -sfn $kernel/linux $kernel/asm-generic "$kernel/$(uname -m)-linux-gnu/asm" "$2/root/usr/include/"
    fi
    for package in "${cross_sources[@]}"; do
        kept=${2%/*}/sources/$package
        [ -d "$kept" ] || kept=
        sources_provide "$package" "$(apt_codename)" "$2/sources" "$2/root/usr" "$kept" || return
    done
}

# cross_toolchain_of_sources FOLDER: as cross_toolchain where the libc is the compiler's own, and the libraries lie beside it.
cross_toolchain_of_sources() {
    cat >"$1/toolchain.cmake" <<END
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${cross_gnu%%-*})
set(CMAKE_C_COMPILER "$1/cc")
set(CMAKE_AR "$(command -v "${cross_binutils}ar")")
set(CMAKE_RANLIB "$(command -v "${cross_binutils}ranlib")")
set(CMAKE_LINKER "$(command -v "${cross_binutils}ld")")
set(CMAKE_OBJCOPY "$(command -v "${cross_binutils}objcopy")")
set(CMAKE_FIND_ROOT_PATH "$1/root")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} "$1/root/usr/lib/pkgconfig")
END
    if [ -n "$cross_emulator" ]; then # libcrypto.a of a 32-bit processor wants atomics of 64 bits
        printf 'set(CMAKE_CROSSCOMPILING_EMULATOR %s -L /usr/%s)\nset(CMAKE_C_STANDARD_LIBRARIES "-Wl,--as-needed -latomic")\n' \
            "$cross_emulator" "$cross_gnu" >>"$1/toolchain.cmake"
    fi
    printf '#!/bin/sh\nexec %s -isystem "%s/usr/include" "$@" -L"%s/usr/lib"\n' "$cross_compiler" "$1/root" "$1/root" >"$1/cc"
    chmod 755 "$1/cc"
}

# cross_toolchain FOLDER: FOLDER/toolchain.cmake, and FOLDER/cc for who calls the compiler by itself.
cross_toolchain() {
    local sysroot=$1/root
    cat >"$1/toolchain.cmake" <<END
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${cross_gnu%%-*})
set(CMAKE_C_COMPILER $cross_compiler)
set(CMAKE_LIBRARY_ARCHITECTURE $cross_gnu)
set(CMAKE_SYSROOT "$sysroot")
set(CMAKE_FIND_ROOT_PATH "$sysroot")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} "$sysroot/usr/lib/$cross_gnu/pkgconfig:$sysroot/usr/share/pkgconfig")
set(ENV{PKG_CONFIG_SYSROOT_DIR} "$sysroot")
END
    echo "set(CMAKE_CROSSCOMPILING_EMULATOR $cross_emulator -L \"$sysroot\")" >>"$1/toolchain.cmake"
    printf '#!/bin/sh\nexec %s --sysroot="%s" "$@"\n' "$cross_compiler" "$sysroot" >"$1/cc"
    chmod 755 "$1/cc"
}
