# SPDX-License-Identifier: Apache-2.0
# CMAKE_PROJECT_INCLUDE of leat's own mbedTLS. What it gets wrong in TLS is done right by src/tls/mends, which its files call
# instead of their own functions: src/tls/mends/calls.h says which, and is read first by the files that it names.
# No source is changed. script/lib/mbedtls.sh checks that the calls are there.
get_filename_component(leat_mends "${CMAKE_CURRENT_LIST_DIR}/../src/tls/mends" ABSOLUTE)

function(leat_mend_all_calls)
    file(STRINGS "${leat_mends}/calls.h" blocks REGEX "^#ifdef LEATI_MENDS_")
    foreach(block IN LISTS blocks)
        string(REGEX REPLACE "^#ifdef LEATI_MENDS_" "" file "${block}")
        set_source_files_properties("${CMAKE_SOURCE_DIR}/library/${file}.c" DIRECTORY library PROPERTIES COMPILE_OPTIONS
            "-I${CMAKE_SOURCE_DIR}/library;-include;${leat_mends}/calls.h;-DLEATI_MENDS_${file}")
    endforeach()
endfunction()

# When the folder `library` is known.
cmake_language(DEFER CALL leat_mend_all_calls)
