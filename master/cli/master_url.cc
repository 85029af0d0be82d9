#include "master/cli/master_url.h"

#include <string_view>

#include "master/cli/text.h"
#include "protocol/base/address.h"

namespace docket::cli {
namespace {

constexpr std::string_view kTls = "https://";
constexpr const char* kHelp = ". See docket --help";
// A host that could change the URL's meaning is no host.
constexpr const char* kHostLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:";

bool has_port(const std::string& authority) {
  const auto colon = authority.rfind(':');
  return colon != std::string::npos && authority.find(']', colon) == std::string::npos;
}

}  // namespace

Result<std::string> master_url(const std::string& setting, const std::string& text) {
  const bool tls = text.starts_with(kTls);
  std::string wanted = text;
  if (tls) {
    if (wanted.size() > kTls.size() && wanted.ends_with('/')) wanted.pop_back();
    if (!has_port(wanted.substr(kTls.size()))) wanted += ":443";
  }
  const std::string scheme = tls ? "https" : "http";
  const auto address = parse_url_address(setting, scheme, wanted);
  if (!address) {
    return Error{address.error().code, visible(address.error().message) + kHelp};
  }
  if (address->host.find_first_not_of(kHostLetters) != std::string::npos) {
    return Error{ErrorCode::invalid,
                 setting + ": " + in_quotes(text) + " is not " + scheme + "://HOST:PORT" + kHelp};
  }
  return scheme + "://" + address->text();
}

}  // namespace docket::cli
