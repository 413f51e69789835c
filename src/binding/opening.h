#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "binding/context.h"
#include "dialects/error.h"
#include "session/session.h"

/// Whose request it is. No I/O: the model test drives the same code with fake connections.
namespace sigway::binding {

/// What a request that opens has taken before its session is made: the key and the address's count.
/// Gives both back unless the session is made.
class Opening {
 public:
  Opening(session::Shared& shared, const session::OpenContents& contents)
      : shared_(shared), key_(contents.key), address_(contents.address) {}
  ~Opening();
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;

  void counted() noexcept { is_counted_ = true; }
  void inserted(session::SessionId id) noexcept { id_ = id; }
  /// The session, or its end, gives them back.
  void made() noexcept {
    is_counted_ = false;
    id_ = {};
  }

 private:
  session::Shared& shared_;
  session::KeyHash key_;
  base::AddressKey address_;
  session::SessionId id_ = {};
  bool is_counted_ = false;
};

/// Whose request it is: which session, on which shard, and whether it may have to be made there.
struct Located {
  session::SessionId id;
  std::optional<session::OpenContents> open = std::nullopt;  ///< the request opens
  std::shared_ptr<Opening> opening = {};  ///< of the request that has inserted the key
  session::KeyHash key = {};
  const dialects::Dialect* dialect = nullptr;  ///< the request's
};
using LocateResult = std::variant<Located, dialects::Error>;

/// For a request that opens the session of `contents.key`, or finds it opened. On the accepting
/// shard, `here`.
LocateResult locate_to_open(Context& context, session::OpenContents contents, base::ShardIndex here,
                            base::TimePoint now);

/// For a request that quotes a key. None: there is no such session, and never was. Any thread.
std::optional<LocateResult> locate(Context& context, const dialects::Dialect& dialect,
                                   const session::KeyHash& key, base::TimePoint now);

/// On the session's shard: the session, made now if the request opens it and it does not exist yet.
/// A session of another dialect is `unknown_key`.
std::variant<session::Session*, dialects::Error> enter(session::Hub& hub, const Located& located);

}  // namespace sigway::binding
