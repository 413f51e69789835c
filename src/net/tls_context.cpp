#include "net/tls_context.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "net/openssl_free.h"
#include "net/tls_stream.h"

namespace sigway::net {

namespace {

using Bio = std::unique_ptr<BIO, Free>;

Bio memory_bio(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The library's own words for its latest error, and an empty queue afterwards.
std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  std::string text = reason ? reason : "unknown error";
  ERR_clear_error();
  return text;
}

// We speak HTTP/1.1 alone. A client that offers h2 as well is told so; one that offers nothing we
// know is let through without ALPN.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr unsigned char kProtocols[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocols, sizeof kProtocols - 1, offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::optional<std::string> use_certificate(SSL_CTX* context, const TlsCertificate& certificate) {
  const Bio chain = memory_bio(certificate.chain_pem);
  const std::unique_ptr<X509, Free> leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return "The TLS certificate cannot be used: " + openssl_reason() + ".";
  }
  while (X509* issuer = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add0_chain_cert(context, issuer) != 1) X509_free(issuer);
  }
  ERR_clear_error();  // the end of the file counts as an error

  const Bio key_bio = memory_bio(certificate.key_pem);
  // No prompt for a passphrase: a server has nobody to ask.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  const std::unique_ptr<EVP_PKEY, Free> key(
      PEM_read_bio_PrivateKey(key_bio.get(), nullptr, no_password, nullptr));
  if (!key) return "The TLS key cannot be read: " + openssl_reason() + ".";
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return "The TLS key does not belong to the certificate: " + openssl_reason() + ".";
  }
  return std::nullopt;
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return std::nullopt;
  return text;
}

}  // namespace

std::optional<std::string> TlsContext::load_files(const std::string& certificate_path,
                                                  const std::string& key_path) {
  auto chain = read_file(certificate_path);
  if (!chain) return "Cannot read the TLS certificate " + certificate_path + ".";
  auto key = read_file(key_path);
  if (!key) return "Cannot read the TLS key " + key_path + ".";
  return load({std::move(*chain), std::move(*key)});
}

std::optional<std::string> TlsContext::load(const TlsCertificate& certificate) {
  ERR_clear_error();
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return "OpenSSL cannot make a TLS context: " + openssl_reason() + ".";
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Without renegotiation reading needs to write only for a key update. A peer can still make us
  // work, by records without data: the stream bounds them. A peer that closes without close_notify
  // has closed; HTTP and WebSocket have ends of their own.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_IGNORE_UNEXPECTED_EOF |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  // RELEASE_BUFFERS: an idle connection holds none. The write modes are what a queue needs.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  if (auto error = use_certificate(context.get(), certificate)) return error;

  const std::lock_guard lock(mutex_);
  context_ = context;
  return std::nullopt;
}

std::shared_ptr<SSL_CTX> TlsContext::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

std::unique_ptr<Stream> TlsContext::make_stream(int descriptor) const {
  const auto context = current();
  // The stream's SSL object counts a reference of its own on the context.
  return context ? make_tls_stream(context.get(), descriptor) : nullptr;
}

}  // namespace sigway::net
