#include "client/websocket_link.h"

#include <openssl/rand.h>

#include <utility>
#include <websocketpp/extensions/permessage_deflate/disabled.hpp>
#include <websocketpp/frame.hpp>
#include <websocketpp/http/request.hpp>
#include <websocketpp/http/response.hpp>
#include <websocketpp/message_buffer/alloc.hpp>
#include <websocketpp/message_buffer/message.hpp>
#include <websocketpp/processors/hybi13.hpp>
#include <websocketpp/uri.hpp>

namespace sigway::client {
namespace {

constexpr Duration kConnect{20'000};
constexpr std::size_t kLongest = std::size_t{8} << 20U;
constexpr std::size_t kLongestHead = 16'384;
constexpr std::size_t kPongs =
    65'536;  // bytes that wait to be sent, beyond which pings are not answered

// RFC 6455 §10.3: masks that nobody can foresee.
struct RandomMasks {
  std::uint32_t operator()() const {
    std::uint32_t value = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof value);
    return value;
  }
};

struct Config {
  using request_type = websocketpp::http::parser::request;
  using response_type = websocketpp::http::parser::response;
  using message_type =
      websocketpp::message_buffer::message<websocketpp::message_buffer::alloc::con_msg_manager>;
  using con_msg_manager_type = websocketpp::message_buffer::alloc::con_msg_manager<message_type>;
  using rng_type = RandomMasks;
  // Names that websocketpp looks for. NOLINTBEGIN(readability-identifier-naming)
  struct permessage_deflate_config {
    using request_type = Config::request_type;
  };
  using permessage_deflate_type =
      websocketpp::extensions::permessage_deflate::disabled<permessage_deflate_config>;
  static const bool enable_extensions = false;
  static const std::size_t max_message_size = kLongest;
  // NOLINTEND(readability-identifier-naming)
};

namespace opcode = websocketpp::frame::opcode;

}  // namespace

/// One connection's life, on the thread of run().
class WebSocketLink::Conversation {
 public:
  Conversation(WebSocketLink& link, const Handlers& handlers)
      : link_(link),
        handlers_(handlers),
        wire_(link.wakeup_),
        messages_(std::make_shared<Config::con_msg_manager_type>()),
        processor_(link.endpoint_.url.tls, false, messages_, masks_) {
    processor_.set_max_message_size(kLongest);
  }

  void hold(const std::string& path) {
    auto problem = wire_.connect(link_.endpoint_, kConnect, [this] { return link_.stopped(); });
    if (problem.empty()) problem = shake_hands(path);
    if (!problem.empty()) {
      finish(1006, std::move(problem));
      return;
    }
    handlers_.open();
    while (!over_) {
      take_frames();
      if (over_ || !send_what_there_is()) break;
      switch (wire_.read(read_)) {
        case Wire::Status::done: break;
        case Wire::Status::closed: finish(1006, "the connection was cut"); break;
        case Wire::Status::later:
          wire_.wait(!out_.empty(), Duration(60'000));
          link_.wakeup_.clear();
          break;
      }
    }
  }

 private:
  std::string shake_hands(const std::string& path) {
    Config::request_type request;
    const auto& url = link_.endpoint_.url;
    const auto uri = std::make_shared<websocketpp::uri>(
        url.tls, url.host.find(':') == std::string::npos ? url.host : '[' + url.host + ']',
        url.port, path);
    if (processor_.client_handshake_request(request, uri, {"sigway.v1"}))
      return "no handshake could be made";
    out_ = request.raw();
    Config::response_type response;
    const auto deadline = Clock::now() + kConnect;
    std::size_t bytes = 0;
    for (;;) {
      if (auto problem = read_head(response, bytes, deadline); !problem.empty()) return problem;
      const auto code = static_cast<int>(response.get_status_code());
      if (code < 100 || code > 199 || code == 101) break;
      response = {};  // an interim answer (RFC 9110 §15.2): the answer follows
    }
    if (processor_.validate_server_handshake_response(request, response)) {
      const auto code = static_cast<int>(response.get_status_code());
      if (code != 101) status_ = code;
      return code == 101 ? "the upgrade was accepted by something that is no WebSocket" : "refused";
    }
    return {};
  }

  // `bytes` counts what has been read of all heads. What follows the head stays in read_.
  std::string read_head(Config::response_type& response, std::size_t& bytes, Time deadline) {
    for (;;) {
      try {
        if (!read_.empty()) read_.erase(0, response.consume(read_.data(), read_.size()));
      } catch (const websocketpp::http::exception&) {
        return "the upgrade was answered with something that is no HTTP";
      }
      if (response.headers_ready()) return {};
      if (link_.stopped() || Clock::now() >= deadline)
        return "the upgrade was not answered in time";
      if (wire_.write(out_) == Wire::Status::closed) return "the connection was cut";
      const auto status = wire_.read(read_);
      if (status == Wire::Status::closed)
        return "the upgrade was answered with a closed connection";
      if (status == Wire::Status::later) {
        wire_.wait(!out_.empty(), Duration(1000));
        link_.wakeup_.clear();
        continue;
      }
      bytes += read_.size();
      if (bytes > kLongestHead) return "the upgrade was answered with something else";
    }
  }

  // False if the connection is no more.
  bool send_what_there_is() {
    std::vector<std::string> texts;
    bool stop = false;
    {
      const std::lock_guard lock(link_.mutex_);
      texts.swap(link_.texts_);
      stop = link_.stop_;
    }
    for (auto& text : texts) {
      const auto in = messages_->get_message(opcode::text, text.size());
      in->set_payload(text);
      const auto frame = messages_->get_message();
      if (!processor_.prepare_data_frame(in, frame))
        out_ += frame->get_header() + frame->get_payload();
    }
    if (stop) {
      queue_close(1000);
      wire_.write(out_);  // as far as it goes
      finish(1000, {});
      return false;
    }
    if (wire_.write(out_) != Wire::Status::closed) return true;
    // What it said before may still be there to be read: the reason.
    while (!over_ && wire_.read(read_) == Wire::Status::done) take_frames();
    finish(1006, "the connection was cut");
    return false;
  }

  void queue_close(std::uint16_t code) {
    const auto frame = messages_->get_message();
    if (!processor_.prepare_close(code, {}, frame))
      out_ += frame->get_header() + frame->get_payload();
  }

  void take_frames() {
    std::size_t at = 0;
    while (at < read_.size() && !over_) {
      websocketpp::lib::error_code error;
      at += processor_.consume(reinterpret_cast<std::uint8_t*>(read_.data()) + at,
                               read_.size() - at, error);
      if (error) {
        finish(1006, "it sent what is no WebSocket frame: " + error.message());
        return;
      }
      // Together with the fragments before it a length near 2^64 is a small one for websocketpp.
      if (processor_.get_bytes_needed() > kLongest) {
        finish(1006, "it sent a frame that is too large");
        return;
      }
      if (processor_.ready()) take(processor_.get_message());
    }
    read_.clear();
  }

  void take(const Config::message_type::ptr& message) {
    switch (message->get_opcode()) {
      case opcode::text: handlers_.text(message->get_payload()); break;
      case opcode::ping: {
        if (out_.size() > kPongs) break;  // to answer the latest is enough (RFC 6455 §5.5.3)
        const auto frame = messages_->get_message();
        if (!processor_.prepare_pong(message->get_payload(), frame))
          out_ += frame->get_header() + frame->get_payload();
        break;
      }
      case opcode::close: {
        websocketpp::lib::error_code error;
        const auto code = websocketpp::close::extract_code(message->get_payload(), error);
        auto reason = websocketpp::close::extract_reason(message->get_payload(), error);
        queue_close(error ? 1000 : code);
        wire_.write(out_);
        finish(code, std::move(reason));
        break;
      }
      default: break;
    }
  }

  void finish(int code, std::string reason) {
    if (std::exchange(over_, true)) return;
    handlers_.closed(code, std::move(reason), status_);
  }

  WebSocketLink& link_;
  const Handlers& handlers_;
  Wire wire_;
  RandomMasks masks_;
  Config::con_msg_manager_type::ptr messages_;
  websocketpp::processor::hybi13<Config> processor_;
  std::string read_, out_;
  int status_ = 0;
  bool over_ = false;
};

void WebSocketLink::run(const std::string& path, const Handlers& handlers) {
  Conversation(*this, handlers).hold(path);
}

void WebSocketLink::send(std::string text) {
  {
    const std::lock_guard lock(mutex_);
    texts_.push_back(std::move(text));
  }
  wakeup_.wake();
}

void WebSocketLink::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wakeup_.wake();
}

bool WebSocketLink::stopped() const {
  const std::lock_guard lock(mutex_);
  return stop_;
}

}  // namespace sigway::client
