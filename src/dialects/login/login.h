#pragma once

#include "dialects/plain.h"

/// The protocol of the login, offer, answer, candidate and leave guides (docs/dialects/login.md):
/// JSON objects that name who they are for.
namespace sigway::dialects::login {

const plain::Protocol& protocol() noexcept;

}  // namespace sigway::dialects::login
