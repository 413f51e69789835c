#include "base/scratch.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

using sigway::base::Scratch;

TEST_CASE("a scratch list begins empty, and keeps its memory for the next use") {
  Scratch<std::string> scratch;
  const std::string* place = nullptr;
  {
    auto list = scratch.take();
    CHECK(list->empty());
    list->push_back("one");
    list->push_back("two");
    place = list->data();
  }
  auto list = scratch.take();
  CHECK(list->empty());
  list->push_back("three");
  CHECK(list->data() == place);
}

TEST_CASE("what was in a scratch list is destroyed with the use, and uses may nest") {
  Scratch<std::shared_ptr<int>> scratch;
  const auto held = std::make_shared<int>(1);
  {
    auto outer = scratch.take();
    outer->push_back(held);
    {
      auto inner = scratch.take();
      CHECK(inner->empty());
      inner->push_back(held);
      CHECK(held.use_count() == 3);
    }
    CHECK(held.use_count() == 2);
    CHECK(outer->front() == held);
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE("of a large scratch list nothing is kept") {
  Scratch<char> scratch;
  scratch.take()->resize(Scratch<char>::kMostKept + 1);
  CHECK(scratch.take()->capacity() == 0);
  scratch.take()->resize(100);
  CHECK(scratch.take()->capacity() != 0);
}
