#include "rooms.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sigway::floor {
namespace {

void put_before(Payload& payload, std::string_view bytes) {
  payload.data -= bytes.size();
  payload.size += bytes.size();
  std::memcpy(payload.data, bytes.data(), bytes.size());
}

std::string_view view(const Payload& payload) { return {payload.data, payload.size}; }

Payload framed(Payload payload) {
  char head[10] = {static_cast<char>(0x81)};
  std::size_t size = 2;
  const auto length = payload.size;
  if (length < 126) {
    head[1] = static_cast<char>(length);
  } else {
    const bool is_short = length < 65536;
    head[1] = static_cast<char>(is_short ? 126 : 127);
    size = is_short ? 4 : 10;
    for (std::size_t i = 2; i < size; ++i)
      head[i] = static_cast<char>(length >> 8 * (size - 1 - i));
  }
  put_before(payload, {head, size});
  return payload;
}

Payload answer(Payload payload) {
  put_before(payload,
             "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(payload.size) + "\r\n\r\n");
  return payload;
}

}  // namespace

std::unique_ptr<std::string> Rooms::join(std::uint32_t room, std::uint32_t seat, Kind kind,
                                         int descriptor) {
  if (rooms_.size() <= room) rooms_.resize(std::max<std::size_t>(2 * rooms_.size(), room + 1U));
  auto& members = rooms_[room];
  if (kind == Kind::poll) {
    for (auto& member : members) {
      if (member.seat != seat) continue;
      if (member.missed) return std::move(member.missed);
      member.descriptor = descriptor;
      return nullptr;
    }
  }
  members.push_back({descriptor, seat, kind, nullptr});
  return nullptr;
}

void Rooms::leave(std::uint32_t room, int descriptor) {
  auto& members = rooms_[room];
  const auto is_it = [&](const Member& member) { return member.descriptor == descriptor; };
  const auto found = std::find_if(members.begin(), members.end(), is_it);
  if (found == members.end()) return;
  if (found->kind == Kind::poll) {
    found->descriptor = -1;
  } else {
    members.erase(found);
  }
}

void Rooms::relay(std::uint32_t room, std::uint32_t seat, Payload payload, const Send& send,
                  const std::function<void(int)>& answered) {
  if (room >= rooms_.size()) return;
  for (auto& member : rooms_[room]) {
    if (member.seat == seat) continue;
    if (member.kind == Kind::socket) {
      send(member.descriptor, view(framed(payload)));
    } else if (member.kind == Kind::stream) {
      char kept[kTailRoom];
      char* const end = payload.data + payload.size;
      std::memcpy(kept, end, kTailRoom);
      std::memcpy(end, "\n\n", kTailRoom);
      auto event = payload;
      put_before(event, "data: ");
      event.size += kTailRoom;
      send(member.descriptor, view(event));
      std::memcpy(end, kept, kTailRoom);
    } else if (member.descriptor < 0) {
      if (!member.missed) member.missed = std::make_unique<std::string>();
      member.missed->append(view(payload));
    } else {
      const auto descriptor = std::exchange(member.descriptor, -1);
      send(descriptor, view(answer(payload)));
      answered(descriptor);
    }
  }
}

}  // namespace sigway::floor
