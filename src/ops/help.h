#pragma once

#include <string>

namespace sigway::ops {

struct Program;

// The text of --help, made from the table of settings; lines of at most 80 columns where the words
// allow it.
std::string help_text(const Program& program);

}  // namespace sigway::ops
