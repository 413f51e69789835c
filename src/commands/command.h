#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sigway::commands {

/// Runs `sigway VERB …` and returns its exit status: 0 if it did what it was asked, 1 if not, 2 if
/// it was not understood, 128 + N if signal N ended it. Nothing if the arguments begin with no
/// verb: they are then the server's settings. `arguments` are without the program's name. Thread:
/// main, before any other is made.
std::optional<int> run_command(const std::vector<std::string>& arguments);

/// A line for each command, for --help.
inline constexpr std::string_view kHelp =
    "         doctor [URL]                what this network lets through\n"
    "         join ROOM                   prints every event, and says what it reads\n"
    "         send ROOM|@NAME TYPE [DATA] delivers one message\n"
    "         tail ROOM                   prints what is said in a room\n";

}  // namespace sigway::commands
