#include "session/key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <tuple>
#include <vector>

#include "base/keyed_hash.h"

namespace sigway::session {
namespace {

constexpr std::size_t kLongestKey = 128;  // docs/protocol.md, "The request"
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";

void fill_random(std::uint8_t* bytes, std::size_t size) {
  // Without randomness no key is safe: there is nothing to go on with.
  if (RAND_bytes(bytes, static_cast<int>(size)) != 1) std::abort();
}

/// The top `bits` bits of each random byte pick a character; both alphabets' sizes are powers of
/// two, so none is favoured.
std::string random_text(std::string_view alphabet, std::size_t characters) {
  std::vector<std::uint8_t> random(characters);
  fill_random(random.data(), random.size());
  std::string text(characters, '\0');
  for (std::size_t i = 0; i < characters; ++i) text[i] = alphabet[random[i] % alphabet.size()];
  return text;
}

/// SHA-256 with one context a thread. EVP_Digest makes one for each call, and looks the method up.
void sha256(const char* text, std::size_t size, std::uint8_t* out) {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  thread_local const auto kContext = [] {
    std::unique_ptr<EVP_MD_CTX, Free> made(EVP_MD_CTX_new());
    if (!made || EVP_DigestInit_ex(made.get(), EVP_sha256(), nullptr) != 1) made.reset();
    return made;
  }();
  // No method: that of before, from the beginning.
  if (!kContext || EVP_DigestInit_ex(kContext.get(), nullptr, nullptr) != 1 ||
      EVP_DigestUpdate(kContext.get(), text, size) != 1 ||
      EVP_DigestFinal_ex(kContext.get(), out, nullptr) != 1)
    std::abort();
}

}  // namespace

KeyHash hash_key(std::string_view key) {
  const auto& secret = base::process_secret();
  const auto size = secret.size() + key.size();
  // On the stack where the key is one that the protocol allows: this runs for every request.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  std::array<char, std::tuple_size_v<base::HashSecret> + kLongestKey> small;
  std::string large;
  char* text = small.data();
  if (size > small.size()) {
    large.resize(size);
    text = large.data();
  }
  std::memcpy(text, secret.data(), secret.size());
  if (!key.empty()) std::memcpy(text + secret.size(), key.data(), key.size());
  KeyHash hash;
  sha256(text, size, hash.bytes.data());
  return hash;
}

KeyHash hash_key(std::string_view key, base::DigestMemo& memo) {
  return {memo.digest(key, [](std::string_view text) { return hash_key(text).bytes; })};
}

std::string make_key() { return random_text(kBase64Url, 43); }

std::string make_peer_id() { return random_text(kBase32, 10); }

std::string make_token(std::size_t bytes) { return random_text(kBase64Url, (bytes * 8 + 5) / 6); }

std::string make_uuid() {
  std::array<std::uint8_t, 16> bytes{};
  fill_random(bytes.data(), bytes.size());
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0FU) | 0x40U);  // the version
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3FU) | 0x80U);  // the variant
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[bytes[i] >> 4U];
    text += kHex[bytes[i] & 0x0FU];
  }
  return text;
}

bool equal_secret(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace sigway::session
