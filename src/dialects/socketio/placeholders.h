#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "socketio/fault.h"

/// Where the attachments of a binary packet belong: `{"_placeholder":true,"num":N}` in its JSON.
/// Source: github.com/socketio/socket.io-protocol, Readme, "Sending and receiving data";
/// socket.io-parser 4.2, `binary`. Thread: any.
namespace sigway::dialects::socketio {

struct Placeholder {
  std::size_t offset = 0;  ///< in the JSON, of its `{`
  std::size_t size = 0;    ///< bytes, to its `}`
  std::size_t number = 0;  ///< of the attachment

  bool operator==(const Placeholder&) const = default;
};

/// Finds all placeholders in proved JSON, in its order. Every object that has a field
/// `_placeholder` must be one: both fields in either order, nothing else, a number below
/// `attachments` that no other has. Attachments without a placeholder are allowed; their receivers
/// drop them.
///
/// Stricter than the reference, which takes repeated numbers and further fields: a receiver of
/// what passes here can do nothing but put each attachment into one place.
///
/// Faults: bad_placeholder; its offset counts in `json`.
Result<std::vector<Placeholder>> find_placeholders(std::string_view json, std::size_t attachments);

/// Proved JSON with each placeholder replaced by `{"base64":"…"}`, for those who have no binary.
/// JSON with a bad placeholder stays as it is.
std::string with_inline_attachments(std::string_view json,
                                    std::span<const std::string_view> attachments);

}  // namespace sigway::dialects::socketio
