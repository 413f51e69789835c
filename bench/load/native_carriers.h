#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "native_member.h"

namespace sigway::load {

/// Attaches the member: `fields` are those of the attaching request, without braces.
std::unique_ptr<NativeMember::Carrier> make_carrier(Transport transport, Loop& loop,
                                                    NativeMember& member, std::string name,
                                                    std::string_view fields);

}  // namespace sigway::load
