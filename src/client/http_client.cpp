#include "client/http_client.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <new>
#include <optional>

namespace sigway::client {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{60'000};

// libcurl before 7.84 wants this from one thread.
void initialize() {
  static const CURLcode kDone = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (kDone != CURLE_OK) throw std::bad_alloc();
}

curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) {
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::string authority(const std::string& host, std::uint16_t port) {
  const bool is_ip6 = host.find(':') != std::string::npos;
  return (is_ip6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

HttpClient::Problem problem_of(CURLcode code, bool connected) {
  using Problem = HttpClient::Problem;
  switch (code) {
    case CURLE_OK: return Problem::none;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: return Problem::connect;
    case CURLE_OPERATION_TIMEDOUT: return Problem::connect_time;  // no other timeout is libcurl's
    case CURLE_SSL_CONNECT_ERROR: return Problem::tls;
    case CURLE_SSL_CACERT_BADFILE: return Problem::ca_file;
    case CURLE_PEER_FAILED_VERIFICATION: return Problem::untrusted;
    case CURLE_SEND_ERROR: return Problem::request_cut;
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: return connected ? Problem::answer_cut : Problem::connect;
    default: return Problem::other;
  }
}

}  // namespace

void HttpCall::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (multi_ != nullptr) curl_multi_wakeup(multi_);
}

bool HttpCall::cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

void HttpCall::waits_in(void* multi) {
  const std::lock_guard lock(mutex_);
  multi_ = multi;
}

std::string_view HttpClient::Head::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& header) { return header.first == name; });
  return found == headers.end() ? std::string_view{} : std::string_view(found->second);
}

// A multi handle has its connections to itself, and its wait can be ended by another thread.
struct HttpClient::Handles {
  Handles() {
    if (!multi_handle || !easy_handle) throw std::bad_alloc();
    curl_multi_setopt(multi(), CURLMOPT_MAXCONNECTS, 1L);
  }
  CURLM* multi() const { return multi_handle.get(); }
  CURL* easy() const { return easy_handle.get(); }

  static CURLM* make_multi() {
    initialize();
    return curl_multi_init();
  }
  struct Cleanup {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };
  struct EasyCleanup {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  std::unique_ptr<CURLM, Cleanup> multi_handle{make_multi()};
  std::unique_ptr<CURL, EasyCleanup> easy_handle{curl_easy_init()};
};

struct HttpClient::Exchange {
  Exchange(HttpClient& its_client, const Request& what, HttpCall& its_call)
      : client(its_client), request(what), call(its_call) {}
  ~Exchange() { curl_slist_free_all(lines); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void add_line(const std::string& line) {
    auto* const longer = curl_slist_append(lines, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    lines = longer;
  }

  // Each answer begins with a status line and ends with an empty one, interim answers too.
  void take_header(std::string_view line) {
    last = Clock::now();
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {
      head = {};
      const auto space = line.find(' ');
      if (space != std::string_view::npos)
        std::from_chars(line.data() + space + 1, line.data() + line.size(), head.status);
      return;
    }
    if (line.empty()) {
      if (head.status < 200 || answered) return;
      answered = true;
      if (request.on_head && !call.cancelled()) request.on_head(head);
      return;
    }
    const auto colon = line.find(':');
    if (answered || colon == std::string_view::npos) return;  // or a trailer
    auto value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
      value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    head.headers.emplace_back(lower(std::string(line.substr(0, colon))), value);
  }

  bool take_data(std::string_view bytes) {
    if (call.cancelled()) return false;
    const bool goes_on = !request.on_data || request.on_data(bytes);
    last = Clock::now();  // whoever takes it may take its time
    return goes_on;
  }

  static std::size_t header(char* bytes, std::size_t size, std::size_t count, void* self) {
    static_cast<Exchange*>(self)->take_header({bytes, size * count});
    return size * count;
  }
  static std::size_t data(char* bytes, std::size_t size, std::size_t count, void* self) {
    return static_cast<Exchange*>(self)->take_data({bytes, size * count}) ? size * count : 0;
  }
  static int progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (std::exchange(exchange.moved, down + up) != down + up) exchange.last = Clock::now();
    return 0;
  }
  // The system's certificates are where OpenSSL says, as they are for the WebSocket.
  static CURLcode tls(CURL*, void* context, void* self) {
    const auto& client = static_cast<Exchange*>(self)->client;
    auto* const tls = static_cast<SSL_CTX*>(context);
    const auto& file = client.endpoint_.ca_file;
    if (file.empty()) {
      SSL_CTX_set_default_verify_paths(tls);
    } else if (SSL_CTX_load_verify_locations(tls, file.c_str(), nullptr) != 1 &&
               client.options_.verify) {
      return CURLE_SSL_CACERT_BADFILE;
    }
    if (client.options_.prepare_tls) client.options_.prepare_tls(tls);
    return CURLE_OK;
  }

  HttpClient& client;
  const Request& request;
  HttpCall& call;
  curl_slist* lines = nullptr;
  Head head;
  bool answered = false;   // by what is no interim answer
  Clock::time_point last;  // that something passed
  curl_off_t moved = 0;
};

HttpClient::HttpClient(const Endpoint& endpoint, Options options)
    : endpoint_(endpoint), options_(std::move(options)), handles_(std::make_unique<Handles>()) {}
HttpClient::~HttpClient() = default;

void HttpClient::prepare(Exchange& exchange) {
  const auto& request = exchange.request;
  const auto set = [easy = handles_->easy()](CURLoption option, auto value) {
    if (curl_easy_setopt(easy, option, value) == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
  };
  curl_easy_reset(handles_->easy());  // its connection stays
  const auto url = (endpoint_.url.tls ? "https://" : "http://") +
                   authority(endpoint_.url.host, endpoint_.url.port) + request.path;
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);  // connections are kept; a new one asks anew
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect.count()));
  set(CURLOPT_FRESH_CONNECT, request.fresh ? 1L : 0L);
  set(CURLOPT_OPENSOCKETFUNCTION, open_socket);

  // An empty proxy is none; else libcurl would look into the environment, and with other eyes.
  const auto& proxy = endpoint_.proxy;
  const auto via = proxy ? "http://" + authority(proxy->host, proxy->port) : std::string{};
  set(CURLOPT_PROXY, via.c_str());
  set(CURLOPT_NOPROXY, "");
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (proxy && !proxy->user.empty()) {
    set(CURLOPT_PROXYAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_PROXYUSERNAME, proxy->user.c_str());
    set(CURLOPT_PROXYPASSWORD, proxy->password.c_str());
  }

  set(CURLOPT_SSL_VERIFYPEER, options_.verify ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, options_.verify ? 2L : 0L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));
  set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  set(CURLOPT_SSL_CTX_FUNCTION, &Exchange::tls);
  set(CURLOPT_SSL_CTX_DATA, &exchange);

  if (request.method == "GET") {
    set(CURLOPT_HTTPGET, 1L);
  } else {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data());
    if (request.method != "POST") set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  if (options_.gunzip) set(CURLOPT_ACCEPT_ENCODING, "gzip");
  set(CURLOPT_USERAGENT, "sigway");
  exchange.add_line("Expect:");  // large bodies go without asking
  bool typed = false;
  for (const auto& [name, value] : request.headers) {
    typed = typed || lower(name) == "content-type";
    auto line = name;
    exchange.add_line(line.append(": ").append(value));
  }
  if (!typed) exchange.add_line("Content-Type:");  // not the one of forms
  set(CURLOPT_HTTPHEADER, exchange.lines);

  set(CURLOPT_HEADERFUNCTION, &Exchange::header);
  set(CURLOPT_HEADERDATA, &exchange);
  set(CURLOPT_WRITEFUNCTION, &Exchange::data);
  set(CURLOPT_WRITEDATA, &exchange);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &Exchange::progress);
  set(CURLOPT_XFERINFODATA, &exchange);
}

HttpClient::Problem HttpClient::run(Exchange& exchange) {
  auto* const multi = handles_->multi();
  auto* const easy = handles_->easy();
  bool connected = false;
  while (!exchange.call.cancelled()) {
    int running = 0, left = 0;
    if (curl_multi_perform(multi, &running) != CURLM_OK) break;
    if (!connected) {
      curl_off_t sent_after = 0;
      curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent_after);
      connected = sent_after > 0;
      if (connected) exchange.last = Clock::now();
    }
    while (const auto* const message = curl_multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) return problem_of(message->data.result, connected);
    }
    auto wait = kLongestWait;
    if (connected) {
      const auto due = exchange.last + exchange.request.silence;
      const auto still = std::chrono::ceil<milliseconds>(due - Clock::now());
      if (still <= milliseconds(0)) return Problem::silence;
      wait = std::min(wait, still);
    }
    if (curl_multi_poll(multi, nullptr, 0, static_cast<int>(wait.count()), nullptr) != CURLM_OK)
      break;
  }
  return Problem::other;
}

HttpClient::Outcome HttpClient::exchange(const Request& request, HttpCall& call) {
  Exchange exchange(*this, request, call);
  prepare(exchange);
  if (curl_multi_add_handle(handles_->multi(), handles_->easy()) != CURLM_OK)
    return {.problem = Problem::other};
  call.waits_in(handles_->multi());
  Outcome outcome;
  outcome.problem = run(exchange);
  call.waits_in(nullptr);
  long connects = 0, refusal = 0;
  curl_easy_getinfo(handles_->easy(), CURLINFO_NUM_CONNECTS, &connects);
  curl_easy_getinfo(handles_->easy(), CURLINFO_HTTP_CONNECTCODE, &refusal);
  curl_multi_remove_handle(handles_->multi(), handles_->easy());
  outcome.reused = connects == 0;
  if (!exchange.answered && refusal >= 300) {
    // What a proxy says to CONNECT is the answer, of which libcurl keeps no more than the status.
    outcome.problem = Problem::none;
    exchange.head = {.status = static_cast<int>(refusal)};
    if (request.on_head) request.on_head(exchange.head);
  }
  outcome.answered = exchange.answered || refusal >= 300;
  return outcome;
}

std::string phrase(HttpClient::Problem problem, const std::string& host_and_port) {
  using Problem = HttpClient::Problem;
  const auto with = [&](const char* preposition) {
    return host_and_port.empty() ? std::string{} : preposition + host_and_port;
  };
  switch (problem) {
    case Problem::connect: return "no connection" + with(" to ");
    case Problem::connect_time: return "no connection" + with(" to ") + " in time";
    case Problem::tls: return "no TLS handshake" + with(" with ");
    case Problem::ca_file: return "the certificates of the CA file cannot be read";
    case Problem::untrusted: return "the certificate is not trusted";
    case Problem::request_cut: return "the connection was cut before the request was whole";
    case Problem::answer_cut: return "the connection was cut before the answer was whole";
    case Problem::silence: return "nothing came any more";
    case Problem::none:
    case Problem::other: break;
  }
  return "the request failed";
}

std::string lower(std::string text) {
  for (auto& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace sigway::client
