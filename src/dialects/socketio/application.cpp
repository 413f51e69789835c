#include "socketio/application.h"

#include <charconv>
#include <utility>

#include "dialects/json_writer.h"

namespace sigway::dialects::socketio {

namespace {
constexpr char kNote = '!';
}

void EventChain::append(std::unique_ptr<Frame> frame) {
  if (last_ == nullptr) {
    first_ = std::move(frame);
    last_ = first_.get();
  } else {
    auto* const next = frame.get();
    last_->more = std::move(frame);
    last_ = next;
  }
}

EventChain& EventChain::event(std::string_view name, std::span<const std::string_view> arguments) {
  auto frame = std::make_unique<Frame>();
  auto size = name.size() + 4;
  for (const auto argument : arguments) size += argument.size() + 1;
  frame->bytes.reserve(size);
  frame->bytes += '[';
  append_json_string(frame->bytes, name);
  for (const auto argument : arguments) frame->bytes.append(",").append(argument);
  frame->bytes += ']';
  append(std::move(frame));
  return *this;
}

EventChain& EventChain::ack(std::uint64_t id, std::span<const std::string_view> arguments) {
  auto frame = std::make_unique<Frame>();
  append_number(frame->bytes, id);
  frame->bytes += '[';
  for (const auto argument : arguments) {
    if (frame->bytes.back() != '[') frame->bytes += ',';
    frame->bytes += argument;
  }
  frame->bytes += ']';
  append(std::move(frame));
  return *this;
}

EventChain& EventChain::attachment(std::string bytes) {
  auto frame = std::make_unique<Frame>();
  frame->kind = Frame::Kind::binary;
  frame->bytes = std::move(bytes);
  append(std::move(frame));
  return *this;
}

EventChain& EventChain::note(std::string_view text) {
  auto frame = std::make_unique<Frame>();
  frame->bytes.append(1, kNote).append(text);
  append(std::move(frame));
  return *this;
}

std::optional<std::string_view> read_note(std::string_view frame) noexcept {
  if (!frame.starts_with(kNote)) return std::nullopt;
  return frame.substr(1);
}

ChainText read_chain_text(std::string_view frame) noexcept {
  ChainText text;
  const auto array = frame.find('[');
  text.array = frame.substr(array);
  if (array != 0) std::from_chars(frame.data(), frame.data() + array, text.ack.emplace());
  return text;
}

EncodedEvent EventChain::take() {
  last_ = nullptr;
  return std::exchange(first_, nullptr);
}

}  // namespace sigway::dialects::socketio
