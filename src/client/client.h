#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// The C++ client of a sigway server (docs/protocol.md, `sigway.v1`). This is its only public
/// header.
namespace sigway {

enum class Transport { automatic, websocket, sse, poll };
/// "auto", "websocket", "sse", "poll".
std::string_view to_string(Transport transport) noexcept;
std::optional<Transport> transport_named(std::string_view name) noexcept;

enum class ClientState { connecting, open, reconnecting, closed };
std::string_view to_string(ClientState state) noexcept;

/// What was wrong with a call: an unusable option, a message that no server would take. `code` is
/// one of docs/protocol.md, "Errors", or `bad_url`, `bad_proxy`, `closed`, `busy`.
class ClientError : public std::runtime_error {
 public:
  ClientError(std::string code, const std::string& message)
      : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const noexcept { return code_; }

 private:
  std::string code_;
};

struct ClientOptions {
  /// http or https; a path before /v1 is kept.
  std::string url = "http://localhost:8080";
  std::string room;       ///< joined with the opening; empty: none
  std::string name;       ///< taken with the opening; empty: none
  unsigned capacity = 0;  ///< of the room if it is new; 0: the server's
  Transport transport = Transport::automatic;
  /// Messages a second that the client lets out (a server takes 200); 0: as many as the server
  /// takes. Where the server ends a connection because there were too many, it goes on with 160,
  /// and then with half as many each time.
  unsigned message_rate = 160;
  std::string ca_file;    ///< PEM; trusted instead of the system's roots
  bool insecure = false;  ///< believe any certificate
  /// "http://[user:password@]host[:port]", empty for none; absent: http_proxy, https_proxy and
  /// no_proxy of the environment, in lower or upper case (HTTP_PROXY only in lower case).
  std::optional<std::string> proxy;
  /// A file that keeps what worked on this network for half an hour, by the server's address: the
  /// next client begins with that, and finds its way also when the network has changed. Several
  /// clients of one user may share it; its folder is made. Empty: nothing is remembered.
  std::string memory_file;
  /// How long it may take until it is open for the first time; 0: as long as an outage lasts. Then
  /// it closes as `deadline`, and the end says what each transport met. An open connection outlives
  /// it.
  std::chrono::milliseconds deadline{0};
};

/// Something that the server told the session, once and in order. The texts are JSON as it came.
struct ClientEvent {
  std::uint64_t number = 0;  ///< in its session, from 1
  Transport transport = Transport::automatic;
  std::string type;
  std::string from, room, name, peer, code;  ///< empty where the event has none
  std::string data;                          ///< JSON; empty where the event has none
  std::optional<std::uint64_t> re;           ///< the id that send() and its like returned
  std::string json;                          ///< the whole event on one line
};

/// The server does not know the session any more; there is a new one, with another peer id, in the
/// same rooms. What was said and may or may not have arrived is in `lost`; the rest still goes out.
struct ClientReset {
  std::string reason;  ///< `gone`, `restarted`, …
  std::string previous_peer, peer;
  std::vector<std::uint64_t> lost;  ///< ids
};

/// What became of it in the end.
struct ClientEnd {
  std::string code;  ///< `left` if the application wanted it
  std::string message;
};

/// Whom to ask, and for how long.
struct ClientRequest {
  std::string to;    ///< a peer id or an "@name"; empty: all others, and the first answer counts
  std::string room;  ///< empty: the one that the client is in
  std::chrono::milliseconds deadline{10'000};  ///< 0: none
};

/// What became of a request.
struct ClientAnswer {
  std::string data;  ///< JSON; empty where the answer has none
  /// Empty if it was answered. Else `deadline`; a refusal's (`no_such_peer`, `nobody_there`, …);
  /// what the other side's handler threw, or `failed`; `reset` where the answer can no longer find
  /// the client; `closed`.
  std::string code;
  std::string message;
  std::string from;  ///< the peer that answered; then an error's code is the peer's
};

/// All are called by one thread of the client, one at a time, and may call the client, but neither
/// flush(), wait_open() nor the destructor. Absent ones are skipped. They must not throw.
struct ClientHandlers {
  std::function<void(const ClientEvent&)> on_event;
  std::function<void(ClientState)> on_state;
  std::function<void(Transport)> on_transport;  ///< what the events come by now
  std::function<void(const ClientReset&)> on_reset;
  std::function<void(const ClientEnd&)> on_closed;  ///< the last call of all
  /// What was tried, why it was dropped, what was learned: a sentence each, for people.
  std::function<void(std::string_view)> on_journal;
};

/// One session, kept alive over WebSocket, Server-Sent Events or long-polling, whichever the
/// network lets through. What is sent arrives exactly once and in order, and so does what is
/// received, whatever happens to requests and connections, also while the transport changes.
/// Nothing is shut out for ever; an outage is waited out, with pauses that are never zero.
///
/// Thread: any, for every method. The client has threads of its own; close() and the destructor
/// join them, which waits for a name lookup under way, as the system cannot stop one.
/// Errors: methods throw ClientError where the argument is at fault, and nothing for the network.
class Client {
 public:
  /// Begins to connect and returns at once. Throws ClientError for an unusable URL or proxy.
  explicit Client(const ClientOptions& options, ClientHandlers handlers = {});
  ~Client();  ///< as close()
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Says something to everybody else in the room, or to whom `to` names: a peer id, or "@name".
  /// `data` is JSON text of up to 64 KiB, or empty. The id is what a refusal or `stored` would
  /// quote as `re`. Kept until the server has it; `busy` if 4 MiB wait.
  std::uint64_t send(std::string_view type, std::string_view data = {},
                     const std::vector<std::string>& to = {}, std::string_view room = {});
  /// A message with an answer (docs/client.md, "Requests"): what the handler of respond() gives on
  /// the other side. `on_answer` is called once, like the ClientHandlers and under their rules,
  /// also when the client is closed. The envelope takes less than 100 of the 64 KiB, and one level.
  std::uint64_t request(std::string_view type, std::string_view data,
                        std::function<void(const ClientAnswer&)> on_answer,
                        const ClientRequest& request = {});
  /// Answers requests of that type with what `handler` gives, JSON text or nothing; `data` of the
  /// event is what was asked. It is called like the ClientHandlers, but may throw: a ClientError is
  /// told to the other side, of another std::exception only that there was one. Such requests are
  /// not heard by `on_event` any more. While 1024 messages wait to be sent they get no answer.
  /// Takes the place of the handler before; an empty one takes it off.
  void respond(std::string_view type, std::function<std::string(const ClientEvent&)> handler);
  std::uint64_t join(std::string_view room, unsigned capacity = 0);
  std::uint64_t leave(std::string_view room);
  std::uint64_t login(std::string_view name);
  std::uint64_t logout();

  /// Waits until it is open. False if that took longer, or it is closed.
  bool wait_open(std::chrono::milliseconds longest);
  /// Waits until the server has taken all that was said. False if that took longer, or never will.
  bool flush(std::chrono::milliseconds longest);

  ClientState state() const;
  Transport transport() const;  ///< automatic while there is none
  std::string peer() const;     ///< one's own peer id; empty before the first welcome
  std::chrono::milliseconds round_trip() const;
  std::string ice_servers() const;  ///< JSON: an array as RTCConfiguration.iceServers
  /// What the server does beyond the first `sigway.v1` (docs/protocol.md, "Versions"); empty with
  /// an older server, and before the first welcome.
  std::vector<std::string> features() const;
  std::size_t pending() const;  ///< messages that the server has not taken

  /// Leaves the rooms, ends the session, joins the threads. At most about three seconds (see
  /// above). From a handler it only begins that; the rest is the destructor's. The application
  /// hears nothing from then on but the journal and the end.
  void close();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace sigway
