#include "scenario/site.h"

#include <doctest/doctest.h>
#include <httplib.h>

#include <algorithm>
#include <cstdlib>

namespace sigway::testing {
namespace {

std::vector<std::string> complete(std::vector<std::string> arguments) {
  const auto given = [&](const char* flag) {
    return std::find(arguments.begin(), arguments.end(), flag) != arguments.end();
  };
  if (const char* const shards = std::getenv("SIGWAY_TEST_SHARDS"); !given("--shards"))
    arguments.insert(arguments.end(), {"--shards", shards != nullptr ? shards : "1"});
  if (Site::is_tls() && !given("--tls-cert")) arguments.push_back("--tls-self-signed");
  if (!given("--drain-time")) arguments.insert(arguments.end(), {"--drain-time", "0"});
  // A client that acknowledges nothing lives as long as its test, however long that takes.
  if (!given("--ack-deadline")) arguments.insert(arguments.end(), {"--ack-deadline", "10m"});
  return arguments;
}

Site::Answer read(const httplib::Result& result) {
  if (!result) return {};
  return {result->status,
          Json::parse(result->body, nullptr, false),
          result->body,
          {result->headers.begin(), result->headers.end()}};
}

}  // namespace

Site::Site(std::vector<std::string> arguments) : server_(complete(std::move(arguments))) {}

Site::~Site() {
  const auto problem = server_.stop();
  CHECK_MESSAGE(problem.empty(), "the server: " << problem);
}

bool Site::is_tls() {
  const char* const wanted = std::getenv("SIGWAY_TEST_TLS");
  return wanted != nullptr && std::string_view(wanted) == "1";
}

std::unique_ptr<Wire> Site::connect() const {
  return std::make_unique<Wire>(server_.port(), server_.is_tls());
}

Site::Answer Site::post(const std::string& path, const Json& body) const {
  return Uploader(*this).post(path, body.dump());
}

Site::Answer Site::get(const std::string& path) const { return Uploader(*this).get(path); }

long Site::metric(const std::string& name) const {
  const auto text = get("/metrics").text;
  const auto line = ("\n" + text).find("\n" + name + " ");
  REQUIRE(line != std::string::npos);
  return std::atol(text.c_str() + line + name.size() + 1);
}

Site::Uploader::Uploader(const Site& site)
    : client_(std::make_unique<httplib::Client>(site.server_.url())) {
  client_->enable_server_certificate_verification(false);
  client_->set_keep_alive(true);
  client_->set_tcp_nodelay(true);
  client_->set_read_timeout(kPatience);
}

Site::Uploader::~Uploader() = default;

Site::Answer Site::Uploader::post(const std::string& path, const std::string& body,
                                  const std::string& content_type) {
  return read(client_->Post(path, body, content_type));
}

Site::Answer Site::Uploader::get(const std::string& path) { return read(client_->Get(path)); }

}  // namespace sigway::testing
