# SPDX-License-Identifier: Apache-2.0
# Every foreign library, as an imported target. Only the folder that owns one links it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(wslay REQUIRED IMPORTED_TARGET libwslay)
pkg_check_modules(uriparser REQUIRED IMPORTED_TARGET liburiparser)
pkg_check_modules(idn2 REQUIRED IMPORTED_TARGET libidn2)

if(LEAT_TESTS)
    pkg_check_modules(criterion REQUIRED IMPORTED_TARGET criterion)
    add_library(Leat::criterion ALIAS PkgConfig::criterion)
endif()
