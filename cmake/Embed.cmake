# sigway_embed(NAME FOLDER [FILES file...]): target sigway_NAME, alias sigway::NAME, whose
# `NAME/embedded.h` lists every file of FOLDER, or those of FILES that are there (see
# cmake/embedded.h.in). A changed file is embedded again by the build; a new or removed one makes it
# configure again first. An absent or empty folder gives an empty table.
function(sigway_embed name folder)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "FILES")
  if(arg_FILES)
    list(TRANSFORM arg_FILES PREPEND "${folder}/")
    file(GLOB files CONFIGURE_DEPENDS RELATIVE "${folder}" ${arg_FILES})
  else()
    file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE "${folder}" "${folder}/*")
    list(FILTER files EXCLUDE REGEX "(^|/)(\\.|CMakeLists\\.txt$|README\\.md$|node_modules/|client/dist/)")
  endif()
  list(SORT files)

  set(inputs "${files}")
  list(TRANSFORM inputs PREPEND "${folder}/")
  set(generated "${PROJECT_BINARY_DIR}/generated/${name}_embedded.cpp")
  set(list_file "${PROJECT_BINARY_DIR}/generated/${name}_embedded.txt")
  # Written only when the set of files changes, so it is also the dependency for a removed file.
  string(REPLACE ";" "\n" lines "${files}")
  file(CONFIGURE OUTPUT "${list_file}" CONTENT "${lines}\n" @ONLY)

  add_custom_command(
    OUTPUT "${generated}"
    COMMAND "${CMAKE_COMMAND}" "-DFOLDER=${folder}" "-DLIST=${list_file}" "-DOUTPUT=${generated}"
            "-DNAME=${name}" -P "${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake"
    DEPENDS ${inputs} "${list_file}" "${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake"
    COMMENT "Embedding ${name}"
    VERBATIM)

  set(root "${PROJECT_BINARY_DIR}/include-roots/${name}")
  file(MAKE_DIRECTORY "${root}/${name}")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/embedded.h.in" "${root}/${name}/embedded.h" @ONLY)
  add_library(sigway_${name} STATIC "${generated}")
  # A whole file is one literal, which -Wpedantic finds too long to be portable.
  set_source_files_properties("${generated}" PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings)
  target_include_directories(sigway_${name} PUBLIC "${root}")
  target_link_libraries(sigway_${name} PRIVATE sigway_options)
  add_library(sigway::${name} ALIAS sigway_${name})
endfunction()
