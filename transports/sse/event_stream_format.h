#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/response.h"

/// The text of an event stream (HTML standard, §9.2.5 "Parsing an event stream"). Every function
/// appends whole blocks, each ended by an empty line, so that blocks can follow each other in any
/// order. No I/O, no state; any thread.
namespace sigway::sse {

/// Block `id: ID`, `data: JSON`. `json` must be on one line: a CR or LF in it would end the field.
void append_event(std::string& out, std::uint64_t id, std::string_view json);

/// Block `id: ID`, a `data:` line for each line of `text`. A reader puts LF between the lines,
/// whatever stood there. `id` must be on one line.
void append_text(std::string& out, std::string_view id, std::string_view text);

/// Block `event: control`, `data: JSON`. It has no id, so the reader's Last-Event-ID stays what it
/// was.
void append_control(std::string& out, std::string_view json);

/// A comment, which readers skip and people see. Every line of `text` becomes one.
void append_comment(std::string& out, std::string_view text);

/// How long an `EventSource` waits before it connects again.
void append_retry(std::string& out, std::uint64_t milliseconds);

/// Comments of exactly `bytes` bytes, to push what was written before through a buffer on the way.
std::string padding(std::size_t bytes);

/// The head of an answer that is an event stream: 200, and against every buffer and cache on the
/// way that somebody has met.
http::Response stream_head();

}  // namespace sigway::sse
