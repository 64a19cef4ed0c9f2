# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where: headers, libraries, the CMake package and the pkg-config file.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/leat)
set(private_dir ${CMAKE_INSTALL_LIBDIR}/leat)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/leat DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS leat EXPORT leatShared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS leat_static EXPORT leatStatic ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT leatShared NAMESPACE leat:: DESTINATION ${package_dir})
install(EXPORT leatStatic NAMESPACE leat:: DESTINATION ${package_dir})

# A static libleat needs the mbedTLS that it was built with.
set(pc_requires "libcares liburiparser libidn2")
set(pc_libs "-lwslay -pthread")
if(LEAT_MBEDTLS_PRIVATE)
    foreach(library IN ITEMS mbedtls mbedx509 mbedcrypto)
        install(FILES ${LEAT_MBEDTLS_ROOT}/lib/lib${library}.a DESTINATION ${private_dir})
        string(APPEND pc_private_libs "\${libdir}/leat/lib${library}.a ")
    endforeach()
    set(pc_libs "${pc_private_libs}${pc_libs}")
else()
    string(APPEND pc_requires " mbedtls mbedx509 mbedcrypto")
endif()

# Relative to the file itself, so that an installed tree can be moved.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/leatConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/leatConfig.cmake
                              INSTALL_DESTINATION ${package_dir} PATH_VARS private_dir)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/leatConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
configure_file(${PROJECT_SOURCE_DIR}/cmake/leat.pc.in ${PROJECT_BINARY_DIR}/leat.pc @ONLY)

install(FILES ${PROJECT_BINARY_DIR}/leatConfig.cmake ${PROJECT_BINARY_DIR}/leatConfigVersion.cmake
        DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/leat.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
