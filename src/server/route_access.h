#pragma once

namespace sigway::server {

// Who may ask a route, beyond the rules for all of them. See AccessPolicy.
struct RouteAccess {
  // Nothing happens by asking (pages, health): a person may follow a link from another site to it.
  bool is_harmless = false;
  // The answer has no secret and depends on nobody, so pages of every origin may have it. Implies
  // harmless.
  bool is_public = false;
  // Pages ask as they did of old: by XMLHttpRequest.withCredentials, though credentials count for
  // nothing here, and by a script element, which names no Origin. For the latter a Referer of an
  // allowed origin counts as that Origin.
  bool is_for_old_pages = false;
};

}  // namespace sigway::server
