#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/stream.h"

struct ssl_ctx_st;

namespace sigway::net {

// A certificate chain and its key in PEM form.
struct TlsCertificate {
  std::string chain_pem;
  std::string key_pem;
};

// Makes a self-signed certificate in memory (EC P-256, valid for 90 days from yesterday), for
// `localhost`, 127.0.0.1, ::1 and each of `addresses` (IP literals or names). Nothing is written to
// disk. Empty on failure of the library.
std::optional<TlsCertificate> make_self_signed(const std::vector<std::string>& addresses);

// The certificate that new TLS connections get, replaceable while the server runs. TLS 1.2 and 1.3.
// Thread: any; a connection keeps the certificate that it began with.
class TlsContext {
 public:
  // Each of these takes effect for connections accepted afterwards. On failure the old certificate
  // stays and the answer is a sentence that says what is wrong; empty means success.
  std::optional<std::string> load_files(const std::string& certificate_path,
                                        const std::string& key_path);
  std::optional<std::string> load(const TlsCertificate& certificate);

  // A server-side stream over a connected, non-blocking socket. Null when nothing was loaded yet.
  std::unique_ptr<Stream> make_stream(int descriptor) const;

 private:
  std::shared_ptr<ssl_ctx_st> current() const;

  mutable std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace sigway::net
