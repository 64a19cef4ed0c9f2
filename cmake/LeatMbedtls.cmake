# SPDX-License-Identifier: Apache-2.0
# Leat::mbedtls: the system's mbedTLS where it is new enough, else the private one of
# script/bootstrap. LEAT_MBEDTLS_PRIVATE says which.
set(LEAT_MBEDTLS_MINIMUM 3.6.3)
set(LEAT_MBEDTLS_ROOT "${PROJECT_SOURCE_DIR}/build/deps/mbedtls" CACHE PATH
    "Private mbedTLS, used when the system's is older than ${LEAT_MBEDTLS_MINIMUM}")

pkg_check_modules(mbedtls QUIET IMPORTED_TARGET mbedtls>=${LEAT_MBEDTLS_MINIMUM} mbedx509 mbedcrypto)

add_library(Leat::mbedtls INTERFACE IMPORTED)
if(mbedtls_FOUND)
    set(LEAT_MBEDTLS_PRIVATE OFF)
    message(STATUS "mbedTLS: the system's, ${mbedtls_mbedtls_VERSION}")
    target_link_libraries(Leat::mbedtls INTERFACE PkgConfig::mbedtls Threads::Threads)
elseif(EXISTS "${LEAT_MBEDTLS_ROOT}/lib/libmbedtls.a")
    set(LEAT_MBEDTLS_PRIVATE ON)
    message(STATUS "mbedTLS: private, in ${LEAT_MBEDTLS_ROOT}")
    target_include_directories(Leat::mbedtls INTERFACE "${LEAT_MBEDTLS_ROOT}/include")
    target_compile_definitions(Leat::mbedtls
                               INTERFACE MBEDTLS_USER_CONFIG_FILE="mbedtls/leat_user_config.h")
    target_link_libraries(Leat::mbedtls INTERFACE "${LEAT_MBEDTLS_ROOT}/lib/libmbedtls.a"
                                                  "${LEAT_MBEDTLS_ROOT}/lib/libmbedx509.a"
                                                  "${LEAT_MBEDTLS_ROOT}/lib/libmbedcrypto.a"
                                                  Threads::Threads)
else()
    message(FATAL_ERROR "leat needs mbedTLS ${LEAT_MBEDTLS_MINIMUM} or later. The system has none, and "
                        "${LEAT_MBEDTLS_ROOT} does not exist: run script/bootstrap, which provides it.")
endif()
