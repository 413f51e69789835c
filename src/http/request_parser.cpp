#include "http/request_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "http/characters.h"
#include "http/chunk_line.h"
#include "http/head_guard.h"
#include "http/request_head.h"

namespace sigway::http {

namespace {

// As many as a browser sends. The list lives while the request is read and handled.
constexpr std::size_t kUsualHeaders = 16;

// A body that is kept is no larger than those of most messages.
constexpr std::size_t kMostKeptBody = 8 * 1024;

// The memory of the request before, for the next one on the thread. The body's is lent only to one
// that comes whole: a body in parts would hold more than has been received of it.
struct Spare {
  std::vector<Header> headers;
  std::string body;
  void* parser = nullptr;  // memory for a RequestParser::Impl

  Spare() = default;
  ~Spare() { ::operator delete(parser); }
  Spare(const Spare&) = delete;
  Spare& operator=(const Spare&) = delete;

  void take_from(Request& request) noexcept {
    if (request.headers.capacity() == kUsualHeaders) {
      request.headers.clear();
      headers.swap(request.headers);
    }
    if (request.body.capacity() <= kMostKeptBody && request.body.capacity() > body.capacity()) {
      request.body.clear();
      body.swap(request.body);
    }
  }
};

Spare& spare() noexcept {
  thread_local Spare memory;
  return memory;
}

void append_lower_case(std::string& to, std::string_view text) {
  const std::size_t before = to.size();
  to += text;
  for (char* c = to.data() + before; c != to.data() + to.size(); ++c)
    *c = kLowerCase[static_cast<unsigned char>(*c)];
}

// What the guard found, for a person.
Problem problem_of(HeadGuard::Verdict verdict, const ParserLimits& limits) {
  using Verdict = HeadGuard::Verdict;
  switch (verdict) {
    case Verdict::bad_line_end:
      return bad_request("A line of the request does not end with CR LF.",
                         "End every line of the head with both characters.");
    case Verdict::bad_request_line:
      return bad_request("The request line is not a method, a target and a version.",
                         "Write \"GET /path HTTP/1.1\" with single spaces.");
    case Verdict::other_protocol:
      return bad_request("The request line names another protocol than HTTP.",
                         "Speak HTTP/1.1 on this port.");
    case Verdict::bad_character:
      return bad_request("The request holds a control character, or is not HTTP at all.",
                         "Speak HTTP/1.1 on this port.");
    case Verdict::folded_line:
      return bad_request("A header is folded over several lines.", "Write it on one line.");
    case Verdict::bad_field_name:
      return bad_request("A header's name is malformed or followed by white space.",
                         "Write \"Name: value\".");
    case Verdict::target_too_long:
      return Problem{414, "uri_too_long", "The request target is too long.",
                     "Keep it under " + std::to_string(limits.max_target) +
                         " bytes; put the rest into the body of a POST."};
    case Verdict::too_large:
      return Problem{431, "head_too_large", "The request's headers are too large.",
                     "Keep them under " + std::to_string(limits.max_head) + " bytes in all."};
    case Verdict::too_many_fields:
      return Problem{431, "head_too_large", "The request has too many headers.",
                     "Send at most " + std::to_string(limits.max_headers) + "."};
    case Verdict::tls_hello:
      return Problem{400, "tls_on_plain_port", "This port speaks plain HTTP, not TLS.",
                     "Use http:// and ws://, or start sigway with --tls-cert and --tls-key."};
    case Verdict::need_more:
    case Verdict::done: break;
  }
  return bad_request("The request is malformed.", "Speak HTTP/1.1 on this port.");
}

Problem too_large(std::size_t limit) {
  return Problem{413, "body_too_large",
                 "The request's body is over the limit of " + std::to_string(limit) + " bytes.",
                 "Send it in several smaller requests.", limit};
}

Problem http2_spoken() {
  return Problem{400, "http2_not_supported", "This server speaks HTTP/1.1, not HTTP/2.",
                 "Turn prior-knowledge HTTP/2 off in the client or the proxy."};
}

Problem unknown_version() {
  return Problem{505, "http_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here.",
                 "Use HTTP/1.1."};
}

Problem bad_chunk() {
  return bad_request("The chunked body is malformed.",
                     "Send each chunk as its size in hexadecimal, CR LF, the bytes, CR LF.");
}

}  // namespace

struct RequestParser::Impl {
  // One parser's memory is kept on each thread: for each request there is a new one.
  static void* operator new(std::size_t size) {
    if (auto* const kept = std::exchange(spare().parser, nullptr)) return kept;
    return ::operator new(size);
  }
  static void operator delete(void* memory) noexcept {
    if (spare().parser == nullptr) {
      spare().parser = memory;
    } else {
      ::operator delete(memory);
    }
  }

  enum class Phase { head, decide, fixed_body, chunk_line, chunk_data, chunk_end, trailers, over };

  explicit Impl(const ParserLimits& given)
      : limits(given), max_body(given.max_body), guard(HeadGuard::Section::head, limits) {
    llhttp_init(&parser, HTTP_REQUEST, &settings());
    parser.data = this;
  }

  static const llhttp_settings_t& settings();
  static Impl& of(llhttp_t* parser) { return *static_cast<Impl*>(parser->data); }

  State fail(Problem found) {
    problem = std::move(found);
    phase = Phase::over;
    return State::error;
  }

  State step(std::string_view& bytes);
  State read_head(std::string_view& bytes);
  std::optional<Problem> interpret();
  State finish_head();
  State begin_body();
  State read_fixed(std::string_view& bytes);
  State read_chunk_line(std::string_view& bytes);
  State finish_chunk_line();
  State read_chunk_data(std::string_view& bytes);
  State read_chunk_end(std::string_view& bytes);
  State read_trailers(std::string_view& bytes);
  bool give(std::string_view bytes);

  const ParserLimits limits;
  std::size_t max_body;
  Phase phase = Phase::head;
  bool started = false;
  bool head_complete = false;
  bool in_value = false;
  bool message_complete = false;
  HeadGuard guard;
  llhttp_t parser{};
  Request request;
  BodyFraming framing;
  Problem problem;

  ChunkLine chunk_line;
  std::optional<std::uint64_t> llhttp_chunk;  // the same line's size, as llhttp read it
  std::uint64_t chunk_left = 0;               // of the chunk's data, then of its CR LF
  int chunks = 0;                             // ended in this call of feed
};

const llhttp_settings_t& RequestParser::Impl::settings() {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_url = [](llhttp_t* parser, const char* at, std::size_t size) {
      of(parser).request.target.append(at, size);
      return 0;
    };
    s.on_method = [](llhttp_t* parser, const char* at, std::size_t size) {
      of(parser).request.method_name.append(at, size);
      return 0;
    };
    s.on_header_field = [](llhttp_t* parser, const char* at, std::size_t size) {
      Impl& self = of(parser);
      if (self.phase != Phase::head) return 0;  // a trailer
      auto& headers = self.request.headers;
      if (headers.empty()) {
        headers.swap(spare().headers);
        headers.reserve(kUsualHeaders);
      }
      if (headers.empty() || self.in_value) headers.emplace_back();
      self.in_value = false;
      append_lower_case(headers.back().name, {at, size});
      return 0;
    };
    s.on_header_value = [](llhttp_t* parser, const char* at, std::size_t size) {
      Impl& self = of(parser);
      if (self.phase != Phase::head) return 0;
      self.in_value = true;
      self.request.headers.back().value.append(at, size);
      return 0;
    };
    // A header without a value calls no on_header_value.
    s.on_header_value_complete = [](llhttp_t* parser) {
      of(parser).in_value = true;
      return 0;
    };
    s.on_body = [](llhttp_t* parser, const char* at, std::size_t size) {
      of(parser).request.body.append(at, size);
      return 0;
    };
    s.on_chunk_header = [](llhttp_t* parser) {
      of(parser).llhttp_chunk = parser->content_length;
      return 0;
    };
    s.on_message_complete = [](llhttp_t* parser) {
      of(parser).message_complete = true;
      return 0;
    };
    return s;
  }();
  return kSettings;
}

// False when llhttp refuses the bytes. That it takes the connection for upgraded is no error: what
// follows an upgrade request is not given to it any more.
bool RequestParser::Impl::give(std::string_view bytes) {
  const llhttp_errno_t result = llhttp_execute(&parser, bytes.data(), bytes.size());
  return result == HPE_OK || (result == HPE_PAUSED_UPGRADE && message_complete);
}

RequestParser::State RequestParser::Impl::step(std::string_view& bytes) {
  switch (phase) {
    case Phase::head: return read_head(bytes);
    case Phase::decide: return begin_body();
    case Phase::fixed_body: return read_fixed(bytes);
    case Phase::chunk_line: return read_chunk_line(bytes);
    case Phase::chunk_data: return read_chunk_data(bytes);
    case Phase::chunk_end: return read_chunk_end(bytes);
    case Phase::trailers: return read_trailers(bytes);
    case Phase::over: break;
  }
  return State::error;
}

RequestParser::State RequestParser::Impl::read_head(std::string_view& bytes) {
  const std::size_t size_before = guard.size();
  const auto [consumed, verdict] = guard.scan(bytes);
  // llhttp never sees the empty line that may precede the request line: of what the guard took, the
  // bytes that count as head are the last ones.
  const bool is_refused =
      verdict != HeadGuard::Verdict::need_more && verdict != HeadGuard::Verdict::done;
  // The byte that the guard refuses is not for llhttp; those before it are, because whichever of
  // the two objects first has to have the word, however the bytes were cut on their way.
  std::size_t head_bytes = guard.size() - size_before;
  if (is_refused && head_bytes > 0) --head_bytes;
  const std::size_t head_end = consumed - (is_refused ? 1 : 0);
  const std::string_view head = bytes.substr(head_end - head_bytes, head_bytes);
  bytes.remove_prefix(consumed);
  if (!give(head)) {
    if (parser.method == HTTP_PRI) return fail(http2_spoken());
    switch (llhttp_get_errno(&parser)) {
      case HPE_INVALID_VERSION: return fail(unknown_version());
      case HPE_INVALID_METHOD:
        return fail(Problem{501, "not_implemented", "The request's method is unknown.",
                            "Use GET or POST."});
      case HPE_INVALID_TRANSFER_ENCODING:
        // Our own reading tells an unknown coding from a malformed one.
        if (auto found = interpret()) return fail(std::move(*found));
        break;
      default: break;
    }
    return fail(bad_request("The request's head is malformed.", "Speak HTTP/1.1 on this port."));
  }
  if (is_refused) return fail(problem_of(verdict, limits));
  return verdict == HeadGuard::Verdict::done ? finish_head() : State::need_more;
}

std::optional<Problem> RequestParser::Impl::interpret() {
  request.version_minor = parser.http_minor;
  for (Header& header : request.headers) {
    // llhttp leaves white space at the end of a value (RFC 9110 section 5.5).
    const std::size_t end = header.value.find_last_not_of(" \t");
    header.value.erase(end == std::string::npos ? 0 : end + 1);
  }
  return interpret_head(request, framing);
}

RequestParser::State RequestParser::Impl::finish_head() {
  if (parser.method == HTTP_PRI) return fail(http2_spoken());
  if (parser.http_major != 1 || parser.http_minor > 1) return fail(unknown_version());
  if (auto found = interpret()) return fail(std::move(*found));
  // Two readings of one head that differ are the stuff of request smuggling.
  const bool llhttp_sees_chunks = (parser.flags & F_CHUNKED) != 0;
  const bool llhttp_sees_body = llhttp_sees_chunks || parser.content_length > 0;
  if (llhttp_sees_chunks != framing.is_chunked ||
      llhttp_sees_body != (framing.is_chunked || framing.length > 0)) {
    return fail(bad_request("The request's framing is ambiguous.", "Send one Content-Length."));
  }
  head_complete = true;
  phase = Phase::decide;
  return State::head_complete;
}

RequestParser::State RequestParser::Impl::begin_body() {
  if (framing.is_chunked) {
    phase = Phase::chunk_line;
    return State::need_more;
  }
  if (framing.length > max_body) return fail(too_large(max_body));
  if (framing.length == 0) {
    phase = Phase::over;
    return State::complete;
  }
  phase = Phase::fixed_body;
  return State::need_more;
}

// A body of known length needs no parser, only counting.
RequestParser::State RequestParser::Impl::read_fixed(std::string_view& bytes) {
  const std::size_t left = static_cast<std::size_t>(framing.length) - request.body.size();
  const std::size_t taken = std::min(left, bytes.size());
  if (taken == left && request.body.empty()) request.body.swap(spare().body);
  request.body.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  if (taken < left) return State::need_more;
  phase = Phase::over;
  return State::complete;
}

// Each byte of the line is judged by us before llhttp reads it.
RequestParser::State RequestParser::Impl::read_chunk_line(std::string_view& bytes) {
  std::size_t taken = 0;
  auto verdict = ChunkLine::Verdict::need_more;
  while (taken < bytes.size() && verdict == ChunkLine::Verdict::need_more) {
    verdict = chunk_line.step(bytes[taken++]);
  }
  if (verdict == ChunkLine::Verdict::malformed || !give(bytes.substr(0, taken))) {
    return fail(bad_chunk());
  }
  bytes.remove_prefix(taken);
  return verdict == ChunkLine::Verdict::done ? finish_chunk_line() : State::need_more;
}

RequestParser::State RequestParser::Impl::finish_chunk_line() {
  const std::uint64_t size = chunk_line.size();
  chunk_line = ChunkLine();
  if (llhttp_chunk != size) return fail(bad_chunk());
  if (size > max_body - std::min(max_body, request.body.size())) return fail(too_large(max_body));
  chunk_left = size;
  if (size == 0) {
    guard = HeadGuard(HeadGuard::Section::trailers, limits);
    phase = Phase::trailers;
  } else {
    phase = Phase::chunk_data;
  }
  llhttp_chunk.reset();
  return State::need_more;
}

RequestParser::State RequestParser::Impl::read_chunk_data(std::string_view& bytes) {
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_left, bytes.size()));
  if (!give(bytes.substr(0, taken))) return fail(bad_chunk());
  bytes.remove_prefix(taken);
  chunk_left -= taken;
  if (chunk_left == 0) {
    phase = Phase::chunk_end;
    chunk_left = kChunkEnd.size();
  }
  return State::need_more;
}

RequestParser::State RequestParser::Impl::read_chunk_end(std::string_view& bytes) {
  const char expected = kChunkEnd[kChunkEnd.size() - chunk_left];
  if (bytes.front() != expected || !give(bytes.substr(0, 1))) return fail(bad_chunk());
  bytes.remove_prefix(1);
  if (--chunk_left == 0) {
    phase = Phase::chunk_line;
    ++chunks;
  }
  return State::need_more;
}

RequestParser::State RequestParser::Impl::read_trailers(std::string_view& bytes) {
  const auto [consumed, verdict] = guard.scan(bytes);
  const bool is_refused =
      verdict != HeadGuard::Verdict::need_more && verdict != HeadGuard::Verdict::done;
  const bool accepted = give(bytes.substr(0, consumed - (is_refused ? 1 : 0)));
  bytes.remove_prefix(consumed);
  if (!accepted) return fail(bad_chunk());
  if (is_refused) return fail(problem_of(verdict, limits));
  if (verdict == HeadGuard::Verdict::need_more) return State::need_more;
  if (!message_complete) return fail(bad_chunk());
  phase = Phase::over;
  return State::complete;
}

RequestParser::RequestParser(const ParserLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() {
  if (impl_) spare().take_from(impl_->request);
}
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

RequestParser::Result RequestParser::feed(std::string_view bytes) {
  impl_->started |= !bytes.empty();
  impl_->chunks = 0;
  std::string_view rest = bytes;
  State state = State::need_more;
  // Deciding on the body needs no byte: a request without one is complete right after its head.
  while (state == State::need_more && impl_->chunks < kMostChunks &&
         (!rest.empty() || impl_->phase == Impl::Phase::decide)) {
    state = impl_->step(rest);
  }
  return {bytes.size() - rest.size(), state};
}

void RequestParser::set_max_body(std::size_t bytes) { impl_->max_body = bytes; }
bool RequestParser::has_body() const {
  return impl_->framing.is_chunked || impl_->framing.length > 0;
}
std::optional<std::uint64_t> RequestParser::announced_length() const {
  return impl_->framing.is_chunked ? std::nullopt : std::optional(impl_->framing.length);
}
std::size_t RequestParser::held_bytes() const {
  const Request& request = impl_->request;
  return sizeof(Impl) + impl_->guard.size() + request.headers.capacity() * sizeof(Header) +
         request.body.size();  // what was reserved and not written is no memory yet
}
bool RequestParser::has_started() const { return impl_->started; }
bool RequestParser::has_head() const { return impl_->head_complete; }
Request& RequestParser::request() { return impl_->request; }
const Problem& RequestParser::problem() const { return impl_->problem; }

}  // namespace sigway::http
