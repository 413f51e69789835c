# The TLS half of the raw-socket tests is a client made with OpenSSL itself.
target_link_libraries(unit_server PRIVATE OpenSSL::SSL OpenSSL::Crypto)
# Several shards and their clients: also under the thread sanitizer.
sigway_test_properties(unit_server "unit;threads" 120)
