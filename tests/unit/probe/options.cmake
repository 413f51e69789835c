# Sockets of probes are run on a shard, with the fixture of tests/unit/net.
target_include_directories(unit_probe PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/net")
