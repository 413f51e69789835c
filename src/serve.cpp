#include "serve.h"

#include <malloc.h>
#include <sys/resource.h>

#include <cstdio>
#include <utility>
#include <variant>

#include "gateway.h"
#include "ops/log.h"

namespace sigway {
namespace {

constexpr int kUsageError = 2;

// Each thread's arena of glibc takes 64 MiB of addresses. Where they are limited and run out,
// malloc maps a page for each object instead, and the loop crawls.
void save_addresses() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  mallopt(M_ARENA_MAX, 1);  // NOLINT(concurrency-mt-unsafe): there is one thread yet
}

int serve_with(ops::Config config) {
  save_addresses();
  ops::set_log_level(config.log_level);
  Gateway gateway{std::move(config)};
  if (const auto error = gateway.start()) {
    std::fprintf(stderr, "sigway: %s\n", error->c_str());
    return 1;
  }
  // The main port's line comes first: scripts wait for it and read the address from it. One line
  // for each port of --listen follows, and nothing else on standard output.
  for (const auto& [url, dialect] : gateway.ports()) {
    const std::string note = dialect.empty() ? "" : " (" + dialect + ")";
    std::printf("sigway listening on %s%s\n", url.c_str(), note.c_str());
  }
  std::fflush(stdout);
  return gateway.run();
}

}  // namespace

int serve(const std::vector<std::string>& arguments, const ops::Program& program) {
  auto loaded = ops::load_config(arguments, ops::process_environment(), program);
  if (const auto* const text = std::get_if<ops::ConfigText>(&loaded)) {
    std::fputs(text->text.c_str(), stdout);
    return 0;
  }
  if (const auto* const error = std::get_if<ops::ConfigError>(&loaded)) {
    std::fprintf(stderr, "sigway: %s\n", error->message.c_str());
    return kUsageError;
  }
  return serve_with(std::get<ops::Config>(std::move(loaded)));
}

}  // namespace sigway
