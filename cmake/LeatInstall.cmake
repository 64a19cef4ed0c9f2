# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where: headers, libraries, the CMake package and the pkg-config file. The components are those
# of the packages (LeatPackages.cmake): runtime, codes, ohos, testing, dev, tool.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/leat)

# The static libleat holds the private mbedTLS. Each needs the other, and within one archive the linker finds everything.
if(LEAT_MBEDTLS_PRIVATE)
    foreach(library IN ITEMS mbedtls mbedx509 mbedcrypto)
        set(archive ${LEAT_MBEDTLS_LIBRARY_DIR}/lib${library}.a)
        set(folder ${PROJECT_BINARY_DIR}/mbedtls/${library})
        file(REMOVE_RECURSE ${folder})
        file(MAKE_DIRECTORY ${folder})
        execute_process(COMMAND ${CMAKE_AR} xo ${archive} WORKING_DIRECTORY ${folder} COMMAND_ERROR_IS_FATAL ANY)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${archive})
        file(GLOB mbedtls_objects ${folder}/*.o)
        target_sources(leat_static PRIVATE ${mbedtls_objects})
    endforeach()
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/leat DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(TARGETS leat EXPORT leatShared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime
                                               NAMELINK_COMPONENT dev)
install(TARGETS leat_static EXPORT leatStatic ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(TARGETS leat_codes EXPORT leatShared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT codes
                                                     NAMELINK_COMPONENT dev)
# It needs nothing that might be missing.
install(TARGETS leat_codes_static EXPORT leatShared ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(EXPORT leatShared NAMESPACE leat:: DESTINATION ${package_dir} COMPONENT dev)
install(EXPORT leatStatic NAMESPACE leat:: DESTINATION ${package_dir} COMPONENT dev)

if(LEAT_TESTING)
    install(TARGETS leat_testing EXPORT leatTesting LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT testing
                                                            NAMELINK_COMPONENT dev)
    install(TARGETS leat_testing_static EXPORT leatTestingStatic
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
    install(EXPORT leatTesting NAMESPACE leat:: DESTINATION ${package_dir} COMPONENT dev)
    install(EXPORT leatTestingStatic NAMESPACE leat:: DESTINATION ${package_dir} COMPONENT dev)
endif()

# What a static libleat needs besides. Named directly: Requires.private would ask for the static
# libraries of those libraries too, which Debian does not have all of.
set(pc_libs "-lcares -lwslay -luriparser -lidn2 -pthread")
if(LEAT_ZLIB)
    string(PREPEND pc_libs "-lz ")
endif()
if(libpsl_FOUND)
    string(PREPEND pc_libs "-lpsl ")
endif()
if(LEAT_CRYPTO STREQUAL "libcrypto")
    string(PREPEND pc_libs "-lcrypto ")
endif()
if(NOT LEAT_MBEDTLS_PRIVATE)
    string(PREPEND pc_libs "-lmbedtls -lmbedx509 -lmbedcrypto ")
endif()

# Relative to the file itself, so that an installed tree can be moved; what is in /usr stays there.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix "\${pcfiledir}/${pc_prefix}")
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(pc_prefix /usr)
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/leatConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/leatConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/leatConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
set(pc_names leat leat-codes)
if(LEAT_TESTING)
    list(APPEND pc_names leat-testing)
endif()
foreach(name IN LISTS pc_names)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endforeach()

install(FILES ${PROJECT_BINARY_DIR}/leatConfig.cmake ${PROJECT_BINARY_DIR}/leatConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT dev)
