#include "allocation/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace sigway::testing {
namespace {

constexpr int kTries = 5;

std::string request_text(const std::string& path, const std::string& body) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

Json parse(const std::string& text) { return Json::parse(text, nullptr, false); }

std::string code_of(const Json& json) {
  if (!json.is_object() || !json.contains("error")) return {};
  return json.at("error").value("code", "");
}

}  // namespace

struct Line::Tls {
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()),
                                                            SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{SSL_new(context.get()), SSL_free};
};

Line::Line(std::uint16_t port, bool tls) {
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval longest{20, 0};
  const int one = 1;
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
  if (!tls || !is_open()) return;
  tls_ = std::make_unique<Tls>();
  SSL_set_fd(tls_->ssl.get(), descriptor_);
  if (SSL_connect(tls_->ssl.get()) != 1) close();
}

Line::~Line() { close(); }

void Line::close() noexcept {
  tls_.reset();
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void Line::send(const std::string& bytes) {
  if (!is_open()) return;
  const auto size = static_cast<int>(bytes.size());
  const auto count =
      tls_ ? SSL_write(tls_->ssl.get(), bytes.data(), size)
           : static_cast<int>(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  if (count != size) close();
}

bool Line::read() {
  if (!is_open()) return false;
  char buffer[16 * 1024];
  const auto count = tls_ ? SSL_read(tls_->ssl.get(), buffer, sizeof buffer)
                          : static_cast<int>(::recv(descriptor_, buffer, sizeof buffer, 0));
  if (count <= 0) {
    timed_out_ = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    close();
    return false;
  }
  in.append(buffer, static_cast<std::size_t>(count));
  return true;
}

std::string Line::head() {
  std::size_t end = 0;
  while ((end = in.find("\r\n\r\n")) == std::string::npos) {
    if (!read()) return {};
  }
  auto text = in.substr(0, end + 2);
  in.erase(0, end + 4);
  return text;
}

Line::Answer Line::answer() { return body_of(head()); }

Line::Answer Line::body_of(const std::string& text) {
  if (text.size() < 12) return {};
  Answer answer{std::atoi(text.c_str() + 9), {}};
  const auto field = text.find("Content-Length: ");
  if (field == std::string::npos) return answer;
  const auto size = std::strtoul(text.c_str() + field + 16, nullptr, 10);
  while (in.size() < size) {
    if (!read()) return {};
  }
  answer.body = in.substr(0, size);
  in.erase(0, size);
  return answer;
}

Line::Answer Line::post(const std::string& path, const Json& body) {
  send(request_text(path, body.dump()));
  return answer();
}

Client::Client(std::uint16_t port, bool tls, Kind kind, std::string key)
    : port_(port), tls_(tls), kind_(kind), key_(std::move(key)) {}

void Client::finish(std::string why) {
  has_ended = true;
  if (end.empty()) end = std::move(why);
  vanish();
}

void Client::vanish() {
  down_.reset();
  up_.reset();
}

void Client::open(Json contents) {
  opening_ = std::move(contents);
  if (!attach({{"open", opening_}})) recover();
}

bool Client::attach(Json request) {
  request["key"] = key_;
  request["carrier"] = "carrier-" + std::to_string(++turn_);
  request["turn"] = turn_;
  if (has_opened_) request["ack"] = received_;
  welcomed_ = parked_ = false;
  down_ = std::make_unique<Line>(port_, tls_);
  if (kind_ == Kind::poll) {
    request["n"] = ++polls_;
    parked_ = true;
    down_->send(request_text("/v1/poll", request.dump()));
  } else if (kind_ == Kind::sse) {
    down_->send(request_text("/v1/sse", request.dump()));
    const auto head = down_->head();
    if (head.empty()) return false;
    if (!head.starts_with("HTTP/1.1 200")) {
      const auto answer = down_->body_of(head);
      refused(answer.status, answer.body);
      return false;
    }
  } else {
    down_->send(upgrade_request("/v1/ws"));
    if (!down_->head().starts_with("HTTP/1.1 101")) return false;
    send_frame(request.dump());
  }
  while (!has_ended && !welcomed_) {
    if (!pump()) return false;
  }
  has_opened_ = has_opened_ || welcomed_;
  return welcomed_;
}

// Goes on with the session, and sends again what was not taken.
void Client::recover() {
  for (int i = 0; i < kTries && !has_ended; ++i) {
    ++troubles;
    const auto request = has_opened_ ? Json{{"resume", Json::object()}} : Json{{"open", opening_}};
    if (attach(request) && upload(unacknowledged_)) return;
  }
  if (!has_ended) {
    faults.emplace_back("no way back");
    finish("no way back");
  }
}

void Client::refused(int status, const std::string& body) {
  const auto json = parse(body);
  const auto code = code_of(json);
  if (code == "gone") return finish(json.at("error").value("reason", code));
  // An open of which nothing came may have been given up as a whole.
  if (code == "unknown_key") return finish(code);
  if (status < 429) faults.push_back("refused with " + std::to_string(status) + " " + body);
}

std::optional<Line::Answer> Client::post(const Json& body) {
  for (int i = 0; i < kTries; ++i) {
    if (!up_ || !up_->is_open()) up_ = std::make_unique<Line>(port_, tls_);
    auto answer = up_->post("/v1/send", body);
    if (answer.status == 200) return answer;
    ++troubles;
    if (up_->timed_out()) faults.emplace_back("an upload was not answered");
    if (answer.status == 0) continue;
    refused(answer.status, answer.body);
    if (has_ended) return std::nullopt;
  }
  faults.emplace_back("no upload was taken");
  return std::nullopt;
}

bool Client::upload(const Json& messages) {
  if (messages.empty()) return true;
  if (kind_ == Kind::websocket) {
    const auto wanted = messages.back().at("n").get<std::uint64_t>();
    send_frame(Json{{"messages", messages}}.dump());
    while (!has_ended && taken_ < wanted) {
      if (!pump()) return false;
    }
  } else {
    const auto answer = post({{"key", key_}, {"messages", messages}});
    if (!answer) return has_ended;
    taken_ = parse(answer->body).value("up", taken_);
  }
  if (taken_ >= sent_) unacknowledged_.clear();
  return true;
}

void Client::send(Json message) {
  if (has_ended) return;
  message["n"] = ++sent_;
  unacknowledged_.push_back(message);
  if (!upload(Json::array({message}))) recover();
}

void Client::acknowledge() {
  if (has_ended) return;
  if (kind_ == Kind::websocket) {
    send_frame(Json{{"ack", received_}}.dump());
  } else {
    (void)post({{"key", key_}, {"ack", received_}});
  }
}

bool Client::wait_for(const std::string& type, const Json& data) {
  std::size_t seen = 0;
  while (true) {
    for (; seen < events.size(); ++seen) {
      const auto& event = events[seen];
      const auto& kind = event.at("type");
      if (kind == "peer-left" && type != kind && type != "stored") return false;
      if (kind == "created" && type == "joined") return false;
      if (kind != type) continue;
      if (data.is_null() || (event.contains("data") && event.at("data") == data)) return true;
    }
    if (has_ended) return false;
    if (pump()) continue;
    if (down_ && down_->timed_out()) {
      faults.push_back("silence instead of " + type);
      return false;
    }
    if (!has_ended) recover();
  }
}

bool Client::pump() {
  if (!down_) return false;
  switch (kind_) {
    case Kind::websocket: return pump_frames();
    case Kind::sse: return pump_stream();
    case Kind::poll: return pump_poll();
  }
  return false;
}

bool Client::pump_frames() {
  while (true) {
    if (const auto frame = testing::take_frame(down_->in)) {
      take(*frame);
      return true;
    }
    if (!down_->read()) return false;
  }
}

void Client::take(const TakenFrame& frame) {
  const auto& payload = frame.payload;
  if (frame.opcode == 1) take_text(parse(payload));
  if (frame.opcode == 8) {
    const auto reason = payload.size() > 2 ? payload.substr(2) : "";
    if (reason == "gone" || reason == "unknown_key") finish(reason);
    if (down_) down_->close();
  }
  if (frame.opcode == 9) send_frame(payload, 10);
}

void Client::send_frame(const std::string& text, unsigned opcode) {
  if (down_) down_->send(frame_of(text, opcode));
}

bool Client::pump_stream() {
  auto& in = down_->in;
  while (true) {
    // One chunk of the body holds whole blocks, because the server writes them so.
    const auto line = in.find("\r\n");
    if (line != std::string::npos) {
      const auto size = std::strtoul(in.c_str(), nullptr, 16);
      if (in.size() >= line + 2 + size + 2) {
        auto text = in.substr(line + 2, size);
        in.erase(0, line + 2 + size + 2);
        if (size == 0) return false;
        for (std::size_t end = 0; (end = text.find("\n\n")) != std::string::npos;) {
          take_block(text.substr(0, end + 1));
          text.erase(0, end + 2);
          if (!down_) return true;
        }
        return true;
      }
    }
    if (!down_->read()) return false;
  }
}

void Client::take_block(const std::string& block) {
  std::string id, data;
  bool is_control = false;
  for (std::size_t line = 0; line < block.size();) {
    const auto stop = block.find('\n', line);
    const auto text = block.substr(line, stop - line);
    if (text.starts_with("id: ")) id = text.substr(4);
    if (text.starts_with("event: control")) is_control = true;
    if (text.starts_with("data: ")) data = text.substr(6);
    line = stop + 1;
  }
  if (data.empty()) return;
  if (is_control) return take_text(parse(data));
  take_event(std::strtoull(id.c_str(), nullptr, 10), parse(data));
}

void Client::take_text(const Json& json) {
  if (!json.is_object()) {
    faults.emplace_back("a text that is no object");
    return;
  }
  if (!json.contains("control")) return take_event(next_, json);
  const std::string control = json.at("control");
  if (control == "welcome") {
    welcomed_ = true;
    next_ = json.value("next", std::uint64_t{1});
    taken_ = json.value("up", taken_);
  } else if (control == "activated" || control == "standby" || control == "heartbeat") {
    next_ = json.value("next", next_);
  } else if (control == "up") {
    taken_ = json.value("up", taken_);
  } else if (control == "end") {
    const std::string code = json.at("code");
    if (code != "moved" && code != "stream_limit") finish(code);
  } else if (control == "error") {
    const auto code = code_of(json);
    const auto& error = json.contains("error") ? json.at("error") : json;
    const std::string name = code.empty() ? error.value("code", "") : code;
    if (name == "gone") finish(error.value("reason", name));
    if (name == "unknown_key") finish(name);
  }
}

void Client::take_event(std::uint64_t number, Json event) {
  next_ = number + 1;
  if (number <= received_) return;  // told again after a resume
  if (number != received_ + 1) {
    faults.push_back("event " + std::to_string(number) + " after " + std::to_string(received_));
  }
  received_ = number;
  events.push_back(std::move(event));
}

void Client::park() {
  if (parked_ || !down_) return;
  parked_ = true;
  const Json request{{"key", key_},
                     {"carrier", "carrier-" + std::to_string(turn_)},
                     {"n", ++polls_},
                     {"ack", received_}};
  down_->send(request_text("/v1/poll", request.dump()));
}

bool Client::pump_poll() {
  park();
  const auto answer = down_->answer();
  parked_ = false;
  if (answer.status == 0) return false;
  if (answer.status != 200) {
    refused(answer.status, answer.body);
    if (down_) down_->close();
    return false;
  }
  const auto json = parse(answer.body);
  if (json.contains("welcome")) {
    welcomed_ = true;
    taken_ = json.value("up", taken_);
  }
  auto number = json.value("first", std::uint64_t{0});
  if (json.contains("events")) {
    for (const auto& event : json.at("events")) take_event(number++, event);
  }
  if (json.contains("ended") && json.at("ended").at("code") != "moved")
    finish(json.at("ended").at("code"));
  return true;
}

}  // namespace sigway::testing
