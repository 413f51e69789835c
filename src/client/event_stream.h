#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace sigway::client {

/// Reads `text/event-stream` (HTML standard, 9.2.6), as far as one server uses it, from bytes that
/// come as they like. No I/O.
class EventStream {
 public:
  struct Item {
    std::string name, id, data;
  };
  /// A handler may destroy what the stream leads to, if is_over() then says so.
  std::function<void(const Item&)> on_item;
  std::function<void(std::string_view)> on_comment;
  std::function<bool()> is_over;

  /// False if a line or an event has no end within 1 MiB: that is no stream of a server's.
  bool feed(std::string_view bytes);

 private:
  void line(std::string_view text);

  std::string rest_;
  Item item_;
};

}  // namespace sigway::client
