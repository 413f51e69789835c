#include "doctor/certificate.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <string>

#include "client/http_client.h"

namespace sigway::doctor {
namespace {

using nlohmann::json;

/// The organisation of a name, or else its common name.
std::string name_of(const X509_NAME* name) {
  std::array<char, 256> text{};
  for (const int field : {NID_organizationName, NID_commonName}) {
    if (X509_NAME_get_text_by_NID(const_cast<X509_NAME*>(name), field, text.data(),  // NOLINT
                                  static_cast<int>(text.size())) > 0)
      return text.data();
  }
  return "nobody who is named";
}

std::string common_name(const X509_NAME* name) {
  std::array<char, 256> text{};
  X509_NAME_get_text_by_NID(const_cast<X509_NAME*>(name), NID_commonName, text.data(),  // NOLINT
                            static_cast<int>(text.size()));
  return text[0] == '\0' ? "no name" : text.data();
}

std::string until(const X509* certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return "unknown";
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &time);
  return text.data();
}

struct Look {
  const std::string& host;
  json seen;
};

/// Judges the certificate, and lets the handshake go on whatever it found.
int judge(X509_STORE_CTX* store, void* argument) {
  auto& look = *static_cast<Look*>(argument);
  auto* const certificate = X509_STORE_CTX_get0_cert(store);
  const bool trusted = X509_verify_cert(store) == 1;
  std::string problem;
  if (!trusted) {
    problem = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
  } else if (X509_check_host(certificate, look.host.c_str(), 0, 0, nullptr) != 1 &&
             X509_check_ip_asc(certificate, look.host.c_str(), 0) != 1) {
    problem = "it is not for " + look.host;
  }
  look.seen = {{"issuer", name_of(X509_get_issuer_name(certificate))},
               {"subject", common_name(X509_get_subject_name(certificate))},
               {"until", until(certificate)},
               {"protocol", "TLS"},
               {"problem", problem}};
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

void note_protocol(const SSL* tls, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_DONE) == 0) return;
  auto* const look = static_cast<Look*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls)));
  if (look->seen.is_object()) look->seen["protocol"] = SSL_get_version(tls);
}

}  // namespace

json look_at_certificate(const client::Endpoint& endpoint) {
  using std::chrono::seconds;
  Look look{endpoint.url.host, nullptr};
  const auto watch = [&look](SSL_CTX* context) {
    SSL_CTX_set_cert_verify_callback(context, judge, &look);
    SSL_CTX_set_app_data(context, &look);
    SSL_CTX_set_info_callback(context, note_protocol);
  };
  client::HttpClient client(endpoint,
                            {.connect = seconds(6), .verify = false, .prepare_tls = watch});
  client::HttpCall call;
  client.exchange(
      {.method = "GET", .path = endpoint.url.path + "v1/probe/echo", .silence = seconds(6)}, call);
  return look.seen;
}

std::optional<nlohmann::ordered_json> finding_of_certificate(const json& certificate) {
  if (!certificate.is_object()) return std::nullopt;
  const bool trusted = certificate.at("problem").get_ref<const std::string&>().empty();
  nlohmann::ordered_json finding{{"id", trusted ? "certificate" : "certificate-unknown"}};
  for (const auto* name : {"protocol", "issuer", "subject", "until"})
    finding[name] = certificate.at(name);
  if (!trusted) finding["problem"] = certificate.at("problem");
  return finding;
}

}  // namespace sigway::doctor
