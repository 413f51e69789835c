# The TLS half of the raw-socket tests is a client made with OpenSSL itself.
target_link_libraries(unit_server PRIVATE OpenSSL::SSL OpenSSL::Crypto)
