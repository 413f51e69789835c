#include "probe/report.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>

#include "http/response.h"

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

std::string text(std::string_view value) {
  return std::string("\"").append(http::escape_json(value)).append("\"");
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

std::string describe(const http::Request& request) {
  std::string out = R"("method":)" + text(request.method_name) + R"(,"http":"1.)" +
                    std::to_string(request.version_minor) + R"(","length":)" +
                    std::to_string(request.body.size()) + R"(,"checksum":")" +
                    checksum(request.body) + R"(","headers":{)";
  std::set<std::string_view> written;
  for (const auto& header : request.headers) {
    if (!written.insert(header.name).second) continue;
    if (written.size() > 1) out += ",";
    out += text(header.name) + ":";
    if (std::find(kShown.begin(), kShown.end(), header.name) != kShown.end()) {
      out += text(request.joined_header(header.name).substr(0, kMostValue));
    } else {
      out += "null";
    }
  }
  return out + "}";
}

}  // namespace sigway::probe
