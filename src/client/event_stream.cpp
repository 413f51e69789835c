#include "client/event_stream.h"

#include <utility>

namespace sigway::client {

bool EventStream::feed(std::string_view bytes) {
  constexpr std::size_t kLongest = std::size_t{1} << 20U;
  rest_ += bytes;
  std::size_t begin = 0;
  for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
    auto text = std::string_view(rest_).substr(begin, end - begin);
    if (text.ends_with('\r')) text.remove_suffix(1);
    line(text);
    if (is_over()) return true;
    if (item_.data.size() > kLongest) return false;
    begin = end + 1;
  }
  rest_.erase(0, begin);
  return rest_.size() <= kLongest;
}

void EventStream::line(std::string_view text) {
  if (text.empty()) {
    const auto item = std::exchange(item_, {});
    if (!item.data.empty()) on_item(item);
  } else if (text.front() == ':') {
    on_comment(text.substr(1));
  } else {
    const auto colon = text.find(':');
    const auto field = text.substr(0, colon);
    auto value = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") item_.data += value;
    if (field == "event") item_.name = value;
    if (field == "id") item_.id = value;
  }
}

}  // namespace sigway::client
