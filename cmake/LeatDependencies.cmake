# SPDX-License-Identifier: Apache-2.0
# Every foreign library, as an imported target. Only the folder that owns one links it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares)
# Debian's wslay has no .pc file, and its CMake file names a library by full version.
find_path(wslay_INCLUDE_DIR wslay/wslay.h REQUIRED)
find_library(wslay_LIBRARY wslay REQUIRED)
add_library(PkgConfig::wslay UNKNOWN IMPORTED)
set_target_properties(PkgConfig::wslay PROPERTIES IMPORTED_LOCATION ${wslay_LIBRARY}
                                                  INTERFACE_INCLUDE_DIRECTORIES ${wslay_INCLUDE_DIR})
pkg_check_modules(uriparser REQUIRED IMPORTED_TARGET liburiparser)
pkg_check_modules(idn2 REQUIRED IMPORTED_TARGET libidn2)

if(LEAT_TESTS)
    pkg_check_modules(criterion REQUIRED IMPORTED_TARGET criterion)
    add_library(Leat::criterion ALIAS PkgConfig::criterion)
endif()
