#include "session/key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <vector>

namespace sigway::session {
namespace {

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

}  // namespace

KeyHash hash_key(std::string_view key) {
  KeyHash hash;
  if (EVP_Digest(key.data(), key.size(), hash.bytes.data(), nullptr, EVP_sha256(), nullptr) != 1)
    std::abort();
  return hash;
}

std::string make_key() { return random_text(kBase64Url, 43); }

std::string make_peer_id() { return random_text(kBase32, 10); }

std::string make_token(std::size_t bytes) { return random_text(kBase64Url, (bytes * 8 + 5) / 6); }

bool equal_secret(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace sigway::session
