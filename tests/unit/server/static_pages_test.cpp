#include "server/static_pages.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "raw_client.h"
#include "test_server.h"

using namespace sigway;
using namespace sigway::server;
using namespace sigway::server::testing;

namespace {

constexpr std::array<PageFile, 3> kFiles = {{
    {"client/sigway.js", "text/javascript; charset=utf-8", "export {};", "\"js\""},
    {"index.html", "text/html; charset=utf-8", "<title>index</title>", "\"index\""},
    {"style.css", "text/css; charset=utf-8", "b{}", "\"css\""},
}};

http::Request request_for(const std::string& path, std::vector<http::Header> headers = {}) {
  http::Request request;
  request.method = http::Method::get;
  request.path = path;
  request.headers = std::move(headers);
  return request;
}

// For tests in which memory is no matter.
base::MemoryBudget& plenty() {
  static base::MemoryBudget budget(1024 * 1024 * 1024);
  return budget;
}

// A folder that is gone afterwards.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = "/tmp/sigway-pages-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream(path / name) << bytes;
  }
};

}  // namespace

TEST_CASE("embedded pages: types, ETag, policy") {
  const StaticPages pages(kFiles);
  const auto index = pages.serve(request_for("/"));
  CHECK(index.status() == 200);
  CHECK(index.body().view() == "<title>index</title>");
  CHECK(*index.header("content-type") == "text/html; charset=utf-8");
  CHECK(*index.header("etag") == "\"index\"");
  CHECK(index.header("content-security-policy")->find("default-src 'none'") == 0);
  CHECK(pages.serve(request_for("/client/sigway.js")).body().view() == "export {};");
  for (const char* known : {"\"index\"", "W/\"index\"", "\"x\", \"index\"", "*"}) {
    CAPTURE(known);
    const auto unchanged = pages.serve(request_for("/", {{"if-none-match", known}}));
    CHECK(unchanged.status() == 304);
    CHECK(unchanged.body().empty());
    CHECK(*unchanged.header("etag") == "\"index\"");
  }
  CHECK(pages.serve(request_for("/", {{"if-none-match", "\"other\""}})).status() == 200);
}

TEST_CASE("rooms: /r/ROOM is a page, /ROOM leads there") {
  const StaticPages pages(kFiles);
  CHECK(pages.serve(request_for("/r/caf\xC3\xA9 1")).body().view() == "<title>index</title>");
  CHECK(pages.serve(request_for("/r/with.dot")).status() == 200);
  CHECK(pages.serve(request_for("/r/")).status() == 404);
  CHECK(pages.serve(request_for("/r/a/b")).status() == 404);
  auto request = request_for("/caf\xC3\xA9 1");
  request.query = "transport=sse";
  const auto redirect = pages.serve(request);
  CHECK(redirect.status() == 302);
  CHECK(*redirect.header("location") == "/r/caf%C3%A9%201?transport=sse");
  CHECK(pages.serve(request_for("/no.file")).status() == 404);
  CHECK(pages.serve(request_for("/a/b")).status() == 404);
  CHECK(pages.serve(request_for("//evil.net")).status() == 404);
  CHECK(pages.has("/foo"));
  CHECK_FALSE(pages.has_file("/foo"));
  CHECK_FALSE(pages.has("/no.file"));

  const std::array<PageFile, 2> with_room = {
      kFiles[1],
      PageFile{"room.html", "text/html; charset=utf-8", "<title>room</title>", "\"room\""}};
  CHECK(StaticPages(with_room).serve(request_for("/r/x")).body().view() == "<title>room</title>");
  // A page of its own comes before the room of that name, which stays at /r/.
  CHECK(StaticPages(with_room).serve(request_for("/room")).body().view() == "<title>room</title>");
  CHECK(StaticPages(with_room).has_file("/room"));
  CHECK(StaticPages(with_room).serve(request_for("/rooms")).status() == 302);
}

TEST_CASE("a folder instead: its files, its types, nothing outside it") {
  const Folder outside;
  outside.write("secret.txt", "secret");
  const Folder folder;
  folder.write("index.html", "<p>mine");
  folder.write("sub/app.js", "1");
  folder.write("data.bin", std::string("\0\1", 2));
  std::filesystem::create_symlink(outside.path / "secret.txt", folder.path / "link.txt");
  std::filesystem::create_directory_symlink(outside.path, folder.path / "linked");
  auto opened = StaticPages::open_folder(folder.path, plenty());
  REQUIRE(std::holds_alternative<std::shared_ptr<const StaticPages>>(opened));
  const auto& pages = *std::get<0>(opened);
  const auto index = pages.serve(request_for("/"));
  CHECK(index.body().view() == "<p>mine");
  CHECK(index.header("content-security-policy") == nullptr);
  CHECK(*pages.serve(request_for("/sub/app.js")).header("content-type") ==
        "text/javascript; charset=utf-8");
  CHECK(*pages.serve(request_for("/data.bin")).header("content-type") ==
        "application/octet-stream");
  CHECK(pages.serve(request_for("/data.bin")).body().size() == 2);
  for (const char* bad : {"/link.txt", "/linked/secret.txt", "/sub/../../x.txt", "//etc/passwd",
                          "/sub/", "/../secret.txt", "/sub/app.js/"}) {
    CAPTURE(bad);
    CHECK(pages.serve(request_for(bad)).status() == 404);
    CHECK_FALSE(pages.has(bad));
  }
  CHECK(pages.serve(request_for("/sub")).status() ==
        302);  // a folder is no file, so this is a room

  const std::string tag = *index.header("etag");
  CHECK(pages.serve(request_for("/", {{"if-none-match", tag}})).status() == 304);
  folder.write("index.html", "<p>edited");
  const auto edited = pages.serve(request_for("/", {{"if-none-match", tag}}));
  CHECK(edited.status() == 200);
  CHECK(edited.body().view() == "<p>edited");
}

TEST_CASE("names with a leading dot are not served, except below /.well-known/") {
  const Folder folder;
  for (const char* file :
       {"index.html", ".env", ".htpasswd", ".html", ".git/config", ".git/refs/heads/main",
        "sub/.env", "sub/.git/config", ".well-known/.env", ".well-known/sub/.git/config",
        ".well-knowns/x", "sub/.well-known/x", "...", "a..b", "a.b/c.d",
        ".well-known/acme-challenge/token", ".well-known/security.txt"}) {
    folder.write(file, file);
  }
  const auto opened = StaticPages::open_folder(folder.path, plenty());
  const auto& pages = *std::get<0>(opened);
  for (const char* hidden :
       {"/.env", "/.htpasswd", "/.html", "/.git", "/.git/config", "/.git/refs/heads/main",
        "/sub/.env", "/sub/.git/config", "/.well-known/.env", "/.well-known/sub/.git/config",
        "/.well-knowns/x", "/sub/.well-known/x", "/...", "/.well-known", "/.well-known/", "/r/",
        "//.env", "/r/../.env"}) {
    CAPTURE(hidden);
    CHECK(pages.serve(request_for(hidden)).status() == 404);
    CHECK_FALSE(pages.has(hidden));
    CHECK_FALSE(pages.has_file(hidden));
  }
  for (const char* shown :
       {"/a..b", "/a.b/c.d", "/.well-known/acme-challenge/token", "/.well-known/security.txt"}) {
    CAPTURE(shown);
    CHECK(pages.has_file(shown));
    CHECK(pages.serve(request_for(shown)).body().view() == std::string_view(shown).substr(1));
  }
  // A room's name is no file's.
  CHECK(pages.serve(request_for("/r/.env")).body().view() == "index.html");
}

TEST_CASE("answers that send one version of a file share one buffer, which is counted") {
  const Folder folder;
  const std::string text(100'000, 'a');
  folder.write("big.txt", text);
  folder.write("other.txt", text);
  base::MemoryBudget budget(1'000'000);
  const auto used = [&] { return budget.used(base::MemoryPart::file); };
  {
    const auto opened = StaticPages::open_folder(folder.path, budget);
    const auto& pages = *std::get<0>(opened);
    std::optional<http::Response> first = pages.serve(request_for("/big.txt"));
    std::optional<http::Response> second = pages.serve(request_for("/big.txt"));
    CHECK(first->body().view() == text);
    CHECK(first->body().view().data() == second->body().view().data());
    CHECK(first->body().counted_size() == 0);
    CHECK(used() == text.size());
    // Another path to the same file, another file, another version.
    std::filesystem::create_hard_link(folder.path / "big.txt", folder.path / "link.txt");
    first = pages.serve(request_for("/link.txt"));
    second = pages.serve(request_for("/big.txt"));
    CHECK(first->body().view().data() == second->body().view().data());
    CHECK(used() == text.size());
    const auto other = pages.serve(request_for("/other.txt"));
    CHECK(other.body().view().data() != second->body().view().data());
    CHECK(used() == 2 * text.size());
    folder.write("big.txt", std::string(50'000, 'b'));
    const auto edited = pages.serve(request_for("/big.txt"));
    CHECK(edited.body().view() == std::string(50'000, 'b'));
    CHECK(second->body().view() == text);  // what is being sent stays as it was
    CHECK(*edited.header("etag") != *second->header("etag"));
    CHECK(used() == 2 * text.size() + 50'000);
    // Nobody sends it any more.
    first.reset();
    second.reset();
    CHECK(used() == text.size() + 50'000);
    // Neither HEAD nor a client that has the file makes anybody read it.
    auto head = request_for("/big.txt");
    head.method = http::Method::head;
    CHECK(pages.serve(request_for("/link.txt", {{"if-none-match", "*"}})).status() == 304);
    CHECK(pages.serve(head).content_length() == 50'000);
    CHECK(pages.serve(head).body().empty());
    CHECK(used() == text.size() + 50'000);
  }
  CHECK(used() == 0);
}

TEST_CASE("an answer may outlive the pages that it came from") {
  const Folder folder;
  folder.write("a.txt", std::string(5000, 'a'));
  base::MemoryBudget budget(1'000'000);
  std::optional<http::Response> answer =
      std::get<0>(StaticPages::open_folder(folder.path, budget))->serve(request_for("/a.txt"));
  CHECK(answer->body().view() == std::string(5000, 'a'));
  CHECK(budget.used(base::MemoryPart::file) == 5000);
  answer.reset();
  CHECK(budget.used(base::MemoryPart::file) == 0);
}

TEST_CASE("a file for which there is no memory is 503, and one that is being sent anyway is not") {
  const Folder folder;
  folder.write("a.txt", std::string(5000, 'a'));
  folder.write("b.txt", std::string(5000, 'b'));
  base::MemoryBudget budget(16'000);  // files may take half
  const auto opened = StaticPages::open_folder(folder.path, budget);
  const auto& pages = *std::get<0>(opened);
  {
    const auto sent = pages.serve(request_for("/a.txt"));
    REQUIRE(sent.status() == 200);
    const auto refused = pages.serve(request_for("/b.txt"));
    CHECK(refused.status() == 503);
    CHECK(*refused.header("retry-after") == "5");
    CHECK(refused.header("etag") == nullptr);
    CHECK(pages.serve(request_for("/a.txt")).status() == 200);
    budget.charge(base::MemoryPart::outbox, 20'000);
    CHECK(pages.serve(request_for("/a.txt")).status() == 200);
  }
  CHECK(pages.serve(request_for("/a.txt")).status() == 503);
  budget.release(base::MemoryPart::outbox, 20'000);
  CHECK(pages.serve(request_for("/b.txt")).status() == 200);
  CHECK(budget.used() == 0);
}

TEST_CASE("several threads that ask for one file at once get one buffer") {
  const Folder folder;
  folder.write("a.txt", std::string(100'000, 'a'));
  base::MemoryBudget budget(1'000'000);
  const auto opened = StaticPages::open_folder(folder.path, budget);
  const auto& pages = *std::get<0>(opened);
  for (int round = 0; round < 20; ++round) {
    std::array<std::optional<http::Response>, 4> answers;
    std::vector<std::thread> threads;
    for (auto& answer : answers) {
      threads.emplace_back([&] { answer = pages.serve(request_for("/a.txt")); });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& answer : answers) {
      CHECK(answer->body().view().data() == answers[0]->body().view().data());
    }
    CHECK(budget.used(base::MemoryPart::file) == 100'000);
  }
  CHECK(budget.used() == 0);
}

TEST_CASE("a folder that is not there is an error that says so") {
  const auto opened = StaticPages::open_folder("/nonexistent", plenty());
  REQUIRE(std::holds_alternative<std::string>(opened));
  CHECK(std::get<std::string>(opened) ==
        "Cannot serve the folder /nonexistent: No such file or directory.");
}

TEST_CASE("pages over the wire, HEAD and 304 and wrong methods included") {
  ServerSetup setup;
  setup.pages = std::make_shared<StaticPages>(kFiles);
  TestServer server(false, {}, setup);
  RawClient client(server.port());
  client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Answer head = client.receive_answer(true);
  CHECK(head.status == 200);
  CHECK(head.header("content-length") == "20");
  CHECK(head.header("x-content-type-options") == "nosniff");
  client.send("GET /style.css HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"css\"\r\n\r\n");
  CHECK(client.receive_answer().status == 304);
  client.send("GET /room-7 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.receive_answer().header("location") == "/r/room-7");
  client.send("POST /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.receive_answer().header("allow") == "GET, HEAD, OPTIONS");
  client.send("POST /room-7 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.receive_answer().status == 404);
  // A link on another site leads to a page; an image tag there does not.
  client.send(
      "GET /r/x HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n"
      "Sec-Fetch-Mode: navigate\r\n\r\n");
  CHECK(client.receive_answer().status == 200);
  client.send(
      "GET /r/x HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n"
      "Sec-Fetch-Mode: no-cors\r\n\r\n");
  CHECK(client.receive_answer().status == 403);
}
