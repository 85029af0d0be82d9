#include "protocol/join_token.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "protocol/base/base64.h"
#include "protocol/base/digest.h"
#include "protocol/base/link_key.h"

namespace docket {
namespace {

constexpr std::string_view kPrefix = "docket-join-1.";
constexpr std::size_t kExpiryBytes = 8;
constexpr std::size_t kFixedBytes = kExpiryBytes + 2 * kLinkKeyBytes;
constexpr std::size_t kChecksumBytes = 8;
constexpr std::size_t kMostTextBytes = 1'000;

Error bad(const char* what) {
  return {ErrorCode::invalid, std::string("token: ") + what};
}

std::string checksum_of(const std::string& payload) {
  return sha256_hex(std::string(kPrefix) + payload).substr(0, 2 * kChecksumBytes);
}

}  // namespace

std::string token_text(const JoinToken& token) {
  std::string payload;
  for (std::size_t i = 0; i < kExpiryBytes; ++i) {
    const auto shift = 8 * (kExpiryBytes - 1 - i);
    payload.push_back(static_cast<char>(static_cast<std::uint64_t>(token.expires) >> shift));
  }
  payload += key_bytes(token.master_key) + key_bytes(token.secret_key) + token.master.text();
  const std::string checksum = checksum_of(payload);
  for (std::size_t i = 0; i < checksum.size(); i += 2) {
    payload.push_back(static_cast<char>(std::stoi(checksum.substr(i, 2), nullptr, 16)));
  }
  std::string text = base64_encode(payload);
  text.erase(text.find_last_not_of('=') + 1);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return std::string(kPrefix) + text;
}

Result<JoinToken> parse_token(std::string_view pasted) {
  if (pasted.size() > kMostTextBytes) return bad("it is far too long for one");
  std::string text;
  std::ranges::copy_if(pasted, std::back_inserter(text), [](char c) { return c > ' '; });
  if (!text.starts_with(kPrefix)) {
    return bad("it does not begin with docket-join-1. as those of docket agents token do");
  }
  text.erase(0, kPrefix.size());
  if (text.find_first_of("+/=") != std::string::npos) return bad("it is cut or changed");
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  const auto bytes = base64_decode(text);
  if (!bytes || bytes->size() <= kFixedBytes + kChecksumBytes) {
    return bad("it is cut or changed: copy the whole line again");
  }
  const std::string payload = bytes->substr(0, bytes->size() - kChecksumBytes);
  if (checksum_of(payload) != key_text(bytes->substr(payload.size()))) {
    return bad("it is cut or changed (its checksum does not fit): copy the whole line again");
  }
  JoinToken token;
  std::uint64_t expires = 0;
  for (std::size_t i = 0; i < kExpiryBytes; ++i) {
    expires = (expires << 8) | static_cast<std::uint8_t>(payload[i]);
  }
  token.expires = static_cast<WallMs>(expires);
  token.master_key = key_text(payload.substr(kExpiryBytes, kLinkKeyBytes));
  token.secret_key = key_text(payload.substr(kExpiryBytes + kLinkKeyBytes, kLinkKeyBytes));
  auto master = parse_address("token", payload.substr(kFixedBytes));
  if (!master) return master.error();
  token.master = std::move(*master);
  return token;
}

}  // namespace docket
