# Compile options of our own code. Third-party sources do not link sigway_options, but sanitizers
# and coverage instrumentation are for everything, so that a report never ends in a blind spot.
add_library(sigway_options INTERFACE)
target_compile_options(sigway_options INTERFACE -Wall -Wextra -Wpedantic -Werror)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 reports std::string's own operator+ as overlapping (PR 105651).
  target_compile_options(sigway_options INTERFACE -Wno-restrict)
endif()

if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # It takes a source that another one includes for a header.
  target_compile_options(sigway_options INTERFACE -Wno-subobject-linkage)
endif()

if(SIGWAY_SANITIZE)
  if(NOT SIGWAY_SANITIZE MATCHES "^(address|undefined|thread|address,undefined)$")
    message(FATAL_ERROR "SIGWAY_SANITIZE is '${SIGWAY_SANITIZE}'; "
                        "write address,undefined or thread")
  endif()
  add_compile_options("-fsanitize=${SIGWAY_SANITIZE}" -fno-omit-frame-pointer)
  add_link_options("-fsanitize=${SIGWAY_SANITIZE}")
  if(SIGWAY_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented code defeats GCC's flow analysis; the plain build still has these warnings.
    target_compile_options(sigway_options INTERFACE -Wno-maybe-uninitialized
                                                    -Wno-stringop-overflow)
  endif()
endif()

if(SIGWAY_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "SIGWAY_FUZZ needs clang; use the preset 'fuzz'")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
