#include "fake_network.h"

#include <algorithm>
#include <utility>

namespace sigway::testing {

using client::HttpAnswer;
using dialects::Error;
namespace native = dialects::native;

namespace {

HttpAnswer refusal(const Error& error) {
  return {.status = dialects::info(error.code).status, .body = dialects::to_json(error)};
}
HttpAnswer broken() { return {.problem = "reset"}; }

std::uint64_t next_connection() {
  static std::uint64_t count = 0;
  return ++count;
}

}  // namespace

/// The server's end of a stream or socket.
class FakeNetwork::Sink final : public session::StreamSink {
 public:
  Sink(FakeNetwork& network, Id id, const session::Session& session)
      : network_(network), id_(id), session_(session) {}

  std::size_t room() override { return SIZE_MAX; }
  std::size_t unsent() override { return 0; }
  void events(std::uint64_t first, std::span<const dialects::EncodedEvent> events) override {
    for (const auto& event : events) {
      const auto found = network_.links_.find(id_);
      if (found == network_.links_.end()) return;
      network_.down(id_, found->second.is_socket
                             ? event->bytes
                             : "id: " + std::to_string(first) + "\ndata: " + event->bytes + "\n\n");
      ++first;
    }
  }
  void activated(std::uint64_t turn, std::uint64_t next) override {
    network_.control(id_, native::activated_control(turn, next));
  }
  void standby(std::uint64_t turn, std::uint64_t next) override {
    network_.control(id_, native::standby_control(turn, next));
  }
  void hello(std::uint64_t which) override {
    const auto found = network_.links_.find(id_);
    if (found != network_.links_.end() && !found->second.is_socket)
      network_.control(id_, native::hello_control(static_cast<int>(which)));
  }
  void heartbeat(std::uint64_t next) override {
    const auto found = network_.links_.find(id_);
    if (found == network_.links_.end()) return;
    if (found->second.is_socket) {
      network_.control(id_, native::heartbeat_control(next));
    } else {
      network_.down(id_, ": heartbeat, next " + std::to_string(next) + "\n");
    }
  }
  void probe() override { network_.control(id_, native::probe_control()); }
  void end(session::End reason, base::Duration retry) override {
    const auto& about = session::info(reason);
    network_.control(id_, native::goodbye(reason, retry, session_));
    network_.end(id_, about.close_code, std::string(about.name));
  }

 private:
  FakeNetwork& network_;
  Id id_;
  const session::Session& session_;
};

class FakeNetwork::Reply final : public longpoll::PollReply {
 public:
  explicit Reply(Answer answer) : answer_(std::move(answer)) {}
  void abandon() noexcept override {}
  void answer(std::string body) override { answer_({.status = 200, .body = std::move(body)}); }

 private:
  Answer answer_;
};

client::Duration FakeNetwork::delay() {
  return faults.delay +
         client::Duration(random_() % static_cast<std::uint64_t>(faults.jitter.count() + 1));
}

// What is given up on its way has its place in the line all the same.
client::Duration FakeNetwork::passing(std::size_t size) {
  if (faults.line != 0) {
    line_free_ =
        std::max(line_free_, scheduler_.now()) + client::Duration(size * 1000 / faults.line);
    return std::chrono::duration_cast<client::Duration>(line_free_ - scheduler_.now());
  }
  return client::Duration(faults.rate == 0 ? 0 : size * 1000 / faults.rate);
}

client::Duration FakeNetwork::in_order(client::Time& last, std::size_t size) {
  if (faults.line != 0) {
    last = std::max(last, scheduler_.now() + delay() + passing(size));
  } else {
    last = std::max(last, scheduler_.now() + delay()) + passing(size);
  }
  return std::chrono::duration_cast<client::Duration>(last - scheduler_.now());
}

client::Network::Id FakeNetwork::add(Link link) {
  const auto id = ++count_;
  links_.emplace(id, std::move(link));
  most_open = std::max(most_open, links_.size());
  return id;
}

void FakeNetwork::serve(Id id, client::Scheduler::Task task) {
  waiting_.emplace_back(id, std::move(task));
  serve_next();
}

void FakeNetwork::serve_next() {
  std::erase_if(served_, [this](Id id) { return !links_.contains(id); });
  while (!waiting_.empty() &&
         (faults.most_connections == 0 || served_.size() < faults.most_connections)) {
    const auto [id, task] = std::move(waiting_.front());
    waiting_.pop_front();
    if (!links_.contains(id)) continue;
    served_.insert(id);
    task();
  }
  if (!waiting_.empty()) scheduler_.after(client::Duration(5), [this] { serve_next(); });
}

client::Network::Id FakeNetwork::post(std::string_view path, std::string body,
                                      std::function<void(const HttpAnswer&)> done,
                                      std::function<void(std::size_t bytes)> alive) {
  ++requests;
  Link link;
  link.done = std::move(done);
  link.alive = std::move(alive);
  const auto id = add(std::move(link));
  const auto answer = [this, id](HttpAnswer its) {
    if (chance(faults.swallow)) return;
    if (chance(faults.lose_answer)) its = broken();
    const auto time = delay() + passing(its.body.size());
    arrive(id, std::move(its), time);
  };
  if (body.size() > faults.largest_body) {
    answer({.status = 413, .body = "<html>too large"});
    return id;
  }
  if (faults.uploads_filtered && path == "v1/send") {
    answer({.status = 403, .body = "<html>blocked"});
    return id;
  }
  if (chance(faults.swallow)) return id;
  if (chance(faults.lose_request)) {
    answer(broken());
    return id;
  }
  const auto text = std::string(path);
  serve(id, [this, text, body, answer] {
    scheduler_.after(delay(), [this, text, body, answer] { perform(text, body, answer); });
  });
  if (chance(faults.repeat))
    scheduler_.after(delay() * 3, [this, text, body] { perform(text, body, [](HttpAnswer) {}); });
  return id;
}

// Some of it every half second.
void FakeNetwork::arrive(Id id, HttpAnswer answer, client::Duration left) {
  constexpr client::Duration kStep{500};
  constexpr std::size_t kSome = 1024;
  const auto step = std::min(kStep, left);
  scheduler_.after(step, [this, id, answer = std::move(answer), left = left - step] {
    const auto found = links_.find(id);
    if (found == links_.end() || id <= dead_) return;
    if (left > client::Duration(0)) {
      if (found->second.alive) found->second.alive(kSome);
      arrive(id, answer, left);
      return;
    }
    const auto call = std::move(found->second.done);
    links_.erase(found);
    call(answer);
  });
}

void FakeNetwork::perform(std::string_view path, const std::string& body, const Answer& answer) {
  auto decoded = native::decode_request(body);
  if (const auto* error = std::get_if<Error>(&decoded)) {
    answer(refusal(*error));
    return;
  }
  auto request = std::get<native::Request>(std::move(decoded));
  auto located = dialects::native::locate(world_->context, request, "ip", 0, world_->now());
  if (const auto* error = std::get_if<Error>(&located)) {
    answer(refusal(*error));
    return;
  }
  auto where = std::get<dialects::native::Located>(std::move(located));
  auto& hub = world_->hub(where.id.shard);
  if (path == "v1/send") {
    const auto outcome = dialects::native::upload(hub, where, std::move(request));
    if (const auto* error = std::get_if<Error>(&outcome)) {
      answer(refusal(*error));
    } else {
      answer({.status = 200,
              .body = R"({"up":)" + std::to_string(std::get<std::uint64_t>(outcome)) + '}'});
    }
  } else {
    dialects::native::Poll poll{std::move(where), std::move(request), next_connection(),
                                std::make_unique<Reply>(answer)};
    if (const auto error = dialects::native::run_poll(world_->context, hub, std::move(poll)))
      answer(refusal(*error));
  }
  world_->run();
}

client::Network::Id FakeNetwork::stream(std::string_view, std::string body,
                                        StreamHandlers handlers) {
  ++requests;
  Link link;
  link.stream = std::move(handlers);
  const auto id = add(std::move(link));
  if (!faults.streams || chance(faults.lose_request)) {
    end(id, 1006, "refused");
    return id;
  }
  serve(id, [this, id, body = std::move(body)] {
    scheduler_.after(delay(), [this, id, body] {
      auto decoded = native::decode_request(body);
      if (const auto* error = std::get_if<Error>(&decoded)) {
        refuse(id, *error);
        return;
      }
      attach(id, std::get<native::Request>(std::move(decoded)));
    });
  });
  return id;
}

client::Network::Id FakeNetwork::websocket(std::string_view, SocketHandlers handlers) {
  ++requests;
  Link link;
  link.socket = std::move(handlers);
  link.is_socket = true;
  const auto id = add(std::move(link));
  if (!faults.websockets || chance(faults.lose_request)) {
    end(id, 1006, "refused");
    return id;
  }
  scheduler_.after(delay(), [this, id] {
    if (const auto found = links_.find(id); found != links_.end()) {
      const auto open = found->second.socket.open;
      open();
    }
  });
  return id;
}

void FakeNetwork::send_text(Id socket, std::string text) {
  const auto found = links_.find(socket);
  if (found == links_.end() || faults.websockets_hang) return;
  scheduler_.after(in_order(found->second.up),
                   [this, socket, text = std::move(text)] { frame(socket, text); });
}

void FakeNetwork::frame(Id id, const std::string& text) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  if (faults.websockets_echo) {
    down(id, text);
    return;
  }
  auto decoded = native::decode_request(text);
  if (const auto* error = std::get_if<Error>(&decoded)) {
    refuse(id, *error);
    return;
  }
  auto request = std::get<native::Request>(std::move(decoded));
  if (found->second.connection == 0) {
    const auto attached_ping = request.ping;
    attach(id, std::move(request));
    if (attached_ping) control(id, native::pong_control(*attached_ping));
    return;
  }
  request.key = found->second.key;
  const auto ping = request.ping;
  const bool says = !request.messages.empty();
  auto located = dialects::native::locate(world_->context, request, "ip", 0, world_->now());
  if (const auto* error = std::get_if<Error>(&located)) {
    refuse(id, *error);
    return;
  }
  auto where = std::get<dialects::native::Located>(std::move(located));
  const auto outcome =
      dialects::native::upload(world_->hub(where.id.shard), where, std::move(request));
  if (const auto* error = std::get_if<Error>(&outcome)) {
    refuse(id, *error);
  } else if (says) {
    control(id, native::up_control(std::get<std::uint64_t>(outcome)));
  }
  world_->run();
  if (ping) control(id, native::pong_control(*ping));
}

void FakeNetwork::attach(Id id, native::Request request) {
  auto located = dialects::native::locate(world_->context, request, "ip", 0, world_->now());
  if (const auto* error = std::get_if<Error>(&located)) {
    refuse(id, *error);
    return;
  }
  dialects::native::StreamAttach attach;
  attach.located = std::get<dialects::native::Located>(std::move(located));
  const auto shard = attach.located.id.shard;
  const auto connection = next_connection();
  if (const auto found = links_.find(id); found != links_.end()) {
    found->second.key = *request.key;
    found->second.carrier = request.carrier.value_or("default");
    found->second.connection = connection;
  }
  attach.request = std::move(request);
  attach.connection = connection;
  attach.make = [](const session::Session&) {
    return std::make_unique<session::StreamCarrier>(session::StreamOptions{
        std::chrono::seconds(25), 3, std::chrono::seconds(600), std::size_t{8} << 20U});
  };
  attach.accept = [this, id](const native::Welcome& welcome, const session::Session& session) {
    const auto found = links_.find(id);
    const bool is_socket = found != links_.end() && found->second.is_socket;
    if (found != links_.end() && !is_socket) {
      scheduler_.after(in_order(found->second.down), [this, id] {
        const auto link = links_.find(id);
        if (link == links_.end()) return;
        const auto open = link->second.stream.open;
        open({.status = 200, .content_type = "text/event-stream"});
      });
    }
    control(id, native::welcome_control(welcome));
    if (!is_socket) control(id, native::hello_control(1));
    return std::make_unique<Sink>(*this, id, session);
  };
  const auto outcome =
      dialects::native::attach_stream(world_->context, world_->hub(shard), std::move(attach));
  if (const auto* error = std::get_if<Error>(&outcome)) refuse(id, *error);
  if (const auto* over = std::get_if<session::End>(&outcome))
    end(id, session::info(*over).close_code, std::string(session::info(*over).name));
  world_->run();
}

void FakeNetwork::down(Id id, std::string text) {
  const auto found = links_.find(id);
  if (found == links_.end() || id <= dead_) return;
  if (found->second.is_socket ? faults.websockets_hang : faults.streams_held) return;
  if (found->second.is_socket ? faults.sockets_lag : faults.streams_lag)
    std::swap(text, found->second.held);
  if (text.empty()) return;
  const auto time = in_order(found->second.down, text.size());
  scheduler_.after(time, [this, id, text = std::move(text)] {
    const auto link = links_.find(id);
    if (link == links_.end()) return;
    if (link->second.is_socket) {
      const auto call = link->second.socket.text;
      call(text);
    } else {
      const auto call = link->second.stream.data;
      call(text);
    }
  });
}

void FakeNetwork::control(Id id, const std::string& text) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  down(id, found->second.is_socket ? text : "event: control\ndata: " + text + "\n\n");
}

void FakeNetwork::refuse(Id id, const Error& error) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  if (found->second.is_socket) {
    control(id, native::error_control(error));
    return;
  }
  scheduler_.after(in_order(found->second.down), [this, id, answer = refusal(error)] {
    const auto link = links_.find(id);
    if (link == links_.end()) return;
    const auto call = std::move(link->second.stream.closed);
    links_.erase(link);
    call(answer);
  });
}

void FakeNetwork::end(Id id, int code, const std::string& reason) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  scheduler_.after(in_order(found->second.down), [this, id, code, reason] {
    const auto link = links_.find(id);
    if (link == links_.end()) return;
    const auto gone = std::move(link->second);
    links_.erase(link);
    detach(gone);
    if (gone.is_socket) {
      gone.socket.closed(code, reason, 0);
    } else if (gone.stream.closed) {
      gone.stream.closed({.status = gone.connection != 0 ? 200 : 0, .problem = reason});
    }
  });
}

void FakeNetwork::detach(const Link& link) {
  if (link.connection == 0) return;
  const auto found = world_->shared.directory.find(session::hash_key(link.key), world_->now());
  if (!found.id) return;
  if (auto* const session = world_->hub(found.id.shard).find(found.id.serial))
    session->detach(link.connection);
  world_->run();
}

void FakeNetwork::drop(Id id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  const auto link = std::move(found->second);
  links_.erase(found);
  if (link.connection != 0) scheduler_.after(delay(), [this, link] { detach(link); });
}

void FakeNetwork::cut() {
  for (const auto& [id, link] : links_) {
    if (link.is_socket || link.stream.closed) end(id, 1006, "cut");
  }
}

}  // namespace sigway::testing
