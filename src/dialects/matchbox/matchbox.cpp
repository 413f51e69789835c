#include "matchbox/matchbox.h"

#include <charconv>
#include <optional>
#include <utility>

#include "dialects/frames.h"
#include "dialects/grammar.h"
#include "dialects/json_fields.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"
#include "dialects/scope.h"
#include "matchbox/uuid.h"

namespace sigway::dialects::matchbox {
namespace {

constexpr std::string_view kName = "matchbox";
constexpr std::string_view kSignal = "signal";  // `Said::type`; rooms are the dialect's own
constexpr std::size_t kMaxMessage = 64U << 10U;
constexpr std::size_t kMaxDepth = 64;

// -- What comes from a client

/// `{"Signal":{"receiver":UUID,"data":X}}`. All else is ignored: `"KeepAlive"`, as it keeps the
/// connection alive by itself, and what the original ignores as well.
std::optional<Say> read_signal(std::string_view text) {
  const auto signal = member(text, "Signal", kMaxDepth);
  if (!signal) return std::nullopt;
  const auto receiver = member(signal->bytes, "receiver");
  const auto data = member(signal->bytes, "data");
  if (!receiver || !data) return std::nullopt;
  const auto uuid = text_of(*receiver);
  auto peer = uuid ? peer_of(*uuid) : std::nullopt;
  if (!peer) return std::nullopt;
  return Say{.type = std::string(kSignal),
             .to = {{Address::Kind::peer, *std::move(peer)}},
             .data = {Payload::Kind::json, on_one_line(*data)}};
}

// -- What goes to a client

EncodedEvent about(FieldName what, std::string_view peer) {
  std::string out;
  JsonWriter(out).text(what, uuid_of(peer)).close();
  return text_frame(std::move(out));
}

EncodedEvent encode_said(const event::Said& said) {
  std::string signal;
  JsonWriter json(signal);
  json.text("sender", uuid_of(said.from));
  append_json(json.key("data").out(), said.data);
  json.close();
  std::string out;
  JsonWriter(out).raw("Signal", signal).close();
  return text_frame(std::move(out));
}

class MatchboxDialect final : public Dialect {
 public:
  std::string_view name() const noexcept override { return kName; }

  /// A client ends at a message that it does not know, so it is told nothing else.
  EncodedEvent encode(const Event& event) const override {
    if (const auto* said = std::get_if<event::Said>(&event)) return encode_said(*said);
    if (const auto* created = std::get_if<event::Created>(&event))
      return about("IdAssigned", created->peer);
    if (const auto* joined = std::get_if<event::Joined>(&event))
      return about("IdAssigned", joined->peer);
    if (const auto* came = std::get_if<event::PeerJoined>(&event))
      return about("NewPeer", came->peer);
    if (const auto* left = std::get_if<event::PeerLeft>(&event))
      return about("PeerLeft", left->peer);
    return nullptr;
  }
};

std::optional<std::uint32_t> parse_players(std::string_view text) {
  std::uint32_t players = 0;
  const auto* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, players);
  if (error != std::errc{} || end != last || players == 0 || players == Join::kLargest)
    return std::nullopt;
  return players;
}

class MatchboxProtocol final : public plain::Protocol {
 public:
  const Dialect& dialect() const noexcept override { return dialect_; }
  std::string_view path() const noexcept override { return "/matchbox"; }
  bool has_rooms() const noexcept override { return true; }
  std::size_t max_message() const noexcept override { return kMaxMessage; }

  /// With `next=N` the room is filled N peers at a time. The same room with another N is another
  /// one, as in the original.
  std::variant<plain::Entrance, Error> entrance(
      std::string_view room, const plain::Parameters& parameters) const override {
    if (!room.empty() && !valid_room(room)) return Error{.code = ErrorCode::bad_room};
    plain::Entrance entrance{.room = scoped(kName, room), .capacity = Join::kLargest};
    for (const auto& [name, value] : parameters) {
      if (name != "next") continue;
      const auto players = parse_players(value);
      if (!players) {
        return Error{.code = ErrorCode::bad_request,
                     .message = "The parameter `next` is no number of players.",
                     .hint = "next=2 connects players in twos."};
      }
      entrance.room = scoped(kName, room).append("\nnext=").append(std::to_string(*players));
      entrance.capacity = *players;
      entrance.series = true;
    }
    return entrance;
  }

  /// Binary frames are ignored, as in the original.
  void decode(const plain::Entrance&, Payload frame, std::vector<Message>& out) const override {
    if (frame.kind != Payload::Kind::text) return;
    if (auto say = read_signal(frame.bytes))
      out.push_back({std::nullopt, Command(*std::move(say))});
  }

  void append_json(std::string& out, const Frame& frame) const override { out += frame.bytes; }

 private:
  MatchboxDialect dialect_;
};

}  // namespace

const plain::Protocol& protocol() noexcept {
  static const MatchboxProtocol kInstance;
  return kInstance;
}

}  // namespace sigway::dialects::matchbox
