#include <atomic>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "commands/connection.h"
#include "commands/input.h"
#include "commands/verbs.h"

namespace sigway::commands {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds kSettling{300};

struct SendFlags {
  std::string target, type;
  std::string data;
  bool text = false;
  bool wait = false;
  std::string timeout = "30s";
};

std::string read_all() {
  std::string all;
  std::array<char, 65'536> block;  // NOLINT: fread fills it
  while (const auto count = std::fread(block.data(), 1, block.size(), stdin))
    all.append(block.data(), count);
  return all;
}

std::string peer_of(const Json& told) {
  const auto peer = told.is_object() ? told.find("peer") : told.end();
  return peer != told.end() && peer->is_string() ? peer->get<std::string>() : std::string{};
}

bool is_suspended(const Json& member) {
  return member.is_object() && member.contains("suspended") && member["suspended"] == true;
}

/// One message, from the arguments to the exit status.
class Delivery {
 public:
  Delivery(const CLI::App& app, SendFlags flags, const ConnectionFlags& connection)
      : app_(app), flags_(std::move(flags)), connection_(connection) {}

  int run() {
    const auto longest = duration_of(flags_.timeout);
    if (!longest) {
      complain(app_, "--timeout: '" + flags_.timeout + "' is no time; write 500ms, 30s or 2m");
      return kMisused;
    }
    auto data = flags_.data == "-" ? read_all() : flags_.data;
    if (flags_.text) data = Json(data).dump(-1, ' ', false, Json::error_handler_t::replace);
    if (!data.empty() && !Json::accept(data)) {
      complain(app_, "the data is not JSON; write it as '\"text\"' or '{\"a\":1}', or say --text");
      return kMisused;
    }
    auto handlers = reporting(app_, connection_);
    handlers.on_event = [this](const ClientEvent& event) { on_event(event); };
    handlers.on_reset = [this](const ClientReset&) {
      fail("the server has lost the session in the middle: it may have arrived or not");
    };
    handlers.on_closed = [this](const ClientEnd& end) { fail(sentence_of(end)); };
    auto options = connection_.options();
    if (!to_name()) options.room = flags_.target;
    const auto deadline = std::chrono::steady_clock::now() + *longest;
    Client client(options, std::move(handlers));
    bool sent = false;
    using Moment = std::chrono::steady_clock::time_point;
    Moment settled_at{};
    while (!over_) {
      if (!sent && (to_name() || accompanied_)) {
        sent = true;
        const std::lock_guard lock(mutex_);
        is_heard_ = !present_.empty();
        if (to_name()) {
          client.send(flags_.type, data, {flags_.target});
        } else {
          client.send(flags_.type, data);
        }
        // What is said last is answered last, after the refusal of the message, if there is one.
        last_ = to_name() ? client.logout() : client.leave(flags_.target);
      }
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) {
        const bool reached = client.state() != ClientState::connecting;
        fail(!reached ? "there was no server within " + flags_.timeout + "; --verbose tells more"
             : sent   ? "the server has not answered for it within " + flags_.timeout
                      : "nobody came into the room within " + flags_.timeout);
        break;
      }
      if (settling_ && settled_at == Moment{})
        settled_at = std::chrono::steady_clock::now() + kSettling;
      if (settling_ && std::chrono::steady_clock::now() >= settled_at) {
        // The server answers nothing where somebody has the name, there or away.
        const auto name = flags_.target.substr(1);
        succeed("sent: the server delivers it as soon as " + name + " is connected");
        break;
      }
      const auto longest_wait = settling_ ? std::min<std::int64_t>(left.count(), 20) : left.count();
      const auto outcome = input_.wait(false, static_cast<int>(longest_wait) + 1);
      if (outcome.signal != 0) {
        ended_ = over_ = true;
        return kSignalled + outcome.signal;
      }
    }
    return status_;
  }

 private:
  std::uint64_t last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }

  bool is_heard() {
    const std::lock_guard lock(mutex_);
    return is_heard_;
  }

  bool to_name() const { return flags_.target.starts_with('@'); }

  // The first outcome counts; both threads may come to one.
  void end(int status, FILE* where, const std::string& line) {
    if (ended_.exchange(true)) return;
    status_ = status;
    std::fprintf(where, "%s\n", line.c_str());
    std::fflush(where);
    over_ = true;
    input_.wake();
  }
  void succeed(const std::string& line) { end(kSuccess, stdout, line); }
  void fail(const std::string& sentence) {
    end(kFailure, stderr, app_.get_name() + ": " + sentence);
  }

  void on_event(const ClientEvent& event) {
    if (over_ || !event.from.empty()) return;
    const bool is_last = event.re && *event.re == last();
    if (event.type == "created" && !flags_.wait) {
      fail("nobody is in the room " + flags_.target +
           ": start the other side first, or wait with --wait");
    } else if (event.type == "full") {
      fail("the room " + flags_.target + " is full: " + advice("full"));
    } else if (event.type == "joined" || event.type.starts_with("peer-")) {
      note_presence(event);
    } else if (is_last && !to_name()) {
      succeed(is_heard() ? "delivered"
                         : "sent: everybody else in the room is away, and gets it on coming back");
    } else if (is_last) {
      // What a name's mailbox says has no order with what the session says.
      settling_ = true;
      input_.wake();
    } else if (event.type == "stored") {
      const auto lifetime = Json::parse(event.json, nullptr, false).value("lifetime", 0U);
      succeed("stored for " + std::to_string(lifetime) + " s: nobody is called " +
              flags_.target.substr(1) + " now");
    } else if (event.type == "error") {
      const auto error = Json::parse(event.json, nullptr, false);
      const auto say = [&](const char* field) {
        return error.is_object() ? error.value(field, std::string{}) : std::string{};
      };
      fail(say("message") + ' ' + say("hint"));
    }
  }

  // Who is in the room and has not lost its connection.
  void note_presence(const ClientEvent& event) {
    const auto told = Json::parse(event.json, nullptr, false);
    if (!told.is_object()) return;
    const std::lock_guard lock(mutex_);
    if (event.type == "joined") {
      const auto members = told.find("members");
      if (members != told.end() && members->is_array()) {
        for (const auto& member : *members) {
          if (!is_suspended(member)) present_.insert(peer_of(member));
        }
      }
    } else if (event.type == "peer-joined" || event.type == "peer-resumed") {
      present_.insert(peer_of(told));
    } else if (event.type == "peer-suspended" || event.type == "peer-left") {
      present_.erase(peer_of(told));
    }
    if (event.type != "joined" && event.type != "peer-joined") return;
    accompanied_ = true;
    input_.wake();
  }

  const CLI::App& app_;
  const SendFlags flags_;
  const ConnectionFlags& connection_;
  Input input_;
  std::mutex mutex_;
  std::uint64_t last_ = 0;         // the id of what is said last
  std::set<std::string> present_;  // by peer id
  bool is_heard_ = false;          // somebody was present when the message was sent
  std::atomic<bool> accompanied_{false};
  std::atomic<bool> settling_{false};  // taken, and nothing else was said so far
  std::atomic<bool> ended_{false};
  int status_ = kFailure;  // written before `over_`
  std::atomic<bool> over_{false};
};

}  // namespace

int send(const std::vector<std::string>& arguments) {
  CLI::App app(
      "Sends one message to everybody in a room, or to whoever has a name. Says \"delivered\"; "
      "\"sent\" where the receiver may be away, and gets it on coming back; or \"stored\" where "
      "the "
      "name's mailbox keeps it. The status is 0 for all of them.",
      "sigway send");
  SendFlags flags;
  ConnectionFlags connection;
  app.add_option("TARGET", flags.target, "A room, or @NAME")->required();
  app.add_option("TYPE", flags.type, "The message's type: offer, chat, …")->required();
  app.add_option("DATA", flags.data, "JSON; - reads it from standard input");
  app.add_flag("--text", flags.text, "DATA is text, not JSON");
  app.add_flag("--wait", flags.wait, "Wait until somebody is in the room");
  app.add_option("--timeout", flags.timeout, "Give up after this time")->capture_default_str();
  connection.add_to(app);
  if (const auto status = parse(app, arguments)) return *status;
  return run_verb(app, [&] { return Delivery(app, std::move(flags), connection).run(); });
}

}  // namespace sigway::commands
