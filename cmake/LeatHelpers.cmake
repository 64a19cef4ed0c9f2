# SPDX-License-Identifier: Apache-2.0
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
include(CheckPIESupported)
check_pie_supported()

# What optimised builds have against exploits, as far as the compiler has it for this processor: the stack is touched page by
# page, jumps land where they may (Intel CET, Arm BTI and PAC), lengths are checked also where only the running program knows
# them. script/lib/mbedtls.sh builds mbedTLS with the same, because one object without takes CET from the whole library.
# tests/install/packages.sh looks at what comes out.
set(leat_hardening "")
foreach(flag IN ITEMS -fstack-clash-protection -fcf-protection -mbranch-protection=standard)
    string(MAKE_C_IDENTIFIER "LEAT_HAS${flag}" has)
    check_c_compiler_flag(${flag} ${has})
    if(${has})
        list(APPEND leat_hardening ${flag})
    endif()
endforeach()
set(CMAKE_REQUIRED_FLAGS "-O2 -Werror -D_FORTIFY_SOURCE=3")
check_c_source_compiles("#include <stdio.h>\nint main(void) { return 0; }" LEAT_HAS_FORTIFY_3)
unset(CMAKE_REQUIRED_FLAGS)
if(LEAT_HAS_FORTIFY_3)
    set(leat_fortify 3)
else()
    set(leat_fortify 2)
endif()

# Relocations in their packed form (DT_RELR): the linker has to make them, and what loads the library to read them. glibc does
# so from 2.36 on. musl, which does from 1.2.4 on, does not say what it is, and an older one starts programs that then crash.
set(CMAKE_REQUIRED_LINK_OPTIONS -Wl,--fatal-warnings,-z,pack-relative-relocs)
check_c_source_compiles("#include <features.h>
#ifndef __GLIBC_PREREQ
#error not glibc
#elif !__GLIBC_PREREQ(2, 36)
#error reads no packed relocations
#endif
int main(void) { return 0; }" LEAT_HAS_PACKED_RELOCATIONS)
unset(CMAKE_REQUIRED_LINK_OPTIONS)

# Warnings, sanitizers and coverage, on targets and never on global flags.
function(leat_compile_options target)
    target_compile_features(${target} PRIVATE c_std_11)
    set_target_properties(${target} PROPERTIES C_EXTENSIONS ON C_VISIBILITY_PRESET hidden
                                               POSITION_INDEPENDENT_CODE ON)
    # On 32-bit systems readdir(3) is else blind to what file systems with numbers of 64 bits have.
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE _FILE_OFFSET_BITS=64)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow
                                             -fstack-protector-strong
                                             -ffunction-sections -fdata-sections
                                             $<$<BOOL:${LEAT_WERROR}>:-Werror>)
    if(NOT LEAT_UNWIND_TABLES)
        target_compile_options(${target} PRIVATE -fno-asynchronous-unwind-tables -fno-unwind-tables)
    endif()
    set(optimised CONFIG:Release,RelWithDebInfo,MinSizeRel)
    target_compile_options(${target} PRIVATE "$<$<${optimised}>:${leat_hardening}>")
    # libcrypto's macros have the names of our files: where they lay is nobody's business, and made no two builds alike.
    target_compile_options(${target} PRIVATE "$<$<${optimised}>:-ffile-prefix-map=${PROJECT_SOURCE_DIR}=leat>")
    target_compile_definitions(${target} PRIVATE $<$<${optimised}>:_FORTIFY_SOURCE=${leat_fortify}>)
    target_link_options(${target} PRIVATE LINKER:-z,relro,-z,now)
    if(LEAT_SANITIZE)
        string(REPLACE ";" "," sanitizers "${LEAT_SANITIZE}")
        target_compile_options(${target} PRIVATE -fsanitize=${sanitizers} -fno-omit-frame-pointer
                                                 -fno-sanitize-recover=all)
        target_link_options(${target} PUBLIC -fsanitize=${sanitizers})
    endif()
    if(LEAT_COVERAGE)
        # Threads count together.
        target_compile_options(${target} PRIVATE --coverage -fprofile-update=prefer-atomic)
        target_link_options(${target} PUBLIC --coverage)
    endif()
endfunction()

# leat_folder(NAME [SOURCES...] [FAST SOURCES...] [LINK libraries...]): the static library leati_NAME of one src folder. What each
# message or record passes is FAST; all else is made small in optimised builds.
function(leat_folder name)
    cmake_parse_arguments(arg "" "" "FAST;LINK" ${ARGN})
    add_library(leati_${name} STATIC ${arg_UNPARSED_ARGUMENTS} ${arg_FAST})
    set_property(SOURCE ${arg_UNPARSED_ARGUMENTS} APPEND PROPERTY COMPILE_OPTIONS "$<$<CONFIG:Release,RelWithDebInfo>:-Os>")
    leat_compile_options(leati_${name})
    target_include_directories(leati_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src
                                                    ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(leati_${name} PUBLIC ${arg_LINK})
    set_property(GLOBAL APPEND PROPERTY LEAT_FOLDERS leati_${name})
endfunction()

# leat_installed_library(TARGET NAME): what the libraries that are installed have in common; libNAME is
# the file, and NAME.map beside the caller has the versions of the shared one's symbols.
function(leat_installed_library target name)
    leat_compile_options(${target})
    target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                   $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} LINKER_LANGUAGE C
                                               LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib
                                               ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "SHARED_LIBRARY")
        # None needs another of them. (CMake pads the path of a build that is to be replaced by a longer one with empty
        # entries, which are the current directory.)
        set_target_properties(${target} PROPERTIES INSTALL_RPATH "")
        set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
        set(versions ${CMAKE_CURRENT_SOURCE_DIR}/${name}.map)
        target_link_options(${target} PRIVATE LINKER:--version-script=${versions})
        set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${versions})
        # A program may have libraries of its own that we link statically: ours stay inside.
        target_link_options(${target} PRIVATE LINKER:--exclude-libs,ALL LINKER:--as-needed)
        # Small: without what nobody calls, and with relocations in their packed form where that is possible.
        target_link_options(${target} PRIVATE LINKER:--gc-sections
                                              $<$<BOOL:${LEAT_HAS_PACKED_RELOCATIONS}>:LINKER:-z,pack-relative-relocs>)
        # Code and constants share a page where two of them meet.
        target_link_options(${target} PRIVATE $<$<CONFIG:MinSizeRel>:LINKER:-z,noseparate-code>)
        if(NOT LEAT_SANITIZE)
            target_link_options(${target} PRIVATE LINKER:--no-undefined)
        endif()
    endif()
endfunction()

# No test's verdict depends on how fast the machine is. Every number of seconds or milliseconds after which a test gives up
# is what it takes at most on a quiet machine, and this many times as long is waited: TIMEOUT of ctest and of Criterion's
# tests (tests/support/criterion_hooks.c), PATIENCE_MS of tests/support/patience.h, tests/cli/patience.py.
set(LEAT_TEST_PATIENCE 10 CACHE STRING "Tests give up after so many times of what they take on a quiet machine")
set(LEAT_TEST_PATIENCE_HERE ${LEAT_TEST_PATIENCE})
if("address" IN_LIST LEAT_SANITIZE)
    math(EXPR LEAT_TEST_PATIENCE_HERE "3 * ${LEAT_TEST_PATIENCE}")
elseif("thread" IN_LIST LEAT_SANITIZE)
    math(EXPR LEAT_TEST_PATIENCE_HERE "5 * ${LEAT_TEST_PATIENCE}")
endif()
set(LEAT_TEST_ENVIRONMENT LEAT_TEST_PATIENCE=${LEAT_TEST_PATIENCE_HERE})
if("thread" IN_LIST LEAT_SANITIZE)
    list(APPEND LEAT_TEST_ENVIRONMENT "TSAN_OPTIONS=suppressions='${PROJECT_SOURCE_DIR}/tests/support/tsan.supp'")
endif()

# leat_tests_take(SECONDS NAME...): what each of these tests takes at most on a quiet machine.
function(leat_tests_take seconds)
    math(EXPR timeout "${seconds} * ${LEAT_TEST_PATIENCE_HERE}")
    # COST: those that may take long start first.
    set_tests_properties(${ARGN} PROPERTIES TIMEOUT ${timeout} COST ${seconds}
                         ENVIRONMENT "${LEAT_TEST_ENVIRONMENT}")
endfunction()

# leat_tests_of_tls(TARGET NAME...): these tests, which TARGET makes, are to pass with every mbedTLS and every LEAT_CRYPTO:
# target `tls_tests`, label `tls`.
function(leat_tests_of_tls target)
    if(NOT TARGET tls_tests)
        add_custom_target(tls_tests)
    endif()
    add_dependencies(tls_tests ${target})
    set_property(TEST ${ARGN} APPEND PROPERTY LABELS tls)
endfunction()

# leat_test(NAME SOURCES... [LINK libraries...] [TAKES seconds] [PARTS part pattern...] [THREADS pattern]): a Criterion program
# as one ctest, or in parts that run side by side: NAME_part has the tests that match the pattern, NAME all others. Under
# ThreadSanitizer those that match THREADS are all that runs.
# With AddressSanitizer every test also checks that it lost no memory. Those that need leat alone, and no program of others: target
# `alone_tests`, label `alone`.
function(leat_test name)
    if("TIMEOUT" IN_LIST ARGN)
        message(FATAL_ERROR "leat_test(${name}): say TAKES, and how long on a quiet machine")
    endif()
    cmake_parse_arguments(arg "" "TAKES;THREADS" "LINK;PARTS" ${ARGN})
    if(NOT arg_TAKES)
        set(arg_TAKES 30)
    endif()
    if(NOT TARGET leat_criterion_hooks AND NOT LEAT_PLAIN_CRITERION)
        add_library(leat_criterion_hooks OBJECT ${PROJECT_SOURCE_DIR}/tests/support/criterion_hooks.c)
        leat_compile_options(leat_criterion_hooks)
        target_compile_definitions(leat_criterion_hooks PRIVATE LEAT_TEST_PATIENCE=${LEAT_TEST_PATIENCE_HERE})
        target_link_libraries(leat_criterion_hooks PRIVATE Leat::criterion)
    endif()
    add_executable(test_${name} ${arg_UNPARSED_ARGUMENTS})
    leat_compile_options(test_${name})
    target_compile_definitions(test_${name} PRIVATE LEAT_TEST_PATIENCE=${LEAT_TEST_PATIENCE_HERE})
    target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(test_${name} PRIVATE ${arg_LINK} Leat::criterion)
    if(TARGET leat_criterion_hooks)
        target_sources(test_${name} PRIVATE $<TARGET_OBJECTS:leat_criterion_hooks>)
    endif()
    set(filter "")
    set(patterns "")
    set(names ${name})
    if(arg_THREADS AND "thread" IN_LIST LEAT_SANITIZE)
        set(arg_PARTS "")
        set(filter --filter "${arg_THREADS}")
    endif()
    while(arg_PARTS)
        list(POP_FRONT arg_PARTS part pattern)
        add_test(NAME ${name}_${part} COMMAND test_${name} --filter "${pattern}")
        list(APPEND names ${name}_${part})
        list(APPEND patterns "${pattern}")
    endwhile()
    if(patterns)
        list(JOIN patterns "|" patterns)
        set(filter --filter "!(${patterns})")
    endif()
    add_test(NAME ${name} COMMAND test_${name} ${filter})
    leat_tests_take(${arg_TAKES} ${names})
    if(NOT CMAKE_CURRENT_SOURCE_DIR MATCHES "/tests/(examples|links|peers|performance)$")
        if(NOT TARGET alone_tests)
            add_custom_target(alone_tests)
        endif()
        add_dependencies(alone_tests test_${name})
        set_property(TEST ${names} APPEND PROPERTY LABELS alone)
    endif()
    if(name MATCHES "^(tls|sockets_tls|integration_wss|fault)")
        leat_tests_of_tls(test_${name} ${names})
    endif()
endfunction()
