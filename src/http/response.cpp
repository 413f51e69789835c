#include "http/response.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "base/utf8.h"
#include "http/characters.h"
#include "http/request.h"

namespace sigway::http {

using namespace std::string_view_literals;

namespace {

constexpr std::array<std::string_view, 5> kSerializersOwn = {"content-length", "transfer-encoding",
                                                             "connection", "keep-alive", "date"};

bool is_token(std::string_view name) {
  return !name.empty() && prefix_of(kTokenCharacters, name) == name.size();
}

bool is_field_value(std::string_view value) {
  return prefix_of(kFieldCharacters, value) == value.size();
}

// A number as text.
class Digits {
 public:
  explicit Digits(std::size_t number, int base = 10) noexcept {
    const auto* const end =
        std::to_chars(digits_.data(), digits_.data() + digits_.size(), number, base).ptr;
    size_ = static_cast<std::size_t>(end - digits_.data());
  }
  std::string_view text() const noexcept { return {digits_.data(), size_}; }

 private:
  std::array<char, 20> digits_{};
  std::size_t size_ = 0;
};

// The version is ours, not the client's (RFC 9110 section 2.5).
void append_status_line(std::string& head, int status) {
  if (status == 200) {  // that of almost every answer
    head += "HTTP/1.1 200 OK\r\n"sv;
    return;
  }
  head += "HTTP/1.1 "sv;
  head += Digits(static_cast<std::size_t>(status)).text();
  head += ' ';
  head += reason_phrase(status);
  head += "\r\n"sv;
}

void append_line(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": "sv;
  head += value;
  head += "\r\n"sv;
}

// Name and value of the first of these lines, which goes off them.
std::pair<std::string_view, std::string_view> take_line(std::string_view& lines) {
  constexpr std::string_view kBetween = ": ", kEnd = "\r\n";
  const auto line = lines.substr(0, lines.find(kEnd));
  const auto colon = line.find(kBetween);
  lines.remove_prefix(line.size() + kEnd.size());
  return {line.substr(0, colon), line.substr(colon + kBetween.size())};
}

}  // namespace

Response::Response(int status, std::string_view content_type, base::Bytes body)
    : status_(status), body_(std::move(body)) {
  headers_.reserve(4);  // what answers have in the end: type, caching, Vary and one more
  set("Content-Type", content_type);
}

Response Response::with_lines(int status, std::string_view lines, base::Bytes body) {
  Response response(status);
  response.lines_ = lines;
  response.body_ = std::move(body);
  return response;
}

void Response::take_lines_apart() {
  std::vector<std::pair<std::string, std::string>> all;
  while (!lines_.empty()) all.emplace_back(take_line(lines_));
  headers_.insert(headers_.begin(), all.begin(), all.end());
}

Response Response::json(int status, base::Bytes body) {
  return Response(status, "application/json", std::move(body));
}

Response Response::text(int status, base::Bytes body) {
  return Response(status, "text/plain; charset=utf-8", std::move(body));
}

Response Response::error(const Problem& problem) {
  std::string body = "{\"error\":{\"code\":\"" + escape_json(problem.code) + "\",\"message\":\"" +
                     escape_json(problem.message) + "\",\"hint\":\"" + escape_json(problem.hint) +
                     "\"";
  if (problem.limit) body += ",\"limit\":" + std::to_string(*problem.limit);
  body += "}}\n";
  Response response = json(problem.status, std::move(body));
  response.set("Cache-Control", "no-store");
  return response;
}

Response Response::error(int status, std::string code, std::string message, std::string hint) {
  return error(Problem{status, std::move(code), std::move(message), std::move(hint)});
}

std::optional<std::string_view> Response::header(std::string_view name) const {
  for (auto rest = lines_; !rest.empty();) {
    const auto [key, value] = take_line(rest);
    if (equals_ignoring_case(key, name)) return value;
  }
  for (const auto& [key, value] : headers_) {
    if (equals_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

bool Response::add(std::string_view name, std::string_view value) {
  if (!is_token(name) || !is_field_value(value)) return false;
  const bool is_upgrade = status_ == 101 && equals_ignoring_case(name, "connection");
  const bool is_own =
      std::any_of(kSerializersOwn.begin(), kSerializersOwn.end(),
                  [&](std::string_view own) { return equals_ignoring_case(own, name); });
  if (is_own && !is_upgrade) return false;
  headers_.emplace_back(name, value);
  return true;
}

bool Response::set(std::string_view name, std::string_view value) {
  take_lines_apart();
  std::erase_if(headers_,
                [&](const auto& header) { return equals_ignoring_case(header.first, name); });
  return add(name, value);
}

bool sends_body(int status, bool is_head) {
  return !is_head && status >= 200 && status != 204 && status != 304;
}

std::string serialize_head(const Response& response, const ReplyContext& context, Framing framing) {
  std::string head;
  head.reserve(384 + context.room);
  append_status_line(head, response.status());
  if (!context.date.empty()) append_line(head, "Date", context.date);
  head += response.lines();
  for (const auto& [name, value] : response.headers()) append_line(head, name, value);
  head += context.common_lines;
  bool keep_alive = context.keep_alive && !response.closes();
  // RFC 9110 section 8.6: no Content-Length in 1xx and 204. A 304 would have to tell that of the
  // 200, and may leave it out.
  const bool has_length =
      response.status() >= 200 && response.status() != 204 && response.status() != 304;
  if (framing == Framing::length && has_length) {
    append_line(head, "Content-Length", Digits(response.content_length()).text());
  } else if (framing == Framing::stream) {
    if (context.version_minor > 0) {
      head += "Transfer-Encoding: chunked\r\n"sv;
    } else {
      keep_alive = false;
    }
  }
  if (response.status() >= 200) {
    if (!keep_alive) {
      head += "Connection: close\r\n"sv;
    } else if (context.version_minor == 0) {
      head += "Connection: keep-alive\r\n"sv;
    }
  }
  head += "\r\n"sv;
  return head;
}

std::string chunk_head(std::size_t size) {
  std::string head(Digits(size, 16).text());
  head += kChunkEnd;
  return head;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "";  // the phrase may be empty (RFC 9112 section 4)
  }
}

std::string http_date(std::int64_t seconds_since_epoch) {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto time = static_cast<std::time_t>(seconds_since_epoch);
  std::tm parts{};
  gmtime_r(&time, &parts);
  // Not strftime: its names follow the locale.
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text.data();
}

std::string escape_json(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  std::size_t i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '"' || byte == '\\') {
      escaped += '\\';
      escaped += text[i++];
    } else if (byte < 0x20 || byte == 0x7F) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\u%04x", byte);
      escaped += code.data();
      ++i;
    } else if (byte < 0x80) {
      escaped += text[i++];
    } else {
      const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
      const std::string_view symbol = text.substr(i, length);
      if (symbol.size() == length && base::is_utf8(symbol)) {
        escaped += symbol;
        i += length;
      } else {
        escaped += "\xEF\xBF\xBD";
        ++i;
      }
    }
  }
  return escaped;
}

}  // namespace sigway::http
