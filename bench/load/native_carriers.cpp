#include "native_carriers.h"

#include <optional>
#include <stdexcept>
#include <utility>

namespace sigway::load {
namespace {

std::string braces(std::string_view fields) { return "{" + std::string(fields) + "}"; }

/// The value of the first string field of that name.
std::string_view text_field(std::string_view json, std::string_view mark) {
  const auto at = json.find(mark);
  if (at == std::string_view::npos) return {};
  const auto value = json.substr(at + mark.size());
  return value.substr(0, value.find('"'));
}

/// What a control says that every transport has.
void take_control(NativeMember& member, NativeMember::Carrier& carrier, std::string_view text) {
  const auto name = text_field(text, R"({"control":")");
  if (name == "welcome") {
    member.welcomed(text);
  } else if (name == "up") {
    member.confirmed(number_after(text, R"("up":)").value_or(0));
  } else if (name == "end") {
    member.ended(carrier, text_field(text, R"("code":")"));
  } else if (name == "error" || name == "standby") {
    throw std::runtime_error("the server says " + std::string(text));
  }
}

class SocketCarrier final : public NativeMember::Carrier, public WebSocketLine::User {
 public:
  SocketCarrier(Loop& loop, NativeMember& member, std::string_view fields)
      : member_(member), first_(braces(fields)), line_(loop, *this, "/v1/ws", "sigway.v1") {}

  bool upload(std::string_view fields) override {
    // What is said before the server has answered waits for the welcome.
    if (is_welcome_) {
      line_.send(braces(fields));
    } else {
      waiting_.push_back(braces(fields));
    }
    return true;
  }
  bool acknowledges() const override { return false; }

 private:
  void socket_opened() override {
    line_.send(first_);
    first_ = {};
  }
  void socket_text(std::string_view text) override {
    if (!text.starts_with(R"({"control":)")) return member_.event(next_++, text);
    if (const auto next = number_after(text, R"("next":)"); next && !is_welcome_) {
      next_ = *next;
      is_welcome_ = true;
      for (const auto& waiting : waiting_) line_.send(waiting);
      waiting_ = {};
    } else if (next && text.starts_with(R"({"control":"heartbeat")")) {
      // It leaves out what another carrier has brought and what is acknowledged.
      if (*next > member_.received() + 1) {
        throw std::runtime_error("the server has left out events: " + std::string(text));
      }
      next_ = *next;
    }
    if (text.starts_with(R"({"control":"probe")")) line_.send("{}");
    take_control(member_, *this, text);
  }
  void socket_closed(std::uint16_t) override { member_.ended(*this, {}); }

  NativeMember& member_;
  std::string first_;
  std::vector<std::string> waiting_;
  std::uint64_t next_ = 0;
  bool is_welcome_ = false;
  WebSocketLine line_;
};

class StreamCarrier final : public NativeMember::Carrier, public StreamLine::User {
 public:
  StreamCarrier(Loop& loop, NativeMember& member, std::string name, std::string_view fields)
      : member_(member),
        name_(std::move(name)),
        line_(loop, *this, post_request("/v1/sse", braces(fields))) {}

  bool upload(std::string_view) override { return false; }
  bool acknowledges() const override { return false; }

 private:
  void stream_opened() override {}
  std::size_t stream_received(std::string_view body) override {
    std::size_t used = 0;
    for (;;) {
      const auto end = body.find("\n\n", used);
      if (end == std::string_view::npos) return used;
      const auto block = body.substr(used, end - used);
      used = end + 2;
      block_received(block);
    }
  }
  void stream_closed() override { member_.ended(*this, {}); }

  void block_received(std::string_view block) {
    const auto data = block.find("data: ");
    if (data == std::string_view::npos) {
      // Heartbeats ask for a sign of life by an upload.
      if (block.find(": heartbeat") != std::string_view::npos) member_.post(sign_of_life());
      return;
    }
    const auto text = block.substr(data + 6);
    const auto number = number_after(block.substr(0, data), "id: ");
    if (number) return member_.event(*number, text);
    if (text.find(R"("hello":1})") != std::string_view::npos) {
      member_.post(sign_of_life() + R"(,"hello":1)");
    }
    take_control(member_, *this, text);
  }
  std::string sign_of_life() const { return R"("carrier":")" + name_ + '"'; }

  NativeMember& member_;
  std::string name_;
  StreamLine line_;
};

class PollCarrier final : public NativeMember::Carrier {
 public:
  PollCarrier(Loop& loop, NativeMember& member, std::string name, std::string_view fields)
      : member_(member), name_(std::move(name)), line_(loop) {
    ask(fields);
  }

  bool upload(std::string_view) override { return false; }
  bool acknowledges() const override { return true; }

 private:
  void ask(std::string_view fields) {
    auto body = braces(fields);
    body.pop_back();
    body.append(R"(,"n":)").append(std::to_string(++polls_)).append("}");
    line_.ask(post_request("/v1/poll", body),
              [this](const Head&, std::string_view text) { answered(text); });
  }

  void answered(std::string_view text) {
    if (text.starts_with(R"({"welcome":)")) member_.welcomed(text);
    if (const auto first = number_after(text, R"("first":)")) take_events(*first, text);
    if (const auto ended = text.find(R"("ended":)"); ended != std::string_view::npos) {
      return member_.ended(*this, text_field(text.substr(ended), R"("code":")"));
    }
    ask(R"("key":")" + member_.key() + R"(","carrier":")" + name_ + R"(","ack":)" +
        std::to_string(member_.take_acknowledgement()));
  }

  /// Cuts the array of events at the commas between its objects.
  void take_events(std::uint64_t number, std::string_view text) {
    constexpr std::string_view kMark = R"("events":[)";
    const auto start = text.find(kMark);
    if (start == std::string_view::npos) throw std::runtime_error("a poll without events");
    int depth = 0;
    bool is_string = false;
    auto from = start + kMark.size();
    for (auto at = from; at < text.size(); ++at) {
      const char c = text[at];
      if (is_string) {
        if (c == '\\') ++at;
        if (c == '"') is_string = false;
      } else if (c == '"') {
        is_string = true;
      } else if (c == '{' || c == '[') {
        if (depth++ == 0) from = at;
      } else if (c == ']' && depth == 0) {
        return;
      } else if (c == '}' || c == ']') {
        if (--depth == 0) member_.event(number++, text.substr(from, at + 1 - from));
      }
    }
    throw std::runtime_error("a poll's answer ends within its events");
  }

  NativeMember& member_;
  std::string name_;
  std::uint64_t polls_ = 0;
  RequestLine line_;
};

}  // namespace

std::unique_ptr<NativeMember::Carrier> make_carrier(Transport transport, Loop& loop,
                                                    NativeMember& member, std::string name,
                                                    std::string_view fields) {
  switch (transport) {
    case Transport::websocket: return std::make_unique<SocketCarrier>(loop, member, fields);
    case Transport::sse:
      return std::make_unique<StreamCarrier>(loop, member, std::move(name), fields);
    case Transport::poll:
      return std::make_unique<PollCarrier>(loop, member, std::move(name), fields);
  }
  throw std::logic_error("no such transport");
}

}  // namespace sigway::load
