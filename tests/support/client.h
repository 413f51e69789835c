#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "native_binding/poll.h"
#include "support/recorders.h"
#include "support/world.h"

namespace sigway::testing {

/// A client that writes its requests as docs/protocol.md shows them. Each request runs at once to
/// its end, unless `paused`: then it only has been put on its way.
class Client {
 public:
  Client(World& world, std::string_view name, base::ShardIndex here = 0)
      : key(std::string(name) + "-0123456789abcdefghijklmnop"), here(here), world_(world) {}

  std::string key;             ///< empty: a person without one
  base::ShardIndex here;       ///< the shard that accepts its connections, if there are so many
  std::string address = "ip";  ///< of the client
  bool paused = false;
  std::uint64_t n = 0;           ///< of the last message
  std::uint64_t connection = 0;  ///< of the last stream or poll
  session::StreamOptions options;

  /// `POST /v1/sse` and the first frame of `/v1/ws`.
  std::shared_ptr<StreamLog> stream(std::string_view text,
                                    const std::shared_ptr<ReplyLog>& reply = {}) {
    auto log = std::make_shared<StreamLog>();
    connection = requests_ + 1;
    auto result = reply ? reply : std::make_shared<ReplyLog>();
    go(text, result,
       [this, log, result](session::Hub& hub, dialects::native::Located located, auto request,
                           std::uint64_t id) {
         dialects::native::StreamAttach attach;
         attach.located = std::move(located);
         attach.request = std::move(request);
         attach.connection = id;
         attach.make = [options = options](const session::Session& session) {
           auto with = options;
           if (!session.traits().acknowledges) with.patience = 0;
           return std::make_unique<session::StreamCarrier>(with);
         };
         attach.accept = [log](const dialects::native::Welcome& welcome, const session::Session&) {
           log->welcome = welcome;
           return std::make_unique<RecordingSink>(log);
         };
         auto outcome = dialects::native::attach_stream(world_.context, hub, std::move(attach));
         if (const auto* attached = std::get_if<binding::Attached>(&outcome)) {
           result->error = attached->error;
         } else if (const auto* end = std::get_if<session::End>(&outcome)) {
           result->ended = *end;
         } else {
           result->error = std::get<dialects::Error>(std::move(outcome));
         }
       });
    return log;
  }

  /// `POST /v1/send`.
  std::shared_ptr<ReplyLog> upload(std::string_view text) {
    auto result = std::make_shared<ReplyLog>();
    go(text, result,
       [result](session::Hub& hub, const dialects::native::Located& located, auto request,
                std::uint64_t) {
         auto outcome = dialects::native::upload(hub, located, std::move(request));
         if (const auto* up = std::get_if<std::uint64_t>(&outcome)) {
           result->up = *up;
         } else {
           result->error = std::get<dialects::Error>(std::move(outcome));
         }
       });
    return result;
  }

  /// Uploads one message with the next number.
  std::shared_ptr<ReplyLog> say(std::string_view message) {
    auto object = Json::parse(message);
    object["n"] = ++n;
    return upload(Json{{"messages", Json::array({object})}}.dump());
  }

  /// `POST /v1/poll`.
  std::shared_ptr<ReplyLog> poll(std::string_view text) {
    connection = requests_ + 1;
    auto result = std::make_shared<ReplyLog>();
    go(
        text, result,
        [this, result](session::Hub& hub, dialects::native::Located located, auto request,
                       std::uint64_t id) {
          dialects::native::Poll poll{std::move(located), std::move(request), id,
                                      std::make_unique<RecordingReply>(result)};
          result->error = dialects::native::run_poll(world_.context, hub, std::move(poll));
        },
        false);
    return result;
  }

  /// A connection is cut.
  void cut(std::uint64_t which) {
    if (auto* s = session()) s->detach(which);
    if (!paused) world_.run();
  }
  void cut() { cut(connection); }

  /// Any sign of life on an open stream, such as a pong.
  void heard() {
    if (auto* s = session()) s->heard();
    if (!paused) world_.run();
  }

  session::Session* session() {
    const auto found = world_.shared.directory.find(session::hash_key(key), world_.now());
    return found.id ? world_.hub(found.id.shard).find(found.id.serial) : nullptr;
  }

 private:
  template <typename Task>
  void go(std::string_view text, const std::shared_ptr<ReplyLog>& result, Task task,
          bool done = true) {
    auto object = Json::parse(text);
    if (!key.empty()) object["key"] = key;
    auto decoded = dialects::native::decode_request(object.dump());
    if (const auto* error = std::get_if<dialects::Error>(&decoded)) {
      result->error = *error;
      result->done = true;
      return;
    }
    auto request = std::get<dialects::native::Request>(std::move(decoded));
    const auto id = ++requests_;
    auto located = dialects::native::locate(world_.context, request, address,
                                            here % world_.shards(), world_.now());
    if (const auto* error = std::get_if<dialects::Error>(&located)) {
      result->error = *error;
      result->done = true;
      return;
    }
    auto where = std::get<dialects::native::Located>(std::move(located));
    if (key.empty()) key = where.made_key;
    const auto shard = where.id.shard;
    world_.runner(here % world_.shards())
        .run_on(shard, [this, shard, where, request, task, result, done, id] {
          task(world_.hub(shard), where, request, id);
          if (done) result->done = true;
        });
    if (!paused) world_.run();
  }

  World& world_;
  std::uint64_t requests_ = 0;
};

}  // namespace sigway::testing
