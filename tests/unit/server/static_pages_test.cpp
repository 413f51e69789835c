#include "server/static_pages.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "raw_client.h"
#include "test_folder.h"
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

// The whole body. Of a folder's file it comes in slices, and is used up.
std::string whole(const http::Response& response) {
  if (!response.source()) return std::string(response.body().view());
  std::string all;
  while (all.size() < response.source()->size()) {
    const auto slice = response.source()->next();
    if (!slice) return "cannot be read after " + std::to_string(all.size()) + " bytes";
    all += slice->view();
  }
  return all;
}

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
  const TestFolder outside;
  outside.write("secret.txt", "secret");
  const TestFolder folder;
  folder.write("index.html", "<p>mine");
  folder.write("sub/app.js", "1");
  folder.write("data.bin", std::string("\0\1", 2));
  std::filesystem::create_symlink(outside.path / "secret.txt", folder.path / "link.txt");
  std::filesystem::create_directory_symlink(outside.path, folder.path / "linked");
  auto opened = StaticPages::open_folder(folder.path, {}, plenty());
  REQUIRE(std::holds_alternative<std::shared_ptr<const StaticPages>>(opened));
  const auto& pages = *std::get<0>(opened);
  const auto index = pages.serve(request_for("/"));
  CHECK(whole(index) == "<p>mine");
  CHECK(index.header("content-security-policy") == std::nullopt);
  CHECK(*pages.serve(request_for("/sub/app.js")).header("content-type") ==
        "text/javascript; charset=utf-8");
  CHECK(*pages.serve(request_for("/data.bin")).header("content-type") ==
        "application/octet-stream");
  CHECK(whole(pages.serve(request_for("/data.bin"))).size() == 2);
  for (const char* bad : {"/link.txt", "/linked/secret.txt", "/sub/../../x.txt", "//etc/passwd",
                          "/sub/", "/../secret.txt", "/sub/app.js/"}) {
    CAPTURE(bad);
    CHECK(pages.serve(request_for(bad)).status() == 404);
    CHECK_FALSE(pages.has(bad));
  }
  // A bare name is a room, also that of a folder, which is no file.
  for (const char* room : {"/sub", "/foo"}) {
    CAPTURE(room);
    CHECK(whole(pages.serve(request_for(room))) == "<p>mine");
  }

  const std::string tag(*index.header("etag"));
  CHECK(pages.serve(request_for("/", {{"if-none-match", tag}})).status() == 304);
  folder.write("index.html", "<p>edited");
  const auto edited = pages.serve(request_for("/", {{"if-none-match", tag}}));
  CHECK(edited.status() == 200);
  CHECK(whole(edited) == "<p>edited");
}

TEST_CASE("a symbolic link shows nothing whose own name is hidden") {
  const TestFolder folder;
  for (const char* file : {".git/config", ".env", "sub/.git/config", ".well-known/token", "a/b.txt",
                           "..data/index.html", "..data/.env"}) {
    folder.write(file, file);
  }
  const auto link = [&](const char* to, const char* from) {
    std::filesystem::create_symlink(to, folder.path / from);
  };
  link(".git", "g");
  link(".env", "env.txt");
  link("g", "twice");
  link("../.git", "a/up");
  link("sub/.git/config", "config");
  link("a", "b");
  link("a/b.txt", "c.txt");
  link(".well-known", "known");
  link("..data/index.html", "index.html");
  link("..data/.env", "data.env");
  const auto opened = StaticPages::open_folder(folder.path, {}, plenty());
  const auto& pages = *std::get<0>(opened);
  for (const char* hidden :
       {"/g/config", "/env.txt", "/twice/config", "/a/up/config", "/data.env"}) {
    CAPTURE(hidden);
    CHECK(pages.serve(request_for(hidden)).status() != 200);
    CHECK_FALSE(pages.has_file(hidden));
  }
  CHECK_MESSAGE(whole(pages.serve(request_for("/config"))) == "..data/index.html",
                "as if there were no such file: a room");
  for (const char* shown : {"/b/b.txt", "/c.txt", "/known/token", "/index.html", "/a/b.txt"}) {
    CAPTURE(shown);
    CHECK(pages.serve(request_for(shown)).status() == 200);
  }
  CHECK_MESSAGE(whole(pages.serve(request_for("/index.html"))) == "..data/index.html",
                "as Kubernetes mounts a ConfigMap");
}

TEST_CASE("names with a leading dot are not served, except below /.well-known/") {
  const TestFolder folder;
  for (const char* file :
       {"index.html", ".env", ".htpasswd", ".html", ".git/config", ".git/refs/heads/main",
        "sub/.env", "sub/.git/config", ".well-known/.env", ".well-known/sub/.git/config",
        ".well-knowns/x", "sub/.well-known/x", "...", "a..b", "a.b/c.d",
        ".well-known/acme-challenge/token", ".well-known/security.txt"}) {
    folder.write(file, file);
  }
  const auto opened = StaticPages::open_folder(folder.path, {}, plenty());
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
    CHECK(whole(pages.serve(request_for(shown))) == std::string_view(shown).substr(1));
  }
  // A room's name is no file's.
  CHECK(whole(pages.serve(request_for("/r/.env"))) == "index.html");
}

TEST_CASE("a file's slices are shared by the answers that are at them, and freed after the last") {
  const TestFolder folder;
  std::string text;
  for (int i = 0; text.size() < 3 * Folder::kSliceBytes; ++i) text += std::to_string(i);
  folder.write("big.txt", text);
  folder.write("other.txt", text);
  std::vector<std::size_t> reads;
  const auto opened =
      Folder::open(folder.path, [&](int descriptor, void* into, std::size_t size, off_t at) {
        reads.push_back(size);
        return ::pread(descriptor, into, size, at);
      });
  const auto& files = *std::get<0>(opened);
  const auto version = files.find("big.txt");
  REQUIRE(version.has_value());
  CHECK(version->size == text.size());
  const auto body_of = [&](const char* file) { return files.body(file, *files.find(file)); };
  std::filesystem::create_hard_link(folder.path / "other.txt", folder.path / "link.txt");
  {
    const auto first = body_of("big.txt");
    const auto second = body_of("big.txt");
    CHECK(reads.empty());
    auto of_first = first->next();
    auto of_second = second->next();
    REQUIRE((of_first && of_second));
    CHECK(of_first->view() == std::string_view(text).substr(0, Folder::kSliceBytes));
    CHECK(of_first->view().data() == of_second->view().data());
    CHECK(reads.size() == 1);
    const auto ahead = first->next();
    CHECK(ahead->view() == std::string_view(text).substr(Folder::kSliceBytes, Folder::kSliceBytes));
    CHECK(files.held_slices() == 2);
    // Another file with the same bytes, by two paths.
    const auto other = body_of("other.txt")->next();
    CHECK(other->view().data() != of_first->view().data());
    CHECK(body_of("link.txt")->next()->view().data() == other->view().data());
    CHECK(files.held_slices() == 3);
    of_first.reset();
    CHECK(files.held_slices() == 3);
    of_second.reset();
    CHECK(files.held_slices() == 2);
  }
  CHECK(files.held_slices() == 0);
  for (const std::size_t size : reads) CHECK(size <= Folder::kSliceBytes);
}

TEST_CASE("a body ends at the first slice that its version of the file no longer has") {
  const std::size_t slice = Folder::kSliceBytes;
  const TestFolder folder;
  const auto opened = Folder::open(folder.path, ::pread);
  const auto& files = *std::get<0>(opened);
  const std::string text(3 * slice, 'a');
  const auto path = folder.path / "big.txt";
  const std::vector<std::pair<const char*, std::function<void()>>> changes = {
      {"shorter", [&] { std::filesystem::resize_file(path, slice + 10); }},
      {"longer", [&] { std::filesystem::resize_file(path, 4 * slice); }},
      {"written in place",
       [&] {
         std::fstream(path, std::ios::in | std::ios::out) << "b";
         // In case that the kernel's clock has not ticked since the file was made.
         std::filesystem::last_write_time(
             path, std::filesystem::last_write_time(path) + std::chrono::seconds(1));
       }},
      {"replaced",
       [&] {
         folder.write("new.txt", text);
         std::filesystem::rename(folder.path / "new.txt", path);
       }},
      {"removed", [&] { std::filesystem::remove(path); }},
  };
  for (const auto& [what, change] : changes) {
    const auto& name = what;  // clang 14 lets no lambda capture a structured binding
    CAPTURE(name);
    folder.write("big.txt", text);
    const auto body = files.body("big.txt", *files.find("big.txt"));
    const auto first = body->next();
    REQUIRE(first.has_value());
    change();
    CHECK_FALSE(body->next().has_value());
    CHECK(first->view() == std::string(slice, 'a'));  // what is being sent stays as it was
  }
}

TEST_CASE("a folder is served with files of the program, which its own take the place of") {
  const TestFolder folder;
  folder.write("index.html", "<p>mine");
  const auto opened = StaticPages::open_folder(folder.path, std::span(kFiles).first(1), plenty());
  const auto& pages = *std::get<0>(opened);
  CHECK(pages.has_file("/client/sigway.js"));
  const auto script = pages.serve(request_for("/client/sigway.js"));
  CHECK(whole(script) == "export {};");
  CHECK(*script.header("content-type") == "text/javascript; charset=utf-8");
  CHECK(whole(pages.serve(request_for("/"))) == "<p>mine");
  CHECK(pages.serve(request_for("/style.css")).status() == 404);
  folder.write("client/sigway.js", "mine();");
  CHECK(whole(pages.serve(request_for("/client/sigway.js"))) == "mine();");
}

TEST_CASE("a file is neither read for HEAD nor for a client that has it") {
  const TestFolder folder;
  folder.write("a.txt", std::string(50'000, 'a'));
  folder.write("empty.txt", "");
  int reads = 0;
  const auto opened = StaticPages::open_folder(
      folder.path, {}, plenty(), [&](int descriptor, void* into, std::size_t size, off_t at) {
        ++reads;
        return ::pread(descriptor, into, size, at);
      });
  const auto& pages = *std::get<0>(opened);
  auto head = request_for("/a.txt");
  head.method = http::Method::head;
  CHECK(pages.serve(head).content_length() == 50'000);
  CHECK(pages.serve(request_for("/a.txt", {{"if-none-match", "*"}})).status() == 304);
  const auto empty = pages.serve(request_for("/empty.txt"));
  CHECK(empty.status() == 200);
  CHECK(empty.source() == nullptr);
  CHECK(empty.content_length() == 0);
  CHECK(reads == 0);
}

TEST_CASE("an answer may outlive the pages that it came from") {
  const TestFolder folder;
  folder.write("a.txt", std::string(200'000, 'a'));
  const http::Response answer = std::get<0>(StaticPages::open_folder(folder.path, {}, plenty()))
                                    ->serve(request_for("/a.txt"));
  CHECK(whole(answer) == std::string(200'000, 'a'));
}

TEST_CASE("over the budget a file is 503") {
  const TestFolder folder;
  folder.write("a.txt", std::string(5000, 'a'));
  base::MemoryBudget budget(16'000);
  const auto opened = StaticPages::open_folder(folder.path, {}, budget);
  const auto& pages = *std::get<0>(opened);
  CHECK(pages.serve(request_for("/a.txt")).status() == 200);
  budget.charge(base::MemoryPart::outbox, 20'000);
  const auto refused = pages.serve(request_for("/a.txt"));
  CHECK(refused.status() == 503);
  CHECK(*refused.header("retry-after") == "5");
  CHECK(refused.header("etag") == std::nullopt);
  budget.release(base::MemoryPart::outbox, 20'000);
  CHECK(pages.serve(request_for("/a.txt")).status() == 200);
}

TEST_CASE("several threads that ask for one slice at once get one copy") {
  const TestFolder folder;
  folder.write("a.txt", std::string(100'000, 'a'));
  const auto opened = Folder::open(folder.path, ::pread);
  const auto& files = *std::get<0>(opened);
  for (int round = 0; round < 20; ++round) {
    std::array<std::optional<base::Bytes>, 4> slices;
    std::vector<std::thread> threads;
    for (auto& slice : slices) {
      threads.emplace_back([&] { slice = files.body("a.txt", *files.find("a.txt"))->next(); });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& slice : slices) CHECK(slice->view().data() == slices[0]->view().data());
    CHECK(files.held_slices() == 1);
  }
  CHECK(files.held_slices() == 0);
}

TEST_CASE("a read that waits for the disk delays no other thread's") {
  const TestFolder folder;
  folder.write("slow.txt", "slow");
  folder.write("fast.txt", "fast");
  std::promise<void> begun, disk;
  std::atomic<bool> is_first = true;
  const auto opened =
      Folder::open(folder.path, [&](int descriptor, void* into, std::size_t size, off_t at) {
        if (is_first.exchange(false)) {
          begun.set_value();
          disk.get_future().wait();
        }
        return ::pread(descriptor, into, size, at);
      });
  const auto& files = *std::get<0>(opened);
  const auto slow = files.body("slow.txt", *files.find("slow.txt"));
  std::string read;
  std::thread other([&] { read = slow->next()->view(); });
  begun.get_future().wait();
  CHECK(files.body("fast.txt", *files.find("fast.txt"))->next()->view() == "fast");
  CHECK(files.body("slow.txt", *files.find("slow.txt"))->next()->view() == "slow");
  disk.set_value();
  other.join();
  CHECK(read == "slow");
}

TEST_CASE("a folder that is not there is an error that says so") {
  const auto opened = StaticPages::open_folder("/nonexistent", {}, plenty());
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
