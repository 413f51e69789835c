#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dialects/payload.h"

/// Writing JSON straight into a string: no tree, no temporaries. The output is UTF-8 on one line.
namespace sigway::dialects {

/// Appends `text` as a JSON string with its quotes. Quote, backslash and control characters are
/// escaped (RFC 8259 §7); bytes that are not UTF-8 become U+FFFD, so that the output is valid
/// whatever the input was.
void append_json_string(std::string& out, std::string_view text);

void append_number(std::string& out, std::uint64_t number);

/// Appends a payload as one JSON value: text as a string, binary as `{"base64":"…"}`, nothing said
/// as `null`.
void append_json(std::string& out, const Payload& payload);

/// The name of a field, written as it is. Only a literal can be one, and only if it needs no
/// escape: what a client sent never becomes JSON by standing before a colon.
class FieldName {
 public:
  template <std::size_t kSize>
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is a name
  consteval FieldName(const char (&literal)[kSize]) : text_(literal, kSize - 1) {
    for (const char c : text_)
      if (c == '"' || c == '\\' || c < ' ' || c > '~') throw "needs an escape";
  }
  constexpr std::string_view text() const noexcept { return text_; }

 private:
  std::string_view text_;
};

/// One JSON object, appended field by field. `out` must outlive the writer, and may be appended to
/// between two calls only as the value of `key()`. The object is complete after `close()`.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) { out_ += '{'; }

  JsonWriter& text(FieldName name, std::string_view value);
  JsonWriter& number(FieldName name, std::uint64_t value);
  JsonWriter& boolean(FieldName name, bool value);
  /// `json` is passed through; it must be one JSON value on one line.
  JsonWriter& raw(FieldName name, std::string_view json);
  /// Nothing for an empty text or an absent number: fields without a value are left out.
  JsonWriter& optional_text(FieldName name, std::string_view value);
  JsonWriter& optional_raw(FieldName name, std::string_view json);
  JsonWriter& optional_number(FieldName name, std::optional<std::uint64_t> value);
  /// The name alone; the caller appends the value.
  JsonWriter& key(FieldName name);
  /// The same with a name that a client chose: any text, or a JSON string that is passed through.
  JsonWriter& text_key(std::string_view name);
  JsonWriter& raw_key(std::string_view json);
  /// What it writes to.
  std::string& out() noexcept { return out_; }

  void close() { out_ += '}'; }

 private:
  void separate();

  std::string& out_;
  bool first_ = true;
};

}  // namespace sigway::dialects
