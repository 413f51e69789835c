#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// A JSON reader (RFC 8259) for bytes nobody has checked: it proves them in one pass, without
/// recursion, allocation or exceptions, and hands out ranges of the text instead of a tree. No
/// state outside the object; any thread.
namespace sigway::dialects {

inline constexpr std::size_t kMaxJsonDepth =
    512;  ///< more levels than this are refused whatever the caller allows

/// Why a text is not one JSON value.
struct JsonFault {
  enum class Kind : std::uint8_t { syntax, utf8, depth };
  Kind kind = Kind::syntax;
  std::size_t offset = 0;        ///< in bytes, of the first byte that cannot be right
  std::string_view reason = {};  ///< a static phrase: "a comma is missing"
};

/// One proved value.
struct JsonValue {
  enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
  std::string_view bytes = {};  ///< from its first to its last byte, inside the scanned text
  Kind kind = Kind::null;
  bool escaped = false;      ///< a string with at least one backslash
  bool line_breaks = false;  ///< CR or LF between the tokens inside it
  std::uint16_t depth = 0;   ///< levels: 0 for a scalar, 1 for `[]`
};

/// Walks a text from its first byte to its last. Every call returns false after the first fault,
/// which stays in `fault()`; the text is proved valid only when `at_end()` has returned true.
///
///     JsonCursor cursor(text);
///     if (cursor.begin_object()) {
///       for (JsonValue key, value; cursor.next_member(key) && cursor.read_value(value);) …
///     }
///     if (!cursor.at_end()) return cursor.fault();
///
/// Escapes of lone surrogates (`"\ud800"`) are JSON by its grammar and pass; `unescape` refuses
/// them.
class JsonCursor {
 public:
  /// `text` must outlive the cursor and every value it hands out. `max_depth` counts the levels
  /// that were begun, too.
  explicit JsonCursor(std::string_view text, std::size_t max_depth = kMaxJsonDepth) noexcept;

  /// The first byte of the next value, or NUL at the end of the text. Proves nothing.
  char peek() noexcept;

  /// Reads one complete value of any kind, proving all of it.
  bool read_value(JsonValue& value) noexcept;

  /// Steps into the object that comes next. False without a fault: it is something else, and
  /// nothing was read.
  bool begin_object() noexcept { return begin('{'); }
  /// To the next member's value; `key` is its name, a string value. False at the object's end (then
  /// behind it).
  bool next_member(JsonValue& key) noexcept;

  /// Steps into the array that comes next, like begin_object.
  bool begin_array() noexcept { return begin('['); }
  /// To the next element. False at the array's end (then behind it).
  bool next_element() noexcept;

  /// True if nothing but white space is left and nothing was wrong; anything else becomes the
  /// fault.
  bool at_end() noexcept;

  const std::optional<JsonFault>& fault() const noexcept { return fault_; }

 private:
  bool begin(char bracket) noexcept;
  bool next(char close) noexcept;
  bool read_key(JsonValue& key) noexcept;
  bool read_string(bool& escaped) noexcept;
  bool read_escape() noexcept;
  bool read_number() noexcept;
  bool read_literal(std::string_view word) noexcept;
  bool read_scalar(JsonValue& value) noexcept;
  void skip_space() noexcept;
  bool at(char c) const noexcept { return position_ != end_ && *position_ == c; }
  bool digit_here() const noexcept {
    return position_ != end_ && *position_ >= '0' && *position_ <= '9';
  }
  bool fail(std::string_view reason, JsonFault::Kind kind = JsonFault::Kind::syntax) noexcept;

  const char* begin_;
  const char* position_;
  const char* end_;
  std::size_t max_depth_;
  std::size_t level_ = 0;     ///< levels begun and not ended
  bool first_ = false;        ///< just behind an opening bracket
  bool line_breaks_ = false;  ///< skip_space saw some since read_value began
  std::optional<JsonFault> fault_;
};

/// The fault in `text` if it is not exactly one JSON value.
std::optional<JsonFault> find_json_fault(std::string_view text,
                                         std::size_t max_depth = kMaxJsonDepth) noexcept;

/// The text of a proved string value, whose bytes include the quotes. Empty optional: it has the
/// escape of a lone surrogate, which no UTF-8 text can hold.
std::optional<std::string> unescape(const JsonValue& string);
/// The same with U+FFFD for each of them.
std::string unescape_replacing(const JsonValue& string);

/// The bytes of a proved value without line breaks. JSON has them raw between tokens only, where a
/// space means the same.
std::string on_one_line(const JsonValue& value);

}  // namespace sigway::dialects
