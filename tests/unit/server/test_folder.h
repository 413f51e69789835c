#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sigway::server::testing {

// A folder that is gone afterwards.
struct TestFolder {
  std::filesystem::path path;
  TestFolder() {
    std::string name = "/tmp/sigway-pages-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TestFolder() { std::filesystem::remove_all(path); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  void write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream(path / name) << bytes;
  }
};

}  // namespace sigway::server::testing
