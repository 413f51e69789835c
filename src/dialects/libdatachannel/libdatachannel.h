#pragma once

#include "dialects/plain.h"

/// The signaling server of libdatachannel's examples: a client has the id that its address names,
/// and JSON objects name who they are for (docs/dialects/libdatachannel.md).
namespace sigway::dialects::libdatachannel {

const plain::Protocol& protocol() noexcept;

}  // namespace sigway::dialects::libdatachannel
