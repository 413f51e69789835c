#include "client/http_link.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <utility>

#include "client/http_client.h"

namespace sigway::client {
namespace {

constexpr std::size_t kLongestAnswer = std::size_t{8} << 20U;
constexpr std::size_t kIdle = 1;  // connections that are kept, beside those in use
// The engine has shorter deadlines, by which it cancels; these are for when something went wrong.
constexpr std::chrono::seconds kConnect{30}, kRead{900}, kWrite{60};

HttpAnswer answer_of(const httplib::Response& response) {
  HttpAnswer answer;
  answer.status = response.status;
  answer.content_type = lower(response.get_header_value("Content-Type"));
  const auto retry = response.get_header_value("Retry-After");
  unsigned seconds = 0;
  if (std::from_chars(retry.data(), retry.data() + retry.size(), seconds).ec == std::errc{})
    answer.retry_after = std::chrono::seconds(std::min(seconds, 3600U));
  return answer;
}

std::string problem_of(httplib::Error error, const Endpoint& endpoint) {
  const auto via = endpoint.proxy ? "the proxy " + endpoint.proxy->host + ':' +
                                        std::to_string(endpoint.proxy->port)
                                  : endpoint.url.host + ':' + std::to_string(endpoint.url.port);
  switch (error) {
    case httplib::Error::Connection: return "no connection to " + via;
    case httplib::Error::ConnectionTimeout: return "no connection to " + via + " in time";
    case httplib::Error::SSLConnection: return "no TLS handshake with " + via;
    case httplib::Error::SSLLoadingCerts: return "the certificates of the CA file cannot be read";
    case httplib::Error::SSLServerVerification: return "the certificate is not trusted";
    case httplib::Error::Read: return "the connection was cut before the answer was whole";
    case httplib::Error::Write: return "the connection was cut before the request was whole";
    default: return "the request failed";
  }
}

}  // namespace

HttpCall::~HttpCall() {
  if (descriptor_ >= 0) close(descriptor_);
}

void HttpCall::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (descriptor_ >= 0) shutdown(descriptor_, SHUT_RDWR);
}

bool HttpCall::cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

void HttpCall::uses(int descriptor) {
  const std::lock_guard lock(mutex_);
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (!cancelled_) return;
  if (descriptor_ >= 0) shutdown(descriptor_, SHUT_RDWR);
  // What is not connected yet cannot be shut down: it becomes something that cannot be connected.
  std::array<int, 2> pair{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) return;
  dup3(pair[0], descriptor, O_CLOEXEC);
  close(pair[0]);
  close(pair[1]);
}

struct HttpLink::Connection {
  explicit Connection(const Endpoint& endpoint) : client(make_http_client(endpoint)) {
    client->set_connection_timeout(kConnect);
    client->set_read_timeout(kRead);
    client->set_write_timeout(kWrite);
    client->set_socket_options([this](int descriptor) {
      fcntl(descriptor, F_SETFD, FD_CLOEXEC);
      if (call != nullptr) call->uses(descriptor);
    });
    if (endpoint.insecure) client->enable_server_certificate_verification(false);
    if (!endpoint.ca_file.empty()) client->set_ca_cert_path(endpoint.ca_file);
  }

  const std::unique_ptr<httplib::Client> client;
  HttpCall* call = nullptr;
};

HttpLink::HttpLink(const Endpoint& endpoint) : endpoint_(endpoint) {}
HttpLink::~HttpLink() = default;

std::unique_ptr<HttpLink::Connection> HttpLink::take() {
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

void HttpLink::give_back(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  connection->call = nullptr;
  if (idle_.size() < kIdle) idle_.push_back(std::move(connection));
}

HttpAnswer HttpLink::post(HttpCall& call, const std::string& path, const std::string& body,
                          const std::function<void(HttpAnswer)>& head,
                          const std::function<void(std::string)>& data,
                          const std::function<void()>& some) {
  auto connection = take();
  for (bool again = true;; again = false) {
    bool answered = false;
    httplib::Request request;
    request.method = "POST";
    request.path = endpoint_.url.path + path;
    request.body = body;
    // "identity": what is compressed on the way may be held back for it.
    request.headers = {{"Content-Type", "text/plain"}, {"Accept-Encoding", "identity"}};
    // Some virus scanners hold back a stream that was not asked for by its name.
    if (head) request.headers.emplace("Accept", "text/event-stream");
    HttpAnswer answer;
    request.response_handler = [&](const httplib::Response& response) {
      answered = true;
      answer = answer_of(response);
      if (head && answer.status == 200) head(answer);
      return !call.cancelled();
    };
    request.content_receiver = [&](const char* bytes, std::size_t size, std::uint64_t,
                                   std::uint64_t) {
      if (data && answer.status == 200) {
        data(std::string(bytes, size));
      } else {
        answer.body.append(bytes, size);
        if (some) some();
      }
      return answer.body.size() <= kLongestAnswer && !call.cancelled();
    };
    const bool reused = connection->client->is_socket_open() != 0;
    connection->call = &call;
    if (reused) call.uses(connection->client->socket());
    httplib::Response response;
    auto error = httplib::Error::Success;
    const bool good = !call.cancelled() && connection->client->send(request, response, error);
    if (good) {
      if (!answered) answer = answer_of(response);  // 204 has no body, and calls nobody
      give_back(std::move(connection));
      return answer;
    }
    connection->call = nullptr;
    // A connection that was kept may have been closed meanwhile; any request may be repeated.
    if (again && reused && !answered && !call.cancelled()) continue;
    HttpAnswer none;
    if (head && answered && answer.status == 200) {
      none = answer;  // a stream that was cut
    } else {
      none.problem = problem_of(error, endpoint_);
    }
    return none;
  }
}

}  // namespace sigway::client
