#include "ops/config.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "ops/settings.h"

using namespace sigway::ops;
using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

namespace {

using Variables = std::map<std::string, std::string>;

auto load(const Strings& arguments, const Variables& variables = {}) {
  const auto environment = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  return load_config(arguments, environment, {.name = "sigway", .commands = {}});
}

Config config_of(const Strings& arguments, const Variables& variables = {}) {
  auto loaded = load(arguments, variables);
  if (const auto* error = std::get_if<ConfigError>(&loaded)) FAIL(error->message);
  REQUIRE(std::holds_alternative<Config>(loaded));
  return std::get<Config>(loaded);
}

std::string error_of(const Strings& arguments, const Variables& variables = {}) {
  const auto loaded = load(arguments, variables);
  REQUIRE(std::holds_alternative<ConfigError>(loaded));
  return std::get<ConfigError>(loaded).message;
}

std::string text_of(const Strings& arguments) {
  const auto loaded = load(arguments);
  REQUIRE(std::holds_alternative<ConfigText>(loaded));
  return std::get<ConfigText>(loaded).text;
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A configuration file that exists as long as the object.
class File {
 public:
  explicit File(const std::string& content) {
    const int descriptor = mkstemp(path_.data());
    REQUIRE(descriptor >= 0);
    close(descriptor);
    std::ofstream(path_) << content;
  }
  ~File() { std::remove(path_.c_str()); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/sigway-config-XXXXXX";
};

}  // namespace

TEST_CASE("the defaults are the documented ones") {
  const auto config = config_of({});
  CHECK(config == default_config());
  CHECK(config.bind == "127.0.0.1");
  CHECK(config.port == 8080);
  CHECK(config.max_head == 16 * 1024);
  CHECK(config.keep_alive == 75s);
  CHECK(config.message_rate == 200);
  CHECK(config.resume_window == 2min);
  CHECK(config.memory_budget == 1024 * 1024 * 1024);
  CHECK(config.mailbox_lifetime == 60s);
  CHECK(config.ice_server.empty());
  CHECK(config.log_level == LogLevel::info);
}

TEST_CASE("every row of the table is sound") {
  std::set<std::string_view> names;
  for (const auto& group : setting_groups()) {
    for (const auto& setting : group.settings) {
      CAPTURE(std::string{setting.name});
      CHECK(names.insert(setting.name).second);
      CHECK(std::regex_match(std::string{setting.name}, std::regex("[a-z]+(-[a-z]+)*")));
      CHECK_FALSE(setting.help.empty());
      CHECK(setting.help.back() != '.');
      CHECK(find_setting(setting.name) == &setting);
      if (setting.field.shape == SettingShape::list) continue;
      Config config;
      const Strings values{std::string{setting.default_value}};
      CHECK_FALSE(setting.field.store(config, values));
    }
  }
  CHECK(names.size() > 40);
}

TEST_CASE("each setting can be written as flag, variable and key") {
  CHECK(config_of({"--port", "9"}).port == 9);
  CHECK(config_of({"--port=9"}).port == 9);
  CHECK(config_of({}, {{"SIGWAY_PORT", "9"}}).port == 9);
  CHECK(config_of({}, {{"SIGWAY_MAX_BODY", "1MiB"}}).max_body == 1024 * 1024);
  const File file("# a comment\n\n port = 9 \nmax-body=1MiB\r\nping-interval = 500ms");
  const auto config = config_of({"--config", file.path()});
  CHECK(config.port == 9);
  CHECK(config.max_body == 1024 * 1024);
  CHECK(config.ping_interval == 500ms);
  CHECK(config.config == file.path());
  CHECK(config_of({}, {{"SIGWAY_CONFIG", file.path()}}).port == 9);
}

TEST_CASE("a flag counts before the environment, that before the file, that before the default") {
  const File file("port = 3\nshards = 3\nmax-head = 3KiB");
  const Variables variables{{"SIGWAY_PORT", "2"}, {"SIGWAY_SHARDS", "2"}};
  const auto config = config_of({"--port", "1", "--config", file.path()}, variables);
  CHECK(config.port == 1);
  CHECK(config.shards == 2);
  CHECK(config.max_head == 3 * 1024);
  CHECK(config.max_body == 256 * 1024);
}

TEST_CASE("an overridden source is not checked, an empty variable is none") {
  CHECK(config_of({"--port", "1"}, {{"SIGWAY_PORT", "nonsense"}}).port == 1);
  CHECK(config_of({}, {{"SIGWAY_PORT", ""}}).port == 8080);
}

TEST_CASE("of a repeated flag the last one counts") {
  CHECK(config_of({"--port", "1", "--port", "2"}).port == 2);
}

TEST_CASE("lists are repeated or separated by commas, and come whole from one source") {
  const Strings both{"https://a.example", "http://b.example:81"};
  CHECK(config_of({"--allow-origin", both[0], "--allow-origin", both[1]}).allow_origin == both);
  CHECK(config_of({"--allow-origin", both[0] + "," + both[1]}).allow_origin == both);
  CHECK(config_of({}, {{"SIGWAY_ALLOW_ORIGIN", both[0] + ", " + both[1]}}).allow_origin == both);
  const File file("allow-origin = " + both[0] + "\nallow-origin = " + both[1]);
  CHECK(config_of({"--config", file.path()}).allow_origin == both);
  CHECK(config_of({"--config", file.path(), "--allow-origin", "null"}).allow_origin ==
        Strings{"null"});
}

TEST_CASE("an ICE server may be a JSON object, everywhere") {
  const std::string turn = R"({"urls": ["turn:a", "turns:a"], "username": "u", "credential": "c"})";
  const Strings both{turn, "stun:b"};
  CHECK(config_of({"--ice-server", turn, "--ice-server", "stun:b"}).ice_server == both);
  CHECK(config_of({}, {{"SIGWAY_ICE_SERVER", turn + ", stun:b"}}).ice_server == both);
  const File file("ice-server = " + turn + "\nice-server = stun:b\n");
  CHECK(config_of({"--config", file.path()}).ice_server == both);
}

TEST_CASE("further ports to listen on, everywhere") {
  const std::vector<ListenPort> both{{"", 1337, "raw"}, {"::1", 1338, ""}};
  CHECK(config_of({}).listen.empty());
  CHECK(config_of({"--listen", "1337=raw", "--listen", "[::1]:1338"}).listen == both);
  CHECK(config_of({"--listen=1337=raw", "--listen=[::1]:1338"}).listen == both);
  CHECK(config_of({"--listen", "1337=raw,[::1]:1338"}).listen == both);
  CHECK(config_of({}, {{"SIGWAY_LISTEN", "1337=raw, [::1]:1338"}}).listen == both);
  const File file("listen = 1337=raw\nlisten=[::1]:1338\n");
  CHECK(config_of({"--config", file.path()}).listen == both);
}

TEST_CASE("each port is listened on once") {
  const std::string more =
      ": another --listen, or --bind and --port, has this address and port already; "
      "give each port once";
  CHECK(error_of({"--listen", "1337", "--listen", "127.0.0.1:1337=raw"}) ==
        "--listen 127.0.0.1:1337=raw" + more);
  CHECK(error_of({"--listen", "8080"}) == "--listen 8080" + more);
  CHECK(error_of({"--bind", "::1", "--port", "81", "--listen", "[0:0::1]:81"}) ==
        "--listen [0:0::1]:81" + more);
  CHECK(config_of({"--listen", "127.0.0.2:8080"}).listen.size() == 1);
  CHECK(config_of({"--port", "0", "--listen", "0", "--listen", "0"}).listen.size() == 2);
}

TEST_CASE("a switch may stand alone or have a value") {
  CHECK(config_of({"--tls-self-signed"}).tls_self_signed);
  CHECK(config_of({"--tls-self-signed", "--port", "1"}).port == 1);
  CHECK_FALSE(config_of({"--tls-self-signed=no"}).tls_self_signed);
  CHECK(config_of({}, {{"SIGWAY_TLS_SELF_SIGNED", "yes"}}).tls_self_signed);
  CHECK_FALSE(
      config_of({"--tls-self-signed=no"}, {{"SIGWAY_TLS_SELF_SIGNED", "1"}}).tls_self_signed);
  CHECK(mentions(error_of({"--tls-self-signed=maybe"}), "yes or no"));
}

TEST_CASE("a bad value is answered with the setting, the value and what is allowed") {
  CHECK(error_of({"--port", "65536"}) ==
        "--port: '65536' is not allowed; write a number from 0 to 65535");
  CHECK(error_of({}, {{"SIGWAY_PORT", "http"}}) ==
        "SIGWAY_PORT: 'http' is not allowed; write a number from 0 to 65535");
  CHECK(error_of({"--listen", "1337="}) ==
        "--listen: '1337=' is not allowed; write a dialect after the = of '1337=', or leave the = "
        "out");
  const File file("keep-alive = soon");
  CHECK(error_of({"--config", file.path()}) ==
        file.path() +
            ": keep-alive: 'soon' is not allowed; write a time from 1ms to 8760h, "
            "like 25s, 500ms or 2m");
  const auto bad = [](const std::string& name, const std::string& value) {
    CAPTURE(name);
    const auto error = error_of({"--" + name, value});
    CHECK(mentions(error, "--" + name));
    CHECK(mentions(error, value));
  };
  bad("bind", "localhost");
  bad("listen", "localhost:1337");
  bad("max-head", "1");
  bad("max-body", "1KB");
  bad("ping-interval", "0");
  bad("ping-interval", "9999h");
  bad("web-root", "/nonexistent");
  bad("allow-origin", "https://a.example/path");
  bad("public-origin", "null");
  bad("allow-host", "http://a");
  bad("trusted-proxy", "10.0.0.0/40");
  bad("ice-server", "turn:a");
  bad("log-level", "loud");
  bad("max-room-capacity", "1");
}

TEST_CASE("settings that nobody knows are refused by name") {
  CHECK(error_of({"--prot", "1"}) == "--prot is not a setting; --help lists them");
  CHECK(mentions(error_of({"serve"}), "serve is not a setting"));
  CHECK(mentions(error_of({"--port"}), "--port"));
  const File unknown("port = 1\nprot = 2\n");
  CHECK(error_of({"--config", unknown.path()}) ==
        unknown.path() + ":2: 'prot' is not a setting; --help lists them");
  const File twice("port = 1\nport = 2\n");
  CHECK(mentions(error_of({"--config", twice.path()}), ":2: 'port' is there twice"));
  const File bare("tls-self-signed");
  CHECK(mentions(error_of({"--config", bare.path()}), "write 'tls-self-signed = VALUE'"));
  const File nested("config = other");
  CHECK(mentions(error_of({"--config", nested.path()}), ":1: "));
}

TEST_CASE("a file that cannot be read is an error, an empty one is not") {
  CHECK(error_of({"--config", "/nonexistent"}) == "config: cannot read the file '/nonexistent'");
  CHECK(error_of({"--config", "/tmp"}) == "config: cannot read the file '/tmp'");
  const File empty("");
  CHECK(config_of({"--config", empty.path()}).port == 8080);
}

TEST_CASE("settings that belong together are checked together") {
  CHECK(mentions(error_of({"--tls-cert", "a.pem"}), "--tls-key"));
  CHECK(mentions(error_of({"--tls-key", "a.pem"}), "--tls-cert"));
  CHECK(mentions(error_of({"--tls-self-signed", "--tls-cert", "a", "--tls-key", "b"}),
                 "--tls-self-signed"));
  CHECK(mentions(error_of({"--memory-budget", "2MiB"}), "--outbox-limit"));
  CHECK(config_of({"--tls-cert", "a", "--tls-key", "b"}).tls_key == "b");
}

TEST_CASE("--version and --help answer with a text") {
  CHECK(text_of({"--version"}) == "sigway 0.1.0\n");
  const auto help = text_of({"--help"});
  for (const auto& group : setting_groups()) {
    CHECK(mentions(help, std::string{group.title} + ":\n"));
    for (const auto& setting : group.settings) {
      CAPTURE(std::string{setting.name});
      CHECK(mentions(help, "  --" + std::string{setting.name}));
      CHECK(mentions(help, setting.environment_name() + ")"));
    }
  }
  CHECK(mentions(help, "default 127.0.0.1, SIGWAY_BIND)"));
  std::istringstream lines{help};
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 80);
}
