#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "commands/connection.h"
#include "commands/input.h"
#include "commands/output.h"
#include "commands/verbs.h"

namespace sigway::commands {
namespace {

using Json = nlohmann::ordered_json;

struct JoinFlags {
  std::string room;
  unsigned capacity = 0;
  bool stay = false;
  bool wait = false;
};

/// One membership, from the arguments to the exit status. The handlers come on the client's thread,
/// the lines of standard input on main's.
class Membership {
 public:
  Membership(const CLI::App& app, JoinFlags flags, const ConnectionFlags& connection)
      : app_(app), flags_(std::move(flags)), connection_(connection) {}

  int run() {
    auto handlers = reporting(app_, connection_);
    handlers.on_event = [this](const ClientEvent& event) { on_event(event); };
    handlers.on_reset = [this](const ClientReset& reset) { on_reset(reset); };
    handlers.on_closed = [this](const ClientEnd& end) { on_closed(end); };
    auto options = connection_.options();
    options.room = flags_.room;
    options.capacity = flags_.capacity;
    Client client(options, std::move(handlers));
    while (!over_) {
      const bool may_read = !ended_input_ && (!flags_.wait || accompanied_);
      const auto outcome = input_.wait(may_read, -1);
      if (outcome.signal != 0) {
        over_ = true;
        return kSignalled + outcome.signal;
      }
      if (outcome.line) say(client, *outcome.line);
      if (outcome.at_end) end_of_input(client);
    }
    return failed_ ? kFailure : kSuccess;
  }

 private:
  void end() {
    over_ = true;
    input_.wake();
  }

  void say(Client& client, const std::string& line) {
    ++line_;
    if (line.find_first_not_of(" \t") == std::string::npos) return;
    for (;;) {
      try {
        say(client, Json::parse(line));
        return;
      } catch (const Json::exception&) {
        misread("is no JSON; write one object a line: {\"type\":\"chat\",\"data\":\"hello\"}");
        return;
      } catch (const ClientError& error) {
        if (error.code() != "busy") {
          if (error.code() != "closed") misread(error.what());
          return;
        }
        // The reader's pace is the network's.
        client.flush(std::chrono::seconds(1));
        if (over_) return;
      }
    }
  }

  void say(Client& client, const Json& message) {
    constexpr std::array<std::string_view, 6> kKnown{"type", "data", "to",
                                                     "room", "name", "capacity"};
    if (!message.is_object()) throw ClientError("bad_json", "is no JSON object");
    for (const auto& field : message.items()) {
      if (std::find(kKnown.begin(), kKnown.end(), field.key()) == kKnown.end())
        throw ClientError("unknown_field",
                          "has a field '" + field.key() + "'; there are type, data, to and room");
    }
    const auto text = [&](const char* field) {
      const auto entry = message.find(field);
      if (entry == message.end()) return std::string{};
      if (!entry->is_string())
        throw ClientError("bad_request", std::string("has a ") + field + " that is no text");
      return entry->get<std::string>();
    };
    const auto type = text("type");
    const auto room = text("room");
    if (type == "join" || type == "leave") {
      if (room.empty()) throw ClientError("bad_room", "needs a room");
      const auto capacity = message.find("capacity");
      if (type == "leave") {
        client.leave(room);
      } else {
        client.join(room, capacity != message.end() && capacity->is_number_unsigned()
                              ? capacity->get<unsigned>()
                              : 0);
      }
    } else if (type == "login") {
      client.login(text("name"));
    } else if (type == "logout") {
      client.logout();
    } else {
      std::vector<std::string> to;
      if (const auto entry = message.find("to"); entry != message.end() && entry->is_array()) {
        to = entry->get<std::vector<std::string>>();
      } else if (entry != message.end()) {
        to.push_back(text("to"));
      }
      const auto data = message.find("data");
      client.send(type, data == message.end() ? std::string{} : data->dump(), to, room);
    }
  }

  void misread(const std::string& what) {
    complain(app_, "line " + std::to_string(line_) + " of standard input " + what);
    failed_ = true;
  }

  // Results of all that was said come before the answer to what is said last.
  void end_of_input(Client& client) {
    ended_input_ = true;
    if (flags_.stay) return;
    const std::lock_guard lock(mutex_);
    try {
      last_ = client.leave(flags_.room);
    } catch (const ClientError&) {
      over_ = true;  // it has ended by itself, and has said so
    }
  }

  void on_event(const ClientEvent& event) {
    if (over_) return;
    const bool servers = event.from.empty();
    bool is_last = false;
    if (servers && event.re) {
      const std::lock_guard lock(mutex_);
      is_last = event.re == last_;
    }
    if (!print_line(event.json)) {
      end();
      return;
    }
    if (is_last) {
      end();
      return;
    }
    if (!servers) return;
    if (event.type == "full" && event.room == flags_.room) {
      complain(app_, "the room " + flags_.room + " is full: " + advice("full"));
      failed_ = true;
      end();
    } else if (event.type == "error") {
      failed_ = true;
      if (!event.re) {  // about the opening
        complain(app_, event.json + ' ' + advice(event.code));
        end();
      }
    } else if (event.type == "peer-joined" ||
               (event.type == "joined" && event.json.find("\"members\":[{") != std::string::npos)) {
      if (!accompanied_.exchange(true)) input_.wake();
    }
  }

  void on_reset(const ClientReset& reset) {
    Json told{{"type", "reset"},
              {"reason", reset.reason},
              {"previous", reset.previous_peer},
              {"peer", reset.peer},
              {"lost", reset.lost}};
    if (!reset.lost.empty()) failed_ = true;
    {
      const std::lock_guard lock(mutex_);
      // The room has been left by the session's end, if that was what was still to be done.
      if (last_ && std::find(reset.lost.begin(), reset.lost.end(), *last_) != reset.lost.end())
        end();
    }
    if (!print_line(told.dump())) end();
  }

  void on_closed(const ClientEnd& why) {
    if (over_) return;
    complain(app_, sentence_of(why));
    failed_ = true;
    end();
  }

  const CLI::App& app_;
  const JoinFlags flags_;
  const ConnectionFlags& connection_;
  Input input_;
  std::mutex mutex_;
  std::optional<std::uint64_t> last_;  // the id of what is said last
  std::atomic<bool> over_{false};
  std::atomic<bool> failed_{false};
  std::atomic<bool> accompanied_{false};
  bool ended_input_ = false;
  std::uint64_t line_ = 0;
};

}  // namespace

int join(const std::vector<std::string>& arguments) {
  CLI::App app(
      "Joins a room. Prints every event as a JSON line on standard output, and says what standard "
      "input says, a JSON object each line:\n"
      "  {\"type\":\"chat\",\"data\":\"hello\"}    "
      "{\"type\":\"offer\",\"to\":\"PEER\",\"data\":{}}\n"
      "At the end of its input it ends, as soon as the server has answered for everything. The "
      "status "
      "is 0 if nothing was refused or lost.",
      "sigway join");
  JoinFlags flags;
  ConnectionFlags connection;
  app.add_option("ROOM", flags.room, "The room")->required();
  app.add_option("--capacity", flags.capacity, "For how many the room is, if it is new");
  app.add_flag("--stay", flags.stay, "Stay at the end of the input, until a signal");
  app.add_flag("--wait", flags.wait, "Read no input before somebody else is in the room");
  connection.add_to(app);
  if (const auto status = parse(app, arguments)) return *status;
  return run_verb(app, [&] { return Membership(app, std::move(flags), connection).run(); });
}

}  // namespace sigway::commands
