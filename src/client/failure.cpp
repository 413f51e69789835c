#include "client/failure.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "client/json.h"

namespace sigway::client {
namespace {

constexpr std::array<std::string_view, 8> kReset{"gone",          "restarted", "unknown_key",
                                                 "bad_cursor",    "timeout",   "no_ack",
                                                 "slow_consumer", "memory"};
constexpr std::array<std::string_view, 19> kFinal{
    "left",          "replaced",      "origin_refused",    "host_refused",
    "open_mismatch", "bad_json",      "bad_utf8",          "too_deep",
    "bad_request",   "unknown_field", "duplicate_field",   "bad_key",
    "key_in_url",    "bad_room",      "bad_name",          "bad_capacity",
    "unknown_route", "wrong_method",  "wrong_content_type"};

// How a transport dies where something on the way kills it.
constexpr std::array<std::string_view, 8> kUnclean{
    "network", "silence", "silent", "deadline", "held_back", "no_way_up", "gap", "not_sigway"};

// That something on the way can ask for. It knows nothing of us, and may be gone in a moment.
constexpr Duration kStrangersRetry{30'000};

template <std::size_t size>
bool contains(const std::array<std::string_view, size>& codes, std::string_view code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// What the server wrote about a refusal or an end. A key that is gone because its session was
// replaced says the same as the end of that session would have said, had there been a carrier.
void take_words(Failure& failure, const Json& said) {
  failure.code = text_of(said, "code");
  if (const auto reason = text_of(said, "reason");
      failure.code == "gone" && contains(kFinal, reason))
    failure.code = reason;
  failure.limit = number_of(said, "limit").value_or(0);
  failure.expected = number_of(said, "expected").value_or(0);
  if (const auto retry = number_of(said, "retry"))
    failure.retry = std::max(failure.retry, bounded_duration(*retry));
}

}  // namespace

Verdict verdict(const Failure& failure) {
  if (contains(kReset, failure.code)) return Verdict::reset;
  return contains(kFinal, failure.code) ? Verdict::close : Verdict::retry;
}

bool is_filtered(const Failure& failure) {
  return failure.status >= 400 && failure.status < 500 && failure.status != 413 &&
         failure.code == "http_" + std::to_string(failure.status);
}

bool is_passing(const Failure& failure) {
  constexpr std::array<std::string_view, 4> kPassing{"network", "http_502", "http_503", "http_504"};
  return failure.retry == Duration(0) && contains(kPassing, failure.code);
}

bool is_unclean(const Failure& failure) {
  return contains(kUnclean, failure.code) || failure.code.starts_with("http_");
}

Failure no_way_up() {
  return {.code = "no_way_up",
          .message = "no upload was answered beside the stream, which may have the only connection",
          .of_uploads = true};
}

Failure failure_of(const HttpAnswer& answer) {
  if (answer.status == 0)
    return {.code = answer.unsent ? "unsent"
                    : answer.late ? "deadline"
                                  : "network",
            .message = answer.problem};
  Failure failure{.code = "http_" + std::to_string(answer.status),
                  .message = "HTTP status " + std::to_string(answer.status),
                  .status = answer.status,
                  .retry = std::min(answer.retry_after, kStrangersRetry)};
  const auto body = parse_object(answer.body);
  if (!body) return failure;
  const auto error = body->find("error");
  if (error == body->end() || !error->is_object()) return failure;
  // Other servers have errors with codes as well; ours say what to do, too.
  const auto code = text_of(*error, "code"), message = text_of(*error, "message"),
             hint = text_of(*error, "hint");
  if (code.empty() || message.empty() || hint.empty()) return failure;
  failure.retry = answer.retry_after;
  take_words(failure, *error);
  failure.message = message + ' ' + hint;
  return failure;
}

Failure failure_of_control(const Json& control) {
  Failure failure;
  take_words(failure, control);
  if (failure.code.empty()) failure.code = "not_sigway";
  failure.message = text_of(control, "message");
  return failure;
}

}  // namespace sigway::client
