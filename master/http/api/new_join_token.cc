#include "master/http/api/new_join_token.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "master/http/api/views.h"
#include "protocol/base/link_key.h"
#include "protocol/join_token.h"
#include "protocol/messages.h"

namespace docket::http {
namespace {

using nlohmann::json;

constexpr std::uint32_t kDefaultTtlSeconds = 30 * 60;
constexpr std::size_t kMostAddressBytes = 256;

struct Wanted {
  std::uint32_t ttl_s = kDefaultTtlSeconds;
  JoinTokenRecord record;
  Address master;
};

Error invalid(std::string text) {
  return {ErrorCode::invalid, std::move(text)};
}

Status read_number(const json& value, const std::string& name, std::uint32_t most,
                   std::uint32_t& out) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1 ||
      value.get<std::uint64_t>() > most) {
    return invalid(name + " must be a whole number from 1 to " + std::to_string(most));
  }
  out = value.get<std::uint32_t>();
  return ok_status();
}

Status read_member(const std::string& name, const json& value, Wanted& wanted) {
  if (name == "ttl_s") return read_number(value, name, kMaxTokenSeconds, wanted.ttl_s);
  if (name == "uses") return read_number(value, name, kMaxTokenUses, wanted.record.uses);
  if (name == "approve") {
    if (!value.is_boolean()) return invalid("approve must be true or false");
    wanted.record.approve = value.get<bool>();
    return ok_status();
  }
  if (name == "tags") {
    const auto is_tag = [](const json& tag) {
      return tag.is_string() && acceptable_agent_name(tag.get<std::string>());
    };
    if (!value.is_array() || value.size() > kMaxTags || !std::ranges::all_of(value, is_tag)) {
      return invalid("tags must be a list of at most " + std::to_string(kMaxTags) +
                     " tags of 1 to 64 letters, digits, '-', '_' or '.'");
    }
    wanted.record.tags = value.get<std::vector<std::string>>();
    return ok_status();
  }
  if (name == "master") {
    const std::string text = value.is_string() ? value.get<std::string>() : std::string();
    auto address = parse_address("master", text);
    if (!address || text.size() > kMostAddressBytes || address->port == 0) {
      return invalid("master must be the HOST:PORT at which the hosts reach --agents-listen");
    }
    wanted.master = std::move(*address);
    return ok_status();
  }
  return invalid("unknown member '" + name + "'; there are ttl_s, uses, tags, approve, master");
}

}  // namespace

Result<CreateJoinToken> read_new_join_token(const std::string& body, const LinkFacts& link,
                                            WallMs now) {
  if (link.public_key.empty()) {
    return Error{ErrorCode::conflict,
                 "the master was started with --plain-link: agents on its host need no token, and "
                 "others cannot join"};
  }
  const json request = json::parse(body, nullptr, false);
  if (!request.is_object()) return invalid("the body must be a JSON object, {} for the defaults");
  Wanted wanted;
  wanted.master = link.address;
  for (const auto& [name, value] : request.items()) {
    if (auto read = read_member(name, value, wanted); !read) return read.error();
  }
  const KeyPair pair = make_key_pair();
  JoinTokenRecord& record = wanted.record;
  record.id = token_id_of(pair.public_key);
  record.expires = now + WallMs{1'000} * wanted.ttl_s;
  const nlohmann::ordered_json answer = {
      {"token", token_text({wanted.master, link.public_key, pair.secret_key, record.expires})},
      {"id", record.id.substr(0, kTokenIdShown)},
      {"master", wanted.master.text()},
      {"expires", rfc3339(record.expires)},
      {"uses", record.uses},
      {"approve", record.approve},
      {"tags", record.tags}};
  return CreateJoinToken{.reply_to = 0, .token = std::move(record), .answer = answer.dump()};
}

}  // namespace docket::http
