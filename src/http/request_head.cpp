#include "http/request_head.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"
#include "http/characters.h"

namespace sigway::http {

namespace {

constexpr std::string_view kFramingHint =
    "Send either one Content-Length or Transfer-Encoding: chunked, and each header once.";

// A host with an optional port (RFC 3986 sections 3.2.2 and 3.2.3).
constexpr CharacterSet kHostCharacters = base::alphanumeric_and("-._~!$&'()*+,;=%:[]");

// A path of these is taken as it is: there is no escape, no query and no dot segment in it.
constexpr CharacterSet kSimplePath = base::alphanumeric_and("-_~/");

Method method_of(std::string_view name) {
  for (const Method method : {Method::get, Method::head, Method::post, Method::put, Method::del,
                              Method::options, Method::patch}) {
    if (to_string(method) == name) return method;
  }
  return Method::other;
}

// The headers that decide about the request, found in one pass.
struct Decisive {
  struct Field {
    const std::string* first = nullptr;
    std::size_t count = 0;

    void take(const Header& header, std::string_view name) {
      if (header.name != name) return;
      if (count++ == 0) first = &header.value;
    }
  };
  Field host, length, coding, connection, expect;

  explicit Decisive(const Request& request) {
    for (const Header& header : request.headers) {
      // No two of them are of one length.
      switch (header.name.size()) {
        case 4: host.take(header, "host"); break;
        case 6: expect.take(header, "expect"); break;
        case 10: connection.take(header, "connection"); break;
        case 14: length.take(header, "content-length"); break;
        case 17: coding.take(header, "transfer-encoding"); break;
        default: break;
      }
    }
  }
};

// RFC 9112 section 6: exactly one way to tell where the body ends, or none and no body.
std::optional<Problem> read_framing(const Request& request, const Decisive& found,
                                    BodyFraming& framing) {
  const std::size_t lengths = found.length.count;
  const std::size_t codings = found.coding.count;
  if (lengths > 0 && codings > 0) {
    return bad_request("The request has both Content-Length and Transfer-Encoding.",
                       std::string(kFramingHint));
  }
  if (lengths > 1) {
    return bad_request("The request has more than one Content-Length.", std::string(kFramingHint));
  }
  if (lengths == 1) {
    // Digits alone: no sign, no list, no white space inside (section 6.2). Eighteen of them fit.
    const std::string& text = *found.length.first;
    const bool is_number =
        !text.empty() && text.size() <= 18 &&
        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number) {
      return bad_request("The Content-Length is not a plain decimal number.",
                         std::string(kFramingHint));
    }
    std::from_chars(text.data(), text.data() + text.size(), framing.length);
    return std::nullopt;
  }
  if (codings == 0) return std::nullopt;

  if (request.version_minor == 0) {
    return bad_request("Transfer-Encoding does not exist in HTTP/1.0.",
                       "Use HTTP/1.1 or Content-Length.");
  }
  const std::string value = request.joined_header("transfer-encoding");
  if (equals_ignoring_case(value, "chunked") && codings == 1) {
    framing.is_chunked = true;
    return std::nullopt;
  }
  if (codings > 1 || value.empty() || request.has_token("transfer-encoding", "chunked")) {
    return bad_request("The Transfer-Encoding is not exactly \"chunked\".",
                       std::string(kFramingHint));
  }
  return Problem{501, "not_implemented", "This transfer coding is not supported.",
                 "Send the body as it is, chunked or with a Content-Length."};
}

// Takes the authority off an absolute-form target (RFC 9112 section 3.2.2).
std::optional<std::string> authority_of(std::string_view& target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size()) continue;
    if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    std::string authority(target.substr(0, end));
    target.remove_prefix(end);
    return authority;
  }
  return std::nullopt;
}

std::optional<Problem> read_path(Request& request, std::string_view target) {
  constexpr std::string_view kHint = "Ask for a plain path such as /v1/poll.";
  const std::size_t question = std::min(target.find('?'), target.size());
  request.query = std::string(target.substr(std::min(question + 1, target.size())));
  if (!decode_form(request.query)) {
    return bad_request("The query holds a malformed percent escape.",
                       "Write '%' as %25 and other bytes as two hexadecimal digits.");
  }
  std::string_view raw = target.substr(0, question);
  if (raw.empty()) raw = "/";  // http://host?query
  auto decoded = percent_decode(raw);
  if (!decoded || raw.front() != '/') {
    return bad_request("The path is malformed.", std::string(kHint));
  }
  // Decoding must not make new separators: the number of them before and after has to agree.
  const bool has_hidden_separator = std::count(raw.begin(), raw.end(), '/') !=
                                        std::count(decoded->begin(), decoded->end(), '/') ||
                                    decoded->find('\\') != std::string::npos;
  const bool has_control = std::any_of(decoded->begin(), decoded->end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (has_hidden_separator || has_control || !base::is_utf8(*decoded)) {
    return bad_request("The path holds an encoded separator, a control character or bad UTF-8.",
                       std::string(kHint));
  }
  std::string_view rest = *decoded;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    if (segment == "." || segment == "..") {
      return bad_request("The path holds a dot segment.", std::string(kHint));
    }
    rest.remove_prefix(end);
  }
  request.path = std::move(*decoded);
  return std::nullopt;
}

std::optional<Problem> read_target(Request& request) {
  std::string_view target = request.target;
  // Such as /v1/send: there is nothing to decode or to refuse.
  if (target.starts_with('/') && base::consists_of(kSimplePath, target)) {
    request.path = target;
    return std::nullopt;
  }
  const bool is_visible = std::all_of(target.begin(), target.end(),
                                      [](char c) { return c > 0x20 && c < 0x7F && c != '#'; });
  if (target.empty() || !is_visible) {
    return bad_request("The request target holds characters that have to be percent-encoded.",
                       "Encode everything but visible ASCII, and leave out the fragment.");
  }
  if (target == "*") {
    if (request.method != Method::options) {
      return bad_request("Only OPTIONS may ask for \"*\".", "Ask for a path.");
    }
    request.path = "*";
    return std::nullopt;
  }
  if (const auto authority = authority_of(target)) {
    // Section 3.2.2: the authority of the target wins over Host. We take it only when the two say
    // the same, so that no proxy and we can disagree about who was meant.
    if (authority->empty() || !equals_ignoring_case(*authority, request.host())) {
      return bad_request("The target's authority is not the Host header's.",
                         "Ask for a path only, or name the same host twice.");
    }
  }
  return read_path(request, target);
}

std::optional<Problem> read_host(const Request& request, const Decisive& found) {
  const std::size_t hosts = found.host.count;
  if (hosts > 1) {
    return bad_request("The request has more than one Host header.", "Send exactly one.");
  }
  if (hosts == 0) {
    if (request.version_minor == 0) return std::nullopt;
    return bad_request("The request has no Host header.", "HTTP/1.1 needs exactly one.");
  }
  const std::string& host = *found.host.first;
  const bool is_plain = prefix_of(kHostCharacters, host) == host.size();
  if (host.empty() || !is_plain) {
    return bad_request("The Host header is not a host with an optional port.",
                       "Send the host that you connect to, for example example.org:8080.");
  }
  return std::nullopt;
}

}  // namespace

Problem bad_request(std::string message, std::string hint) {
  return Problem{400, "bad_request", std::move(message), std::move(hint)};
}

std::optional<Problem> interpret_head(Request& request, BodyFraming& framing) {
  request.method = method_of(request.method_name);
  const Decisive found(request);
  if (auto problem = read_host(request, found)) return problem;
  if (auto problem = read_framing(request, found, framing)) return problem;
  if (request.method_name == "CONNECT" || request.method_name == "TRACE") {
    return Problem{405, "wrong_method", "This server does not do " + request.method_name + ".",
                   "Use GET or POST."};
  }
  if (auto problem = read_target(request)) return problem;

  // RFC 9112 section 9.3.
  const auto asks_for = [&](std::string_view token) {
    return found.connection.count > 0 && request.has_token("connection", token);
  };
  request.keep_alive = request.version_minor == 0 ? asks_for("keep-alive") : !asks_for("close");
  if (request.version_minor == 0 && asks_for("close")) request.keep_alive = false;
  // RFC 9110 section 10.1.1: an unknown expectation may be refused; HTTP/1.0 has none.
  if (found.expect.count > 0 && request.version_minor > 0) {
    if (!equals_ignoring_case(*found.expect.first, "100-continue") || found.expect.count > 1) {
      return Problem{417, "expectation_failed", "Only Expect: 100-continue is known.",
                     "Leave the Expect header out."};
    }
    request.expects_continue = framing.is_chunked || framing.length > 0;
  }
  return std::nullopt;
}

}  // namespace sigway::http
