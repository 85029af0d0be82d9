#include "protocol/base/digest.h"

#include <openssl/evp.h>

#include "protocol/base/check.h"

namespace docket {
namespace {

std::string hex_digest(const EVP_MD* kind, std::string_view content) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  CHECK_THAT(EVP_Digest(content.data(), content.size(), digest, &size, kind, nullptr) == 1);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text.push_back(kHex[digest[i] >> 4]);
    text.push_back(kHex[digest[i] & 15]);
  }
  return text;
}

}  // namespace

std::string md5_hex(std::string_view content) {
  return hex_digest(EVP_md5(), content);
}

std::string sha256_hex(std::string_view content) {
  return hex_digest(EVP_sha256(), content);
}

}  // namespace docket
