# SPDX-License-Identifier: Apache-2.0
# CMAKE_PROJECT_INCLUDE of leat's own mbedTLS. What it gets wrong in TLS is done right by src/tls/mends, which its files call
# instead of their own functions: src/tls/mends/calls.h says which, and is read first by the files that it names.
# No source is changed. script/lib/mbedtls.sh checks that the calls are there.
get_filename_component(leat_mends "${CMAKE_CURRENT_LIST_DIR}/../src/tls/mends" ABSOLUTE)

function(leat_add_options file options)
    set_property(SOURCE "${CMAKE_SOURCE_DIR}/library/${file}.c" DIRECTORY library APPEND PROPERTY COMPILE_OPTIONS "${options}")
endfunction()

function(leat_mend_all_calls)
    file(STRINGS "${leat_mends}/calls.h" blocks REGEX "^#ifdef LEATI_MENDS_")
    foreach(block IN LISTS blocks)
        string(REGEX REPLACE "^#ifdef LEATI_MENDS_" "" file "${block}")
        leat_add_options(${file} "-I${CMAKE_SOURCE_DIR}/library;-include;${leat_mends}/calls.h;-DLEATI_MENDS_${file}")
    endforeach()
endfunction()

# What works once in a handshake, or never, is made small; what computes, and what each record passes, is made fast.
set(leat_fast_files aes aesce aesni bignum bignum_core bignum_mod bignum_mod_raw ccm chacha20 chachapoly cipher cipher_wrap
    constant_time ecp ecp_curves gcm md poly1305 sha1 sha256 sha512 ssl_msg)

function(leat_choose_speed_or_size)
    file(GLOB files RELATIVE "${CMAKE_SOURCE_DIR}/library" "${CMAKE_SOURCE_DIR}/library/*.c")
    list(TRANSFORM files REPLACE "\\.c$" "")
    list(REMOVE_ITEM files ${leat_fast_files})
    foreach(file IN LISTS files)
        leat_add_options(${file} -Os)
    endforeach()
endfunction()

# When the folder `library` is known.
cmake_language(DEFER CALL leat_mend_all_calls)
cmake_language(DEFER CALL leat_choose_speed_or_size)
