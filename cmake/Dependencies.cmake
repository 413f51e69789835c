# Third-party libraries: from the system (the Debian packages of scripts/install-deps.sh) where
# they are, else fetched at the same version. Targets for the rest of the build, all of whose
# include folders are system ones:
#
#   websocketpp  llhttp  sodium_shorthash, for tests httplib      ours, defined here
#   nlohmann_json::nlohmann_json  CLI11::CLI11  spdlog::spdlog  doctest::doctest
#   OpenSSL::SSL  OpenSSL::Crypto  CURL::libcurl  Threads::Threads      always the system's
include(FetchContent)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(CURL 7.68 REQUIRED)  # with OpenSSL, as Debian's libcurl4-openssl-dev is
find_package(PkgConfig)

# _sigway_fetch(NAME REPOSITORY TAG): sources only, in ${NAME}_SOURCE_DIR. Libraries whose own
# CMakeLists.txt we do not want are pointed at a folder that they do not have.
macro(_sigway_fetch name repository tag)
  message(STATUS "${name}: no system package, fetching ${repository} ${tag}")
  FetchContent_Declare(${name} GIT_REPOSITORY ${repository} GIT_TAG ${tag} GIT_SHALLOW ON
                       SOURCE_SUBDIR sigway-does-not-build-it)
  FetchContent_MakeAvailable(${name})
endmacro()

# --- websocketpp: only its frame processor is used ----------------------------------------------
find_path(SIGWAY_WEBSOCKETPP_INCLUDE websocketpp/processors/hybi13.hpp)
if(NOT SIGWAY_WEBSOCKETPP_INCLUDE)
  _sigway_fetch(websocketpp_source https://github.com/zaphoyd/websocketpp.git 0.8.2)
  set(SIGWAY_WEBSOCKETPP_INCLUDE "${websocketpp_source_SOURCE_DIR}")
endif()
add_library(websocketpp INTERFACE)
target_include_directories(websocketpp SYSTEM INTERFACE "${SIGWAY_WEBSOCKETPP_INCLUDE}")

# --- llhttp: C sources in Debian 12's node-llhttp; libllhttp-dev later --------------------------
if(PKG_CONFIG_FOUND)
  pkg_check_modules(SIGWAY_LLHTTP QUIET IMPORTED_TARGET libllhttp)
endif()
if(SIGWAY_LLHTTP_FOUND)
  add_library(llhttp INTERFACE)
  target_link_libraries(llhttp INTERFACE PkgConfig::SIGWAY_LLHTTP)
else()
  find_path(SIGWAY_LLHTTP_SOURCES llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)
  find_path(SIGWAY_LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH)
  if(NOT SIGWAY_LLHTTP_SOURCES OR NOT SIGWAY_LLHTTP_INCLUDE)
    _sigway_fetch(llhttp_source https://github.com/nodejs/llhttp.git release/v8.1.1)
    set(SIGWAY_LLHTTP_SOURCES "${llhttp_source_SOURCE_DIR}/src" CACHE PATH "" FORCE)
    set(SIGWAY_LLHTTP_INCLUDE "${llhttp_source_SOURCE_DIR}/include" CACHE PATH "" FORCE)
  endif()
  add_library(llhttp STATIC "${SIGWAY_LLHTTP_SOURCES}/api.c" "${SIGWAY_LLHTTP_SOURCES}/http.c"
                            "${SIGWAY_LLHTTP_SOURCES}/llhttp.c")
  target_include_directories(llhttp SYSTEM PUBLIC "${SIGWAY_LLHTTP_INCLUDE}")
  # Strictness is chosen when llhttp is compiled; the header must see the same choice.
  target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
  target_compile_options(llhttp PRIVATE -w)
  set_target_properties(llhttp PROPERTIES UNITY_BUILD OFF)
endif()

# --- libsodium: SipHash-2-4 and nothing else ----------------------------------------------------
if(PKG_CONFIG_FOUND)
  pkg_check_modules(SIGWAY_SODIUM QUIET IMPORTED_TARGET libsodium)
endif()
if(SIGWAY_SODIUM_FOUND)
  add_library(sodium_shorthash INTERFACE)
  target_link_libraries(sodium_shorthash INTERFACE PkgConfig::SIGWAY_SODIUM)
else()
  # Its own build is autoconf; the one algorithm is one file for each length of its result.
  _sigway_fetch(sodium_source https://github.com/jedisct1/libsodium.git 1.0.18)
  set(sodium "${sodium_source_SOURCE_DIR}/src/libsodium")
  add_library(sodium_shorthash STATIC
    "${sodium}/crypto_shorthash/siphash24/ref/shorthash_siphash24_ref.c"
    "${sodium}/crypto_shorthash/siphash24/ref/shorthash_siphashx24_ref.c")
  target_include_directories(sodium_shorthash SYSTEM
    PUBLIC "${sodium}/include" PRIVATE "${sodium}/include/sodium")
  target_compile_definitions(sodium_shorthash PUBLIC SODIUM_STATIC)
  target_compile_options(sodium_shorthash PRIVATE -w)
  set_target_properties(sodium_shorthash PROPERTIES UNITY_BUILD OFF)
endif()

# --- The rest have CMake packages of their own --------------------------------------------------
find_package(nlohmann_json 3.11 QUIET)
if(NOT nlohmann_json_FOUND)
  _sigway_fetch(json_source https://github.com/nlohmann/json.git v3.11.2)
  add_library(nlohmann_json INTERFACE)
  target_include_directories(nlohmann_json SYSTEM INTERFACE "${json_source_SOURCE_DIR}/include")
  add_library(nlohmann_json::nlohmann_json ALIAS nlohmann_json)
endif()

find_package(CLI11 2.1 QUIET)
if(NOT CLI11_FOUND)
  _sigway_fetch(cli11_source https://github.com/CLIUtils/CLI11.git v2.1.2)
  add_library(CLI11 INTERFACE)
  target_include_directories(CLI11 SYSTEM INTERFACE "${cli11_source_SOURCE_DIR}/include")
  add_library(CLI11::CLI11 ALIAS CLI11)
endif()

find_package(spdlog 1.10 QUIET)
if(NOT spdlog_FOUND)
  _sigway_fetch(spdlog_source https://github.com/gabime/spdlog.git v1.10.0)
  add_library(spdlog INTERFACE)
  target_include_directories(spdlog SYSTEM INTERFACE "${spdlog_source_SOURCE_DIR}/include")
  target_link_libraries(spdlog INTERFACE Threads::Threads)
  add_library(spdlog::spdlog ALIAS spdlog)
endif()

if(BUILD_TESTING)
  find_package(doctest 2.4.9 QUIET)
  if(NOT doctest_FOUND)
    _sigway_fetch(doctest_source https://github.com/doctest/doctest.git v2.4.9)
    # The same path as the installed one: <doctest/doctest.h>.
    add_library(doctest INTERFACE)
    target_include_directories(doctest SYSTEM INTERFACE "${doctest_source_SOURCE_DIR}")
    add_library(doctest::doctest ALIAS doctest)
  endif()

  # cpp-httplib: compiled in Debian, header only when fetched.
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(SIGWAY_HTTPLIB QUIET IMPORTED_TARGET cpp-httplib)
  endif()
  add_library(httplib INTERFACE)
  if(SIGWAY_HTTPLIB_FOUND)
    target_link_libraries(httplib INTERFACE PkgConfig::SIGWAY_HTTPLIB)
  else()
    _sigway_fetch(httplib_source https://github.com/yhirose/cpp-httplib.git v0.11.4)
    target_include_directories(httplib SYSTEM INTERFACE "${httplib_source_SOURCE_DIR}")
    target_compile_definitions(httplib INTERFACE CPPHTTPLIB_OPENSSL_SUPPORT)
  endif()
  target_link_libraries(httplib INTERFACE OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
endif()
