#include "apprtc/apprtc.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "apprtc/collider.h"
#include "apprtc/payload.h"

using namespace sigway::dialects;          // NOLINT(google-build-using-namespace)
using namespace sigway::dialects::apprtc;  // NOLINT(google-build-using-namespace)

namespace {

EncodedEvent encoded(const Event& event) { return apprtc::dialect().encode(event); }

EncodedEvent said(std::string type, std::string data) {
  return encoded(
      event::Said{std::move(type), "r", "p", "", {Payload::Kind::json, std::move(data)}});
}

Note noted(const Event& event) {
  const auto made = encoded(event);
  REQUIRE(made != nullptr);
  CHECK_MESSAGE(made->size() == 0, "a note has no bytes");
  return note_of(made);
}

}  // namespace

TEST_CASE("apprtc: events that only the binding reads") {
  CHECK(noted(event::Created{"r", "p", 1, 2, 0}) == Note::created);
  CHECK(noted(event::Joined{"r", "p", 2, 2, {}, 0}) == Note::joined);
  CHECK(noted(event::PeerJoined{"r", "p", "", 2, false}) == Note::met);
  CHECK(noted(event::PeerLeft{"r", "p", "left"}) == Note::gone);
  CHECK(noted(event::Said{"renew", "r", "p", "", {}}) == Note::anew);
  CHECK(noted(event::Refused{{.code = ErrorCode::mailbox_full}, 1}) == Note::unsent);
  CHECK(noted(event::Refused{{.code = ErrorCode::busy}, 1}) == Note::unsent);
  CHECK(noted(event::Refused{{.code = ErrorCode::rate_limited}, 1}) == Note::unplaced);
}

TEST_CASE("apprtc: events that nobody needs") {
  for (const Event& event : std::vector<Event>{
           event::Ready{"r"}, event::Full{"r", 2, 0}, event::Left{"r", 0}, event::PlaceLost{"r"},
           event::PeerSuspended{"r", "p"}, event::PeerResumed{"r", "p"},
           event::PeerNamed{"r", "p", "n"}, event::Refused{{.code = ErrorCode::not_in_room}, 1},
           event::Said{"link", "r", "p", "", {}}, event::Said{"message", "r", "p", "", {}}}) {
    CHECK(encoded(event) == nullptr);
  }
}

TEST_CASE("apprtc: messages") {
  const auto message = said("message", R"("a")");
  CHECK(note_of(message) == Note::none);
  CHECK(message->bytes == server_message("a"));
  CHECK_FALSE(is_bye(message));
  CHECK(is_bye(encoded(event::Said{"bye", "r", "p", "", {}})));
  CHECK_FALSE(is_bye(said("message", R"({"type":"bye","why":1})")));
  const auto two = said("candidate", R"([{"candidate":"a"},{"candidate":"b"}])");
  CHECK(note_of(two) == Note::none);
  REQUIRE(two->more != nullptr);
  CHECK(two->more->more == nullptr);
}

TEST_CASE("apprtc: an offer of a peer link is known as such") {
  const auto offer = said("offer", R"({"sdp":"v=0","link":"x"})");
  CHECK(note_of(offer) == Note::peer_offer);
  REQUIRE(offer->more != nullptr);
  CHECK(offer->more->bytes == server_message(R"({"type":"offer","sdp":"v=0"})"));
  CHECK(offer->more->more == nullptr);
  CHECK(note_of(said("offer", R"({"type":"offer","sdp":"v=0"})")) == Note::none);
}
