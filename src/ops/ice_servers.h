#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ops/config.h"

namespace sigway::ops {

// A TURN user for a limited time, by the REST scheme that coturn calls use-auth-secret
// (draft-uberti-behave-turn-rest-00): the user name is the Unix time of its end and a label, the
// credential the base64 of its HMAC-SHA1 under the shared secret.
struct TurnCredential {
  std::string username;
  std::string credential;
};
TurnCredential make_turn_credential(std::string_view secret, std::string_view label,
                                    std::int64_t expires_unix_seconds);

// The `iceServers` array (W3C WebRTC, RTCConfiguration) that a client is told: what --ice-server
// names, and
// --turn-server with a credential made for that client. Constant after construction; any thread.
class IceServers {
 public:
  explicit IceServers(const Config& config);

  // A JSON array on one line. `label` tells the TURN server's log who it was: the peer id.
  std::string json_for(std::string_view label, std::int64_t now_unix_seconds) const;

 private:
  std::string fixed_;      // the array's elements that are the same for all
  std::string turn_urls_;  // a JSON array, or empty
  std::string secret_;
  std::int64_t lifetime_seconds_;
};

}  // namespace sigway::ops
