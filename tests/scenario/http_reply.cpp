#include "scenario/http_reply.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace sigway::testing {

bool HttpReply::read(Wire& wire, Clock::time_point deadline) {
  if (state_ == State::complete || state_ == State::broken) return false;
  switch (wire.read(raw_, deadline)) {
    case Wire::Read::timeout: return false;
    case Wire::Read::end:
      // Without a length the end of the connection is the end of the body.
      state_ = state_ == State::body && header("content-length").empty() &&
                       header("transfer-encoding").empty()
                   ? State::complete
                   : State::broken;
      return false;
    case Wire::Read::data: parse(); return true;
  }
  return false;
}

std::string HttpReply::header(const std::string& name) const {
  const auto entry = headers_.find(name);
  return entry == headers_.end() ? std::string() : entry->second;
}

void HttpReply::parse() {
  if (state_ == State::head && !parse_head()) return;
  if (state_ == State::complete) return;
  if (header("transfer-encoding") == "chunked") return parse_chunks();
  body_ += raw_;
  raw_.clear();
  const auto length = header("content-length");
  if (!length.empty() && body_.size() >= std::strtoull(length.c_str(), nullptr, 10))
    state_ = State::complete;
}

bool HttpReply::parse_head() {
  const auto end = raw_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const auto head = raw_.substr(0, end + 2);
  raw_.erase(0, end + 4);
  auto line = head.find("\r\n") + 2;
  status_ = std::atoi(head.c_str() + head.find(' '));
  while (line < head.size()) {
    const auto stop = head.find("\r\n", line);
    const auto colon = head.find(':', line);
    auto name = head.substr(line, colon - line);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    const auto value = head.find_first_not_of(' ', colon + 1);
    headers_[name] = value < stop ? head.substr(value, stop - value) : std::string();
    line = stop + 2;
  }
  const bool bodiless = status_ == 204 || status_ == 304 || status_ == 101;
  state_ = bodiless ? State::complete : State::body;
  return true;
}

void HttpReply::parse_chunks() {
  for (;;) {
    const auto line = raw_.find("\r\n");
    if (line == std::string::npos) return;
    const auto size = std::strtoull(raw_.c_str(), nullptr, 16);
    if (raw_.size() < line + 2 + size + 2) return;
    body_.append(raw_, line + 2, size);
    raw_.erase(0, line + 2 + size + 2);
    if (size == 0) {
      state_ = State::complete;
      return;
    }
  }
}

std::string http_request(const std::string& method, const std::string& target,
                         const std::string& body, const std::string& more_headers) {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + more_headers;
  if (method == "POST") {
    text +=
        "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n";
  }
  return text + "\r\n" + body;
}

}  // namespace sigway::testing
