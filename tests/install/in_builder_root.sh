#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run by packages.sh in a system with a compiler where all packages are installed, with no network but its loopback.
set -euo pipefail
cd /test

fail() {
    echo "in the system with a compiler: $*" >&2
    exit 1
}

# quietly WHAT COMMAND...: shows the command's output only when it fails.
quietly() {
    local what=$1
    shift
    "$@" >log 2>&1 </dev/null || { cat log; fail "$what"; }
}

for page in leat leat_websocket_send leat_testing_server_new; do
    [ -s "/usr/share/man/man3/$page.3.gz" ] || fail "no manual page $page(3)"
done
version=$(pkg-config --modversion leat)
quietly "the consumer cannot be configured" cmake -S consumer -B consumer-build
quietly "the consumer cannot be built" cmake --build consumer-build
for program in shared static ohos ohos_static; do
    output=$(consumer-build/consumer_$program) || fail "consumer_$program: $output"
    [ "$output" = "$version" ] || fail "consumer_$program printed '$output' instead of '$version'"
done
for program in codes codes_static; do
    quietly "consumer_$program" consumer-build/consumer_$program
done
! ldd consumer-build/consumer_static | grep -q libleat || fail "consumer_static needs libleat.so"

for static in OFF ON; do
    quietly "the project cannot be configured (static $static)" cmake -S project -B "project-$static" -DASK_STATIC=$static
    quietly "the project cannot be built (static $static)" cmake --build "project-$static"
    quietly "the project's tests fail (static $static)" env CTEST_OUTPUT_ON_FAILURE=1 cmake --build "project-$static" --target test
done

quietly "the Makefile" make -C makefile check
quietly "the Makefile, clean" make -C makefile clean
quietly "the Makefile, static" make -C makefile STATIC=1 check
for program in project-ON/ask project-ON/test_ask makefile/say makefile/check_say; do
    ! ldd $program | grep -q libleat || fail "$program needs libleat*.so"
done
