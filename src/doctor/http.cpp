#include "doctor/http.h"

#include <utility>

#include "client/http_client.h"

namespace sigway::doctor {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostAnswer = 4U << 20U;  // of somebody else's answer
constexpr std::chrono::seconds kConnect{6};
constexpr std::chrono::seconds kWrite{30};

void take_head(Answer& answer, const httplib::Response& response) {
  answer.status = response.status;
  for (const auto& [name, value] : response.headers)
    answer.headers.emplace(client::lower(name), value);
}

const char* problem_of(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection: return "no connection";
    case httplib::Error::ConnectionTimeout: return "no connection in time";
    case httplib::Error::SSLConnection: return "no TLS handshake";
    case httplib::Error::Read: return "the connection was cut before the answer was whole";
    case httplib::Error::Write: return "the connection was cut before the request was whole";
    default: return "the request failed";
  }
}

}  // namespace

struct Http::Connection {
  explicit Connection(const client::Endpoint& endpoint)
      : client(client::make_http_client(endpoint)) {
    client->set_connection_timeout(kConnect);
    client->set_write_timeout(kWrite);
    client->enable_server_certificate_verification(false);
  }
  const std::unique_ptr<httplib::Client> client;
};

Http::Http(const client::Endpoint& endpoint) : endpoint_(endpoint) {}
Http::~Http() = default;

std::unique_ptr<Http::Connection> Http::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  return std::make_unique<Connection>(endpoint_);
}

Answer Http::send(const Request& request) {
  auto connection = take();
  Answer answer;
  httplib::Request out;
  out.method = request.method;
  out.path = request.path;
  out.body = request.body;
  // gzip, as browsers ask for it: a compressor on the way is to show itself.
  out.headers.emplace("Accept-Encoding", "gzip");
  for (const auto& [name, value] : request.headers) out.headers.emplace(name, value);
  const auto began = std::chrono::steady_clock::now();
  out.response_handler = [&](const httplib::Response& response) {
    take_head(answer, response);
    if (request.on_head) request.on_head(answer);
    return true;
  };
  out.content_receiver = [&](const char* bytes, std::size_t size, std::uint64_t, std::uint64_t) {
    if (request.on_data && answer.status == 200) {
      request.on_data(bytes, size);
    } else {
      answer.body.append(bytes, size);
    }
    return answer.body.size() <= kMostAnswer;
  };
  connection->client->set_read_timeout(request.timeout);
  httplib::Response response;
  auto error = httplib::Error::Success;
  answer.complete = connection->client->send(out, response, error);
  if (answer.complete) {
    if (answer.status == 0) take_head(answer, response);  // no body, so nobody was called
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
    return answer;
  }
  answer.problem = problem_of(error);
  const auto took = std::chrono::steady_clock::now() - began;
  answer.timed_out = error == httplib::Error::ConnectionTimeout ||
                     (error == httplib::Error::Read && took >= request.timeout);
  return answer;
}

}  // namespace sigway::doctor
