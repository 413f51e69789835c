#include "client/http_client.h"

namespace sigway::client {

std::unique_ptr<httplib::Client> make_http_client(const Endpoint& endpoint) {
  auto client = std::make_unique<httplib::Client>((endpoint.url.tls ? "https://" : "http://") +
                                                  endpoint.url.host_and_port());
  client->set_keep_alive(true);
  client->set_tcp_nodelay(true);
  client->set_follow_location(false);
  if (endpoint.proxy) {
    client->set_proxy(endpoint.proxy->host, endpoint.proxy->port);
    if (!endpoint.proxy->user.empty())
      client->set_proxy_basic_auth(endpoint.proxy->user, endpoint.proxy->password);
  }
  return client;
}

std::string lower(std::string text) {
  for (auto& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace sigway::client
