#include "doctor/http.h"

#include <algorithm>
#include <utility>

namespace sigway::doctor {
namespace {

constexpr std::size_t kMostAnswer = 4U << 20U;  // of somebody else's answer
constexpr std::chrono::seconds kConnect{6};

using Problem = client::HttpClient::Problem;

}  // namespace

Http::Http(const client::Endpoint& endpoint) : endpoint_(endpoint) {}
Http::~Http() = default;

std::unique_ptr<client::HttpClient> Http::take(bool fresh) {
  {
    const std::lock_guard lock(mutex_);
    // A network may serve so few connections that one which is kept would be in the way.
    if (fresh) idle_.clear();
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  // gzip, as browsers ask for it: a compressor on the way is to show itself.
  return std::make_unique<client::HttpClient>(
      endpoint_, client::HttpClient::Options{.connect = kConnect, .verify = false, .gunzip = true});
}

Answer Http::send(const Request& request) {
  Answer answer;
  client::HttpClient::Request out;
  out.method = request.method;
  out.path = request.path;
  out.body = request.body;
  out.headers = request.headers;
  if (out.method != "GET" && std::none_of(out.headers.begin(), out.headers.end(), [](auto& header) {
        return client::lower(header.first) == "content-type";
      }))
    out.headers.emplace_back("Content-Type", "text/plain");
  out.silence = request.timeout;
  out.on_head = [&](const client::HttpClient::Head& head) {
    answer.status = head.status;
    for (const auto& [name, value] : head.headers) answer.headers.emplace(name, value);
    if (request.on_head) request.on_head(answer);
  };
  out.on_data = [&](std::string_view bytes) {
    if (request.on_data && answer.status == 200) {
      request.on_data(bytes.data(), bytes.size());
    } else {
      answer.body.append(bytes);
    }
    return answer.body.size() <= kMostAnswer;
  };
  auto connection = take(request.fresh);
  client::HttpCall call;
  const auto outcome = connection->exchange(out, call);
  if (outcome.problem == Problem::none) {
    answer.complete = true;
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
    return answer;
  }
  answer.problem = client::phrase(outcome.problem);
  answer.timed_out =
      outcome.problem == Problem::connect_time || outcome.problem == Problem::silence;
  if (answer.timed_out) {
    // What killed this connection may have killed those that are kept.
    const std::lock_guard lock(mutex_);
    idle_.clear();
  }
  return answer;
}

}  // namespace sigway::doctor
