#include "protocol/base/digest.h"

#include <openssl/evp.h>

#include "protocol/base/check.h"

namespace docket {

std::string md5_hex(std::string_view content) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  CHECK_THAT(EVP_Digest(content.data(), content.size(), digest, &size, EVP_md5(), nullptr) == 1);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text.push_back(kHex[digest[i] >> 4]);
    text.push_back(kHex[digest[i] & 15]);
  }
  return text;
}

}  // namespace docket
