# SPDX-License-Identifier: Apache-2.0
# Debian packages by CPack, from the components of LeatInstall.cmake: script/package, preset `package`.
set(LEAT_PACKAGE_MAINTAINER "" CACHE STRING "Who makes the packages: Name <address>")
if(NOT LEAT_TESTING)
    message(FATAL_ERROR "The packages need libleat-testing (LEAT_TESTING), which needs libssl-dev.")
endif()
if(NOT LEAT_PACKAGE_MAINTAINER)
    message(FATAL_ERROR "LEAT_PACKAGE_MAINTAINER is not set: use script/package")
endif()

set(runtime_package libleat${PROJECT_VERSION_MAJOR})
set(codes_package libleat-codes${PROJECT_VERSION_MAJOR})
set(ohos_package libnet-websocket)
set(testing_package libleat-testing${PROJECT_VERSION_MAJOR})
set(dev_package libleat-dev)
set(tool_package leat)
set(python_package python3-leat-testing)

set(about "leat connects through proxies: TCP, SOCKS5 or HTTP CONNECT, TLS 1.2 and 1.3,
WebSocket. It says exactly which layer failed and why, with the error codes of
the HarmonyOS Network Kit.
")
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "WebSocket over TLS through proxies (shared library)
${about}
This is the library that programs need to run.")
set(CPACK_DEBIAN_CODES_DESCRIPTION "what the codes of other systems mean (shared library)
${about}
This explains codes of other systems, in English and Chinese: close codes,
HTTP status, SOCKS5 replies, alerts of TLS, errno, those of HarmonyOS, of an
SMS gateway and of Windows, HP-UX and AIX.")
set(CPACK_DEBIAN_OHOS_DESCRIPTION "WebSocket client of the HarmonyOS NDK on Linux (shared library)
${about}
This is the WebSocket client of the HarmonyOS C API over it.")
set(CPACK_DEBIAN_TESTING_DESCRIPTION "local proxies and servers with scripted faults (shared library)
${about}
This is a SOCKS5 proxy, an HTTP CONNECT proxy and a WebSocket server for the
integration tests of any network client, with every way in which they can go
wrong.")
set(CPACK_DEBIAN_DEV_DESCRIPTION "WebSocket over TLS through proxies (development files)
${about}
This holds the headers, the static libraries, the files for CMake and
pkg-config, and a manual page for each function.")
set(CPACK_DEBIAN_TOOL_DESCRIPTION "WebSocket over TLS through proxies (command-line tool)
${about}
This is the tool: it talks to WebSocket servers, shows phase by phase how a
connection is made, explains codes, and serves proxies for tests.")

set(CPACK_DEBIAN_PYTHON_DESCRIPTION "local proxies and servers with scripted faults (Python 3)
${about}
This is leat_testing, for tests of network clients in Python: proxies,
WebSocket servers, relays and certificates that go wrong as a test says, with
a plugin for pytest; and leat, a WebSocket client with exact errors.")

set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_CODES_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_OHOS_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_TESTING_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)

# The libraries that the static ones need: their files for the linker.
set(static_dependencies libc-ares-dev libidn2-dev libssl-dev liburiparser-dev libwslay-dev)
if(LEAT_ZLIB)
    list(APPEND static_dependencies zlib1g-dev)
endif()
if(NOT LEAT_MBEDTLS_PRIVATE)
    list(APPEND static_dependencies libmbedtls-dev)
endif()
if(leat_libpsl_FOUND)
    list(APPEND static_dependencies libpsl-dev)
endif()
list(SORT static_dependencies)

# The exact version of each other: dpkg-shlibdeps knows nothing of packages that are being made.
set(version ${PROJECT_VERSION}-1)
set(same "(= ${version})")
set(CPACK_DEBIAN_OHOS_PACKAGE_DEPENDS "${runtime_package} ${same}")
set(CPACK_DEBIAN_TOOL_PACKAGE_DEPENDS "${runtime_package} ${same}")
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
    "${runtime_package} ${same}, ${codes_package} ${same}, ${ohos_package} ${same}, ${testing_package} ${same}")
list(JOIN static_dependencies ", " static_dependencies)
string(APPEND CPACK_DEBIAN_DEV_PACKAGE_DEPENDS ", ${static_dependencies}")
# Of Python alone: the program and the library are those of the other packages.
set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.9), ${tool_package} ${same}, ${runtime_package} ${same}")
set(CPACK_DEBIAN_PYTHON_PACKAGE_RECOMMENDS python3-pytest)
# Who trusts the system's CAs needs to have some.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS ca-certificates)
# Loaded where a proxy wants Kerberos or NTLM, and the program allows it.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS "libgssapi-krb5-2, gss-ntlmssp")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "cmake, pkgconf")

find_program(LEAT_GZIP gzip REQUIRED)
mark_as_advanced(LEAT_GZIP)

# gzip_file(FROM TO): without name and time, so that the same input gives the same package.
function(gzip_file from to)
    execute_process(COMMAND ${LEAT_GZIP} -9 -n -c ${from} OUTPUT_FILE ${to} COMMAND_ERROR_IS_FATAL ANY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${from})
endfunction()

string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
set(components runtime codes ohos testing dev tool python)
set(work ${PROJECT_BINARY_DIR}/debian)
configure_file(${PROJECT_SOURCE_DIR}/cmake/debian/changelog.in ${work}/changelog @ONLY)
gzip_file(${work}/changelog ${work}/changelog.Debian.gz)
gzip_file(${PROJECT_SOURCE_DIR}/CHANGELOG.md ${work}/changelog.gz)
file(GLOB pages ${PROJECT_SOURCE_DIR}/docs/man/*.1)
foreach(page IN LISTS pages)
    get_filename_component(name ${page} NAME)
    gzip_file(${page} ${work}/${name}.gz)
endforeach()
foreach(component IN LISTS components)
    string(TOUPPER ${component} COMPONENT)
    set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME ${${component}_package})
    install(FILES ${PROJECT_SOURCE_DIR}/cmake/debian/copyright ${work}/changelog.Debian.gz ${work}/changelog.gz
            DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${${component}_package} COMPONENT ${component})
endforeach()

# What is in a wheel without binaries; Debian's packages have no list of their files in themselves.
set(python ${work}/python)
set(wheel ${work}/leat_testing.whl)
file(GLOB sources ${PROJECT_SOURCE_DIR}/bindings/python/*/*.py ${PROJECT_SOURCE_DIR}/bindings/python/*.py)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sources})
file(REMOVE_RECURSE ${python})
file(MAKE_DIRECTORY ${python})
execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=LEAT_WHEEL_PROGRAM --unset=LEAT_WHEEL_LIBRARY ${LEAT_PYTHON3}
                        ${PROJECT_SOURCE_DIR}/bindings/python/build_backend.py ${work}
                OUTPUT_VARIABLE wheel OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
file(ARCHIVE_EXTRACT INPUT ${wheel} DESTINATION ${python} TOUCH)
file(GLOB record ${python}/*.dist-info/RECORD)
file(REMOVE ${record})
install(DIRECTORY ${python}/ DESTINATION lib/python3/dist-packages COMPONENT python)
install(FILES ${PROJECT_SOURCE_DIR}/bindings/python/README.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${python_package}
        COMPONENT python)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/bindings/python/examples DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${python_package}
        COMPONENT python PATTERN __pycache__ EXCLUDE)

# What lintian is told, and why: see those files.
foreach(component IN ITEMS runtime codes ohos testing)
    set(overrides ${PROJECT_SOURCE_DIR}/cmake/debian/${component}.lintian-overrides)
    install(FILES ${overrides} DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides COMPONENT ${component}
            RENAME ${${component}_package})
endforeach()
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/debian/triggers)
set(CPACK_DEBIAN_CODES_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/debian/triggers)
set(CPACK_DEBIAN_OHOS_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/debian/triggers)
set(CPACK_DEBIAN_TESTING_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/debian/triggers)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "${LEAT_PACKAGE_MAINTAINER}")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_COMPONENTS_ALL ${components})
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SOURCE leat)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
                                                WORLD_READ WORLD_EXECUTE)
include(CPack)
