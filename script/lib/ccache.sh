# SPDX-License-Identifier: Apache-2.0
# Sourced by script/test and by tests that build leat again. Many builds compile the same files, and the next run does, too: where
# ccache is, and may write, each is compiled once. A file's path within the checkout counts, not the checkout's own.

# ccache_use FOLDER: for every CMake and Meson that is configured from here on; FOLDER is that of the checkout.
ccache_use() {
    local cache
    cache=$(ccache --get-config cache_dir 2>/dev/null) && mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || return 0
    export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$1 CCACHE_NOHASHDIR=1
}

# ccache_without COMMAND...: for what is about the build itself.
ccache_without() {
    env -u CMAKE_C_COMPILER_LAUNCHER -u CMAKE_CXX_COMPILER_LAUNCHER "$@"
}
