#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "client/json.h"
#include "client/memory.h"

using namespace sigway::client;
using namespace std::chrono_literals;

namespace {

struct Folder {
  Folder() { std::filesystem::remove_all(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  Memory memory(const std::string& address = "http://a/") const {
    return {file, address, [this] { return now; }};
  }
  std::string text() const {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  std::string transport(const std::string& address = "http://a/") const {
    const auto entry = parse_object(memory(address).recall());
    return entry ? text_of(*entry, "transport") : "";
  }
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("sigway-memory-" + std::to_string(getpid()));
  const std::filesystem::path file = path / "some" / "networks.json";
  std::chrono::system_clock::time_point now{1'000'000h};
};

}  // namespace

TEST_CASE("memory file: what worked is there for half an hour, for that address alone") {
  Folder folder;
  CHECK(folder.transport().empty());
  CHECK(folder.memory().keep(R"({"transport":"sse","proof":12})").empty());
  CHECK(folder.memory("http://b/").keep(R"({"transport":"poll"})").empty());
  CHECK(folder.transport() == "sse");
  CHECK(folder.transport("http://b/") == "poll");
  CHECK(folder.transport("http://c/").empty());
  folder.now += 29min;
  CHECK(folder.transport() == "sse");
  CHECK(folder.memory().keep(R"({"transport":"websocket"})").empty());
  folder.now += 2min;
  CHECK(folder.transport() == "websocket");
  CHECK(folder.transport("http://b/").empty());
  // What is too old goes with the next writing.
  CHECK(folder.memory().keep(R"({"transport":"websocket"})").empty());
  CHECK(folder.text().find("http://b/") == std::string::npos);
  folder.now -= 1h;  // a clock that was set back
  CHECK(folder.transport().empty());
}

TEST_CASE("memory file: one that is broken counts as empty, and is replaced") {
  Folder folder;
  std::filesystem::create_directories(folder.file.parent_path());
  for (const auto* text : {"", "{", "[]", "null", R"({"http://a/":7})", R"({"http://a/":{}})",
                           R"({"http://a/":{"at":"now"}})", R"({"http://a/":{"at":-1}})",
                           R"({"http://a/":{"at":9223372036854775808}})",
                           R"({"http://a/":{"at":18446744073709551615}})"}) {
    CAPTURE(text);
    std::ofstream(folder.file) << text;
    CHECK(folder.memory().recall().empty());
    CHECK(folder.memory().keep(R"({"transport":"sse"})").empty());
    CHECK(folder.transport() == "sse");
  }
}

TEST_CASE("memory file: clients that write at once leave it whole, each time") {
  Folder folder;
  std::vector<std::thread> writers;
  std::vector<std::string> problems(4);
  for (std::size_t i = 0; i < problems.size(); ++i) {
    writers.emplace_back([&folder, &problem = problems[i], i] {
      const auto memory = folder.memory("http://" + std::to_string(i) + "/");
      for (int round = 0; round < 200 && problem.empty(); ++round)
        problem = memory.keep(R"({"transport":"sse"})");
    });
  }
  for (int round = 0; round < 200; ++round) {
    const auto text = folder.text();
    CHECK_MESSAGE((text.empty() || parse_object(text)), text);
  }
  for (auto& writer : writers) writer.join();
  for (const auto& problem : problems) CHECK(problem == "");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.file.parent_path()), {}) == 1);
}

TEST_CASE("memory file: where it cannot be written that is said, and nothing is left behind") {
  Folder folder;
  std::filesystem::create_directories(folder.file);  // a folder in its place
  CHECK(folder.memory().keep("{}").find("cannot be written") != std::string::npos);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.file.parent_path()), {}) == 1);
  const Memory nowhere("/proc/none/networks.json", "http://a/");
  CHECK(nowhere.keep("{}").find("cannot be written") != std::string::npos);
  CHECK(nowhere.recall().empty());
}
