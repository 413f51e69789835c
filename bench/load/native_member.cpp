#include "native_member.h"

#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "native_carriers.h"

namespace sigway::load {
namespace {

std::string room_name(std::uint32_t room) { return "bench-" + std::to_string(room); }

/// Keys are secrets elsewhere; here they only have to differ, also from those of earlier runs.
std::string new_key() {
  static const auto kRun = std::to_string(Clock::now().time_since_epoch().count());
  static std::uint64_t count = 0;
  return "bench-" + std::to_string(getpid()) + "-" + kRun + "-" + std::to_string(++count);
}

std::string quoted(std::string_view name, std::string_view value) {
  std::string text = "\"";
  return text.append(name).append("\":\"").append(value).append("\"");
}
std::string counted(std::string_view name, std::uint64_t value) {
  std::string text = "\"";
  return text.append(name).append("\":").append(std::to_string(value));
}

std::string_view type_of(std::string_view event) {
  constexpr std::string_view kStart = R"({"type":")";
  if (!event.starts_with(kStart)) throw std::runtime_error("no event: " + std::string(event));
  event.remove_prefix(kStart.size());
  return event.substr(0, event.find('"'));
}

}  // namespace

NativeMember::NativeMember(Transport transport, Loop& loop, Listener& listener, Place place)
    : Member(loop, listener, place),
      transport_(transport),
      key_(new_key()),
      room_(place.room),
      uplink_(loop) {}

void NativeMember::open() {
  auto fields = R"("open":{)" + quoted("room", room_name(room_));
  if (place().capacity != 2) fields += "," + counted("capacity", place().capacity);
  attach(transport_, fields + "}");
}

void NativeMember::attach(Transport transport, std::string_view fields) {
  const auto name = "c" + std::to_string(++turn_);
  auto request = quoted("key", key_) + ",";
  request.append(fields).append(",").append(quoted("carrier", name));
  request.append(",").append(counted("turn", turn_));
  if (received_ > 0) request.append(",").append(counted("ack", take_acknowledgement()));
  transport_ = transport;
  carrier_ = make_carrier(transport, loop(), *this, name, request);
}

std::string NativeMember::message(std::string_view fields) {
  auto text = "{" + counted("n", ++said_) + ",";
  text.append(fields).append("}");
  unconfirmed_.push_back({said_, text});
  return text;
}

void NativeMember::say(std::string_view payload) {
  auto fields = quoted("type", "offer") + R"(,"data":)";
  send(message(fields.append(payload)));
}

void NativeMember::send(std::string_view messages) {
  std::string fields = R"("messages":[)";
  fields.append(messages).append("]");
  if (!carrier_->acknowledges() && received_ > acknowledged_) {
    fields.append(",").append(counted("ack", take_acknowledgement()));
  }
  if (!carrier_->upload(fields)) post(fields);
}

void NativeMember::post(std::string_view fields) {
  auto body = "{" + quoted("key", key_) + ",";
  body.append(fields);
  // An acknowledgement rides with whatever is sent, unless the next poll brings it.
  if (fields.find(R"("ack":)") == std::string_view::npos && !carrier_->acknowledges() &&
      received_ > acknowledged_) {
    body.append(",").append(counted("ack", take_acknowledgement()));
  }
  uplink_.ask(post_request("/v1/send", body + "}"), [this](const Head&, std::string_view answer) {
    confirmed(number_after(answer, R"("up":)").value_or(0));
  });
}

void NativeMember::leave() {
  is_leaving_ = true;
  send(message(quoted("type", "leave")));
}

void NativeMember::join(std::uint32_t room) {
  auto messages = message(quoted("type", "leave") + "," + quoted("room", room_name(room_)));
  room_ = room;
  messages += "," + message(quoted("type", "join") + "," + quoted("room", room_name(room_)));
  joining_ = said_;
  send(messages);
}

void NativeMember::switch_to(Transport transport) {
  is_switching_ = true;
  earlier_.push_back(std::move(carrier_));
  attach(transport, R"("resume":{})");
}

void NativeMember::tick() {
  if (!carrier_ || is_leaving_ || carrier_->acknowledges() || received_ <= acknowledged_) return;
  const auto fields = counted("ack", take_acknowledgement());
  if (!carrier_->upload(fields)) post(fields);
}

void NativeMember::welcomed(std::string_view welcome) {
  if (const auto up = number_after(welcome, R"("up":)")) confirmed(*up);
  if (!std::exchange(is_switching_, false)) return;
  // What was said on the transport before and is not confirmed may have ended with it. The server
  // drops what it has.
  std::string messages;
  for (const auto& each : unconfirmed_) {
    messages.append(messages.empty() ? "" : ",").append(each.text);
  }
  if (!messages.empty()) send(messages);
  listener().switched(*this);
}

void NativeMember::confirmed(std::uint64_t up) {
  while (!unconfirmed_.empty() && unconfirmed_.front().number <= up) unconfirmed_.pop_front();
}

void NativeMember::event(std::uint64_t number, std::string_view text) {
  if (number <= received_) return;  // an earlier carrier has brought it
  if (number != received_ + 1) {
    throw std::runtime_error("event " + std::to_string(number) + " follows event " +
                             std::to_string(received_));
  }
  received_ = number;
  const auto type = type_of(text);
  if (type == "offer") {
    for_each_stamp(text, [this](const Stamp& stamp) { listener().message(*this, stamp); });
  } else if (type == "ready") {
    listener().ready(*this);
  } else if (type == "created" || type == "joined") {
    if (joining_ != 0 && number_after(text, R"("re":)") == joining_) {
      joining_ = 0;
      listener().joined(*this);
    }
  } else if (type == "error" || type == "full" || type == "place-lost") {
    throw std::runtime_error("a member hears " + std::string(text));
  }
}

void NativeMember::ended(Carrier& carrier, std::string_view code) {
  if (&carrier != carrier_.get()) {  // `moved`
    const auto is_it = [&](const auto& each) { return each.get() == &carrier; };
    const auto found = std::find_if(earlier_.begin(), earlier_.end(), is_it);
    if (found == earlier_.end()) return;
    loop().discard_later(std::shared_ptr<Carrier>(std::move(*found)));
    earlier_.erase(found);
    return;
  }
  if (!is_leaving_) {
    throw std::runtime_error("the server has ended a " + std::string(name_of(transport_)) +
                             " carrier: " + std::string(code));
  }
  if (!std::exchange(has_left_, true)) listener().left(*this);
}

}  // namespace sigway::load
