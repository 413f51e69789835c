#include "ops/parse_value.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace sigway::ops {
namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

// The number before a unit, times the unit. The product stays within 63 bits, so that it fits both
// std::chrono and std::size_t.
template <std::size_t N>
std::optional<std::uint64_t> parse_with_unit(std::string_view text,
                                             const std::array<Unit, N>& units,
                                             std::uint64_t plain_factor) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = parse_number(text.substr(0, digits));
  if (!number) return std::nullopt;

  const auto suffix = text.substr(digits);
  auto factor = plain_factor;
  if (!suffix.empty()) {
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& candidate) {
      return candidate.suffix == suffix;
    });
    if (unit == units.end()) return std::nullopt;
    factor = unit->factor;
  }
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (*number > kMost / factor) return std::nullopt;
  return *number * factor;
}

bool is_ipv4(const std::string& text) {
  in_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

bool is_stun_url(std::string_view text) { return starts_with_any(text, {"stun:", "stuns:"}); }

}  // namespace

bool is_turn_url(std::string_view text) { return starts_with_any(text, {"turn:", "turns:"}); }

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  static constexpr std::array<Unit, 4> kUnits{
      {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}}};
  const auto number = parse_with_unit(text, kUnits, 1000);
  if (!number) return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(*number)};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::array<Unit, 4> kUnits{
      {{"B", 1}, {"KiB", 1U << 10}, {"MiB", 1U << 20}, {"GiB", 1U << 30}}};
  return parse_with_unit(text, kUnits, 1);
}

std::optional<bool> parse_flag(std::string_view text) {
  for (const auto yes : {"yes", "true", "on", "1"}) {
    if (text == yes) return true;
  }
  for (const auto no : {"no", "false", "off", "0"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  const auto finish = [&] {
    if (const auto trimmed = trim(part); !trimmed.empty()) parts.emplace_back(trimmed);
    part.clear();
  };

  int depth = 0;
  bool in_string = false;
  bool escaped = false;
  for (const char c : text) {
    if (c == ',' && depth == 0) {
      finish();
      continue;
    }
    part.push_back(c);
    if (escaped) {
      escaped = false;
    } else if (in_string) {
      escaped = c == '\\';
      if (c == '"') in_string = false;
    } else if (depth > 0 && c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  finish();
  return parts;
}

bool is_address(std::string_view text) {
  const std::string address{text};
  return is_ipv4(address) || is_ipv6(address);
}

bool is_address_range(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return is_address(text);
  const std::string address{text.substr(0, slash)};
  const auto prefix = parse_number(text.substr(slash + 1));
  return prefix && ((is_ipv4(address) && *prefix <= 32) || (is_ipv6(address) && *prefix <= 128));
}

bool is_host(std::string_view text) {
  auto host = text;
  if (text.starts_with('[')) {
    const auto bracket = text.find(']');
    if (bracket == std::string_view::npos) return false;
    if (!is_ipv6(std::string{text.substr(1, bracket - 1)})) return false;
    if (bracket + 1 == text.size()) return true;
    if (text[bracket + 1] != ':') return false;
    host = "bracketed";
    text.remove_prefix(bracket + 1);
  } else {
    host = text.substr(0, text.find(':'));
    text.remove_prefix(host.size());
  }

  const auto is_name_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  };
  if (host.empty() || !std::all_of(host.begin(), host.end(), is_name_char)) return false;
  if (text.empty()) return true;
  const auto port = parse_number(text.substr(1));
  return port && *port >= 1 && *port <= 65535;
}

bool is_url_segment(std::string_view text) {
  const auto is_unreserved = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
  };
  return !text.empty() && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), is_unreserved);
}

bool is_url_path(std::string_view text) {
  if (!text.starts_with('/')) return false;
  if (text.size() == 1) return true;
  while (!text.empty()) {
    const auto slash = std::min(text.find('/', 1), text.size());
    if (!is_url_segment(text.substr(1, slash - 1))) return false;
    text.remove_prefix(slash);
  }
  return true;
}

bool is_origin(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (text.starts_with(scheme)) return is_host(text.substr(scheme.size()));
  }
  return false;
}

bool is_page_origin(std::string_view text) {
  if (text == "file://") return true;
  const auto end = text.find("://");
  if (end == 0 || end == std::string_view::npos) return false;
  const auto scheme = text.substr(0, end);
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return is_letter(scheme.front()) &&
         std::all_of(scheme.begin(), scheme.end(),
                     [&](char c) {
                       return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
                              c == '.';
                     }) &&
         is_host(text.substr(end + 3));
}

std::optional<std::string> ice_server_problem(std::string_view text) {
  constexpr auto kNeedsCredential =
      "a TURN server needs its credential, made for each client by --turn-server and "
      "--turn-secret, or fixed: "
      R"({"urls": "turn:turn.example.org", "username": "…", "credential": "…"})";
  if (is_stun_url(text)) return std::nullopt;
  if (is_turn_url(text)) return kNeedsCredential;

  const auto server = nlohmann::json::parse(text, nullptr, false);
  if (!server.is_object() || !server.contains("urls")) {
    return R"(a URL like stun:stun.example.org:3478, or a JSON object like {"urls": …})";
  }
  auto urls = server["urls"];
  if (urls.is_string()) urls = nlohmann::json::array({std::move(urls)});
  if (!urls.is_array() || urls.empty()) return R"("urls" is a string or a list of strings)";
  for (const auto& url : urls) {
    if (!url.is_string()) return R"("urls" is a string or a list of strings)";
    const auto& value = url.get_ref<const std::string&>();
    if (!is_stun_url(value) && !is_turn_url(value)) {
      return "each URL begins with stun:, stuns:, turn: or turns:";
    }
    const auto has_string = [&](const char* key) {
      return server.contains(key) && server[key].is_string();
    };
    if (is_turn_url(value) && (!has_string("username") || !has_string("credential"))) {
      return kNeedsCredential;
    }
  }
  return std::nullopt;
}

}  // namespace sigway::ops
