#include "base/digest_memo.h"

#include <doctest/doctest.h>

#include <string>

using namespace sigway::base;  // NOLINT(google-build-using-namespace)

namespace {

// Stands for a digest: the text's first bytes. Counts how often it is made.
struct Source {
  int made = 0;
  DigestMemo memo;

  std::string ask(std::string_view text) {
    const auto digest = memo.digest(text, [this](std::string_view of) {
      ++made;
      DigestMemo::Digest bytes{};
      of.copy(reinterpret_cast<char*>(bytes.data()), bytes.size());
      return bytes;
    });
    return reinterpret_cast<const char*>(digest.data());
  }
};

}  // namespace

TEST_CASE("a digest is made once while the same text is asked for") {
  Source source;
  for (int i = 0; i < 3; ++i) CHECK(source.ask("alice's key") == "alice's key");
  CHECK(source.made == 1);
}

TEST_CASE("texts that take turns get each its own digest") {
  Source source;
  for (int i = 0; i < 3; ++i) {
    CHECK(source.ask("alice's key") == "alice's key");
    CHECK(source.ask("bob's key") == "bob's key");
  }
  CHECK(source.made == 6);
}

TEST_CASE("a text that differs in one bit, or in length, is another one") {
  const std::string right(30, 'k');
  Source source;
  for (std::size_t i = 0; i < right.size(); ++i) {
    CHECK(source.ask(right) == right);
    auto wrong = right;
    wrong[i] ^= 1;
    CHECK(source.ask(wrong) == wrong);
  }
  CHECK(source.ask(right) == right);
  CHECK(source.ask(right + 'k') == right + 'k');
  CHECK(source.ask(right.substr(1)) == right.substr(1));
  CHECK(source.ask("").empty());
}

TEST_CASE("the first text is not taken for one that was remembered") {
  Source source;
  CHECK(source.ask("").empty());
  CHECK(source.made == 1);
}

TEST_CASE("fingerprints depend on every byte") {
  CHECK(fingerprint("a") == fingerprint("a"));
  CHECK(fingerprint("a") != fingerprint("b"));
  CHECK(fingerprint("a") != fingerprint(std::string_view("a\0", 2)));
  CHECK(fingerprint("") != Fingerprint{});
}
