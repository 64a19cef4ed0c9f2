# SPDX-License-Identifier: Apache-2.0
# Every foreign library, as an imported target: PkgConfig::leat_NAME where pkg-config knows it, else Leat::NAME.
# Only the folder that owns one links it. All are named so that no project that has leat as a part has one of the same name,
# and global, because whoever links a static library of leat needs what that needs.
find_package(PkgConfig REQUIRED)
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
find_package(Threads REQUIRED)
unset(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL)

pkg_check_modules(leat_cares REQUIRED IMPORTED_TARGET GLOBAL libcares)
pkg_check_modules(leat_uriparser REQUIRED IMPORTED_TARGET GLOBAL liburiparser)
pkg_check_modules(leat_idn2 REQUIRED IMPORTED_TARGET GLOBAL libidn2)

# For wildcards in certificates; without it those directly under a top-level name are known.
option(LEAT_LIBPSL "Refuse wildcards over public suffixes by libpsl, if it is there" ON)
if(LEAT_LIBPSL)
    pkg_check_modules(leat_libpsl QUIET IMPORTED_TARGET GLOBAL libpsl)
endif()
if(NOT leat_libpsl_FOUND)
    set(leat_libpsl_FOUND OFF)
    message(STATUS "libpsl is not used: of public suffixes only top-level names are known")
endif()

option(LEAT_ZLIB "Compress messages (permessage-deflate) with zlib" ON)
if(LEAT_ZLIB)
    pkg_check_modules(leat_zlib REQUIRED IMPORTED_TARGET GLOBAL zlib)
endif()

if(LEAT_TOOLS)
    option(LEAT_LIBEDIT "Edit lines in `leat ws` with libedit" ON)
    if(LEAT_LIBEDIT)
        pkg_check_modules(leat_libedit REQUIRED IMPORTED_TARGET libedit)
    endif()
endif()

# Debian's wslay has no .pc file, and its CMake file names a library by full version.
find_path(LEAT_WSLAY_INCLUDE_DIR wslay/wslay.h REQUIRED)
find_library(LEAT_WSLAY_LIBRARY wslay REQUIRED)
mark_as_advanced(LEAT_WSLAY_INCLUDE_DIR LEAT_WSLAY_LIBRARY)
add_library(Leat::wslay INTERFACE IMPORTED GLOBAL)
target_include_directories(Leat::wslay INTERFACE "${LEAT_WSLAY_INCLUDE_DIR}")
target_link_libraries(Leat::wslay INTERFACE "${LEAT_WSLAY_LIBRARY}")

# For libleat-testing.
if(LEAT_TESTING OR NOT DEFINED LEAT_TESTING)
    pkg_check_modules(leat_openssl QUIET IMPORTED_TARGET GLOBAL libssl>=3.0 libcrypto>=3.0)
endif()

include(${CMAKE_CURRENT_LIST_DIR}/LeatMbedtls.cmake)

if(LEAT_TESTS)
    # Criterion does not run under ThreadSanitizer, does not look at how a test's process ends, as AddressSanitizer's search for
    # lost memory needs, and takes half of the time there to start each test as a program of its own. It starts programs by
    # their names, which only their own processor can.
    option(LEAT_PLAIN_CRITERION "Run the tests without Criterion, by what only forks" OFF)
    if(LEAT_SANITIZE OR CMAKE_CROSSCOMPILING)
        set(LEAT_PLAIN_CRITERION ON)
    endif()
    if(LEAT_PLAIN_CRITERION)
        set(dir ${PROJECT_SOURCE_DIR}/tests/support/plain_criterion)
        add_library(leat_plain_criterion STATIC ${dir}/criterion.c)
        leat_compile_options(leat_plain_criterion)
        target_compile_definitions(leat_plain_criterion PRIVATE LEAT_TEST_PATIENCE=${LEAT_TEST_PATIENCE_HERE})
        target_include_directories(leat_plain_criterion PUBLIC ${dir})
        add_library(Leat::criterion ALIAS leat_plain_criterion)
    else()
        pkg_check_modules(criterion REQUIRED IMPORTED_TARGET criterion)
        add_library(Leat::criterion ALIAS PkgConfig::criterion)
    endif()
endif()
