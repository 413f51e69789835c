#include "binding/answers.h"

#include <utility>

namespace sigway::binding {

http::Response refusal(const dialects::Error& error) {
  const auto status = info(error.code).status;
  auto response = http::Response::json(status, to_json(error));
  response.set("Cache-Control", "no-store");
  if (status == 429 || status == 503) {
    response.set("Retry-After", "1");
    response.set("Access-Control-Expose-Headers",
                 "Retry-After");  // a page of another origin may read it
  }
  return response;
}

dialects::Error error_of(session::End reason) {
  using dialects::ErrorCode;
  switch (reason) {
    case session::End::full: return {.code = ErrorCode::full};
    case session::End::name_taken: return {.code = ErrorCode::name_taken};
    case session::End::draining: return {.code = ErrorCode::draining};
    case session::End::memory: return {.code = ErrorCode::overloaded};
    case session::End::rate_limited: return {.code = ErrorCode::rate_limited};
    default: return session::gone(reason);
  }
}

http::Response answer(base::Bytes json) {
  return http::Response::with_lines(
      200, "Content-Type: application/json\r\nCache-Control: no-store\r\n", std::move(json));
}

}  // namespace sigway::binding
