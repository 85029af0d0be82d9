// Who may be on the link: tokens, hosts that join by them, approval, leaving.
//
// A token's key lets a host do one thing, to say Join for its own key. An agent's key lets it speak
// for its one name, and say Leave.
#include <algorithm>

#include "master/core/core.h"
#include "protocol/base/check.h"
#include "protocol/base/link_key.h"

namespace docket {
namespace {

Standing standing_of(Standing::Code code, std::string reason = {}) {
  Standing standing;
  standing.code = code;
  standing.reason = std::move(reason);
  return standing;
}

Standing refused(std::string why) {
  return standing_of(Standing::Code::refused, std::move(why));
}

// The agent whose public key it is; null also for the empty one, of a plain link.
const AgentKey* owner_of(const std::map<std::string, AgentKey>& keys, const std::string& key) {
  const auto found =
      std::ranges::find_if(keys, [&](const auto& entry) { return entry.second.public_key == key; });
  return key.empty() || found == keys.end() ? nullptr : &found->second;
}

Standing taken_in(bool waits, const JoinTokenRecord& token) {
  Standing standing =
      waits ? standing_of(Standing::Code::awaiting, "an operator must approve the key")
            : standing_of(Standing::Code::joined);
  standing.tags = token.tags;
  return standing;
}

}  // namespace

void Core::on(CreateJoinToken& event, Now now, Effects& out) {
  forget_spent_tokens(now, out);
  CommandDone done{event.reply_to, cannot_save(), {}};
  if (!done.error && tokens_.size() >= kMaxJoinTokens) forget_used_token(now, out);
  if (!done.error && tokens_.size() >= kMaxJoinTokens) {
    done.error = Error{ErrorCode::conflict, "there are " + std::to_string(kMaxJoinTokens) +
                                                " join tokens: wait until some have expired"};
  }
  if (!done.error) {
    out.push_back(Note{Note::Level::info, "token=" + event.token.id.substr(0, kTokenIdShown) +
                                              " uses=" + std::to_string(event.token.uses) +
                                              " created=yes"});
    tokens_[event.token.id] = event.token;
    out.push_back(SaveJoinToken{std::move(event.token)});
    admit_keys(out);
    done.answer = std::move(event.answer);
  }
  out.push_back(std::move(done));
}

void Core::on(RevokeJoinToken& event, Now, Effects& out) {
  CommandDone done{event.reply_to, cannot_save(), {}};
  const auto found = tokens_.lower_bound(event.id);
  const bool known = event.id.size() >= kTokenIdShown && found != tokens_.end() &&
                     found->first.starts_with(event.id);
  if (!done.error && !known) {
    done.error = Error{ErrorCode::not_found, "there is no join token " + event.id};
  }
  if (!done.error) {
    out.push_back(Note{Note::Level::info, "token=" + event.id + " revoked=yes"});
    out.push_back(DeleteJoinToken{found->first});
    tokens_.erase(found);
    admit_keys(out);
  }
  out.push_back(std::move(done));
}

void Core::on(ApproveAgent& event, Now, Effects& out) {
  CommandDone done{event.reply_to, cannot_save(), {}};
  // A name may look like a fingerprint, and be chosen for that.
  auto found = std::ranges::find_if(agent_keys_, [&](const auto& entry) {
    return fingerprint_of(entry.second.public_key) == event.who;
  });
  if (found == agent_keys_.end()) found = agent_keys_.find(event.who);
  if (!done.error && found == agent_keys_.end()) {
    done.error =
        Error{ErrorCode::not_found, "no host of that name or fingerprint has joined: " + event.who};
  }
  // Approving twice is harmless.
  if (!done.error && found->second.trust == Trust::awaiting) {
    found->second.trust = Trust::probation;
    out.push_back(Note{Note::Level::info, "agent=" + found->first + " approved=yes fingerprint=" +
                                              fingerprint_of(found->second.public_key)});
    out.push_back(SaveAgentKey{found->second});
    admit_keys(out);
  }
  out.push_back(std::move(done));
}

void Core::on(RemoveAgent& event, Now now, Effects& out) {
  CommandDone done{event.reply_to, cannot_save(), {}};
  const Agent* agent = agents_.by_name(event.name);
  if (!done.error && agent == nullptr && !agent_keys_.contains(event.name)) {
    done.error = Error{ErrorCode::not_found, "there is no agent named " + event.name};
  }
  if (!done.error && !event.at_once && agent != nullptr && agent->connected() &&
      !agent->occupied.empty()) {
    done.error =
        Error{ErrorCode::conflict, std::to_string(agent->occupied.size()) + " runs are on " +
                                       event.name + ": drain it first, or remove it at once"};
  }
  if (!done.error) forget_agent(event.name, "an operator removed it", now, out);
  out.push_back(std::move(done));
}

void Core::restore_keys(Restored& event, Now now, Effects& out) {
  for (auto& key : event.agent_keys) agent_keys_.emplace(key.name, std::move(key));
  for (auto& token : event.tokens) tokens_.emplace(token.id, std::move(token));
  forget_spent_tokens(now, out);
  admit_keys(out);
}

bool Core::admits(FromAgent& event, Now now, Effects& out) {
  Standing standing;
  if (auto* join = std::get_if<Join>(&event.message)) {
    standing = on_join(event.key, *join, now, out);
  } else if (std::holds_alternative<Leave>(event.message)) {
    standing = on_leave(event.key, now, out);
  } else {
    return false;
  }
  if (standing.code == Standing::Code::refused) {
    ++refused_peers_;
    out.push_back(Note{Note::Level::warn, "link=" + std::to_string(event.link) + " refused=\"" +
                                              standing.reason + "\""});
  }
  standing.version = version_;
  standing.wall_ms = now.wall;
  out.push_back(Send{event.link, std::move(standing), true});
  return true;
}

Standing Core::on_join(const std::string& token_key, Join& join, Now now, Effects& out) {
  const auto token = tokens_.find(token_id_of(token_key));
  if (token == tokens_.end()) {
    // A host that only asks how it stands.
    if (join.dry_run != 0 && may_speak_for(token_key, join.name)) {
      return standing_of(Standing::Code::joined);
    }
    return refused("this connection has no join token, and its key is not that of " + join.name);
  }
  if (!acceptable_agent_name(join.name) || !is_link_key(join.public_key)) {
    return refused("the name must be 1 to 64 letters, digits, '-', '_' or '.', the key 64 digits");
  }
  AgentKey* key = key_of(join.name);
  const bool again = key != nullptr && key->public_key == join.public_key;
  if (!again) {
    if (auto why = join_obstacle(token->second, join, now)) return refused(std::move(*why));
    if (join.dry_run != 0) return taken_in(token->second.approve, token->second);
    key = &agent_keys_[join.name];
    *key = {.name = join.name,
            .public_key = join.public_key,
            .trust = token->second.approve ? Trust::awaiting : Trust::probation,
            .joined = now.wall};
    --token->second.uses;
    out.push_back(SaveJoinToken{token->second});
    out.push_back(SaveAgentKey{*key});
    admit_keys(out);
    out.push_back(Note{Note::Level::info, "agent=" + join.name + " joined=" +
                                              (token->second.approve ? "awaiting" : "yes") +
                                              " token=" + token->first.substr(0, kTokenIdShown) +
                                              " fingerprint=" + fingerprint_of(join.public_key)});
  }
  return taken_in(key->trust == Trust::awaiting, token->second);
}

std::optional<std::string> Core::join_obstacle(const JoinTokenRecord& token, const Join& join,
                                               Now now) const {
  if (join.protocol < kOldestProtocol) {
    return "this docket-agent is too old for this master: upgrade it";
  }
  if (now.wall >= token.expires) {
    return "the token expired " + std::to_string((now.wall - token.expires) / 1'000) +
           " s ago, by the master's clock: ask for a new one";
  }
  if (token.uses == 0) {
    return "the token has been used as often as it may be: ask for a new one";
  }
  if (agent_keys_.contains(join.name)) {
    return "the name " + join.name +
           " is another key's: take another with --name, or, if it is this host installed anew, "
           "docket agents remove " +
           join.name;
  }
  if (tokens_.contains(token_id_of(join.public_key))) {
    return "the key is a token's: let docket-agent join make one of this host's own";
  }
  if (const AgentKey* same = owner_of(agent_keys_, join.public_key)) {
    return "this host has joined already, as " + same->name;
  }
  if (agent_keys_.size() >= kMaxAgentKeys) {
    return "there are " + std::to_string(kMaxAgentKeys) + " agents: remove some first";
  }
  if (const auto problem = cannot_save()) return problem->message;
  return std::nullopt;
}

Standing Core::on_leave(const std::string& key, Now now, Effects& out) {
  const AgentKey* own = owner_of(agent_keys_, key);
  if (own == nullptr) return refused("this key speaks for no agent");
  const std::string name = own->name;
  const Agent* agent = agents_.by_name(name);
  if (agent != nullptr && agent->connected()) {
    return refused(name + " is still running: stop docket-agent first");
  }
  if (const auto problem = cannot_save()) return refused(problem->message);
  forget_agent(name, "it left", now, out);
  return standing_of(Standing::Code::left);
}

bool Core::may_speak_for(const std::string& key, const std::string& name) const {
  if (key.empty()) return true;  // a plain link, which only loopback has
  const auto found = agent_keys_.find(name);
  return found != agent_keys_.end() && found->second.public_key == key &&
         found->second.trust != Trust::awaiting;
}

AgentKey* Core::key_of(const std::string& name) {
  const auto found = agent_keys_.find(name);
  return found == agent_keys_.end() ? nullptr : &found->second;
}

void Core::trust(const Agent& agent, Effects& out) {
  AgentKey* key = key_of(agent.name);
  if (key == nullptr || key->trust != Trust::probation) return;
  key->trust = Trust::full;
  out.push_back(SaveAgentKey{*key});
}

void Core::forget_agent(const std::string& name, const std::string& why, Now now, Effects& out) {
  if (Agent* agent = agents_.by_name(name)) {
    if (agent->connected()) refuse(agent->link, Refusal::bad_hello, why, out);
    lose(*agent, AgentState::left, Ending::agent_lost, why, now, out);
    agents_.forget(name);
  }
  agent_keys_.erase(name);
  admit_keys(out);
  out.push_back(Note{Note::Level::info, "agent=" + name + " removed=\"" + why + "\""});
  out.push_back(DeleteAgent{name});
}

void Core::forget_spent_tokens(Now now, Effects& out) {
  std::erase_if(tokens_, [&](const auto& entry) {
    const bool spent = now.wall >= entry.second.expires + kSpentTokenKeptMs;
    if (spent) out.push_back(DeleteJoinToken{entry.first});
    return spent;
  });
}

void Core::forget_used_token(Now now, Effects& out) {
  const auto used = std::ranges::find_if(tokens_, [&](const auto& entry) {
    return entry.second.uses == 0 || now.wall >= entry.second.expires;
  });
  if (used == tokens_.end()) return;
  out.push_back(DeleteJoinToken{used->first});
  tokens_.erase(used);
}

void Core::admit_keys(Effects& out) {
  LinkKeys keys;
  for (const auto& [name, key] : agent_keys_) {
    if (key.trust != Trust::awaiting) keys.insert(key.public_key);
  }
  for (const auto& [id, token] : tokens_) keys.insert(id);
  out.push_back(AdmitKeys{std::make_shared<const LinkKeys>(std::move(keys))});
}

}  // namespace docket
