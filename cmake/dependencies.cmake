# Everything comes from the distribution's packages (scripts/lib/packages lists them).
# Each becomes one target named deps::<name>, so that a module says in one word what it needs.

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(OpenSSL 3 REQUIRED)
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
find_package(date REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(YAMLCPP REQUIRED IMPORTED_TARGET yaml-cpp)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)

function(add_dependency name)
  add_library(deps_${name} INTERFACE)
  target_link_libraries(deps_${name} INTERFACE ${ARGN})
  add_library(deps::${name} ALIAS deps_${name})
endfunction()

add_dependency(json Boost::json)
add_dependency(crypto OpenSSL::Crypto)
add_dependency(tls OpenSSL::SSL OpenSSL::Crypto)
add_dependency(fmt fmt::fmt)
add_dependency(sqlite PkgConfig::SQLITE)
add_dependency(zstd PkgConfig::ZSTD)
add_dependency(sodium PkgConfig::SODIUM)   # sealed boxes
add_dependency(yaml PkgConfig::YAMLCPP)
add_dependency(cli11)                  # header-only
add_dependency(tz date::date-tz)      # time zones, from the data of the system
add_dependency(gtest GTest::gtest GTest::gmock)

# Asio and Beast are header libraries; their non-template half is compiled once, here.
add_library(personas_asio STATIC "${CMAKE_SOURCE_DIR}/cmake/asio.cpp")
target_link_libraries(personas_asio PRIVATE personas_flags PUBLIC OpenSSL::SSL Threads::Threads)

# Modules compile against one precompiled header of what nearly all of them use.
add_library(personas_pch OBJECT "${CMAKE_SOURCE_DIR}/cmake/pch.cpp")
target_link_libraries(personas_pch PRIVATE personas_flags)
target_compile_options(personas_pch PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
target_precompile_headers(personas_pch PRIVATE "${CMAKE_SOURCE_DIR}/cmake/pch.hpp")
