target_link_libraries(unit_client PRIVATE sigway_test_support)
target_include_directories(unit_client PRIVATE "${CMAKE_CURRENT_LIST_DIR}")
target_compile_definitions(unit_client PRIVATE
  SIGWAY_CLIENT_CASES="${PROJECT_SOURCE_DIR}/tests/client/cases"
  SIGWAY_CLIENT_LESSONS="${PROJECT_SOURCE_DIR}/tests/client/lessons")
