# SPDX-License-Identifier: Apache-2.0
# Every foreign library, as an imported target Leat::NAME. Only the folder that owns one links it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(uriparser REQUIRED IMPORTED_TARGET liburiparser)
pkg_check_modules(idn2 REQUIRED IMPORTED_TARGET libidn2)
add_library(Leat::cares ALIAS PkgConfig::cares)
add_library(Leat::uriparser ALIAS PkgConfig::uriparser)
add_library(Leat::idn2 ALIAS PkgConfig::idn2)

# Debian's wslay has no pkg-config file.
find_path(LEAT_WSLAY_INCLUDE_DIR wslay/wslay.h REQUIRED)
find_library(LEAT_WSLAY_LIBRARY wslay REQUIRED)
add_library(Leat::wslay INTERFACE IMPORTED)
target_include_directories(Leat::wslay INTERFACE "${LEAT_WSLAY_INCLUDE_DIR}")
target_link_libraries(Leat::wslay INTERFACE "${LEAT_WSLAY_LIBRARY}")
add_library(PkgConfig::wslay ALIAS Leat::wslay)

include(${CMAKE_CURRENT_LIST_DIR}/LeatMbedtls.cmake)

if(LEAT_TESTS)
    pkg_check_modules(criterion REQUIRED IMPORTED_TARGET criterion)
    add_library(Leat::criterion ALIAS PkgConfig::criterion)
endif()
