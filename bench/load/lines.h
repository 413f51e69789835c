#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "loop.h"
#include "wire.h"

/// What a client does with a connection: requests one after another, one answer that does not end,
/// or a WebSocket. Broken connections throw, unless the server may close them.
namespace sigway::load {

/// Requests, each sent when the answer to the one before has come. Connects when it has something
/// to ask, and again if the server has closed the idle connection.
class RequestLine final : public SocketUser {
 public:
  using Answer = std::function<void(const Head& head, std::string_view body)>;

  explicit RequestLine(Loop& loop) : loop_(loop) {}
  ~RequestLine() override { loop_.discard(std::move(socket_)); }

  void ask(std::string request, Answer answer);
  bool is_idle() const { return questions_.empty(); }
  /// Closes the connection once nothing is asked.
  void rest();

  std::size_t received(std::string_view bytes) override;
  void closed() override;

 private:
  struct Question {
    std::string request;
    Answer answer;
  };
  void send();

  Loop& loop_;
  std::unique_ptr<Socket> socket_;
  std::deque<Question> questions_;
  bool is_resting_ = false;
  ChunkReader chunks_;
  std::string body_;
};

/// One request, and an answer without an end.
class StreamLine final : public SocketUser {
 public:
  struct User {
    User() = default;
    User(const User&) = delete;
    User& operator=(const User&) = delete;
    virtual ~User() = default;
    virtual void stream_opened() = 0;
    /// Returns the bytes used; the rest comes again.
    virtual std::size_t stream_received(std::string_view body) = 0;
    virtual void stream_closed() = 0;
  };

  StreamLine(Loop& loop, User& user, std::string_view request);
  ~StreamLine() override { loop_.discard(std::move(socket_)); }

  std::size_t received(std::string_view bytes) override;
  void closed() override;

 private:
  Loop& loop_;
  User& user_;
  std::unique_ptr<Socket> socket_;
  bool has_head_ = false;
  bool is_chunked_ = false;
  bool is_closed_ = false;
  ChunkReader chunks_;
  std::string body_;
};

class WebSocketLine final : public SocketUser {
 public:
  struct User {
    User() = default;
    User(const User&) = delete;
    User& operator=(const User&) = delete;
    virtual ~User() = default;
    virtual void socket_opened() = 0;
    virtual void socket_text(std::string_view text) = 0;
    virtual void socket_closed(std::uint16_t code) = 0;
  };

  WebSocketLine(Loop& loop, User& user, std::string_view path, std::string_view subprotocol = {});
  ~WebSocketLine() override { loop_.discard(std::move(socket_)); }

  void send(std::string_view text) { socket_->write(client_frame(Opcode::text, text)); }

  std::size_t received(std::string_view bytes) override;
  void closed() override;

 private:
  Loop& loop_;
  User& user_;
  std::unique_ptr<Socket> socket_;
  bool is_open_ = false;
  bool is_closed_ = false;
};

}  // namespace sigway::load
