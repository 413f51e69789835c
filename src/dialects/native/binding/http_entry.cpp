#include "native_binding/http_entry.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace sigway::dialects::native {

using binding::refusal;

namespace {

/// The media type without its parameters (RFC 9110 §8.3.1).
std::string_view media_type(std::string_view header) {
  header = header.substr(0, header.find(';'));
  while (!header.empty() && header.back() == ' ') header.remove_suffix(1);
  return header;
}

bool may_be_json(const http::Request& request) {
  const auto* header = request.header("content-type");
  if (header == nullptr || header->empty()) return true;
  const auto type = media_type(*header);
  return http::equals_ignoring_case(type, "text/plain") ||
         http::equals_ignoring_case(type, "application/json") ||
         http::equals_ignoring_case(type, "application/x-www-form-urlencoded");
}

http::Response answer_of(const std::variant<std::uint64_t, Error>& uploaded) {
  if (const auto* error = std::get_if<Error>(&uploaded)) return refusal(*error);
  return binding::answer(R"({"up":)" + std::to_string(std::get<std::uint64_t>(uploaded)) + "}");
}

}  // namespace

std::variant<Request, http::Response> read_body(const http::Request& request) {
  if (!may_be_json(request)) {
    return http::Response::error(
        415, "wrong_content_type", "A body of this type is not read.",
        "Send one JSON object as text/plain or application/json, or as plain `curl -d`.");
  }
  if (request.parameter("key")) return refusal(Error{.code = ErrorCode::key_in_url});
  auto decoded = decode_request(request.body);
  if (const auto* error = std::get_if<Error>(&decoded)) return refusal(*error);
  return std::get<Request>(std::move(decoded));
}

std::variant<Request, http::Response> read_query(const http::Request& request) {
  Open open;
  for (const auto& [name, value] : request.parameters()) {
    if (name == "key") return refusal(Error{.code = ErrorCode::key_in_url});
    if (name == "room") {
      open.room = value;
    } else if (name == "name") {
      open.name = value;
    } else if (name == "capacity") {
      std::uint32_t capacity = 0;
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), capacity);
      if (error != std::errc{} || end != value.data() + value.size()) {
        return refusal(Error{.code = ErrorCode::bad_capacity});
      }
      open.capacity = capacity;
    } else if (name != "u") {
      return refusal(
          Error{.code = ErrorCode::unknown_field,
                .message = "The query has a parameter that is not known.",
                .hint = "Known are room, name, capacity, and u to make the URL unique."});
    }
  }
  auto checked = check_open(std::move(open));
  if (const auto* error = std::get_if<Error>(&checked)) return refusal(*error);
  Request opening;
  opening.open = std::get<Open>(std::move(checked));
  return opening;
}

std::string_view address_for(const Request& request, const http::Exchange& exchange) {
  return request.open ? std::string_view(exchange.client_address()) : std::string_view();
}

void send(binding::Context& context, http::Exchange& exchange) {
  auto read = read_body(exchange.request());
  if (auto* refused = std::get_if<http::Response>(&read))
    return exchange.respond(std::move(*refused));
  auto& request = std::get<Request>(read);
  if (request.open) {
    return exchange.respond(refusal(Error{.code = ErrorCode::bad_request,
                                          .message = "A session is not opened by an upload.",
                                          .hint = "Open it with /v1/ws, /v1/sse or /v1/poll."}));
  }
  const auto here = exchange.id().shard;
  auto& hub = *context.shared.hubs[here];
  auto located = locate(context, request, {}, here, hub.now(), &exchange.digest_memo());
  if (const auto* error = std::get_if<Error>(&located)) return exchange.respond(refusal(*error));
  auto& where = std::get<Located>(located);
  const auto id = where.id;
  // The usual case, without what it takes to find the way back from another shard.
  if (id.shard == here) return exchange.respond(answer_of(upload(hub, where, std::move(request))));
  binding::at_session(
      context, here, id,
      [&replies = exchange.replies(), to = exchange.id(), where = std::move(where),
       request = std::move(request)](session::Hub& at) mutable {
        replies.respond(to, answer_of(upload(at, where, std::move(request))));
      },
      [&replies = exchange.replies(), to = exchange.id()] { replies.abandon(to); });
}

}  // namespace sigway::dialects::native
