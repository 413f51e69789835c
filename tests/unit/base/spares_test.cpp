#include "base/spares.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

using sigway::base::Spares;

TEST_CASE("the memory of an emptied list goes to whoever fills one next") {
  Spares<int, 2, 8> spares;
  std::vector<int> one;
  spares.lend(one);  // there is none yet
  CHECK(one.capacity() == 0);
  one.push_back(1);
  const auto* const place = one.data();
  spares.take_back(one);
  CHECK(one.capacity() == 0);

  std::vector<int> other;
  spares.lend(other);
  CHECK(other.empty());
  other.push_back(2);
  CHECK(other.data() == place);
}

TEST_CASE("a list that has memory, also one with something in it, keeps it") {
  Spares<int, 2, 8> spares;
  std::vector<int> spare{1};
  spares.take_back(spare);
  std::vector<int> list{7, 8};
  const auto* const place = list.data();
  spares.lend(list);
  CHECK(list == std::vector<int>{7, 8});
  CHECK(list.data() == place);
}

TEST_CASE("what was in a list is destroyed when its memory goes back") {
  Spares<std::shared_ptr<int>, 2, 8> spares;
  const auto held = std::make_shared<int>(1);
  std::vector<std::shared_ptr<int>> list{held, held};
  spares.take_back(list);
  CHECK(held.use_count() == 1);
}

TEST_CASE("of large lists, and beyond so many, nothing is kept") {
  Spares<int, 1, 8> spares;
  std::vector<int> large(9);
  spares.take_back(large);
  CHECK(large.capacity() == 0);
  std::vector<int> list;
  spares.lend(list);
  CHECK(list.capacity() == 0);

  std::vector<int> first(2);
  std::vector<int> second(4);
  spares.take_back(first);
  spares.take_back(second);
  CHECK(second.capacity() == 0);
  spares.lend(list);
  CHECK(list.capacity() == 2);
  spares.lend(first);
  CHECK(first.capacity() == 0);
}
