// docket login, logout
#include <nlohmann/json.hpp>

#include "master/cli/ask.h"
#include "master/cli/commands.h"
#include "master/cli/credentials.h"
#include "master/cli/fields.h"
#include "master/cli/master_url.h"
#include "master/cli/text.h"

namespace docket::cli {
namespace {

bool stays_on_this_host(const std::string& url) {
  return url.starts_with("http://127.") || url.starts_with("http://[::1]") ||
         url.starts_with("http://localhost:");
}

Result<std::string> chosen_url(Context& context, const std::string& url) {
  return url.empty() ? Result<std::string>(context.client.url()) : master_url("URL", url);
}

}  // namespace

Result<int> login_command(Context& context, const LoginOptions& login) {
  const auto url = chosen_url(context, login.url);
  if (!url) return url.error();
  const auto path = credentials_path();
  if (!path) return path.error();
  auto credentials = read_credentials(*path);
  if (!credentials) return credentials.error();
  if (!url->starts_with("https://") && !stays_on_this_host(*url)) {
    tell("warning: the token goes to " + *url + " unencrypted; see docs/tls");
  }
  auto token = ask_secret("Token for " + *url + " (not shown):");
  if (!token) return token.error();
  if (token->empty() || token->find_first_of(" \t\r\n") != std::string::npos) {
    return Error{ErrorCode::invalid,
                 "that is no token: it is one word, made by docket tokens create"};
  }
  Client client({*url, *token, login.ca_file, ""});
  const auto session = fetch(client, "/api/v1/session");
  if (!session) return session.error();
  credentials->last = *url;
  credentials->of_master[*url] = {std::move(*token), login.ca_file};
  if (auto kept = write_credentials(*path, *credentials); !kept) return kept.error();
  tell("logged in to " + *url + " as " + visible(text_at(*session, "name")) + ", role " +
       visible(text_at(*session, "role")) + (true_at(*session, "source") ? ", with" : ", without") +
       " what students submit; docket speaks to it from now on, unless --master or DOCKET_MASTER "
       "says otherwise");
  return 0;
}

Result<int> logout_command(Context& context, const std::string& wanted) {
  const auto url = chosen_url(context, wanted);
  if (!url) return url.error();
  const auto path = credentials_path();
  if (!path) return path.error();
  auto credentials = read_credentials(*path);
  if (!credentials) return credentials.error();
  if (credentials->of_master.erase(*url) == 0) {
    return Error{ErrorCode::not_found, "no token for " + *url + " is kept here"};
  }
  if (credentials->last == *url) credentials->last.clear();
  if (auto kept = write_credentials(*path, *credentials); !kept) return kept.error();
  tell("forgot the token for " + *url +
       "; it is valid until somebody revokes it: docket tokens revoke");
  return 0;
}

}  // namespace docket::cli
