#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "client/client.h"
#include "client/scheduler.h"

namespace sigway::client {

/// Requests and their answers: plain messages whose data is an envelope with an id
/// (docs/client.md, "Requests"). Thread: the client's, but for the functions that say otherwise.
class Requests {
 public:
  using OnAnswer = std::function<void(const ClientAnswer&)>;
  using Handler = std::function<std::string(const ClientEvent&)>;
  struct Hooks {
    /// Sends an answer; throws ClientError.
    std::function<void(const ClientEvent& request, const std::string& data)> answer;
    /// A handler of the application's threw what was not meant for the other side.
    std::function<void(const std::string& what)> report;
    /// So much waits to be sent that requests are dropped.
    std::function<bool()> is_behind;
  };

  /// `own`: random characters of `A–Z a–z 0–9 - _` that begin all ids of this client.
  Requests(Scheduler& scheduler, std::string own, Hooks hooks);

  /// An id from `random` characters of the same kind. Thread: any.
  std::string id(std::string_view random) const { return own_ + std::string(random); }
  /// The data of a request. Thread: any.
  static std::string envelope(const std::string& id, std::string_view data);
  /// An empty handler takes the one before off. Thread: any.
  void respond(const std::string& type, Handler handler);

  /// It goes out as message `number`. `deadline` 0: none. `on_answer` is called once.
  void expect(const std::string& id, std::uint64_t number, std::string type, Duration deadline,
              OnAnswer on_answer);
  /// True for a request that is answered here, and for an answer to one of ours. The rest is the
  /// application's.
  bool takes(const ClientEvent& event);
  /// The server has refused a message.
  void refused(const ClientEvent& event);
  /// The session is lost: what was said before the message `first_kept` gets no answer any more.
  void reset(std::uint64_t first_kept);
  void end(const ClientEnd& end);

 private:
  struct Pending {
    explicit Pending(Scheduler& scheduler) : deadline(scheduler) {}
    std::uint64_t number = 0;
    std::string type;
    OnAnswer on_answer;
    Timer deadline;
  };

  void settle(const std::string& id, const ClientAnswer& answer);
  template <class Which>
  void settle_all(Which which, const ClientAnswer& answer);
  void answer(const Handler& handler, const std::string& id, ClientEvent event,
              std::string_view data);

  Scheduler& scheduler_;
  const std::string own_;
  const Hooks hooks_;
  std::map<std::string, std::unique_ptr<Pending>> pending_;
  std::mutex mutex_;  // of the handlers
  std::map<std::string, std::shared_ptr<const Handler>> handlers_;
};

}  // namespace sigway::client
