# add_module(<name> LAYER <n> [THREADED] [SOURCES …] [TESTS …] [DEPENDS module …] [EXTERNAL dep …])
#
# A module is a static library with one public include directory,
# src/<name>/include/personas/<name>/. The rules of the house, enforced here:
#   * a module may depend only on modules of a lower layer — anything else stops the configure step;
#   * include directories are NOT inherited: only the include directories of the modules named in
#     DEPENDS are on the compiler's path, so an undeclared include does not compile;
#   * only the composition root (apps/) may link adapters, because adapters share a layer.
#
# TESTS become one executable <name>_test, registered with ctest under that name.
# TEST_DEPENDS names further modules that only the tests see (for example an adapter).
# They are labelled `unit`, those of the adapters also `threads`, because only adapters start
# threads; the targets unit_tests and threads_tests build what carries the label, system_tests what
# all other tests need (each adds its own).

include(GNUInstallDirs)

add_custom_target(unit_tests)
add_custom_target(threads_tests)
add_custom_target(system_tests)

function(personas_target_setup target)
  target_link_libraries(${target} PRIVATE personas_flags deps::fmt personas_asio deps::json)
  target_precompile_headers(${target} REUSE_FROM personas_pch)
  target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
endfunction()

# Adds the include directories and libraries of modules to a target.
function(personas_use_modules target)
  foreach(dependency IN LISTS ARGN)
    if(NOT TARGET module_${dependency})
      message(FATAL_ERROR "${target}: unknown module '${dependency}' (declare lower layers first)")
    endif()
    target_include_directories(${target} PRIVATE
      "${CMAKE_SOURCE_DIR}/src/${dependency}/include")
    target_link_libraries(${target} PRIVATE module_${dependency}_lib)
  endforeach()
endfunction()

function(add_module name)
  cmake_parse_arguments(arg "THREADED" "LAYER"
    "SOURCES;TESTS;DEPENDS;EXTERNAL;TEST_DEPENDS" ${ARGN})
  if(NOT DEFINED arg_LAYER)
    message(FATAL_ERROR "add_module(${name}): LAYER is missing")
  endif()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "add_module(${name}): unexpected ${arg_UNPARSED_ARGUMENTS}")
  endif()
  foreach(dependency IN LISTS arg_DEPENDS)
    if(NOT TARGET module_${dependency})
      message(FATAL_ERROR "add_module(${name}): '${dependency}' is not declared before it")
    endif()
    get_target_property(layer module_${dependency} PERSONAS_LAYER)
    if(NOT layer LESS arg_LAYER)
      message(FATAL_ERROR "add_module(${name}): layer ${arg_LAYER} may not depend on "
        "'${dependency}' of layer ${layer}; only lower layers (ARCHITECTURE.md)")
    endif()
  endforeach()

  # A headers-only module still gets a (trivial) object, so that every module links the same way.
  if(NOT arg_SOURCES)
    set(arg_SOURCES "${CMAKE_SOURCE_DIR}/cmake/pch.cpp")
  endif()
  add_library(module_${name} STATIC ${arg_SOURCES})
  set_target_properties(module_${name} PROPERTIES
    PERSONAS_LAYER ${arg_LAYER} OUTPUT_NAME personas_${name})
  personas_target_setup(module_${name})
  target_include_directories(module_${name} PRIVATE include)

  # The link interface is transitive, the include path is not.
  add_library(module_${name}_lib INTERFACE)
  target_link_libraries(module_${name}_lib INTERFACE
    $<LINK_ONLY:module_${name}> $<LINK_ONLY:personas_asio>)
  foreach(dependency IN LISTS arg_DEPENDS)
    target_include_directories(module_${name} PRIVATE
      "${CMAKE_SOURCE_DIR}/src/${dependency}/include")
    target_link_libraries(module_${name}_lib INTERFACE module_${dependency}_lib)
  endforeach()
  foreach(external IN LISTS arg_EXTERNAL)
    target_link_libraries(module_${name} PRIVATE deps::${external})
    target_link_libraries(module_${name}_lib INTERFACE deps::${external})
  endforeach()

  if(arg_TESTS)
    add_executable(${name}_test ${arg_TESTS})
    personas_target_setup(${name}_test)
    target_include_directories(${name}_test PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
    target_link_libraries(${name}_test PRIVATE deps::gtest GTest::gmock_main)
    personas_use_modules(${name}_test ${name} ${arg_DEPENDS} ${arg_TEST_DEPENDS})
    add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
    add_dependencies(unit_tests ${name}_test)
    set(labels unit)
    if(arg_THREADED)
      list(APPEND labels threads)
      add_dependencies(threads_tests ${name}_test)
    endif()
    set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS "${labels}")
  endif()
endfunction()
