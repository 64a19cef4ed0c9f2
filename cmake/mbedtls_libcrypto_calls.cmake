# SPDX-License-Identifier: Apache-2.0
# CMAKE_PROJECT_INCLUDE of the private mbedTLS whose primitives libcrypto computes. Two of its files call what mbedTLS
# has no MBEDTLS_xxx_ALT for: the public half of an ECDH key that PSA has made, and the powers of RSA. They are compiled
# with the names of src/tls/crypto in the place of their own; the prototypes come along, so the compiler compares them.
# No source is changed. script/lib/mbedtls.sh checks that the calls are there.
include("${CMAKE_CURRENT_LIST_DIR}/mbedtls_mends.cmake")

function(leat_replace_calls file)
    set_source_files_properties("${CMAKE_SOURCE_DIR}/library/${file}" DIRECTORY library
                                PROPERTIES COMPILE_DEFINITIONS "${ARGN}")
endfunction()

function(leat_replace_all_calls)
    leat_replace_calls(psa_crypto_ecp.c mbedtls_ecp_mul=leati_crypto_ecp_mul)
    leat_replace_calls(rsa.c mbedtls_mpi_exp_mod=leati_crypto_exp_mod
                       mbedtls_mpi_exp_mod_unsafe=leati_crypto_exp_mod_public)
endfunction()

# When the folder `library` is known.
cmake_language(DEFER CALL leat_replace_all_calls)
