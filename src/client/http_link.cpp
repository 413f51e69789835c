#include "client/http_link.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "client/failure.h"
#include "client/json.h"

namespace sigway::client {
namespace {

constexpr std::size_t kLongestAnswer = std::size_t{8} << 20U;
constexpr unsigned kLongestRetry = 3600;  // seconds
constexpr std::size_t kIdle = 1;          // connections that are kept, beside those in use
// Connection has shorter deadlines, by which it cancels; these are for when something went wrong.
constexpr std::chrono::seconds kConnect{30}, kSilence{900};

HttpAnswer answer_of(const HttpClient::Head& head) {
  HttpAnswer answer;
  answer.status = head.status;
  answer.content_type = lower(std::string(head.header("content-type")));
  const auto retry = head.header("retry-after");
  unsigned seconds = 0;
  const auto read = std::from_chars(retry.data(), retry.data() + retry.size(), seconds).ec;
  if (read == std::errc::result_out_of_range) seconds = kLongestRetry;
  answer.retry_after = std::chrono::seconds(std::min(seconds, kLongestRetry));
  return answer;
}

std::string where(const Endpoint& endpoint) {
  return endpoint.proxy
             ? "the proxy " + endpoint.proxy->host + ':' + std::to_string(endpoint.proxy->port)
             : endpoint.url.host + ':' + std::to_string(endpoint.url.port);
}

}  // namespace

HttpLink::HttpLink(const Endpoint& endpoint) : endpoint_(endpoint) {}
HttpLink::~HttpLink() = default;

std::unique_ptr<HttpClient> HttpLink::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto client = std::move(idle_.back());
      idle_.pop_back();
      return client;
    }
  }
  return std::make_unique<HttpClient>(
      endpoint_, HttpClient::Options{.connect = kConnect, .verify = !endpoint_.insecure});
}

void HttpLink::give_back(std::unique_ptr<HttpClient> client) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdle) idle_.push_back(std::move(client));
}

void HttpLink::forget_idle() {
  const std::lock_guard lock(mutex_);
  idle_.clear();
}

// What we send is UTF-8. Where the server gets something else, all goes in what no recoding
// changes.
HttpAnswer HttpLink::post(HttpCall& call, const std::string& path, const std::string& body,
                          const std::function<void(HttpAnswer)>& head,
                          const std::function<void(std::string)>& data,
                          const std::function<void(std::size_t)>& some) {
  const bool plain = ascii_ || is_ascii(body);
  auto answer = post_once(call, path, plain ? in_ascii(body) : body, head, data, some);
  if (plain || answer.status != 400 || failure_of(answer).code != "bad_utf8") return answer;
  ascii_ = true;
  return post_once(call, path, in_ascii(body), head, data, some);
}

HttpAnswer HttpLink::post_once(HttpCall& call, const std::string& path, std::string body,
                               const std::function<void(HttpAnswer)>& head,
                               const std::function<void(std::string)>& data,
                               const std::function<void(std::size_t)>& some) {
  HttpAnswer answer;
  HttpClient::Request request;
  request.path = endpoint_.url.path + path;
  request.body = std::move(body);
  // "identity": what is compressed on the way may be held back for it.
  request.headers = {{"Content-Type", "text/plain"}, {"Accept-Encoding", "identity"}};
  // Some virus scanners hold back a stream that was not asked for by its name.
  if (head) request.headers.emplace_back("Accept", "text/event-stream");
  request.silence = kSilence;
  request.on_head = [&](const HttpClient::Head& its) {
    answer = answer_of(its);
    if (head && answer.status == 200) head(answer);
  };
  request.on_data = [&](std::string_view bytes) {
    if (data && answer.status == 200) {
      data(std::string(bytes));
    } else {
      answer.body.append(bytes);
      if (some) some(bytes.size());
    }
    return answer.body.size() <= kLongestAnswer;
  };
  auto client = take();
  auto outcome = client->exchange(request, call);
  // A connection that was kept may have been closed meanwhile; any request may be repeated.
  if (outcome.problem != HttpClient::Problem::none && outcome.reused && !outcome.answered &&
      !call.cancelled()) {
    request.fresh = true;
    outcome = client->exchange(request, call);
  }
  if (outcome.problem == HttpClient::Problem::none) {
    give_back(std::move(client));
    return answer;
  }
  HttpAnswer none;
  if (head && answer.status == 200) {
    none = answer;  // a stream that was cut
  } else {
    none.problem = phrase(outcome.problem, where(endpoint_));
  }
  return none;
}

}  // namespace sigway::client
