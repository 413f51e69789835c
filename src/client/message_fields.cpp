#include "client/message_fields.h"

#include <algorithm>

#include "client/client.h"
#include "client/json.h"

namespace sigway::client {
namespace {

constexpr std::size_t kMostData = 65'536;
constexpr int kMostLevels = 64;

int levels_of(std::string_view json) {
  int depth = 0, most = 0;
  bool inside = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (inside) {
      if (c == '\\') ++i;
      if (c == '"') inside = false;
    } else if (c == '"') {
      inside = true;
    } else if (c == '{' || c == '[') {
      most = std::max(most, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return most;
}

}  // namespace

void check_type(std::string_view type) {
  constexpr std::string_view kRest = "._:-";
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_good = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || kRest.find(c) != std::string_view::npos;
  };
  if (type.empty() || type.size() > 64 || !is_letter(type.front()) ||
      !std::all_of(type.begin(), type.end(), is_good))
    throw ClientError(
        "bad_type",
        "'" + std::string(type) +
            "' is not a type: a letter first, then letters, digits, '.', '_', ':' or '-'");
}

std::string member(std::string_view name, std::string_view text) {
  try {
    return '"' + std::string(name) + "\":" + Json(std::string(text)).dump();
  } catch (const Json::exception&) {
    throw ClientError("bad_utf8", std::string(name) + " is not UTF-8 text");
  }
}

void check_data(std::string_view data) {
  if (data.size() > kMostData)
    throw ClientError("too_large", "the data has " + std::to_string(data.size()) +
                                       " bytes; a message carries 65536 at the most");
  if (!Json::accept(data))
    throw ClientError("bad_json", "the data is not JSON; text needs quotes around it");
  if (levels_of(data) > kMostLevels)
    throw ClientError("too_deep", "the data nests deeper than 64 levels");
}

std::string message_fields(std::string_view type, std::string_view data,
                           const std::vector<std::string>& to, std::string_view room) {
  check_type(type);
  auto fields = member("type", type);
  if (to.size() == 1) fields += ',' + member("to", to.front());
  if (to.size() > 1) {
    std::string list;
    for (const auto& each : to) {
      if (!list.empty()) list += ',';
      list += member("", each).substr(3);
    }
    fields += ",\"to\":[" + list + ']';
  }
  if (!room.empty()) fields += ',' + member("room", room);
  if (!data.empty()) {
    check_data(data);
    fields += ",\"data\":";
    fields += data;
  }
  return fields;
}

}  // namespace sigway::client
