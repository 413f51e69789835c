#pragma once

#include <string>
#include <string_view>

/// Base64 (RFC 4648 §4) of binary packets in text. Thread: any.
namespace sigway::dialects::socketio {

void append_base64(std::string& out, std::string_view bytes);

/// Replaces `out`. As lenient as the reference's `Buffer.from(text, "base64")`, and so without
/// errors: both alphabets are read, other characters are skipped, the first `=` or the end of the
/// text ends it, and a last character that alone makes no byte is dropped.
void decode_base64(std::string_view text, std::string& out);

}  // namespace sigway::dialects::socketio
