#include "base/keyed_hash.h"

#include <sodium/crypto_shorthash_siphash24.h>
#include <sys/random.h>

#include <cstdlib>

namespace sigway::base {
namespace {

static_assert(sizeof(HashSecret) == crypto_shorthash_siphash24_KEYBYTES);
static_assert(sizeof(std::uint64_t) == crypto_shorthash_siphash24_BYTES);
static_assert(sizeof(HashSecret) == crypto_shorthash_siphashx24_KEYBYTES);
static_assert(sizeof(Fingerprint) == crypto_shorthash_siphashx24_BYTES);

HashSecret make_secret() noexcept {
  HashSecret secret{};
  // Without a secret every table is open to chosen collisions: there is nothing to go on with.
  // Up to 256 bytes come whole (getrandom(2)).
  if (getrandom(secret.data(), secret.size(), 0) != ssize_t{secret.size()}) std::abort();
  return secret;
}

// Made before `main`, so that the hot path needs no check whether it exists.
const HashSecret kProcessSecret = make_secret();

}  // namespace

const HashSecret& process_secret() noexcept { return kProcessSecret; }

std::uint64_t keyed_hash(std::string_view bytes, const HashSecret& secret) noexcept {
  std::uint64_t hash = 0;
  crypto_shorthash_siphash24(reinterpret_cast<unsigned char*>(&hash),
                             reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                             secret.data());
  return hash;
}

std::uint64_t keyed_hash(std::string_view bytes) noexcept {
  return keyed_hash(bytes, kProcessSecret);
}

Fingerprint fingerprint(std::string_view bytes) noexcept {
  Fingerprint result{};
  crypto_shorthash_siphashx24(reinterpret_cast<unsigned char*>(result.data()),
                              reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                              kProcessSecret.data());
  return result;
}

}  // namespace sigway::base
