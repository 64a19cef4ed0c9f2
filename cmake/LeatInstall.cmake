# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where: headers, libraries, the CMake package and the pkg-config files. The components are those
# of the packages (LeatPackages.cmake): runtime, codes, ohos, testing, dev, tool.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/leat)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/leat DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(TARGETS leat EXPORT leatShared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime
                                               NAMELINK_COMPONENT dev)
install(TARGETS leat_static EXPORT leatStatic ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/network DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
if(LEAT_OHOS)
    install(TARGETS leat_ohos EXPORT leatShared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ohos)
    install(TARGETS leat_ohos_static EXPORT leatStatic ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
endif()
if(LEAT_CODES)
    install(TARGETS leat_codes EXPORT leatShared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT codes
                                                         NAMELINK_COMPONENT dev)
    # It needs nothing that might be missing.
    install(TARGETS leat_codes_static EXPORT leatShared ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
endif()
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
if(leat_libpsl_FOUND)
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
                                 COMPATIBILITY SameMajorVersion)
# leat_pkg_config(NAME DESCRIPTION LIBRARIES): NAME.pc, and NAME-static.pc, which takes the archive where both are there. What
# the archive needs besides is in both: `pkg-config --static NAME` says it, too.
function(leat_pkg_config name pc_description pc_static_libs)
    foreach(kind IN ITEMS shared static)
        set(file ${name}.pc)
        if(kind STREQUAL "static")
            set(file ${name}-static.pc)
        endif()
        configure_file(${PROJECT_SOURCE_DIR}/cmake/${kind}.pc.in ${PROJECT_BINARY_DIR}/${file} @ONLY)
        install(FILES ${PROJECT_BINARY_DIR}/${file} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
    endforeach()
endfunction()
leat_pkg_config(leat "WebSocket over TLS over SOCKS5, one stack that says which layer failed" "${pc_libs}")
if(LEAT_CODES)
    leat_pkg_config(leat-codes "what the codes of other systems mean, in English and Chinese" "")
endif()
if(LEAT_TESTING)
    set(pc_testing_libs "-lssl -lcrypto -pthread")
    if(LEAT_ZLIB)
        string(APPEND pc_testing_libs " -lz")
    endif()
    leat_pkg_config(leat-testing "local proxies and servers with scripted faults, for integration tests"
                    "${pc_testing_libs}")
endif()

# Manual pages of section 3, from the headers. FindPython3 would start Python six times to learn what nobody asks for here.
find_program(LEAT_PYTHON3 python3)
mark_as_advanced(LEAT_PYTHON3)
if(LEAT_PYTHON3)
    set(man3 ${PROJECT_BINARY_DIR}/man3)
    set(generator ${PROJECT_SOURCE_DIR}/docs/api/man.py)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/*.h)
    set(packed "")
    if(LEAT_PACKAGES)
        set(packed --gzip)
    endif()
    add_custom_command(OUTPUT ${man3}.made
                       COMMAND ${LEAT_PYTHON3} ${generator} ${PROJECT_SOURCE_DIR}/include ${PROJECT_VERSION} ${man3} ${packed}
                       COMMAND ${CMAKE_COMMAND} -E touch ${man3}.made
                       DEPENDS ${generator} ${headers} VERBATIM)
    add_custom_target(leat_man3 ALL DEPENDS ${man3}.made)
    # Whoever has built the library can install.
    add_dependencies(leat leat_man3)
    install(DIRECTORY ${man3}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT dev)
elseif(LEAT_PACKAGES)
    message(FATAL_ERROR "The packages have manual pages of the functions, which Python 3 makes.")
else()
    message(STATUS "No manual pages of the functions: there is no Python 3, which makes them of the headers")
endif()

install(FILES ${PROJECT_BINARY_DIR}/leatConfig.cmake ${PROJECT_BINARY_DIR}/leatConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT dev)
