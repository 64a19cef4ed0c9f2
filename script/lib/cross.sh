# SPDX-License-Identifier: Apache-2.0
# leat for another processor. Sourced by script/cross behind mbedtls.sh, which sets $root and fail().
#
# Nothing of this machine changes but for Debian's cross compiler and qemu: the other processor's libraries are the .deb files of
# the same archive, checked by apt and unpacked into build/cross/ARCH/root.

# What leat and its tests are linked with.
cross_libraries=(libc6-dev libc-ares-dev libwslay-dev liburiparser-dev libidn2-dev libpsl-dev zlib1g-dev libssl-dev)

# cross_describe ARCH: sets cross_gnu (GNU's name, which Debian's folders have), cross_tools (what the compiler's name begins
# with), cross_package (its package) and cross_emulator.
cross_describe() {
    cross_emulator=
    case $1 in
    arm64) cross_gnu=aarch64-linux-gnu cross_emulator=qemu-aarch64-static ;;
    armhf) cross_gnu=arm-linux-gnueabihf cross_emulator=qemu-arm-static ;;
    i386) cross_gnu=i386-linux-gnu ;; # which an Intel processor runs itself
    riscv64) cross_gnu=riscv64-linux-gnu cross_emulator=qemu-riscv64-static ;;
    s390x) cross_gnu=s390x-linux-gnu cross_emulator=qemu-s390x-static ;;
    ppc64el) cross_gnu=powerpc64le-linux-gnu cross_emulator=qemu-ppc64le-static ;;
    mipsel) cross_gnu=mipsel-linux-gnu cross_emulator=qemu-mipsel-static ;;
    powerpc) cross_gnu=powerpc-linux-gnu cross_emulator=qemu-ppc-static ;;
    *) return 1 ;;
    esac
    cross_tools=${cross_gnu/#i386/i686}
    cross_package=gcc-$(tr _ - <<<"$cross_tools")
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

# cross_toolchain ARCH FOLDER: FOLDER/toolchain.cmake, and FOLDER/cc for who calls the compiler by itself.
cross_toolchain() {
    local sysroot=$2/root loader
    cat >"$2/toolchain.cmake" <<END
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${cross_gnu%%-*})
set(CMAKE_C_COMPILER $cross_tools-gcc)
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
    if [ -n "$cross_emulator" ]; then
        echo "set(CMAKE_CROSSCOMPILING_EMULATOR $cross_emulator -L \"$sysroot\")" >>"$2/toolchain.cmake"
    else
        loader=$(find "$sysroot/usr/lib" -maxdepth 1 -name 'ld-linux*' | head -n 1)
        echo "set(CMAKE_EXE_LINKER_FLAGS_INIT \"-Wl,--dynamic-linker=$loader,--disable-new-dtags,-rpath,$sysroot/usr/lib/$cross_gnu\")" \
            >>"$2/toolchain.cmake"
    fi
    printf '#!/bin/sh\nexec %s-gcc --sysroot="%s" "$@"\n' "$cross_tools" "$sysroot" >"$2/cc"
    chmod 755 "$2/cc"
}
