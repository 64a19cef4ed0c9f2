# SPDX-License-Identifier: Apache-2.0

# Warnings, sanitizers and coverage, on targets and never on global flags.
function(leat_compile_options target)
    target_compile_features(${target} PRIVATE c_std_11)
    set_target_properties(${target} PROPERTIES C_EXTENSIONS ON C_VISIBILITY_PRESET hidden
                                               POSITION_INDEPENDENT_CODE ON)
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow
                                             -fstack-protector-strong
                                             -ffunction-sections -fdata-sections
                                             $<$<BOOL:${LEAT_WERROR}>:-Werror>)
    target_compile_definitions(${target} PRIVATE
                               $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:_FORTIFY_SOURCE=2>)
    target_link_options(${target} PRIVATE LINKER:-z,relro,-z,now)
    if(LEAT_SANITIZE)
        string(REPLACE ";" "," sanitizers "${LEAT_SANITIZE}")
        target_compile_options(${target} PRIVATE -fsanitize=${sanitizers} -fno-omit-frame-pointer
                                                 -fno-sanitize-recover=all)
        target_link_options(${target} PUBLIC -fsanitize=${sanitizers})
    endif()
    if(LEAT_COVERAGE)
        target_compile_options(${target} PRIVATE --coverage)
        target_link_options(${target} PUBLIC --coverage)
    endif()
endfunction()

# leat_folder(NAME SOURCES... [LINK libraries...]): the static library leati_NAME of one src folder.
function(leat_folder name)
    cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
    add_library(leati_${name} STATIC ${arg_UNPARSED_ARGUMENTS})
    leat_compile_options(leati_${name})
    target_include_directories(leati_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src
                                                    ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(leati_${name} PUBLIC ${arg_LINK})
    set_property(GLOBAL APPEND PROPERTY LEAT_FOLDERS leati_${name})
endfunction()

# leat_installed_library(TARGET NAME): what the libraries that are installed have in common; libNAME is
# the file.
function(leat_installed_library target name)
    leat_compile_options(${target})
    target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                   $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} LINKER_LANGUAGE C
                                               LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib
                                               ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "SHARED_LIBRARY")
        set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${LEAT_SOVERSION})
        # A program may have libraries of its own that we link statically: ours stay inside.
        target_link_options(${target} PRIVATE LINKER:--exclude-libs,ALL LINKER:--as-needed)
        # Small: without what nobody calls, and with relocations in their packed form (glibc 2.36 reads it).
        target_link_options(${target} PRIVATE LINKER:--gc-sections LINKER:-z,pack-relative-relocs)
        if(NOT LEAT_SANITIZE)
            target_link_options(${target} PRIVATE LINKER:--no-undefined)
        endif()
    endif()
endfunction()

# leat_test(NAME SOURCES... [LINK libraries...] [TIMEOUT seconds]): a Criterion program as one ctest.
# With AddressSanitizer every test also checks that it lost no memory.
function(leat_test name)
    cmake_parse_arguments(arg "" "TIMEOUT" "LINK" ${ARGN})
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 60)
    endif()
    add_executable(test_${name} ${arg_UNPARSED_ARGUMENTS})
    leat_compile_options(test_${name})
    target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(test_${name} PRIVATE ${arg_LINK} Leat::criterion)
    if("address" IN_LIST LEAT_SANITIZE)
        if(NOT TARGET leat_leak_at_end)
            add_library(leat_leak_at_end OBJECT ${PROJECT_SOURCE_DIR}/tests/support/leak_at_end.c)
            leat_compile_options(leat_leak_at_end)
        endif()
        target_sources(test_${name} PRIVATE $<TARGET_OBJECTS:leat_leak_at_end>)
        target_link_options(test_${name} PRIVATE
                            LINKER:--wrap=criterion_internal_test_teardown)
    endif()
    add_test(NAME ${name} COMMAND test_${name})
    # COST: those that may take long start first.
    set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} COST ${arg_TIMEOUT})
endfunction()
