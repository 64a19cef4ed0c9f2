# SPDX-License-Identifier: Apache-2.0
# Target `docs`: the API reference, as HTML in docs/html of the build folder. Needs Doxygen.
configure_file(${PROJECT_SOURCE_DIR}/docs/api/Doxyfile.in ${PROJECT_BINARY_DIR}/docs/Doxyfile @ONLY)
find_program(LEAT_DOXYGEN doxygen)
mark_as_advanced(LEAT_DOXYGEN)
if(LEAT_DOXYGEN)
    add_custom_target(docs COMMAND ${LEAT_DOXYGEN} ${PROJECT_BINARY_DIR}/docs/Doxyfile VERBATIM
                      COMMENT "API reference: ${PROJECT_BINARY_DIR}/docs/html/index.html")
endif()
