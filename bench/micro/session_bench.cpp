// What keeps and spreads events: outbox, publish. The allocations of publish include those of the
// recorders that stand for connections.
#include <benchmark/benchmark.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "allocations.h"
#include "samples.h"
#include "session/outbox.h"
#include "support/account.h"
#include "support/plain_client.h"
#include "y_webrtc/y_webrtc.h"

namespace sigway::micro {
namespace {

void outbox(benchmark::State& state) {
  testing::Account account(1U << 30U);
  session::Outbox::Spares spares;
  session::Outbox outbox(account.holder, 4U << 20U, spares);
  const auto event =
      std::make_shared<const dialects::Frame>(dialects::Frame{std::string(1280, 'x')});
  const CountAllocations count(state);
  for (auto _ : state) {
    if (outbox.push(event, 1) != session::SendStatus::sent) throw std::logic_error("not sent");
    outbox.mark_written(outbox.last());
    outbox.acknowledge(outbox.last());
  }
}
BENCHMARK(outbox);

/// To so many subscribers of a topic.
void publish(benchmark::State& state) {
  testing::World world;
  std::vector<std::unique_ptr<testing::PlainClient>> clients;
  std::vector<std::shared_ptr<testing::FrameLog>> logs;
  for (std::int64_t i = 0; i <= state.range(0); ++i) {
    clients.push_back(std::make_unique<testing::PlainClient>(world, dialects::y_webrtc::protocol(),
                                                             "client-" + std::to_string(i),
                                                             dialects::plain::kSocket));
    logs.push_back(clients.back()->attach());
    if (i > 0) clients.back()->say(R"({"type":"subscribe","topics":["t"]})");
  }
  const auto text = R"({"type":"publish","topic":"t","payload":)" + payload() + "}";
  const CountAllocations count(state);
  for (auto _ : state) {
    clients[0]->say(text);
    state.PauseTiming();
    world.advance(std::chrono::milliseconds(10));  // else it is too many messages a second
    for (auto& log : logs) {
      if (log != logs[0] && log->frames.size() != 1) throw std::logic_error("not delivered");
      log->frames.clear();
      log->numbers.clear();
    }
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(publish)->Arg(1)->Arg(20);

}  // namespace
}  // namespace sigway::micro
