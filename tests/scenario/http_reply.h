#pragma once

#include <map>
#include <string>

#include "scenario/wire.h"

namespace sigway::testing {

/// Reads one HTTP/1.1 answer from a wire, as slowly as it comes: a stream's body can be read while
/// it grows. What follows the answer on the wire is lost.
class HttpReply {
 public:
  enum class State { head, body, complete, broken };

  /// Reads once, or until the deadline. False if nothing came, or nothing more will come.
  bool read(Wire& wire, Clock::time_point deadline);

  State state() const noexcept { return state_; }
  bool has_head() const noexcept { return status_ != 0; }
  int status() const noexcept { return status_; }
  /// The header of that name in lower case; empty if there is none.
  std::string header(const std::string& name) const;
  std::string& body() noexcept { return body_; }  ///< decoded; a stream's reader may take from it

 private:
  void parse();
  bool parse_head();
  void parse_chunks();

  State state_ = State::head;
  std::string raw_;
  int status_ = 0;
  std::map<std::string, std::string> headers_;
  std::string body_;
};

/// A request as a browser would send it: the body as text/plain.
std::string http_request(const std::string& method, const std::string& target,
                         const std::string& body, const std::string& more_headers = {});

}  // namespace sigway::testing
