#include "base/bytes.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

using sigway::base::Bytes;

TEST_CASE("borrowed bytes keep their owner alive and are not counted; the others are") {
  auto owner = std::make_shared<const std::string>("borrowed text");
  const std::weak_ptr<const std::string> watch = owner;
  {
    const auto bytes = Bytes::borrowed(owner, std::string_view(*owner).substr(0, 8));
    owner.reset();
    CHECK(bytes.view() == "borrowed");
    CHECK(bytes.size() == 8);
    CHECK(bytes.counted_size() == 0);
    const Bytes copy = bytes;  // NOLINT(performance-unnecessary-copy-initialization): on purpose
    CHECK(copy.view().data() == bytes.view().data());
    CHECK_FALSE(watch.expired());
  }
  CHECK(watch.expired());
  CHECK(Bytes::of_static("text").counted_size() == 0);
  CHECK(Bytes(std::string("text")).counted_size() == 4);
  CHECK(Bytes(std::make_shared<const std::string>("text")).counted_size() == 4);
  CHECK(Bytes().counted_size() == 0);
}

TEST_CASE("a few bytes are put before owned ones that have room for them, and before no others") {
  std::string text = "a text that is too long to be held inside";
  text.reserve(text.size() + 3);
  const char* const place = text.data();
  Bytes bytes(std::move(text));
  CHECK(bytes.prepend_short("abc"));
  CHECK(bytes.view() == "abca text that is too long to be held inside");
  CHECK(bytes.view().data() == place);
  CHECK_FALSE(bytes.prepend_short(std::string(200, 'x')));
  CHECK_FALSE(Bytes::of_static("static").prepend_short("abc"));
  CHECK_FALSE(Bytes(std::make_shared<const std::string>("shared")).prepend_short("abc"));
  CHECK(bytes.view() == "abca text that is too long to be held inside");
}

TEST_CASE("bytes are no larger than text and what tells the kinds apart") {
  CHECK(sizeof(Bytes) == sizeof(std::string) + sizeof(void*));
}
