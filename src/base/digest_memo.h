#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/keyed_hash.h"

namespace sigway::base {

// The digest of the last text that was asked for. A connection whose requests all quote one key
// then computes the digest once, not with each request.
//
// The text is not kept, only its fingerprint under the process's secret. Without the secret nobody
// can find another text with that fingerprint. Whoever reads the memory of the process could, but
// such a text passes only on the connection that has shown the text itself.
// Thread: one; a value.
class DigestMemo {
 public:
  using Digest = std::array<std::uint8_t, 32>;

  // What `digest_of(text)` returns, which must depend on nothing but `text`.
  template <class DigestOf>
  const Digest& digest(std::string_view text, DigestOf digest_of) {
    const Fingerprint asked = fingerprint(text);
    if (!is_set_ || !is_same(asked, fingerprint_)) {
      digest_ = std::move(digest_of)(text);
      fingerprint_ = asked;
      is_set_ = true;
    }
    return digest_;
  }

 private:
  // All words are compared, so the time does not tell where the first difference is.
  static bool is_same(const Fingerprint& a, const Fingerprint& b) noexcept {
    return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
  }

  Fingerprint fingerprint_{};
  Digest digest_{};
  bool is_set_ = false;
};

}  // namespace sigway::base
