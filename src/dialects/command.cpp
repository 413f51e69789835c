#include "dialects/command.h"

namespace sigway::dialects {
namespace {

std::size_t cost_of(const std::string& text) noexcept { return text.capacity(); }

struct CommandCost {
  std::size_t operator()(const Join& join) const noexcept { return cost_of(join.room); }
  std::size_t operator()(const LeaveRoom& leave) const noexcept { return cost_of(leave.room); }
  std::size_t operator()(const Leave&) const noexcept { return 0; }
  std::size_t operator()(const Login& login) const noexcept { return cost_of(login.name); }
  std::size_t operator()(const Logout&) const noexcept { return 0; }
  std::size_t operator()(const Nothing&) const noexcept { return 0; }
  std::size_t operator()(const Say& say) const noexcept {
    std::size_t bytes =
        cost_of(say.type) + cost_of(say.data.bytes) + say.to.capacity() * sizeof(Address);
    for (const Address& address : say.to) bytes += cost_of(address.value);
    return say.room ? bytes + cost_of(*say.room) : bytes;
  }
  std::size_t operator()(const Will& will) const noexcept {
    return cost_of(will.name) + (will.message ? (*this)(*will.message) : 0);
  }
  std::size_t operator()(const Subscribe& subscribe) const noexcept {
    return cost_of(subscribe.topic);
  }
  std::size_t operator()(const Unsubscribe& unsubscribe) const noexcept {
    return cost_of(unsubscribe.topic);
  }
  std::size_t operator()(const Publish& publish) const noexcept {
    return cost_of(publish.topic) + cost_of(publish.type) + cost_of(publish.data.bytes);
  }
  std::size_t operator()(const Reply& reply) const noexcept {
    return cost_of(reply.type) + cost_of(reply.data.bytes);
  }
  std::size_t operator()(const Look& look) const noexcept { return cost_of(look.room); }
};

std::size_t held_by(const Piece& piece) noexcept { return cost_of(piece.text); }

}  // namespace

std::size_t held_by(const Command& command) noexcept { return std::visit(CommandCost{}, command); }

std::size_t held_by(const Error& error) noexcept {
  return cost_of(error.message) + cost_of(error.hint) + cost_of(error.to);
}

std::size_t Message::cost() const noexcept {
  return sizeof(Message) + std::visit([](const auto& held) { return held_by(held); }, content);
}

}  // namespace sigway::dialects
