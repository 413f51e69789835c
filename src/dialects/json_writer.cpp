#include "dialects/json_writer.h"

#include <openssl/evp.h>

#include <array>
#include <charconv>

#include "base/utf8.h"

namespace sigway::dialects {
namespace {

// What stands behind the backslash for each byte: 0 none needed, 'u' the long form, '?' look at the
// UTF-8.
constexpr std::array<char, 256> kEscape = [] {
  std::array<char, 256> escape{};
  for (std::size_t i = 0; i < 0x20; ++i) escape[i] = 'u';
  for (std::size_t i = 0x80; i < 256; ++i) escape[i] = '?';
  escape['\b'] = 'b';
  escape['\f'] = 'f';
  escape['\n'] = 'n';
  escape['\r'] = 'r';
  escape['\t'] = 't';
  escape['"'] = '"';
  escape['\\'] = '\\';
  return escape;
}();

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  std::size_t written = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const char escape = kEscape[byte];
    std::size_t length = 1;
    if (escape == '\0' || (escape == '?' && (length = base::utf8_length(text.substr(i))) != 0)) {
      i += length;
      continue;
    }
    out.append(text, written, i - written);
    written = ++i;
    if (escape == '?') {
      out += "\xEF\xBF\xBD";  // U+FFFD
      continue;
    }
    out += '\\';
    out += escape;
    if (escape == 'u') {
      out += "00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  out.append(text, written);
  out += '"';
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_json(std::string& out, const Payload& payload) {
  switch (payload.kind) {
    case Payload::Kind::none: out += "null"; return;
    case Payload::Kind::json: out += payload.bytes; return;
    case Payload::Kind::text: append_json_string(out, payload.bytes); return;
    case Payload::Kind::binary: break;
  }
  const auto& bytes = payload.bytes;
  std::string base64(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // its end is a NUL
  const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                                    reinterpret_cast<const unsigned char*>(bytes.data()),
                                    static_cast<int>(bytes.size()));
  base64.resize(static_cast<std::size_t>(size));
  out.append(R"({"base64":")").append(base64).append("\"}");
}

void JsonWriter::separate() {
  if (!first_) out_ += ',';
  first_ = false;
}

JsonWriter& JsonWriter::key(FieldName name) {
  separate();
  out_ += '"';
  out_ += name.text();
  out_ += "\":";
  return *this;
}

JsonWriter& JsonWriter::text_key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_ += ':';
  return *this;
}

JsonWriter& JsonWriter::raw_key(std::string_view json) {
  separate();
  out_ += json;
  out_ += ':';
  return *this;
}

JsonWriter& JsonWriter::text(FieldName name, std::string_view value) {
  key(name);
  append_json_string(out_, value);
  return *this;
}

JsonWriter& JsonWriter::number(FieldName name, std::uint64_t value) {
  key(name);
  append_number(out_, value);
  return *this;
}

JsonWriter& JsonWriter::boolean(FieldName name, bool value) {
  return raw(name, value ? "true" : "false");
}

JsonWriter& JsonWriter::raw(FieldName name, std::string_view json) {
  key(name);
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::optional_text(FieldName name, std::string_view value) {
  return value.empty() ? *this : text(name, value);
}

JsonWriter& JsonWriter::optional_raw(FieldName name, std::string_view json) {
  return json.empty() ? *this : raw(name, json);
}

JsonWriter& JsonWriter::optional_number(FieldName name, std::optional<std::uint64_t> value) {
  return value ? number(name, *value) : *this;
}

}  // namespace sigway::dialects
