# SPDX-License-Identifier: Apache-2.0
# Leat::mbedtls. LEAT_MBEDTLS says which: the private build of script/bootstrap (the default: the same TLS on every system), or
# the system's, which lacks what leat_system_lacks says.
#
# Of the private one there are two builds: LEAT_MBEDTLS_ROOT computes everything itself,
# LEAT_MBEDTLS_ROOT-libcrypto leaves its primitives to src/tls/crypto. LEAT_CRYPTO chooses.
set(LEAT_MBEDTLS_MINIMUM 3.6.3)
# Of another release the private fields (src/tls/mbedtls_private.c) may lie otherwise.
set(LEAT_MBEDTLS_BELOW 3.7)
set(LEAT_MBEDTLS private CACHE STRING "Which mbedTLS: private (that of script/bootstrap) or system")
set_property(CACHE LEAT_MBEDTLS PROPERTY STRINGS private system)
if(NOT LEAT_MBEDTLS MATCHES "^(private|system)$")
    message(FATAL_ERROR "LEAT_MBEDTLS is private or system, not '${LEAT_MBEDTLS}'")
endif()
set(LEAT_MBEDTLS_ROOT "${PROJECT_SOURCE_DIR}/build/deps/mbedtls" CACHE PATH "The private mbedTLS")
set(LEAT_CRYPTO "" CACHE STRING
    "Who computes for mbedTLS: libcrypto (OpenSSL 3.0 or later) or mbedtls; empty = libcrypto where possible")
set_property(CACHE LEAT_CRYPTO PROPERTY STRINGS "" libcrypto mbedtls)
if(NOT LEAT_CRYPTO MATCHES "^(libcrypto|mbedtls)?$")
    message(FATAL_ERROR "LEAT_CRYPTO is libcrypto, mbedtls or empty, not '${LEAT_CRYPTO}'")
endif()

# What those should know who take the system's.
set(leat_system_lacks
    "the primitives of libcrypto (LEAT_CRYPTO): AES-GCM at a tenth of the speed"
    "what src/tls/mends does: TLS 1.2 servers that sign with RSA-PSS, sessions that bind nobody to a version, HelloRetryRequest \
with a cookie, tickets of any kind, handshake messages cut at any byte or longer than a record, KeyUpdate, private keys that are elsewhere"
    "chains that libcrypto judges: any order, name constraints, certificates that mbedTLS cannot read"
    "early data and an end that is clean when memory runs out, unless it was built with MBEDTLS_SSL_EARLY_DATA and \
MBEDTLS_PLATFORM_MEMORY")

# Why libcrypto cannot compute for mbedTLS, or nothing. It is tried, because a libcrypto can be built
# without its parts.
function(leat_find_libcrypto_obstacle result)
    set(${result} "" PARENT_SCOPE)
    if(LEAT_MBEDTLS STREQUAL "system")
        set(${result} "the system's mbedTLS cannot be told to use it" PARENT_SCOPE)
        return()
    endif()
    pkg_check_modules(leat_libcrypto QUIET IMPORTED_TARGET GLOBAL libcrypto)
    if(NOT leat_libcrypto_FOUND)
        set(${result} "it was not found (libssl-dev)" PARENT_SCOPE)
        return()
    endif()
    if(leat_libcrypto_VERSION VERSION_LESS 3.0)
        set(${result} "${leat_libcrypto_VERSION} is older than 3.0" PARENT_SCOPE)
        return()
    endif()
    set(probe "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/probe_libcrypto.c")
    if(CMAKE_CROSSCOMPILING)
        try_compile(compiled "${PROJECT_BINARY_DIR}/probe" "${probe}" LINK_LIBRARIES PkgConfig::leat_libcrypto
                    OUTPUT_VARIABLE output)
    else()
        try_run(exit_status compiled "${PROJECT_BINARY_DIR}/probe" "${probe}"
                LINK_LIBRARIES PkgConfig::leat_libcrypto RUN_OUTPUT_VARIABLE output COMPILE_OUTPUT_VARIABLE log)
    endif()
    if(NOT compiled)
        set(${result} "${leat_libcrypto_VERSION} lacks functions or headers" PARENT_SCOPE)
    elseif(NOT CMAKE_CROSSCOMPILING AND NOT exit_status EQUAL 0)
        string(STRIP "${output}" output)
        set(${result} "${leat_libcrypto_VERSION} has no ${output}" PARENT_SCOPE)
    endif()
endfunction()

# That `root` was built from the recipe of this tree: the same files in the same order as mbedtls_recipe_parts of
# script/lib/mbedtls.sh.
function(leat_check_mbedtls_recipe root)
    file(GLOB configs "${PROJECT_SOURCE_DIR}/cmake/mbedtls_*")
    file(GLOB headers "${PROJECT_SOURCE_DIR}/src/tls/crypto/*_alt.h")
    set(parts "${PROJECT_SOURCE_DIR}/script/lib/mbedtls.sh" ${configs} ${headers} "${PROJECT_SOURCE_DIR}/src/tls/mends/calls.h")
    set(all "")
    foreach(part IN LISTS parts)
        file(SHA256 "${part}" hash)
        string(APPEND all "${hash}\n")
    endforeach()
    string(SHA256 wanted "${all}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${parts} "${root}/recipe")
    set(recipe "")
    if(EXISTS "${root}/recipe")
        file(STRINGS "${root}/recipe" recipe)
    endif()
    if(NOT recipe STREQUAL wanted)
        message(FATAL_ERROR "The private mbedTLS in ${root} was built otherwise than this leat needs it: "
                            "run script/bootstrap, which builds it again.")
    endif()
endfunction()

# The system's.
function(leat_use_system_mbedtls)
    pkg_check_modules(leat_mbedtls QUIET IMPORTED_TARGET GLOBAL mbedtls>=${LEAT_MBEDTLS_MINIMUM} mbedtls<${LEAT_MBEDTLS_BELOW}
                      mbedx509 mbedcrypto)
    if(NOT leat_mbedtls_FOUND)
        pkg_check_modules(leat_any_mbedtls QUIET mbedtls)
        set(found "none")
        if(leat_any_mbedtls_FOUND)
            set(found "${leat_any_mbedtls_VERSION}")
        endif()
        message(FATAL_ERROR "LEAT_MBEDTLS=system: leat needs mbedTLS ${LEAT_MBEDTLS_MINIMUM} or a later one below "
                            "${LEAT_MBEDTLS_BELOW}, and pkg-config finds ${found}. Without that option leat has its own, "
                            "which script/bootstrap builds.")
    endif()
    message(STATUS "mbedTLS: the system's, ${leat_mbedtls_mbedtls_VERSION}. It lacks what leat's own has:")
    foreach(lack IN LISTS leat_system_lacks)
        message(STATUS "  - ${lack}")
    endforeach()
    target_link_libraries(Leat::mbedtls INTERFACE PkgConfig::leat_mbedtls)
endfunction()

# The private one in `root`.
function(leat_use_private_mbedtls root)
    if(NOT EXISTS "${root}/lib/libmbedtls.a")
        message(FATAL_ERROR "leat's own mbedTLS is not in ${root}: run script/bootstrap, which builds it, or configure with "
                            "-DLEAT_MBEDTLS=system for the system's.")
    endif()
    leat_check_mbedtls_recipe("${root}")
    message(STATUS "mbedTLS: private, in ${root}, primitives by ${LEAT_CRYPTO}")
    set(user Leat::mbedtls)
    foreach(library IN ITEMS mbedtls mbedx509 mbedcrypto)
        add_library(Leat::private_${library} STATIC IMPORTED GLOBAL)
        set_target_properties(Leat::private_${library} PROPERTIES IMPORTED_LOCATION "${root}/lib/lib${library}.a")
        target_link_libraries(${user} INTERFACE Leat::private_${library})
        set(user Leat::private_${library})
    endforeach()
    if(LEAT_CRYPTO STREQUAL "libcrypto")
        # The two need each other.
        target_link_libraries(Leat::private_mbedcrypto INTERFACE leati_tls_crypto)
    endif()
    # What it calls instead of its own functions.
    target_link_libraries(Leat::private_mbedtls INTERFACE leati_tls_mends)
    add_library(Leat::mbedtls_internal INTERFACE IMPORTED GLOBAL)
    target_include_directories(Leat::mbedtls_internal INTERFACE "${root}/internal")
    target_link_libraries(Leat::mbedtls_internal INTERFACE Leat::mbedtls)
    # mbedtls_platform_gmtime_r().
    target_link_libraries(Leat::private_mbedx509 INTERFACE leati_tls)
    target_include_directories(Leat::mbedtls INTERFACE "${root}/include")
    target_compile_definitions(Leat::mbedtls INTERFACE MBEDTLS_USER_CONFIG_FILE="mbedtls/leat_user_config.h"
                               LEAT_MBEDTLS_MENDED)
endfunction()

if(NOT LEAT_CRYPTO STREQUAL "mbedtls")
    leat_find_libcrypto_obstacle(obstacle)
    if(NOT obstacle)
        set(LEAT_CRYPTO libcrypto)
    elseif(LEAT_CRYPTO STREQUAL "libcrypto")
        message(FATAL_ERROR "LEAT_CRYPTO=libcrypto is not possible: ${obstacle}.")
    else()
        message(STATUS "libcrypto computes nothing for mbedTLS: ${obstacle}")
        set(LEAT_CRYPTO mbedtls)
    endif()
endif()

add_library(Leat::mbedtls INTERFACE IMPORTED GLOBAL)
target_link_libraries(Leat::mbedtls INTERFACE Threads::Threads)
if(LEAT_MBEDTLS STREQUAL "system")
    set(LEAT_MBEDTLS_PRIVATE OFF)
    leat_use_system_mbedtls()
else()
    set(LEAT_MBEDTLS_PRIVATE ON)
    set(mbedtls_root "${LEAT_MBEDTLS_ROOT}")
    if(LEAT_CRYPTO STREQUAL "libcrypto")
        string(APPEND mbedtls_root -libcrypto)
    endif()
    set(LEAT_MBEDTLS_LIBRARY_DIR "${mbedtls_root}/lib")
    leat_use_private_mbedtls("${mbedtls_root}")
endif()
