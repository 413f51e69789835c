#include "base/keyed_hash.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

using namespace sigway::base;  // NOLINT(google-build-using-namespace)

namespace {

// libstdc++'s std::hash of a text of whole 8-byte words (MurmurHash64A with a seed that never
// changes). Every step can be undone, so that a client can choose texts that collide.
constexpr std::uint64_t kMul = 0xc6a4a7935bd1e995U, kSeed = 0xc70f6907U;

std::uint64_t inverse(std::uint64_t odd) {
  std::uint64_t result = odd;
  for (int i = 0; i < 6; ++i) result *= 2 - odd * result;
  return result;
}

// A text of 16 bytes whose first word is `first` and whose std::hash is the same for each `first`.
std::string colliding(std::uint64_t first) {
  const auto mix = [](std::uint64_t word) {
    word *= kMul;
    return (word ^ word >> 47U) * kMul;
  };
  std::uint64_t state = (kSeed ^ 16 * kMul) ^ mix(first);
  state *= kMul;
  // The state that all texts are to have before the last step, less what this one has now.
  std::uint64_t word = (0x0123456789abcdefU ^ state) * inverse(kMul);
  word = (word ^ word >> 47U) * inverse(kMul);
  std::string text(16, '\0');
  std::memcpy(text.data(), &first, 8);
  std::memcpy(text.data() + 8, &word, 8);
  return text;
}

template <typename Hash>
std::size_t longest_bucket(const std::vector<std::string>& keys) {
  std::unordered_map<std::string, int, Hash, std::equal_to<>> map;
  for (const auto& key : keys) map.emplace(key, 0);
  std::size_t longest = 0;
  for (std::size_t i = 0; i < map.bucket_count(); ++i)
    longest = std::max(longest, map.bucket_size(i));
  return longest;
}

}  // namespace

TEST_CASE("SipHash-2-4: the vectors of its authors") {
  HashSecret secret{};
  for (unsigned char i = 0; i < secret.size(); ++i) secret[i] = i;
  CHECK(keyed_hash("", secret) == 0x726fdb47dd0e0e31U);
  const std::string text{"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e", 15};
  CHECK(keyed_hash(text, secret) == 0xa129ca6149be45e5U);
}

TEST_CASE("the process has a secret, and everything depends on it") {
  CHECK(process_secret() != HashSecret{});
  CHECK(keyed_hash("room") == keyed_hash("room", process_secret()));
  CHECK(keyed_hash("room") != keyed_hash("room", HashSecret{}));
  CHECK(KeyedHash{}("room") == keyed_hash("room"));
}

TEST_CASE("texts chosen to collide do not collide in a keyed table") {
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < 2000; ++i) keys.push_back(colliding(i));
#ifdef __GLIBCXX__
  CHECK_MESSAGE(longest_bucket<std::hash<std::string>>(keys) == keys.size(), "they do collide");
#endif
  CHECK(longest_bucket<KeyedHash>(keys) < 16);
}

TEST_CASE("a keyed table finds by string_view, and may be searched without a copy") {
  KeyedMap<int> map;
  map["room"] = 1;
  CHECK(map.find(std::string_view("room"))->second == 1);
  CHECK(std::is_same_v<KeyedMap<int>::hasher, KeyedHash>);
}
