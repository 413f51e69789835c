#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

namespace sigway::micro {

/// How often operator new has been called.
std::uint64_t allocations() noexcept;

/// Shows the allocations of one iteration, counted over the lifetime of this object.
class CountAllocations {
 public:
  explicit CountAllocations(benchmark::State& state) : state_(state), before_(allocations()) {}
  CountAllocations(const CountAllocations&) = delete;
  CountAllocations& operator=(const CountAllocations&) = delete;
  ~CountAllocations() {
    const auto count = static_cast<double>(allocations() - before_);
    state_.counters["allocations"] = benchmark::Counter(count, benchmark::Counter::kAvgIterations);
  }

 private:
  benchmark::State& state_;
  std::uint64_t before_;
};

}  // namespace sigway::micro
