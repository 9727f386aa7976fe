# embed_texts(OUT name.cc HEADER kube/schema/schema_files.h VARIABLE gantry::kube::kSchemaFiles FILES a b ...)
#
# Text files as a part of the program: makes a source file that defines the span of EmbeddedText
# (base/embedded_text.h) which the header declares. Run as a script, it does the making.

function(embed_texts)
  cmake_parse_arguments(ARG "" "OUT;HEADER;VARIABLE" "FILES" ${ARGN})
  list(TRANSFORM ARG_FILES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  add_custom_command(
    OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${ARG_OUT}
    COMMAND ${CMAKE_COMMAND} -DOUT=${CMAKE_CURRENT_BINARY_DIR}/${ARG_OUT} -DHEADER=${ARG_HEADER}
      -DVARIABLE=${ARG_VARIABLE} "-DFILES=${files}" -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    VERBATIM)
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE)
  return()
endif()

set(entries "")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  file(READ ${file} text)
  string(FIND "${text}" ")text\"" end_mark)
  if(NOT end_mark EQUAL -1)
    message(FATAL_ERROR "${file} has the end mark of a raw string literal in it")
  endif()
  string(APPEND entries "    {\"${name}\", R\"text(${text})text\"},\n")
endforeach()
file(WRITE ${OUT} "// Made by cmake/embed.cmake.
#include \"${HEADER}\"

namespace {
constexpr gantry::EmbeddedText kTexts[] = {
${entries}};
}  // namespace

const std::span<const gantry::EmbeddedText> ${VARIABLE} = kTexts;
")
