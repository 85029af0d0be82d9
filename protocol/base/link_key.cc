#include "protocol/base/link_key.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "protocol/base/check.h"
#include "protocol/base/digest.h"
#include "protocol/base/durable.h"

namespace docket {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

// Owned, so that no way out leaves it open.
class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

bool is_link_key(std::string_view text) {
  return text.size() == 2 * kLinkKeyBytes &&
         std::ranges::all_of(text, [](char c) { return kHex.find(c) != kHex.npos; });
}

KeyPair make_key_pair() {
  std::string secret(kLinkKeyBytes, '\0');
  CHECK_THAT(::getrandom(secret.data(), secret.size(), 0) == static_cast<ssize_t>(secret.size()));
  KeyPair pair;
  pair.secret_key = key_text(secret);
  pair.public_key = public_key_of(pair.secret_key);
  return pair;
}

std::string public_key_of(const std::string& secret_key) {
  const std::string bytes = key_bytes(secret_key);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr,
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   bytes.size()),
      &EVP_PKEY_free);
  CHECK_THAT(key != nullptr);
  unsigned char out[kLinkKeyBytes];
  std::size_t size = sizeof out;
  CHECK_THAT(EVP_PKEY_get_raw_public_key(key.get(), out, &size) == 1 && size == sizeof out);
  return key_text({reinterpret_cast<const char*>(out), size});
}

std::string fingerprint_of(const std::string& public_key) {
  constexpr std::size_t kDigits = 32;
  const std::string digest = sha256_hex(public_key);
  std::string groups;
  for (std::size_t i = 0; i < kDigits; i += 4) {
    groups += (i == 0 ? "" : "-") + digest.substr(i, 4);
  }
  return groups;
}

std::string key_bytes(std::string_view key) {
  CHECK_THAT(is_link_key(key));
  std::string bytes;
  for (std::size_t i = 0; i < key.size(); i += 2) {
    bytes.push_back(static_cast<char>(kHex.find(key[i]) * 16 + kHex.find(key[i + 1])));
  }
  return bytes;
}

std::string key_text(std::string_view bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 15]);
  }
  return text;
}

Result<KeyPair> load_key_pair(const std::string& path) {
  const File file(path, O_RDONLY);
  if (file.fd() < 0) {
    const auto code = errno == ENOENT ? ErrorCode::not_found : ErrorCode::unavailable;
    return Error{code, system_error("cannot read " + path).message};
  }
  struct stat facts {};
  if (::fstat(file.fd(), &facts) != 0) return system_error("cannot look at " + path);
  if ((facts.st_mode & 077) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", facts.st_mode & 07777U);
    return Error{ErrorCode::denied, path + " has the mode " + mode +
                                        ", so others may have read the secret key in it: remove "
                                        "it for a new one, or chmod 600 it if nobody has"};
  }
  char text[2 * kLinkKeyBytes + 2] = {};
  const auto got = ::read(file.fd(), text, sizeof text);
  if (got < 0) return system_error("cannot read " + path);
  std::string_view secret(text, static_cast<std::size_t>(got));
  if (secret.ends_with('\n')) secret.remove_suffix(1);
  if (!is_link_key(secret)) {
    return Error{ErrorCode::corrupt, path + " holds no key: remove it for a new one"};
  }
  KeyPair pair;
  pair.secret_key = std::string(secret);
  pair.public_key = public_key_of(pair.secret_key);
  return pair;
}

Result<KeyPair> load_or_make_key_pair(const std::string& path) {
  auto loaded = load_key_pair(path);
  if (loaded || loaded.error().code != ErrorCode::not_found) return loaded;
  KeyPair made = make_key_pair();
  if (auto written = write_durably(path, made.secret_key + "\n", 0600); !written)
    return written.error();
  return made;
}

}  // namespace docket
