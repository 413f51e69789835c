# The clients of tls_stream_test.cpp are made with OpenSSL itself.
target_link_libraries(unit_net PRIVATE OpenSSL::SSL OpenSSL::Crypto)
