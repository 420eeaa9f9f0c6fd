# One compiler, one set of flags, for every target.
#
# clang is required: g++ 12 miscompiles temporaries inside co_await statements
# (docs/decisions/0001).
# A canary program decides about any other compiler instead of a version check.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND NOT DEFINED PERSONAS_COROUTINES_SOUND)
  try_run(canary_run canary_compiled
    SOURCES "${CMAKE_SOURCE_DIR}/cmake/coroutine_canary.cpp"
    CXX_STANDARD 23 CXX_STANDARD_REQUIRED ON)
  if(NOT canary_compiled OR NOT canary_run EQUAL 0)
    message(FATAL_ERROR "This compiler miscompiles coroutines. Use clang-19: cmake --preset dev")
  endif()
  set(PERSONAS_COROUTINES_SOUND TRUE CACHE INTERNAL "")
endif()

add_library(personas_flags INTERFACE)
target_compile_options(personas_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wimplicit-fallthrough
  -Werror -fPIE -fno-omit-frame-pointer -fstack-protector-strong)
target_compile_definitions(personas_flags INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_DISABLE_BOOST_COROUTINE
  BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_TS_EXECUTORS
  PERSONAS_VERSION="${PROJECT_VERSION}")

find_program(MOLD mold)
if(MOLD)
  target_link_options(personas_flags INTERFACE -fuse-ld=mold)
endif()
target_link_options(personas_flags INTERFACE -pie -Wl,--as-needed -Wl,-z,relro,-z,now)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(personas_flags INTERFACE -ffunction-sections -fdata-sections)
  target_compile_definitions(personas_flags INTERFACE _FORTIFY_SOURCE=2)
  target_link_options(personas_flags INTERFACE -Wl,--gc-sections)
endif()

set(PERSONAS_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread")
if(PERSONAS_SANITIZE)
  target_compile_options(personas_flags INTERFACE
    -fsanitize=${PERSONAS_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(personas_flags INTERFACE -fsanitize=${PERSONAS_SANITIZE})
endif()

# What a fuzzer has reached is counted in every module, so this is an option of a whole tree. The
# address sanitizer's runtime holds the counters where no fuzzer is linked (ordinary tests).
option(PERSONAS_FUZZ "Instrument for libFuzzer and link the targets of tests/fuzz with it" OFF)
if(PERSONAS_FUZZ)
  if(NOT PERSONAS_SANITIZE MATCHES "address")
    message(FATAL_ERROR "PERSONAS_FUZZ is for the asan preset")
  endif()
  target_compile_options(personas_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # The precompiled header needs these sloppiness flags; the base directory lets checkouts share.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=5G
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

