#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <set>

#include "net/address.h"
#include "net/openssl_free.h"
#include "net/tls_context.h"

namespace sigway::net {

namespace {

constexpr long kDay = 24 * 60 * 60;

// "DNS:localhost,IP:127.0.0.1". What could break out of the list is left out.
std::string subject_alternatives(const std::vector<std::string>& addresses) {
  std::set<std::string> names = {"DNS:localhost", "IP:127.0.0.1", "IP:::1"};
  for (const std::string& address : addresses) {
    if (const auto ip = Address::parse(address)) {
      if (!ip->is_unspecified()) names.insert("IP:" + ip->ip());
    } else if (!address.empty() && std::all_of(address.begin(), address.end(), [](char c) {
                 return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '-' || c == '.';
               })) {
      names.insert("DNS:" + address);
    }
  }
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ",") + name;
  return list;
}

bool add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool fill(X509* certificate, EVP_PKEY* key, const std::vector<std::string>& addresses) {
  const std::unique_ptr<BIGNUM, Free> serial(BN_new());
  if (!serial || BN_rand(serial.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1) return false;
  BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate));
  X509_set_version(certificate, 2);  // means version 3
  // From yesterday: the clocks of a LAN do not agree.
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 90 * kDay);
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>("sigway self-signed");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  return X509_set_pubkey(certificate, key) == 1 &&
         add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
         add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
         add_extension(certificate, NID_subject_alt_name, subject_alternatives(addresses)) &&
         X509_sign(certificate, key, EVP_sha256()) != 0;
}

std::string contents_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace

std::optional<TlsCertificate> make_self_signed(const std::vector<std::string>& addresses) {
  const std::unique_ptr<EVP_PKEY, Free> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Free> certificate(X509_new());
  if (!key || !certificate || !fill(certificate.get(), key.get(), addresses)) return std::nullopt;
  const std::unique_ptr<BIO, Free> chain_pem(BIO_new(BIO_s_mem()));
  const std::unique_ptr<BIO, Free> key_pem(BIO_new(BIO_s_mem()));
  if (!chain_pem || !key_pem || PEM_write_bio_X509(chain_pem.get(), certificate.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1) {
    return std::nullopt;
  }
  return TlsCertificate{contents_of(chain_pem.get()), contents_of(key_pem.get())};
}

}  // namespace sigway::net
