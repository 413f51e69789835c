#include "base/bytes.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

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

TEST_CASE("bytes are no larger than text and what tells the kinds apart") {
  CHECK(sizeof(Bytes) == sizeof(std::string) + sizeof(void*));
}
