// Tokens of the operations listener, and what else operators leave behind: purges, the audit.
#include "master/core/core.h"

namespace docket {

void Core::on(GrantAccess& event, Now now, Effects& out) {
  const auto refuse = [&](ErrorCode code, std::string why) {
    out.push_back(CommandDone{event.reply_to, Error{code, std::move(why)}});
  };
  if (auto refused = cannot_save()) return refuse(refused->code, std::move(refused->message));
  if (access_->contains(event.token.name)) {
    return refuse(ErrorCode::conflict, "there is a token named " + event.token.name +
                                           ": choose another name, or revoke that one first");
  }
  for (const auto& [name, token] : *access_) {
    if (token.hash == event.token.hash) {
      return refuse(ErrorCode::conflict, "this is the token " + name + " already");
    }
  }
  if (access_->size() >= kMaxAccessTokens) {
    return refuse(ErrorCode::conflict,
                  "there are " + std::to_string(kMaxAccessTokens) + " tokens: revoke some first");
  }
  event.token.created = now.wall;
  AccessTokens changed = *access_;
  changed.emplace(event.token.name, event.token);
  access_ = std::make_shared<const AccessTokens>(std::move(changed));
  out.push_back(Note{Note::Level::info, "token=" + event.token.name + " created=yes role=" +
                                            std::string(role_name(event.token.role)) +
                                            " source=" + (event.token.source ? "yes" : "no")});
  out.push_back(SaveAccess{std::move(event.token)});
  out.push_back(CommandDone{event.reply_to, std::nullopt});
}

void Core::on(RevokeAccess& event, Now, Effects& out) {
  CommandDone done{event.reply_to, cannot_save()};
  if (!done.error && !access_->contains(event.name)) {
    done.error = Error{ErrorCode::not_found, "there is no token named " + event.name};
  }
  if (!done.error) {
    AccessTokens changed = *access_;
    changed.erase(event.name);
    access_ = std::make_shared<const AccessTokens>(std::move(changed));
    out.push_back(Note{Note::Level::info, "token=" + event.name + " revoked=yes"});
    out.push_back(DeleteAccess{event.name});
  }
  out.push_back(std::move(done));
}

void Core::on(PurgeBodies& event, Now now, Effects& out) {
  CommandDone done{event.reply_to, cannot_save()};
  if (!done.error) {
    out.push_back(Note{Note::Level::info, "purge=ordered older_s=" +
                                              std::to_string((now.wall - event.before) / 1'000)});
    out.push_back(SavePurge{event.before});
  }
  out.push_back(std::move(done));
}

void Core::on(Record& event, Now now, Effects& out) {
  event.entry.at = now.wall;
  out.push_back(SaveAudit{std::move(event.entry)});
}

}  // namespace docket
