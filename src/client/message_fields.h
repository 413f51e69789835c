#pragma once

#include <string>
#include <string_view>
#include <vector>

/// A message of the application's as JSON members. All throw ClientError for what no server takes.
namespace sigway::client {

void check_type(std::string_view type);
void check_data(std::string_view data);
/// `"name":"text"`. Throws where the text is not UTF-8, which JSON has to be.
std::string member(std::string_view name, std::string_view text);
/// Fields that are empty are left out.
std::string message_fields(std::string_view type, std::string_view data,
                           const std::vector<std::string>& to, std::string_view room);

}  // namespace sigway::client
