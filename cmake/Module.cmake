# sigway_module(NAME [SOURCES file...] [DEPENDS target...] [PRIVATE_DEPENDS target...])
#
# Makes the current folder the module NAME: target sigway_NAME, alias sigway::NAME. Its public
# include root holds one entry, a link NAME -> this folder, so that `#include "NAME/x.h"` compiles
# only where the module, or something that DEPENDS on it, is linked. That is how the build refuses
# an include against the direction of the design.
#
# DEPENDS are visible to whoever links the module; PRIVATE_DEPENDS are not.
# A module without SOURCES is an interface library.
function(sigway_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "sigway_module(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  _sigway_include_root(${name} root)
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}" "${root}/${name}" SYMBOLIC)
  _sigway_library(${name} "${root}" "${arg_SOURCES}" "${arg_DEPENDS}" "${arg_PRIVATE_DEPENDS}")
endfunction()

# sigway_root_module(NAME HEADERS file... SOURCES file... [DEPENDS ...] [PRIVATE_DEPENDS ...])
#
# The same for a module that is a few files beside other folders (src/gateway.*): its include root
# links the headers one by one, included as `#include "gateway.h"`.
function(sigway_root_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;SOURCES;DEPENDS;PRIVATE_DEPENDS")
  _sigway_include_root(${name} root)
  foreach(header IN LISTS arg_HEADERS)
    file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}/${header}" "${root}/${header}" SYMBOLIC)
  endforeach()
  _sigway_library(${name} "${root}" "${arg_SOURCES}" "${arg_DEPENDS}" "${arg_PRIVATE_DEPENDS}")
endfunction()

# sigway_folders(FOLDER...): adds FOLDER/*/ for each one that has a CMakeLists.txt.
function(sigway_folders)
  foreach(folder IN LISTS ARGN)
    file(GLOB lists CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*/CMakeLists.txt")
    foreach(list IN LISTS lists)
      get_filename_component(directory "${list}" DIRECTORY)
      add_subdirectory("${directory}")
    endforeach()
  endforeach()
endfunction()

function(_sigway_include_root name result)
  set(root "${PROJECT_BINARY_DIR}/include-roots/${name}")
  file(MAKE_DIRECTORY "${root}")
  set(${result} "${root}" PARENT_SCOPE)
endfunction()

function(_sigway_library name root sources depends private_depends)
  # A source that is listed before it is written must not stop everybody else's build.
  foreach(source IN LISTS sources)
    file(GLOB found CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${source}")
    if(NOT found)
      message(WARNING "module ${name}: ${source} does not exist (yet)")
      list(REMOVE_ITEM sources "${source}")
    endif()
  endforeach()
  if(sources)
    add_library(sigway_${name} STATIC ${sources})
    # Inside the build only: an installed library's users have its headers elsewhere, and their own
    # options.
    target_include_directories(sigway_${name} PUBLIC "$<BUILD_INTERFACE:${root}>")
    target_link_libraries(sigway_${name} PRIVATE $<BUILD_INTERFACE:sigway_options>)
    # In unity builds: all of a module at once, as its headers cost more than its sources.
    set_target_properties(sigway_${name} PROPERTIES UNITY_BUILD_BATCH_SIZE 16)
    _sigway_link_later(sigway_${name} PUBLIC ${depends})
    _sigway_link_later(sigway_${name} PRIVATE ${private_depends})
  else()
    add_library(sigway_${name} INTERFACE)
    target_include_directories(sigway_${name} INTERFACE "${root}")
    _sigway_link_later(sigway_${name} INTERFACE ${depends} ${private_depends})
  endif()
  add_library(sigway::${name} ALIAS sigway_${name})
endfunction()

# Links once every folder has been read, so that a module that is not there yet is a warning, and
# an error only for those who build what needs it.
function(_sigway_link_later target visibility)
  foreach(dependency IN LISTS ARGN)
    cmake_language(EVAL CODE "
      cmake_language(DEFER DIRECTORY [[${PROJECT_SOURCE_DIR}]]
        CALL _sigway_link [[${target}]] [[${visibility}]] [[${dependency}]])")
  endforeach()
endfunction()

function(_sigway_link target visibility dependency)
  if(dependency MATCHES "::" AND NOT TARGET ${dependency})
    message(WARNING "${target}: there is no ${dependency} (yet)")
  else()
    target_link_libraries(${target} ${visibility} ${dependency})
  endif()
endfunction()
