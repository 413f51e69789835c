#pragma once

#include <string>
#include <vector>

/// The verbs: each takes the arguments behind its name and gives the exit status.
namespace sigway::commands {

constexpr int kSuccess = 0, kFailure = 1, kMisused = 2, kSignalled = 128;

int doctor(const std::vector<std::string>& arguments);
int join(const std::vector<std::string>& arguments);
int send(const std::vector<std::string>& arguments);
int tail(const std::vector<std::string>& arguments);

}  // namespace sigway::commands
