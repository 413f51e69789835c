#include <atomic>

#include "commands/connection.h"
#include "commands/input.h"
#include "commands/output.h"
#include "commands/verbs.h"

namespace sigway::commands {
namespace {

// A room has no messages of the past to show, so 0 cannot mean what it means to tail(1): with -n 0
// that shows none of them and goes on. CLI::PositiveNumber says its range in 300 digits.
std::string count_problem(const std::string& text) {
  const bool is_count = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (is_count && text.find_first_not_of('0') != std::string::npos) return {};
  return "'" + text +
         "' is no number of messages to end after; write 1 or more, or leave it out to listen on";
}

}  // namespace

int tail(const std::vector<std::string>& arguments) {
  CLI::App app(
      "Prints what is said in a room, a JSON line each: {\"type\",\"from\",\"data\",…}. It is a "
      "member "
      "of the room while it listens.\nEnds by a signal, after --count messages, or when nobody "
      "reads "
      "its output.",
      "sigway tail");
  ConnectionFlags flags;
  std::string room;
  unsigned capacity = 0;
  std::uint64_t count = 0;
  app.add_option("ROOM", room, "The room")->required();
  app.add_option("--capacity", capacity, "For how many the room is, if it is new");
  app.add_option("--count,-n", count, "End after so many messages, 1 or more; without it, never")
      ->check(CLI::Validator(count_problem, "1 OR MORE"));
  flags.add_to(app);
  if (const auto status = parse(app, arguments)) return *status;

  Input input;
  std::atomic<bool> over{false};
  int status = kSuccess;  // written before `over`
  std::uint64_t printed = 0;
  const auto end_with = [&](int its_status) {
    if (over) return;
    status = its_status;
    over = true;
    input.wake();
  };
  auto handlers = reporting(app, flags);
  handlers.on_event = [&](const ClientEvent& event) {
    if (over) return;
    if (event.type == "full" && event.from.empty()) {
      complain(app, "the room " + room + " is full: " + advice("full"));
      end_with(kFailure);
    } else if (event.type == "error" && event.from.empty()) {
      complain(app, event.json);
      end_with(kFailure);
    }
    if (event.from.empty()) return;
    if (!print_line(event.json) || ++printed == count) end_with(kSuccess);
  };
  handlers.on_closed = [&](const ClientEnd& end) {
    if (over) return;
    complain(app, sentence_of(end));
    end_with(kFailure);
  };
  return run_verb(app, [&] {
    auto options = flags.options();
    options.room = room;
    options.capacity = capacity;
    Client client(options, std::move(handlers));
    while (!over) {
      if (const auto outcome = input.wait(false, -1); outcome.signal != 0)
        return kSignalled + outcome.signal;
    }
    return status;
  });
}

}  // namespace sigway::commands
