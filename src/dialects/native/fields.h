#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dialects/error.h"
#include "dialects/json_scanner.h"
#include "native/native.h"

/// Private to the decoder of `sigway.v1`: the fields that its objects may have, and what each may
/// hold.
namespace sigway::dialects::native {

enum class Field : std::uint8_t {
  // clang-format off
  key, open, resume, carrier, turn, ack, messages, wait,  // a request
  heartbeat, pad, hello, ping, ticket, away,              // a request
  n,                                                      // a request, and a message
  type, to, room, data, name, capacity, piece, at, of,    // a message; some also `open`
  replaces, server,                                       // `open`, `resume`
  // clang-format on
};
inline constexpr std::size_t kFieldCount = static_cast<std::size_t>(Field::server) + 1;

/// A set of fields, one bit each.
using FieldMask = std::uint32_t;
static_assert(kFieldCount <= 32);

template <typename... Fields>
constexpr FieldMask mask(Fields... fields) noexcept {
  return ((FieldMask{1} << static_cast<unsigned>(fields)) | ...);
}

inline constexpr FieldMask kRequestFields = mask(Field::n) | (mask(Field::n) - 1);
inline constexpr FieldMask kMessageFields =
    mask(Field::n, Field::type, Field::to, Field::room, Field::data, Field::name, Field::capacity,
         Field::piece, Field::at, Field::of);
inline constexpr FieldMask kOpenFields =
    mask(Field::room, Field::name, Field::capacity, Field::replaces);
inline constexpr FieldMask kResumeFields = mask(Field::server);

std::string_view name_of(Field field) noexcept;

/// What to say of a field that is not as it should be.
Error bad_request(std::string message, std::string hint);

/// The members of one object: where the value of each stands in the text, and the first thing wrong
/// with the set.
struct FieldSet {
  std::array<JsonValue, kFieldCount> values = {};
  FieldMask present = 0;
  FieldMask repeated = 0;
  std::optional<Error> error = std::nullopt;

  bool has(Field field) const noexcept { return (present & mask(field)) != 0; }
  const JsonValue& operator[](Field field) const noexcept {
    return values[static_cast<std::size_t>(field)];
  }

  /// To be called with each member's name before its value is read. Yields the field, or nothing if
  /// the value is to be read past: an unknown name, or a repeated one.
  std::optional<Field> enter(const JsonValue& key, FieldMask allowed);

  /// Reads all members of the object that the cursor has stepped into.
  void read(JsonCursor& cursor, FieldMask allowed);

  JsonValue& slot(Field field) noexcept { return values[static_cast<std::size_t>(field)]; }
};

/// Each reads a proved value into `out`, or says what is wrong with it; `where` names the field in
/// the sentence.
/// @{
std::optional<Error> read_text(const JsonValue& value, std::string_view where, std::string& out);
std::optional<Error> read_key(const JsonValue& value, std::string_view where, std::string& out);
std::optional<Error> read_carrier(const JsonValue& value, std::string_view where, std::string& out);
std::optional<Error> read_room(const JsonValue& value, std::string_view where, std::string& out);
std::optional<Error> read_name(const JsonValue& value, std::string_view where, std::string& out);
std::optional<Error> read_capacity(const JsonValue& value, std::string_view where,
                                   std::uint32_t& out);
/// A field that is `true` or absent.
std::optional<Error> read_flag(const JsonValue& value, std::string_view where, bool& out);
/// Written as digits only: 1.0 and 1e3 are integers to mathematics, but not to every JSON library
/// on the way.
std::optional<Error> read_integer(const JsonValue& value, std::string_view where,
                                  std::uint64_t least, std::uint64_t most, std::uint64_t& out);
/// @}

inline constexpr std::uint64_t kMaxInteger =
    (std::uint64_t{1} << 53) - 1;  ///< exact in every JSON library

/// A name from the wire for use in a sentence: in backquotes, and short.
std::string quoted(std::string_view name);

/// The names of a set of fields, for hints: "`room`, `capacity`".
std::string names_of(FieldMask fields);

Error unknown_field(std::string_view name, FieldMask allowed);

}  // namespace sigway::dialects::native
