# layer(), unit_test(), program(): every folder of src/ is a library that may include only what it names.
#
# The rule is enforced by what a compiler can see: each layer gets a folder of links to just the layers
# it needs, and that folder is its only include path of ours. A wrong include is "No such file".

set(GANTRY_LAYER_LINKS ${CMAKE_BINARY_DIR}/layers)

# layer(runtime NEEDS base kernel SOURCES create.cc ... [LIBS fmt] [EXCEPTIONS] [ONE_THREAD])
# ONE_THREAD: it starts no threads and shares nothing between them; its tests tell the thread sanitizer nothing.
function(layer name)
  cmake_parse_arguments(ARG "EXCEPTIONS;ONE_THREAD" "" "NEEDS;SOURCES;LIBS" ${ARGN})
  string(REPLACE "/" "_" target ${name})
  set(target gantry_${target})
  add_library(${target} STATIC ${ARG_SOURCES})
  foreach(layer ${name} ${ARG_NEEDS})
    _link_layer(${target} ${layer})
  endforeach()
  foreach(layer ${ARG_NEEDS})
    string(REPLACE "/" "_" needed ${layer})
    if(NOT TARGET gantry_${needed})
      message(FATAL_ERROR "layer ${name} needs ${layer}, which comes later: arrows point down only")
    endif()
    target_link_libraries(${target} PUBLIC gantry_${needed})
  endforeach()
  target_link_libraries(${target} PUBLIC ${ARG_LIBS})
  _common_flags(${target})
  if(NOT ARG_EXCEPTIONS)
    target_compile_options(${target} PRIVATE -fno-exceptions -fno-rtti
      $<$<CONFIG:Release>:-fno-asynchronous-unwind-tables>)
    if(NOT GANTRY_NO_PCH)
      target_precompile_headers(${target} REUSE_FROM gantry_pch)
    endif()
  endif()
  set_property(TARGET ${target} PROPERTY GANTRY_NEEDS ${name} ${ARG_NEEDS})
  set_property(TARGET ${target} PROPERTY GANTRY_ONE_THREAD ${ARG_ONE_THREAD})
  set(GANTRY_LAYER ${name} PARENT_SCOPE)
endfunction()

# Every unit test program, and nothing else: what a sanitizer build has to build.
add_custom_target(unit_tests)

# One program of GoogleTest cases a file:
# unit_test(create_test [NEEDS more layers] [LIBS more libraries] [ROOT] [ONE_THREAD])
# ROOT: needs real namespaces; it skips itself where it has no privileges. ONE_THREAD: as with a layer.
function(unit_test name)
  cmake_parse_arguments(ARG "ROOT;ONE_THREAD" "" "NEEDS;LIBS" ${ARGN})
  string(REPLACE "/" "_" layer ${GANTRY_LAYER})
  get_property(needs TARGET gantry_${layer} PROPERTY GANTRY_NEEDS)
  get_property(has_one_thread TARGET gantry_${layer} PROPERTY GANTRY_ONE_THREAD)
  if((has_one_thread OR ARG_ONE_THREAD) AND GANTRY_SANITIZER STREQUAL "thread")
    return()
  endif()
  set(target ${layer}_${name})
  add_executable(${target} ${name}.cc)
  foreach(needed ${needs} ${ARG_NEEDS} testing)
    _link_layer(${target} ${needed})
    string(REPLACE "/" "_" library ${needed})
    target_link_libraries(${target} PRIVATE gantry_${library})
  endforeach()
  target_link_libraries(${target} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gtest_main)
  _common_flags(${target})
  # GoogleTest's macros cost the analyzer minutes a file.
  set_target_properties(${target} PROPERTIES CXX_CLANG_TIDY "")
  add_dependencies(unit_tests ${target})
  add_test(NAME ${target} COMMAND ${target})
  set_tests_properties(${target} PROPERTIES TIMEOUT 600 LABELS "unit" SKIP_RETURN_CODE 77)
  if(ARG_ROOT)
    set_property(TEST ${target} APPEND PROPERTY LABELS root)
  endif()
endfunction()

# Every fuzzer (none unless the preset is fuzz).
add_custom_target(fuzz_tests)

# A libFuzzer target (clang only): fuzz_test(runtime_spec_fuzz), seeds in fuzz/<name>/.
function(fuzz_test name)
  if(NOT GANTRY_FUZZ)
    return()
  endif()
  string(REPLACE "/" "_" layer ${GANTRY_LAYER})
  get_property(needs TARGET gantry_${layer} PROPERTY GANTRY_NEEDS)
  add_executable(${name} ${name}.cc)
  foreach(needed ${needs})
    _link_layer(${name} ${needed})
    string(REPLACE "/" "_" library ${needed})
    target_link_libraries(${name} PRIVATE gantry_${library})
  endforeach()
  _common_flags(${name})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzz_tests ${name})
  set(seeds ${CMAKE_SOURCE_DIR}/fuzz/${name})
  set(found ${CMAKE_BINARY_DIR}/corpus/${name})
  file(MAKE_DIRECTORY ${found})
  add_test(NAME ${name} COMMAND ${name} -max_total_time=4 -timeout=5 -rss_limit_mb=1024 ${found} ${seeds})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120 LABELS "fuzz")
endfunction()

# Every program that is shipped: what end-to-end tests need.
add_custom_target(programs)

# program(gantry-runtime SOURCES gantry_runtime.cc NEEDS ... [STATIC] [BENCH])
# BENCH: prints numbers for us; built only when asked for by name.
function(program name)
  cmake_parse_arguments(ARG "STATIC;BENCH" "" "NEEDS;SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  foreach(needed ${ARG_NEEDS})
    _link_layer(${name} ${needed})
    string(REPLACE "/" "_" library ${needed})
    target_link_libraries(${name} PRIVATE gantry_${library})
  endforeach()
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  _common_flags(${name})
  if(ARG_BENCH)
    set_target_properties(${name} PROPERTIES EXCLUDE_FROM_ALL ON)
  else()
    add_dependencies(programs ${name})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  if(ARG_STATIC AND NOT GANTRY_SANITIZER)
    target_compile_options(${name} PRIVATE -fno-exceptions -fno-rtti)
    # Small on purpose: where it cannot do better, the runtime copies itself at every call that enters a container
    # (docs/decisions/0003).
    target_link_options(${name} PRIVATE -static-pie $<$<CONFIG:Release>:-s>)
  endif()
endfunction()

# A layer inside of another that is linked already ("runtime/cli" needs "runtime") comes with it; tools/check
# looks closer.
function(_link_layer target layer)
  set(links ${GANTRY_LAYER_LINKS}/${target})
  get_filename_component(parent ${layer} DIRECTORY)
  if(parent AND IS_SYMLINK ${links}/${parent})
    return()
  endif()
  if(NOT parent AND IS_DIRECTORY ${links}/${layer} AND NOT IS_SYMLINK ${links}/${layer})
    file(REMOVE_RECURSE ${links}/${layer})
  endif()
  file(MAKE_DIRECTORY ${links}/${parent})
  if(NOT EXISTS ${links}/${layer})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${layer} ${links}/${layer} SYMBOLIC)
  endif()
endfunction()

function(_common_flags target)
  target_compile_options(${target} PRIVATE
    -iquote ${GANTRY_LAYER_LINKS}/${target} -Wall -Wextra -Wshadow -Wno-missing-field-initializers
    # g++ 12 takes the unique_ptr in an inlined std::expected for memory that was not allocated, and npos for
    # a length that is really searched; optimizing, it believes that it sees members of an empty std::optional or
    # the error of a std::expected without one being read. The sanitizers know better.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-free-nonheap-object;-Wno-stringop-overread;-Wno-maybe-uninitialized;-Wno-array-bounds>
    # The std::stable_sort of libstdc++ 12 uses what that calls deprecated.
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety;-Wno-gnu-statement-expression-from-macro-expansion;-Wno-deprecated-declarations>)
endfunction()
