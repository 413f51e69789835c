#include "base/flow.h"

#include <doctest/doctest.h>

using sigway::base::Flow;

TEST_CASE("a flow counts what is on its way and what is queued") {
  Flow flow;
  CHECK(flow.room() == Flow::kQueue);
  CHECK(flow.unsent() == 0);
  flow.set_out(1000);
  CHECK(flow.room() == Flow::kQueue - 1000);
  flow.set_queued(1000);
  flow.arrived(1000);
  CHECK(flow.unsent() == 1000);
  flow.set_out(2 * Flow::kQueue);
  CHECK(flow.room() == 0);
}

TEST_CASE("a session that waits hears once that a flow has drained") {
  Flow flow;
  CHECK_FALSE(flow.drained());
  flow.set_queued(Flow::kQueue);
  CHECK(flow.room() == 0);
  CHECK(flow.drained());
  CHECK_FALSE(flow.drained());
  CHECK(flow.room() == Flow::kQueue);
  flow.set_queued(1);
  CHECK(flow.room() == Flow::kQueue - 1);
  CHECK_FALSE(flow.drained());
  flow.set_queued(1);
  CHECK(flow.unsent() == 1);
  CHECK(flow.drained());
}
