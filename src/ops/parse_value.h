#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The notations of setting values. Pure functions; each returns nothing for text that is not
// exactly in its notation: no sign, no blanks, no fraction, no overflow.
namespace sigway::ops {

// "8080"
std::optional<std::uint64_t> parse_number(std::string_view text);

// "500ms", "25s", "2m", "1h"; a plain number is seconds.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// "64KiB", "4MiB", "1GiB", "512B"; a plain number is bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);

// "yes", "true", "on", "1" and their opposites.
std::optional<bool> parse_flag(std::string_view text);

// Splits at commas that are outside of JSON brackets and strings, and trims blanks. Empty parts
// are left out.
std::vector<std::string> split_list(std::string_view text);

// Without the blanks at both ends.
std::string_view trim(std::string_view text);

// "127.0.0.1" or "::1", without brackets or zone.
bool is_address(std::string_view text);

// An address, or one with a prefix length: "10.0.0.0/8".
bool is_address_range(std::string_view text);

// An http or https origin in its ASCII form (RFC 6454 section 6.2), without path or user.
bool is_origin(std::string_view text);
// The same, or the origin of an application's own pages: "capacitor://localhost", "file://".
bool is_page_origin(std::string_view text);

// A host name or address with or without a port, as in the Host header: "example.org:8443".
bool is_host(std::string_view text);

// A part of a URL's path that needs no escape: letters, digits, "-", ".", "_" and "~" (RFC 3986
// section 2.3), but not "." and "..".
bool is_url_segment(std::string_view text);

// "/", or segments with a slash before each: "/peerjs/myapp".
bool is_url_path(std::string_view text);

bool is_turn_url(std::string_view text);  // RFC 7065, by its scheme

// Why `text` cannot go into RTCConfiguration.iceServers, or nothing if it can: a STUN URL
// (RFC 7064), or a JSON object {"urls": …} with a credential where it names a TURN URL (RFC 7065).
std::optional<std::string> ice_server_problem(std::string_view text);

}  // namespace sigway::ops
