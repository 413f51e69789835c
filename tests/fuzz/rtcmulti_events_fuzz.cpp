// modules: socketio_rtcmulti
//
// What three clients of RTCMultiConnection emit, a line each: the client's digit, an id for the
// acknowledgement or none, and the event's array. Whatever they say, what others hear is JSON,
// names are theirs, and nothing is left when they have gone.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/memory_budget.h"
#include "dialects/grammar.h"
#include "dialects/scope.h"
#include "socketio/arguments.h"
#include "socketio_rtcmulti/profile.h"
#include "socketio_rtcmulti/registry.h"
#include "socketio_rtcmulti/rtcmulti.h"

namespace {

using namespace sigway;                      // NOLINT(google-build-using-namespace)
using namespace sigway::dialects;            // NOLINT(google-build-using-namespace)
using namespace sigway::dialects::socketio;  // NOLINT(google-build-using-namespace)

void require(bool fact) {
  if (!fact) std::abort();
}

void check_json(std::string_view json) {
  require(!find_json_fault(json));
  require(json.find_first_of("\r\n") == std::string_view::npos);
}

/// Each frame is an event, an acknowledgement or a note.
void check_chain(const EncodedEvent& event) {
  for (const auto* frame = event.get(); frame != nullptr; frame = frame->more.get()) {
    if (read_note(frame->bytes)) continue;
    check_json(read_chain_text(frame->bytes).array);
  }
}

void check_say(const Say& say) {
  require(!say.store && !say.room && !say.to.empty() && say.to.size() <= 64);
  for (const auto& to : say.to) {
    require(to.kind == Address::Kind::name);
    const auto id = unscoped("rtcmulti", to.value);
    require(id && rtcmulti::valid_id(*id));
  }
  require(say.data.kind == Payload::Kind::json);
  check_json(say.data.bytes);
  check_chain(rtcmulti::dialect().encode(event::Said{say.type, "", "p", "", say.data}));
}

/// A client with its session's part of the work.
class Client {
 public:
  Client(const Application& application, const std::string& name)
      : application_(application),
        name_(name),
        socket_(application.connect({.space = "/", .peer = name, .query = &query_of(name)})) {
    Reaction reaction;
    socket_->connected(reaction);
    take(std::move(reaction));
  }
  ~Client() {
    if (will_ == nullptr) return;
    for (const auto& say : will_->take()) check_say(say);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void emit(std::string_view line) {
    std::optional<std::uint64_t> id;
    if (line.starts_with('1')) {
      id = 1;
      line.remove_prefix(1);
    }
    if (find_json_fault(line, kMaxDepth)) return;
    const auto split = split_event(line);
    const auto* const event = std::get_if<SplitEvent>(&split);
    if (event == nullptr) return;
    std::vector<std::string_view> arguments;
    for (const auto& argument : event->arguments) arguments.push_back(argument.bytes);
    Reaction reaction;
    socket_->emitted({.name = event->name, .arguments = arguments, .id = id}, reaction);
    take(std::move(reaction));
  }

 private:
  static const Query& query_of(const std::string& name) {
    static Query query;
    query = {{"userid", name}, {"msgEvent", "m"}, {"extra", "{\"name\":1}"}};
    return query;
  }

  void take(Reaction reaction) {
    check_chain(reaction.events.take());
    for (auto& message : reaction.messages) {
      auto& command = std::get<Command>(message.content);
      if (auto* will = std::get_if<Will>(&command)) {
        will_ = std::move(will->words);
      } else if (const auto* login = std::get_if<Login>(&command)) {
        require(unscoped("rtcmulti", login->name).has_value());
        note(rtcmulti::dialect().encode(event::LoggedIn{login->name, 1}));
      } else {
        check_say(std::get<Say>(command));
      }
    }
    if (reaction.receipt) application_.taken(name_, *reaction.receipt);
  }

  void note(const EncodedEvent& event) {
    for (const auto* frame = event.get(); frame != nullptr; frame = frame->more.get()) {
      const auto note = read_note(frame->bytes);
      if (!note) continue;
      Reaction reaction;
      socket_->noted(*note, reaction);
      take(std::move(reaction));
    }
  }

  const Application& application_;
  const std::string name_;
  std::shared_ptr<LastWords> will_;
  std::unique_ptr<Socket> socket_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data),
                        size);  // NOLINT: bytes are what it gives
  base::MemoryBudget budget(1U << 30U);
  rtcmulti::RtcmultiApplication application(budget, 2);
  {
    std::array<std::unique_ptr<Client>, 3> clients;
    for (std::size_t i = 0; i < clients.size(); ++i)
      clients[i] =
          std::make_unique<Client>(application, std::string(1, static_cast<char>('a' + i)));
    while (!rest.empty()) {
      const auto end = std::min(rest.find('\n'), rest.size());
      const auto line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.empty()) continue;
      clients[static_cast<unsigned char>(line[0]) % clients.size()]->emit(line.substr(1));
    }
    require(application.registry().users() <= clients.size());
    require(application.registry().rooms() <= clients.size());
  }
  require(application.registry().users() == 0 && application.registry().rooms() == 0);
  require(budget.used(base::MemoryPart::registry) == 0);
  return 0;
}
