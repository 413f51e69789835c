#include "socketio_rtcmulti/rtcmulti.h"

#include <string>
#include <variant>

#include "dialects/scope.h"
#include "socketio_rtcmulti/json.h"
#include "socketio_rtcmulti/names.h"
#include "socketio_rtcmulti/profile.h"
#include "socketio_rtcmulti/registry.h"
#include "socketio_rtcmulti/socket.h"

namespace sigway::dialects::socketio::rtcmulti {
namespace {

class Encoder {
 public:
  explicit Encoder(EventChain& out) : out_(out) {}

  void operator()(const event::LoggedIn& logged_in) { note(kHasId, logged_in.name); }
  void operator()(const event::Refused& refused) {
    switch (refused.error.code) {
      case ErrorCode::name_taken:
        // Of a name after its `@`.
        note(kHasNotId,
             std::string_view(refused.error.to).substr(refused.error.to.empty() ? 0 : 1));
        break;
      case ErrorCode::rate_limited:
        log(out_, refused.error.sentence());
        out_.note(kHasNotId);
        break;
      // Whoever heard it last has gone since: who was in contact with it hears that.
      case ErrorCode::nobody_there: break;
      default: log(out_, refused.error.sentence());
    }
  }
  void operator()(const event::Said& said) {
    // The arguments, in an array.
    auto arguments = std::string_view(said.data.bytes);
    arguments = arguments.substr(1, arguments.size() - 2);
    out_.event(said.type, std::span(&arguments, arguments.empty() ? 0 : 1));
  }
  template <typename Other>
  void operator()(const Other&) {}

 private:
  void note(std::string_view what, std::string_view name) {
    out_.note(std::string(what).append(unscoped(kDialect, name).value_or("")));
  }

  EventChain& out_;
};

class RtcmultiDialect final : public Dialect {
 public:
  std::string_view name() const noexcept override { return kDialect; }

  EncodedEvent encode(const Event& event) const override {
    EventChain events;
    std::visit(Encoder(events), event);
    return events.take();
  }
};

}  // namespace

const Dialect& dialect() noexcept {
  static const RtcmultiDialect kInstance;
  return kInstance;
}

void log(EventChain& events, std::string_view sentence) {
  events.event("logs", {quoted(sentence)});
}

RtcmultiApplication::RtcmultiApplication(base::MemoryBudget& budget, std::uint32_t room_capacity)
    : registry_(std::make_shared<Registry>(budget, room_capacity)) {}

bool RtcmultiApplication::claims(const Query& query) const { return is_profile(query); }

std::unique_ptr<Socket> RtcmultiApplication::connect(const Connect& connect) const {
  return make_socket(registry_, connect);
}

void RtcmultiApplication::taken(std::string_view peer, std::uint64_t receipt) const noexcept {
  if (receipt != 0) registry_->said(peer, receipt);
}

}  // namespace sigway::dialects::socketio::rtcmulti
