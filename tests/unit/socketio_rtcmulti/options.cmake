# registry_allocation_test.cpp lets single allocations fail. operator new and delete must not be judged with their callers.
target_sources(unit_socketio_rtcmulti PRIVATE "${PROJECT_SOURCE_DIR}/tests/allocation/failing_new.cpp")
set_source_files_properties("${PROJECT_SOURCE_DIR}/tests/allocation/failing_new.cpp" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
target_include_directories(unit_socketio_rtcmulti PRIVATE "${PROJECT_SOURCE_DIR}/tests")
