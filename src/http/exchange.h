#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/digest_memo.h"
#include "base/shard_index.h"
#include "http/request.h"
#include "http/response.h"

namespace sigway::http {

// Names one request in flight, anywhere in the process, for ever: it is never reused. A value that
// any thread may hold for as long as it likes.
struct ExchangeId {
  base::ShardIndex shard = 0;
  std::uint64_t connection = 0;
  std::uint32_t sequence = 0;

  friend bool operator==(const ExchangeId&, const ExchangeId&) = default;
};

// An answer whose body comes bit by bit. Chunked towards HTTP/1.1, raw until close towards 1.0.
// Thread: any; calls of one thread keep their order. Outlives its connection harmlessly.
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  // Goes out at the end of the owning shard's turn. Ignored once closed.
  virtual void write(base::Bytes bytes) = 0;
  // Completes the answer; an HTTP/1.1 connection then takes its next request.
  virtual void end() = 0;
  // Cuts the connection without completing the answer.
  virtual void abort() = 0;
  // Bytes written here and not yet taken by the socket, those on their way between threads
  // included.
  virtual std::size_t queued_bytes() const = 0;
  // Bytes that may be written before so much waits that the writer should. 0, also once closed:
  // what `set_on_room` was given is called, on the connection's shard, when there is room again.
  virtual std::size_t room() = 0;
  // Bytes that the socket has not taken yet, as queued_bytes. If there are any, what `set_on_room`
  // was given is called, on the connection's shard, when it has taken all.
  virtual std::size_t unsent() = 0;
  // Before the first `room`.
  virtual void set_on_room(std::function<void()> callback) = 0;
  // Ended, or the client has gone.
  virtual bool is_closed() const = 0;
};

// Answers requests from anywhere. Thread: any; lifetime: the program's (the server's).
class Replies {
 public:
  virtual ~Replies() = default;
  // Answers, at once on the owning shard, else by a post to it. Harmless when the request was
  // answered already or the connection is gone.
  virtual void respond(const ExchangeId& id, Response response) = 0;
  // There is no memory for an answer: cuts the connection, whose client may send the request again.
  virtual void abandon(const ExchangeId& id) noexcept = 0;
  // Begins a stream as Exchange::begin_stream does, likewise from anywhere. Never null; closed from
  // the start, or soon, when the request cannot be answered any more.
  virtual std::shared_ptr<StreamWriter> begin_stream(const ExchangeId& id, Response head) = 0;
};

// One request with its route to an answer, as a route's handler gets it. Valid during the handler's
// call only; what is to outlive that is taken by value: id(), or the StreamWriter. If the handler
// neither answers nor takes one of those, the request stays open until somebody answers by id().
// Thread: the shard that accepted the connection.
class Exchange {
 public:
  virtual ~Exchange() = default;

  // Complete, body included. The handler may move things out of it; it is freed after the call.
  virtual Request& request() = 0;
  virtual const ExchangeId& id() const = 0;
  virtual Replies& replies() = 0;

  // The client's IP address, without port. From X-Forwarded-For only behind a trusted proxy.
  virtual const std::string& client_address() const = 0;
  // What the client put before the path to get here: "http://localhost:8080". From
  // X-Forwarded-Proto and X-Forwarded-Host only behind a trusted proxy.
  virtual std::string base_url() const = 0;
  // The dialect of `/` on the port that the client came by, empty on the main port.
  virtual const std::string& port_label() const = 0;

  // The connection's own, for what the client quotes in request after request: its key. A proxy may
  // send the requests of several clients on one connection.
  virtual base::DigestMemo& digest_memo() = 0;

  // Answers now. At most one of respond, begin_stream and an upgrade; a second is ignored.
  virtual void respond(Response response) = 0;
  // Sends the head now, and the head's body, if any, as the first piece. For HEAD the stream is
  // closed from the start. Never null.
  virtual std::shared_ptr<StreamWriter> begin_stream(Response head) = 0;
  // Called on this shard, at most once, if the client goes away before the answer is complete (for
  // streams: before end()). Not called after the answer. May be called from within begin_stream's
  // turn at the earliest, never from within this call.
  virtual void on_gone(std::function<void()> callback) = 0;
};

}  // namespace sigway::http
