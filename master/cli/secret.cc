#include "master/cli/secret.h"

#include <sys/random.h>

#include <string_view>

#include "master/cli/support_files.h"
#include "protocol/base/check.h"

namespace docket::cli {
namespace {

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
// Bytes from here on would make the first letters likelier.
constexpr std::size_t kFirstUnevenByte = 256 - 256 % kLetters.size();
constexpr std::size_t kMostFileBytes = 1u << 20;

}  // namespace

std::string make_secret() {
  std::string secret;
  while (secret.size() < kSecretLetters) {
    unsigned char bytes[kSecretLetters];
    CHECK_THAT(::getrandom(bytes, sizeof bytes, 0) == static_cast<ssize_t>(sizeof bytes));
    for (const unsigned char byte : bytes) {
      if (byte >= kFirstUnevenByte || secret.size() == kSecretLetters) continue;
      secret.push_back(kLetters[byte % kLetters.size()]);
    }
  }
  return secret;
}

Result<std::string> read_secret(const std::string& path) {
  auto secret = read_file(path, kMostFileBytes);
  if (!secret) return secret.error();
  while (secret->ends_with('\n') || secret->ends_with('\r')) secret->pop_back();
  return secret;
}

}  // namespace docket::cli
