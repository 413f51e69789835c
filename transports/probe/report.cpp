#include "probe/report.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <string>

namespace sigway::probe {
namespace {

constexpr std::size_t kMostValue = 256;  // bytes shown of one header

constexpr std::array<std::string_view, 27> kShown = {"accept",
                                                     "accept-encoding",
                                                     "cache-control",
                                                     "cdn-loop",
                                                     "client-ip",
                                                     "connection",
                                                     "content-encoding",
                                                     "content-length",
                                                     "content-type",
                                                     "forwarded",
                                                     "host",
                                                     "keep-alive",
                                                     "origin",
                                                     "pragma",
                                                     "proxy-connection",
                                                     "sec-websocket-version",
                                                     "te",
                                                     "transfer-encoding",
                                                     "upgrade",
                                                     "user-agent",
                                                     "via",
                                                     "x-bluecoat-via",
                                                     "x-forwarded-for",
                                                     "x-forwarded-host",
                                                     "x-forwarded-proto",
                                                     "x-real-ip",
                                                     "x-sigway-probe"};

bool is_shown(std::string_view header) {
  return std::find(kShown.begin(), kShown.end(), header) != kShown.end();
}

}  // namespace

std::string checksum(std::string_view bytes) {
  std::uint32_t hash = 0x811c9dc5U;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x01000193U;
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (int shift = 28; shift >= 0; shift -= 4) out += kDigits[(hash >> shift) & 15U];
  return out;
}

void describe(const http::Request& request, dialects::JsonWriter& json) {
  std::string headers;
  dialects::JsonWriter values(headers);
  std::set<std::string_view> written;
  for (const auto& header : request.headers) {
    if (!written.insert(header.name).second) continue;
    values.text_key(header.name);
    if (is_shown(header.name)) {
      dialects::append_json_string(headers,
                                   request.joined_header(header.name).substr(0, kMostValue));
    } else {
      headers += "null";
    }
  }
  values.close();
  json.text("method", request.method_name)
      .text("http", "1." + std::to_string(request.version_minor))
      .number("length", request.body.size())
      .text("checksum", checksum(request.body))
      .raw("headers", headers);
}

}  // namespace sigway::probe
