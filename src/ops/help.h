#pragma once

#include <string>

namespace sigway::ops {

// The text of `sigway --help`, made from the table of settings; lines of at most 80 columns where
// the words allow it.
std::string help_text();

}  // namespace sigway::ops
