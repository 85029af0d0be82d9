// docket tokens create, list, revoke
#include <nlohmann/json.hpp>

#include "master/cli/ask.h"
#include "master/cli/commands.h"
#include "master/cli/fields.h"
#include "master/cli/secret.h"
#include "master/cli/show.h"
#include "master/cli/table.h"
#include "master/cli/text.h"
#include "master/cli/views.h"
#include "protocol/messages.h"

namespace docket::cli {
namespace {

constexpr const char* kTokens = "/api/v1/tokens";

Status check_name(const std::string& name) {
  if (acceptable_agent_name(name)) return ok_status();
  return Error{ErrorCode::invalid, in_quotes(name) +
                                       " is no name of a token: it has 1 to 64 letters, digits, "
                                       "'-', '_' or '.'"};
}

}  // namespace

std::string tokens_text(const Json& answer, const Look& look) {
  Table table({{"NAME"}, {"ROLE"}, {"SOURCE"}, {"AGE", Align::right}});
  for (const auto& token : list_at(answer, "tokens")) {
    table.add({{text_at(token, "name")},
               {text_at(token, "role")},
               {true_at(token, "source") ? "yes" : "no"},
               {age_at(token, "created", look.now)}});
  }
  return table.text(look);
}

Result<int> create_token_command(Context& context, const NewToken& token) {
  if (const auto name = check_name(token.name); !name) return name.error();
  // The prefix is for whoever finds it where it should not be.
  const std::string secret = "docket-" + make_secret();
  const Request request = make_request(
      "POST", kTokens,
      Json{{"name", token.name}, {"token", secret}, {"role", token.role}, {"source", token.source}}
          .dump());
  if (const auto done = carry_out(context.client, request); !done) return done.error();
  if (context.as_json()) {
    print(Json{{"name", token.name}, {"token", secret}}.dump() + "\n");
  } else {
    print(secret + "\n");
  }
  tell("made the token " + token.name +
       ", which is shown this once and kept nowhere; its owner gives it to docket login URL, or to "
       "the status page");
  return 0;
}

Result<int> list_tokens_command(Context& context) {
  return show_list(context, kTokens, {"tokens", "name", tokens_text, {}});
}

Result<int> revoke_token_command(Context& context, const std::string& name, bool yes) {
  if (const auto checked = check_name(name); !checked) return checked.error();
  if (!yes && !somebody_is_there()) {
    return Error{ErrorCode::invalid,
                 "revoking a token shuts its owner out: confirm with -y. "
                 "See docket tokens revoke --help"};
  }
  if (!yes && !confirmed("Revoke the token " + name + "? Whoever uses it is shut out at once.")) {
    tell("the token " + name + " was not revoked");
    return 1;
  }
  const Request request = make_request("DELETE", std::string(kTokens) + "/" + name);
  if (const auto done = carry_out(context.client, request); !done) return done.error();
  tell("revoked the token " + name);
  return 0;
}

}  // namespace docket::cli
