#include "peerjs_binding/websocket.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <websocketpp/close.hpp>

#include "base/reserve.h"
#include "binding/answers.h"
#include "binding/attach.h"
#include "binding/reach.h"
#include "peerjs_binding/carrier.h"
#include "peerjs_binding/sink.h"
#include "websocket/handshake.h"

namespace sigway::dialects::peerjs {
namespace {

using session::Session;
using websocket::Port;

void close(const Port& port, session::End reason) {
  port.close(session::info(reason).close_code, session::info(reason).name);
}

void close(const Port& port, const Error& error) {
  if (error.code == ErrorCode::rate_limited) return close(port, session::End::rate_limited);
  port.close(static_cast<std::uint16_t>(4000 + info(error.code).status), info(error.code).name);
}

/// One WebSocket, as its own shard and that of its session know it. Constant.
struct Client {
  Client(std::string name, session::SessionId opened) : id(std::move(name)), session(opened) {}

  const std::string id;
  const session::SessionId session;
  const std::uint64_t number = binding::next_connection();  ///< a later connection has a higher one
  const std::string carrier = "peerjs-" + std::to_string(number);  ///< of this connection alone
};

/// The session, and the carrier of this client if no newer connection has taken its place.
struct Found {
  Session* session = nullptr;
  Carrier* carrier = nullptr;
};
Found find(session::Hub& hub, const Client& client) {
  auto* const session = hub.find(client.session.serial);
  if (session == nullptr) return {};
  auto* const carrier = dynamic_cast<Carrier*>(session->find_carrier(client.carrier));
  return {session, carrier != nullptr && session->receives(*carrier) ? carrier : nullptr};
}

bool is_leave(const Message& message) noexcept {
  const auto* const command = std::get_if<Command>(&message.content);
  return command != nullptr && std::holds_alternative<Leave>(*command);
}

// -- On the session's shard

/// Lets the client in: with what it has missed, and OPEN as soon as its id is its own.
void attach(const std::shared_ptr<Service>& service, session::Hub& hub, const Client& client,
            const binding::Located& located, const Port& port) {
  Carrier* carrier = nullptr;
  bool is_first = false;
  session::Inputs inputs;
  inputs.carrier = client.carrier;
  inputs.turn = client.number;  // the newest connection gets the events
  inputs.ack = 0;               // from now on what is sent waits for its proof
  inputs.opening = true;
  const auto result = binding::attach_stream(
      hub, {.located = located,
            .inputs = std::move(inputs),
            .connection = client.number,
            .make =
                [&](const Session& session) {
                  is_first = session.turn() == 0;
                  auto made = std::make_unique<Carrier>(
                      hub, [port](std::string_view payload) { port.ping(payload); },
                      service->options);
                  carrier = made.get();
                  return made;
                },
            .accept =
                [&](const binding::Welcomed& welcomed) {
                  const auto before = is_first ? 0 : welcomed.session.outbox().last();
                  return std::make_unique<Sink>(service, port, *carrier, client.id,
                                                client.session.shard, before);
                }});
  if (const auto* error = std::get_if<Error>(&result)) return close(port, *error);
  if (const auto* ended = std::get_if<session::End>(&result)) return close(port, *ended);
  auto& attached = *std::get<binding::Attached>(result).session;
  if (attached.turn() > client.number) {
    // A newer connection was quicker on its way here.
    attached.detach(client.number);
    return close(port, session::End::moved);
  }
  if (is_first) return;  // its session asks for the name by itself
  session::Inputs again;
  again.messages.push_back({std::nullopt, Command(Login{name_of(client.id)})});
  const auto error = attached.process(std::move(again));
  if (error) close(port, *error);
}

void pong(session::Hub& hub, const Client& client, std::string_view payload) {
  const auto [session, carrier] = find(hub, client);
  if (carrier == nullptr) return;
  session::Inputs inputs;  // a sign of life, also if it proves nothing
  inputs.ack = carrier->pong(payload);
  session->process(std::move(inputs));
}

/// How long a client's logout may take until it is looked at, and asked for again if the rate has
/// refused it: as long as it takes the session to get a token (`session::kNameRate`).
constexpr base::Duration kLogoutCheck = std::chrono::seconds(1);

void log_out(session::Hub& hub, const std::shared_ptr<const Client>& client);

/// Whether the events after that number say that a login or logout came too often.
bool has_come_too_often(const session::Outbox& outbox, std::uint64_t after) {
  for (auto number = std::max(after, outbox.acknowledged()); number < outbox.last();) {
    if (outbox.at(++number) == too_often()) return true;
  }
  return false;
}

/// Logs the client out again unless its logout, before which it had said and heard so much, was
/// taken and is not refused.
void check_logout(session::Hub& hub, const std::shared_ptr<const Client>& client,
                  std::uint64_t said, std::uint64_t heard) {
  const auto [session, carrier] = find(hub, *client);
  if (carrier == nullptr) return;
  const bool is_taken = session->up() != said;
  if (is_taken && !session->awaits_bus() && !has_come_too_often(session->outbox(), heard)) return;
  if (!is_taken || !session->awaits_bus()) return log_out(hub, client);
  // It waits for the answer to a login.
  carrier->call_at(hub.now() + kLogoutCheck, [&hub, client, said, heard] {
    session::post(hub.runner(), client->session.shard,
                  [&hub, client, said, heard] { check_logout(hub, client, said, heard); });
  });
  session::Inputs nothing;  // schedules that
  nothing.away = true;
  session->process(std::move(nothing));
}

void log_out(session::Hub& hub, const std::shared_ptr<const Client>& client) {
  const auto [session, carrier] = find(hub, *client);
  if (carrier == nullptr) return;
  carrier->call_at(hub.now() + kLogoutCheck, [&hub, client, said = session->up(),
                                              heard = session->outbox().last()] {
    session::post(hub.runner(), client->session.shard,
                  [&hub, client, said, heard] { check_logout(hub, client, said, heard); });
  });
  session::Inputs inputs;
  inputs.away = true;
  inputs.messages.push_back({std::nullopt, Command(Logout{})});
  session->process(std::move(inputs));
}

/// Without its connection a client gives its id back, as in the original: what is said to it then
/// waits in the mailbox, whose senders hear if it expires. The session stays for what it was told
/// and may not have received, and for what is on its way from the name's shard.
void lose(session::Hub& hub, const std::shared_ptr<const Client>& client) {
  const auto [session, carrier] = find(hub, *client);
  if (carrier == nullptr) return;
  session->detach(client->number);
  log_out(hub, client);
}

void leave(session::Hub& hub, const Client& client) {
  const auto [session, carrier] = find(hub, client);
  if (carrier != nullptr) session->end(session::End::left);
}

// -- On the connection's shard

class Receiver final : public websocket::Receiver {
 public:
  Receiver(std::shared_ptr<Service> service, std::string id, binding::Located located)
      : service_(std::move(service)),
        client_(std::make_shared<const Client>(std::move(id), located.id)),
        located_(std::make_unique<binding::Located>(std::move(located))) {}

  void opened(websocket::Connection& socket) override {
    socket_ = &socket;
    port_ = socket.port(client_->session.shard != here());
    at_session([service = service_, client = client_, port = *port_,
                located = std::move(*std::exchange(located_, nullptr))](session::Hub& hub) {
      attach(service, hub, *client, located, port);
    });
  }

  void message(Frame::Kind /*kind*/, std::string_view bytes) override {
    auto decoded = decode(client_->id, bytes);
    if (!decoded) {
      socket_->count_noise();
      return binding::hear(service_->context, here(), client_->session);
    }
    const auto size = bytes.size();
    socket_->passed_on(size);
    at_session([client = client_, message = *std::move(decoded), port = *port_,
                size](session::Hub& hub) mutable {
      auto* const session = hub.find(client->session.serial);
      port.message_taken(size);
      if (session == nullptr) return;  // its carrier was told why
      // A client that has left must not end the session that another connection has opened since.
      const bool is_own = session->id() == client->session;
      if (!is_own && session->find_carrier(client->carrier) == nullptr) return;
      session::Inputs inputs;
      const bool leaves = is_leave(message);
      inputs.messages.push_back(std::move(message));
      const auto error = session->process(std::move(inputs));
      if (!error) return;
      // A client that leaves gives its id back, whatever the rate.
      if (leaves) return session->end(session::End::left);
      // Frames cannot be taken back: a client must not believe that it was heard.
      close(port, *error);
    });
  }

  void pong(std::string_view payload) override {
    at_session([client = client_, payload = std::string(payload)](session::Hub& hub) {
      peerjs::pong(hub, *client, payload);
    });
  }
  void drained() override {
    binding::drained(service_->context, here(), client_->session, client_->carrier);
  }
  /// A client that closes has left, and its id is free before it has its answer. One that was cut
  /// may come back.
  void peer_closes(std::uint16_t /*code*/) override {
    at_session([client = client_](session::Hub& hub) { leave(hub, *client); });
  }
  void flooded() override {
    const auto& row = session::info(session::End::rate_limited);
    socket_->close(row.close_code, row.name);
  }
  void closed() override {
    if (!port_) return;  // there was no memory to open it
    // If this fails, the carrier finds out by its pings.
    base::try_from_reserve(
        [&] { at_session([client = client_](session::Hub& hub) { lose(hub, client); }); });
  }

 private:
  base::ShardIndex here() { return socket_->shard().index(); }
  template <typename Task>
  void at_session(Task task) {
    binding::at_session(service_->context, here(), client_->session, std::move(task),
                        [port = *port_] { port.abort(); });
  }

  const std::shared_ptr<Service> service_;
  const std::shared_ptr<const Client> client_;
  std::unique_ptr<binding::Located> located_;  // until it is attached
  websocket::Connection* socket_ = nullptr;
  std::optional<Port> port_;
};

/// Tells a client why it is not let in, where a page can read it: after the handshake.
class Farewell final : public websocket::Receiver {
 public:
  explicit Farewell(std::string message) : message_(std::move(message)) {}

  void opened(websocket::Connection& socket) override {
    socket.send(Frame::Kind::text, base::Bytes(std::move(message_)));
    socket.close(websocketpp::close::status::no_status, {});
  }
  void message(Frame::Kind /*kind*/, std::string_view /*bytes*/) override {}
  void flooded() override {}  // it is closing already

 private:
  std::string message_;
};

/// What a client asks for by its address, or a sentence that says what is wrong with it.
struct Entrance {
  std::string id, token;
};
std::variant<Entrance, std::string_view> entrance_of(const http::Request& request,
                                                     const Options& options) {
  const auto parameter = [&](std::string_view name) {
    return request.parameter(name).value_or(std::string());
  };
  Entrance entrance{.id = parameter("id"), .token = parameter("token")};
  const auto key = parameter("key");
  if (entrance.id.empty() || entrance.token.empty() || key.empty())
    return "No id, token, or key supplied to websocket server";
  if (key != options.key) return "Invalid key provided";
  if (!valid_id(entrance.id))
    return "The id is longer than 128 bytes, or has control characters; choose another one";
  return entrance;
}

}  // namespace

void handle_websocket(const std::shared_ptr<Service>& service, server::Exchange& exchange) {
  const auto& request = exchange.request();
  auto handshake = websocket::shake_hands(request, websocket::offered_subprotocol(request));
  if (!handshake.upgrade) return exchange.respond(std::move(handshake.response));
  const auto become = [&](std::unique_ptr<websocket::Receiver> receiver) {
    exchange.upgrade(
        std::move(handshake.response),
        std::make_unique<websocket::Connection>(service->options.websocket, std::move(receiver)));
  };
  auto entered = entrance_of(request, service->options);
  if (const auto* problem = std::get_if<std::string_view>(&entered))
    return become(std::make_unique<Farewell>(error(*problem)));
  auto& [id, token] = std::get<Entrance>(entered);
  const auto here = exchange.id().shard;
  auto& context = service->context;
  auto located =
      binding::locate_to_open(context,
                              {.key = session::hash_key(name_of(id) + '\n' + token),
                               .room = {},
                               .name = name_of(id),
                               .replaces = {},
                               .dialect = &dialect(),
                               .traits = &kClient,
                               .address = base::AddressKey::parse(exchange.client_address())},
                              here, context.shared.hubs[here]->now());
  if (const auto* problem = std::get_if<Error>(&located)) {
    if (problem->code == ErrorCode::too_many_sessions)
      return become(
          std::make_unique<Farewell>(error("Server has reached its concurrent user limit")));
    return exchange.respond(binding::refusal(*problem));
  }
  become(std::make_unique<Receiver>(service, std::move(id),
                                    std::get<binding::Located>(std::move(located))));
}

}  // namespace sigway::dialects::peerjs
