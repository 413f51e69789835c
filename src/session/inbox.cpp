#include "session/inbox.h"

#include <map>
#include <numeric>
#include <utility>

#include "session/assembly.h"

namespace sigway::session {
namespace {

/// A will is answered by nothing, so it needs no number. Its dialect sends it along with a message
/// that may have one.
bool is_will(const dialects::Message& message) noexcept {
  const auto* const command = std::get_if<dialects::Command>(&message.content);
  return !message.n && command != nullptr && std::holds_alternative<dialects::Will>(*command);
}

}  // namespace

struct Inbox::Held {
  explicit Held(base::MemoryHolder& holder) : gap_share(holder, base::MemoryPart::inbox) {}

  base::MemoryShare gap_share;
  std::map<std::uint64_t, dialects::Message> gap;
  std::map<std::uint64_t, Assembly> in_pieces;

  std::size_t bytes() const {
    return std::accumulate(
        in_pieces.begin(), in_pieces.end(), gap_share.bytes(),
        [](std::size_t sum, const auto& entry) { return sum + entry.second.cost(); });
  }
};

Inbox::Inbox(base::MemoryHolder& holder, const Settings& settings, const dialects::Dialect& dialect)
    : holder_(holder), settings_(settings), dialect_(dialect) {}

Inbox::~Inbox() = default;

void Inbox::clear() noexcept { held_.reset(); }

std::optional<dialects::Error> Inbox::offer(std::vector<dialects::Message> messages,
                                            std::vector<Taken>& taken) {
  std::optional<dialects::Error> refusal;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto& message = messages[i];
    if (is_will(message)) {
      // With a message that has been taken before, its will has been, too.
      const bool is_repeated = i + 1 < messages.size() && has(messages[i + 1].n.value_or(up_ + 1));
      if (!is_repeated)
        taken.push_back({up_, std::get<dialects::Command>(std::move(message.content))});
      continue;
    }
    const auto n = message.n.value_or(up_ + 1);
    if (is_given_away(n)) {
      refusal = dialects::Error{
          .code = dialects::ErrorCode::number_gap,
          .message = "This number went to a message without one.",
          .hint = "Give each message of a session a number, or none; `expected` is the next.",
          .expected = up_ + 1};
      break;
    }
    if (has(n)) continue;
    const bool next = n == up_ + 1;
    // Always accept the lowest missing number; refusing it would block every later one.
    if (!next && !may_hold(n, message)) {
      refusal = dialects::Error{.code = dialects::ErrorCode::number_gap, .expected = up_ + 1};
      break;
    }
    if (std::holds_alternative<dialects::Piece>(message.content) && !complete(n, message)) continue;
    if (next) {
      take(std::move(message), taken);
    } else {
      const auto cost = message.cost();
      held().gap.emplace(n, std::move(message));
      held_->gap_share.add(cost);
      held_->in_pieces.erase(n);
    }
  }
  while (held_ && !held_->gap.empty() && held_->gap.begin()->first <= up_ + 1) {
    auto node = held_->gap.extract(held_->gap.begin());
    held_->gap_share.subtract(node.mapped().cost());
    if (node.key() == up_ + 1) take(std::move(node.mapped()), taken);
  }
  drop_held_if_empty();
  return refusal;
}

bool Inbox::is_given_away(std::uint64_t n) const noexcept {
  return n <= up_ && up_ - n < 64 && (unnumbered_ >> (up_ - n) & 1U) != 0;
}

void Inbox::take(dialects::Message message, std::vector<Taken>& taken) {
  const auto n = up_ + 1;
  const bool had_number = message.n.has_value();
  if (auto* command = std::get_if<dialects::Command>(&message.content)) {
    taken.push_back({n, std::move(*command)});
  } else {
    taken.push_back({n, std::get<dialects::Error>(std::move(message.content))});
  }
  up_ = n;  // after what may fail
  unnumbered_ = unnumbered_ << 1U | (had_number ? 0U : 1U);
  if (held_) held_->in_pieces.erase(n);
}

bool Inbox::has(std::uint64_t n) const { return n <= up_ || (held_ && held_->gap.contains(n)); }

bool Inbox::may_hold(std::uint64_t n, const dialects::Message& message) const {
  // How far, not how many: a number that is simply wrong would be held for ever.
  if (n - up_ - 1 > settings_.gap_messages || holder_.budget().exceeded()) return false;
  return (held_ ? held_->bytes() : 0) + growth(n, message) <= settings_.gap_bytes;
}

std::size_t Inbox::growth(std::uint64_t n, const dialects::Message& message) const {
  const auto* piece = std::get_if<dialects::Piece>(&message.content);
  if (piece == nullptr) return message.cost();
  if (held_) {
    if (const auto found = held_->in_pieces.find(n); found != held_->in_pieces.end())
      return found->second.growth(*piece);
  }
  return Assembly(holder_).growth(*piece);
}

bool Inbox::complete(std::uint64_t n, dialects::Message& message) {
  auto& assembly = held().in_pieces.try_emplace(n, holder_).first->second;
  if (!assembly.add(std::get<dialects::Piece>(message.content))) {
    message.content = dialects::Error{
        .code = dialects::ErrorCode::bad_request,
        .message = "The pieces of this message do not agree about its length.",
        .hint = "All pieces of one message say the same `of`: the bytes of its whole text."};
    return true;
  }
  const auto text = assembly.whole();
  if (!text) return false;
  auto decoded = dialect_.decode_message(*text);
  if (auto* command = std::get_if<dialects::Command>(&decoded)) {
    message.content = std::move(*command);
  } else {
    message.content = std::get<dialects::Error>(std::move(decoded));
  }
  return true;
}

Inbox::Held& Inbox::held() {
  if (!held_) held_ = std::make_unique<Held>(holder_);
  return *held_;
}

void Inbox::drop_held_if_empty() {
  if (held_ && held_->gap.empty() && held_->in_pieces.empty()) held_.reset();
}

}  // namespace sigway::session
