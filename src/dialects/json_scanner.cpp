#include "dialects/json_scanner.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/utf8.h"

namespace sigway::dialects {
namespace {

// Bytes that stand for themselves inside a string: ASCII without quote, backslash and controls.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t i = 0x20; i < 0x80; ++i) plain[i] = i != '"' && i != '\\';
  return plain;
}();

// Letters that may follow a backslash, but for `u`.
constexpr std::array<bool, 256> kSimpleEscape = [] {
  std::array<bool, 256> simple{};
  for (const char c : {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'})
    simple[static_cast<unsigned char>(c)] = true;
  return simple;
}();

// Marks in the high bit of each of eight bytes whether it is not plain. Of several marks only that
// of the lowest byte is certain: a subtraction may borrow from the bytes above a hit.
std::uint64_t marks_of(std::uint64_t word) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  const auto zero_byte = [](std::uint64_t w) { return (w - kOnes) & ~w; };
  const std::uint64_t below_space = (word - kOnes * 0x20) & ~word;
  return (word | below_space | zero_byte(word ^ (kOnes * '"')) | zero_byte(word ^ (kOnes * '\\'))) &
         kHighs;
}

// Passes over what stands for itself: a session description is little else but for the escapes of
// its line ends. Where it looks at 16 bytes at once it passes over simple escapes, too, and says so
// in `escaped`; those that it stops at are for `read_escape`.
const char* skip_plain(const char* position, const char* end, bool& escaped) noexcept {
#if defined(__SSE2__)
  while (end - position >= 16) {
    const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(position));
    const auto quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const auto backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    const auto others = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));  // signed: not ASCII, too
    auto marks = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), others)));
    std::ptrdiff_t passed = 16;
    while (marks != 0) {
      const int at = std::countr_zero(marks);
      const char* const mark = position + at;
      if (*mark != '\\' || end - mark < 2 || !kSimpleEscape[static_cast<unsigned char>(mark[1])])
        return mark;
      escaped = true;
      marks &= ~(3U << static_cast<unsigned>(at));  // the letter may be a quote or a backslash
      if (at == 15) passed = 17;                    // it is the first byte of the next 16
    }
    position += passed;
  }
#endif
  while (end - position >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, position, sizeof word);
    const auto marks = marks_of(word);
    if (marks == 0) {
      position += 8;
    } else if constexpr (std::endian::native == std::endian::little) {
      return position + std::countr_zero(marks) / 8;
    } else {
      break;
    }
  }
  while (position != end && kPlain[static_cast<unsigned char>(*position)]) ++position;
  return position;
}

constexpr int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Which kind of bracket is open on each level of the value being read: one bit a level.
class BracketStack {
 public:
  std::size_t depth() const noexcept { return depth_; }
  bool in_object() const noexcept {
    return ((bits_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64)) & 1) != 0;
  }
  void push(bool object) noexcept {
    std::uint64_t& word = bits_[depth_ / 64];
    const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
    word = object ? word | bit : word & ~bit;
    ++depth_;
  }
  void pop() noexcept { --depth_; }

 private:
  std::array<std::uint64_t, kMaxJsonDepth / 64> bits_{};
  std::size_t depth_ = 0;
};

}  // namespace

JsonCursor::JsonCursor(std::string_view text, std::size_t max_depth) noexcept
    : begin_(text.data()),
      position_(text.data()),
      end_(text.data() + text.size()),
      max_depth_(std::min(max_depth, kMaxJsonDepth)) {}

char JsonCursor::peek() noexcept {
  skip_space();
  return position_ != end_ ? *position_ : '\0';
}

bool JsonCursor::read_value(JsonValue& value) noexcept {
  if (fault_) return false;
  skip_space();
  first_ = false;
  line_breaks_ = false;
  const char* const start = position_;
  BracketStack open;
  std::size_t deepest = 0;
  value = JsonValue{};

  for (;;) {
    // Here a value must begin. A bracket only opens a level; anything else is read whole.
    if (at('{') || at('[')) {
      const bool object = *position_ == '{';
      if (level_ + open.depth() >= max_depth_)
        return fail("too many levels", JsonFault::Kind::depth);
      open.push(object);
      deepest = std::max(deepest, open.depth());
      ++position_;
      skip_space();
      if (!at(object ? '}' : ']')) {
        JsonValue key;
        if (object && !read_key(key)) return false;
        continue;
      }
      open.pop();
      ++position_;
    } else {
      JsonValue scalar;
      if (!read_scalar(scalar)) return false;
      if (open.depth() == 0) value = scalar;
    }

    // Here a value has ended, and with it perhaps the ones around it.
    while (open.depth() != 0) {
      skip_space();
      const bool object = open.in_object();
      if (at(',')) {
        ++position_;
        skip_space();
        JsonValue key;
        if (object && !read_key(key)) return false;
        break;
      }
      if (!at(object ? '}' : ']'))
        return fail(object ? "`,` or `}` is missing" : "`,` or `]` is missing");
      open.pop();
      ++position_;
    }
    if (open.depth() == 0) break;
  }

  value.bytes = {start, static_cast<std::size_t>(position_ - start)};
  if (deepest != 0) value.kind = *start == '{' ? JsonValue::Kind::object : JsonValue::Kind::array;
  value.depth = static_cast<std::uint16_t>(deepest);
  value.line_breaks = line_breaks_;
  return true;
}

bool JsonCursor::begin(char bracket) noexcept {
  if (fault_ || peek() != bracket) return false;
  if (level_ >= max_depth_) return fail("too many levels", JsonFault::Kind::depth);
  ++position_;
  ++level_;
  first_ = true;
  return true;
}

// True if another member or element follows. The flag alone tells whether a comma is due, because
// whatever is read in between clears it.
bool JsonCursor::next(char close) noexcept {
  if (fault_) return false;
  skip_space();
  const bool first = first_;
  first_ = false;
  if (at(close)) {
    ++position_;
    --level_;
    return false;
  }
  if (first) return true;
  if (!at(',')) return fail(close == '}' ? "`,` or `}` is missing" : "`,` or `]` is missing");
  ++position_;
  skip_space();
  return true;
}

bool JsonCursor::next_member(JsonValue& key) noexcept { return next('}') && read_key(key); }

bool JsonCursor::next_element() noexcept { return next(']'); }

bool JsonCursor::at_end() noexcept {
  if (fault_) return false;
  skip_space();
  return position_ == end_ || fail("there is more behind the end of the value");
}

bool JsonCursor::read_key(JsonValue& key) noexcept {
  const char* const start = position_;
  if (!at('"')) return fail("a field name in double quotes is missing");
  key = JsonValue{};
  key.kind = JsonValue::Kind::string;
  if (!read_string(key.escaped)) return false;
  key.bytes = {start, static_cast<std::size_t>(position_ - start)};
  skip_space();
  if (!at(':')) return fail("`:` is missing");
  ++position_;
  skip_space();
  return true;
}

bool JsonCursor::read_scalar(JsonValue& value) noexcept {
  if (position_ == end_) return fail("the text ends too early");
  switch (*position_) {
    case '"': value.kind = JsonValue::Kind::string; return read_string(value.escaped);
    case 't': value.kind = JsonValue::Kind::boolean; return read_literal("true");
    case 'f': value.kind = JsonValue::Kind::boolean; return read_literal("false");
    case 'n': value.kind = JsonValue::Kind::null; return read_literal("null");
    default: value.kind = JsonValue::Kind::number; return read_number();
  }
}

bool JsonCursor::read_string(bool& escaped) noexcept {
  ++position_;
  for (;;) {
    position_ = skip_plain(position_, end_, escaped);
    if (position_ == end_) return fail("a string does not end");
    if (*position_ == '"') {
      ++position_;
      return true;
    }
    if (*position_ == '\\') {
      escaped = true;
      if (!read_escape()) return false;
      continue;
    }
    if (static_cast<unsigned char>(*position_) < 0x20)
      return fail("a control character inside a string");
    const std::size_t length =
        base::utf8_length({position_, static_cast<std::size_t>(end_ - position_)});
    if (length == 0) return fail("not UTF-8", JsonFault::Kind::utf8);
    position_ += length;
  }
}

bool JsonCursor::read_escape() noexcept {
  constexpr std::string_view kReason = "an escape that JSON does not have";
  if (end_ - position_ < 2) return fail("a string does not end");
  if (position_[1] != 'u') {
    if (!kSimpleEscape[static_cast<unsigned char>(position_[1])]) return fail(kReason);
    position_ += 2;
    return true;
  }
  for (std::ptrdiff_t i = 2; i < 6; ++i) {
    if (end_ - position_ <= i) return fail("a string does not end");
    if (hex_digit(position_[i]) < 0) return fail(kReason);
  }
  position_ += 6;
  return true;
}

bool JsonCursor::read_number() noexcept {
  const bool negative = at('-');
  if (negative) ++position_;
  if (!digit_here()) return fail(negative ? "a number without digits" : "a value is missing");
  const bool zero = at('0');
  ++position_;
  if (zero && digit_here()) return fail("a number with a leading zero");
  while (digit_here()) ++position_;
  if (at('.')) {
    ++position_;
    if (!digit_here()) return fail("a number without digits behind its point");
    while (digit_here()) ++position_;
  }
  if (at('e') || at('E')) {
    ++position_;
    if (at('+') || at('-')) ++position_;
    if (!digit_here()) return fail("a number without digits in its exponent");
    while (digit_here()) ++position_;
  }
  return true;
}

bool JsonCursor::read_literal(std::string_view word) noexcept {
  for (const char c : word) {
    if (!at(c)) return fail("a word that JSON does not have");
    ++position_;
  }
  return true;
}

void JsonCursor::skip_space() noexcept {
  for (; position_ != end_; ++position_) {
    switch (*position_) {
      case '\n':
      case '\r': line_breaks_ = true; break;
      case ' ':
      case '\t': break;
      default: return;
    }
  }
}

bool JsonCursor::fail(std::string_view reason, JsonFault::Kind kind) noexcept {
  if (fault_) return false;
  // A byte that is not even text is the better explanation of whatever is missing there.
  if (kind == JsonFault::Kind::syntax && position_ != end_ &&
      base::utf8_length({position_, static_cast<std::size_t>(end_ - position_)}) == 0) {
    kind = JsonFault::Kind::utf8;
    reason = "not UTF-8";
  } else if (kind == JsonFault::Kind::syntax && position_ == end_) {
    reason = "the text ends too early";
  }
  fault_ = JsonFault{kind, static_cast<std::size_t>(position_ - begin_), reason};
  return false;
}

std::optional<JsonFault> find_json_fault(std::string_view text, std::size_t max_depth) noexcept {
  JsonCursor cursor(text, max_depth);
  JsonValue value;
  if (cursor.read_value(value)) cursor.at_end();
  return cursor.fault();
}

namespace {

std::uint32_t hex4(const char* digits) noexcept {
  std::uint32_t unit = 0;
  for (int i = 0; i < 4; ++i) unit = unit * 16 + static_cast<std::uint32_t>(hex_digit(digits[i]));
  return unit;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | (code >> 6));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

char simple_escape(char letter) noexcept {
  switch (letter) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return letter;  // quote, backslash, slash
  }
}

/// The code point of the escapes that `rest` begins with, behind the first `\u`, and removes them.
/// None: a lone surrogate, of which it removes that alone.
std::optional<std::uint32_t> take_code_point(std::string_view& rest) noexcept {
  const std::uint32_t code = hex4(rest.data() + 2);
  rest.remove_prefix(6);
  if (code < 0xD800 || code > 0xDFFF) return code;
  if (code >= 0xDC00 || rest.size() < 6 || rest[0] != '\\' || rest[1] != 'u') return std::nullopt;
  const std::uint32_t low = hex4(rest.data() + 2);
  if (low < 0xDC00 || low > 0xDFFF) return std::nullopt;
  rest.remove_prefix(6);
  return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
}

/// `replacement`: for lone surrogates; none: they are refused.
std::optional<std::string> unescaped(const JsonValue& string,
                                     std::optional<std::uint32_t> replacement) {
  std::string_view rest = string.bytes.substr(1, string.bytes.size() - 2);
  if (!string.escaped) return std::string(rest);
  std::string out;
  out.reserve(rest.size());
  while (!rest.empty()) {
    const std::size_t run = std::min(rest.find('\\'), rest.size());
    out.append(rest.substr(0, run));
    rest.remove_prefix(run);
    if (rest.empty()) break;
    if (rest[1] != 'u') {
      out += simple_escape(rest[1]);
      rest.remove_prefix(2);
      continue;
    }
    const auto code = take_code_point(rest);
    if (!code && !replacement) return std::nullopt;
    append_utf8(out, code ? *code : *replacement);
  }
  return out;
}

}  // namespace

std::optional<std::string> unescape(const JsonValue& string) {
  return unescaped(string, std::nullopt);
}

std::string unescape_replacing(const JsonValue& string) {
  constexpr std::uint32_t kReplacement = 0xFFFD;
  return *unescaped(string, kReplacement);
}

std::string on_one_line(const JsonValue& value) {
  std::string out(value.bytes);
  if (value.line_breaks) {
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  }
  return out;
}

}  // namespace sigway::dialects
