#include "session/inbox.h"

#include <map>
#include <utility>

namespace sigway::session {
namespace {

/// 64 KiB of data and its envelope (docs/protocol.md, "Pieces"), escaped at its worst.
constexpr std::size_t kMaxJoinedPieces = 72U << 10U;

}  // namespace

struct Inbox::Held {
  explicit Held(MemoryBudget& budget) : gap_share(budget), piece_share(budget) {}

  MemoryShare gap_share;
  std::map<std::uint64_t, dialects::Message> gap;
  MemoryShare piece_share;
  std::string pieces;
  std::uint64_t last_piece = 0;  // 0: no message is being joined
  bool too_large = false;        // the rest of this message's pieces are taken and thrown away

  void forget_pieces() {
    piece_share.subtract(piece_share.bytes());
    pieces = {};
    last_piece = 0;
    too_large = false;
  }
};

Inbox::Inbox(MemoryBudget& budget, const Settings& settings, const dialects::Dialect& dialect)
    : budget_(budget), settings_(settings), dialect_(dialect) {}

Inbox::~Inbox() = default;

std::optional<dialects::Error> Inbox::offer(std::vector<dialects::Message> messages,
                                            std::vector<Taken>& taken) {
  std::optional<dialects::Error> refusal;
  for (auto& message : messages) {
    const auto n = message.n.value_or(up_ + 1);
    if (n <= up_) continue;
    if (n == up_ + 1) {
      take(std::move(message), taken);
      continue;
    }
    auto& gap = held().gap;
    if (gap.contains(n)) continue;
    const auto cost = message.cost();
    // How far, not how many: a number that is simply wrong would be held for ever.
    if (n - up_ - 1 > settings_.gap_messages ||
        held_->gap_share.bytes() + cost > settings_.gap_bytes || budget_.exceeded()) {
      refusal = dialects::Error{.code = dialects::ErrorCode::number_gap, .expected = up_ + 1};
      break;
    }
    held_->gap_share.add(cost);
    gap.emplace(n, std::move(message));
  }
  while (held_ && !held_->gap.empty() && held_->gap.begin()->first <= up_ + 1) {
    auto node = held_->gap.extract(held_->gap.begin());
    held_->gap_share.subtract(node.mapped().cost());
    if (node.key() == up_ + 1) take(std::move(node.mapped()), taken);
  }
  drop_held_if_empty();
  return refusal;
}

void Inbox::take(dialects::Message message, std::vector<Taken>& taken) {
  ++up_;
  if (auto* piece = std::get_if<dialects::Piece>(&message.content)) {
    take_piece(*piece, taken);
    return;
  }
  if (held_ && held_->last_piece != 0) {
    taken.push_back(
        {held_->last_piece,
         dialects::Error{
             .code = dialects::ErrorCode::bad_request,
             .message = "The message in pieces was not finished before another one began.",
             .hint = "Send all pieces of a message with consecutive numbers, the last without "
                     "`more`."}});
    held_->forget_pieces();
  }
  if (auto* command = std::get_if<dialects::Command>(&message.content)) {
    taken.push_back({up_, std::move(*command)});
  } else {
    taken.push_back({up_, std::get<dialects::Error>(std::move(message.content))});
  }
}

void Inbox::take_piece(const dialects::Piece& piece, std::vector<Taken>& taken) {
  auto& held = this->held();
  held.last_piece = up_;
  if (held.pieces.size() + piece.text.size() > kMaxJoinedPieces) {
    held.forget_pieces();
    held.last_piece = up_;
    held.too_large = true;
  }
  if (!held.too_large) {
    held.piece_share.add(piece.text.size());
    held.pieces += piece.text;
  }
  if (piece.more) return;
  if (held.too_large) {
    taken.push_back(
        {up_, dialects::Error{.code = dialects::ErrorCode::too_large, .limit = kMaxJoinedPieces}});
  } else {
    auto decoded = dialect_.decode_message(held.pieces);
    if (auto* command = std::get_if<dialects::Command>(&decoded)) {
      taken.push_back({up_, std::move(*command)});
    } else {
      taken.push_back({up_, std::get<dialects::Error>(std::move(decoded))});
    }
  }
  held.forget_pieces();
}

Inbox::Held& Inbox::held() {
  if (!held_) held_ = std::make_unique<Held>(budget_);
  return *held_;
}

void Inbox::drop_held_if_empty() {
  if (held_ && held_->gap.empty() && held_->last_piece == 0) held_.reset();
}

}  // namespace sigway::session
