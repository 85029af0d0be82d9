// docket keys create, list, revoke
#include <algorithm>
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

constexpr const char* kKeys = "/api/v1/keys";
constexpr const char* kOpen = "there are no keys, so the Jobe API is open to all who can reach it";

Status check_name(const std::string& name) {
  if (acceptable_agent_name(name)) return ok_status();
  return Error{ErrorCode::invalid, in_quotes(name) +
                                       " is no name of a key: it has 1 to 64 letters, digits, '-', "
                                       "'_' or '.'"};
}

std::string bound_at(const Json& key, const char* name) {
  const auto bound = number_at(key, name);
  return bound > 0 ? std::to_string(bound) : std::string();
}

}  // namespace

std::string key_body(const NewKey& key, const std::string& secret) {
  // What is no UTF-8 is no secret either: the master says so.
  return nlohmann::ordered_json{{"name", key.name},
                                {"secret", secret},
                                {"hourly_rate", key.hourly_rate},
                                {"max_queued", key.max_queued},
                                {"weight", key.weight},
                                {"priority", key.priority},
                                {"may_async", !key.no_async},
                                {"require_tags", key.require_tags}}
      .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string keys_text(const Json& answer, const Look& look) {
  Table table({{"NAME"},
               {"PER HOUR", Align::right},
               {"QUEUED", Align::right},
               {"WEIGHT", Align::right},
               {"PRIORITY"},
               {"ASYNC"},
               {"TAGS"},
               {"AGE", Align::right}});
  for (const auto& key : list_at(answer, "keys")) {
    table.add({{text_at(key, "name")},
               {bound_at(key, "hourly_rate")},
               {bound_at(key, "max_queued")},
               {std::to_string(number_at(key, "weight"))},
               {text_at(key, "priority")},
               {true_at(key, "may_async") ? "yes" : "no"},
               {words_of(list_at(key, "require_tags"))},
               {age_at(key, "created", look.now)}});
  }
  return table.text(look);
}

Result<int> create_key_command(Context& context, const NewKey& key) {
  if (const auto name = check_name(key.name); !name) return name.error();
  const bool made_here = key.file.empty();
  auto secret = made_here ? Result<std::string>(make_secret()) : read_secret(key.file);
  if (!secret) return secret.error();
  const Request request = make_request("POST", kKeys, key_body(key, *secret));
  if (const auto done = carry_out(context.client, request); !done) return done.error();
  if (context.as_json()) {
    Json made = {{"name", key.name}};
    if (made_here) made["secret"] = *secret;
    print(made.dump() + "\n");
  } else if (made_here) {
    print(*secret + "\n");
  }
  // Whoever has run programs until now must learn it, so that it does not come as a surprise.
  const auto keys = fetch(context.client, kKeys);
  const bool first = keys && list_at(*keys, "keys").size() == 1;
  tell("made the key " + key.name +
       (made_here ? ", which is shown this once and kept nowhere" : " of the secret given") +
       "; CodeRunner wants it in its setting \"Jobe API key\"" +
       (first ? "; it is the first: from now on the Jobe API runs nothing without one" : ""));
  return 0;
}

Result<int> list_keys_command(Context& context) {
  const auto body = fetch_text(context.client, kKeys);
  if (!body) return body.error();
  const auto answer = parse_object(context.client, *body);
  if (!answer) return answer.error();
  print(list_text(*body, {"keys", "name", keys_text, {}}, context.format, context.look()));
  if (!context.as_json() && list_at(*answer, "keys").empty()) tell(kOpen);
  return 0;
}

Result<int> revoke_key_command(Context& context, const std::string& name, bool yes) {
  if (const auto checked = check_name(name); !checked) return checked.error();
  if (!yes && !somebody_is_there()) {
    return Error{ErrorCode::invalid,
                 "revoking a key shuts out whoever sends it: confirm with -y. "
                 "See docket keys revoke --help"};
  }
  const auto answer = fetch(context.client, kKeys);
  if (!answer) return answer.error();
  const Json& keys = list_at(*answer, "keys");
  const bool known = std::any_of(keys.begin(), keys.end(),
                                 [&](const Json& key) { return text_at(key, "name") == name; });
  if (!known) return Error{ErrorCode::not_found, "there is no key named " + name};
  const bool last = keys.size() == 1;
  std::string question = "Revoke the key " + name + "? Whoever sends it is refused from then on.";
  if (last) {
    question = "Revoke the key " + name + "? It is the last: then the Jobe API is open to all.";
  }
  if (!yes && !confirmed(question)) {
    tell("the key " + name + " was not revoked");
    return 1;
  }
  const Request request = make_request("DELETE", std::string(kKeys) + "/" + name);
  if (const auto done = carry_out(context.client, request); !done) return done.error();
  tell("revoked the key " + name + (last ? std::string("; ") + kOpen : ""));
  return 0;
}

}  // namespace docket::cli
