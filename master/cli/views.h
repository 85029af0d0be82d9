// The master's answers as text for people; `now` is for ages. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "master/cli/commands.h"
#include "protocol/base/clock.h"
#include "protocol/base/result.h"

namespace docket::cli {

std::string status_text(const nlohmann::json& status, WallMs now, bool colour);
std::string agents_text(const nlohmann::json& answer, WallMs now, bool colour);
std::string jobs_text(const nlohmann::json& answer, WallMs now, bool colour);
std::string job_text(const nlohmann::json& job, WallMs now, bool colour);
std::string why_text(const nlohmann::json& why, WallMs now, bool colour);
std::string keys_text(const nlohmann::json& answer, WallMs now, bool colour);

// The body of POST /api/v1/keys.
std::string key_body(const NewKey& key, const std::string& secret);
std::string tokens_text(const nlohmann::json& answer, WallMs now, bool colour);
std::string audit_text(const nlohmann::json& answer, WallMs now, bool colour);

// The one id among `ids` that begins or ends with `part` (letters of either case). not_found when
// there is none, conflict with the candidates when there are several.
Result<std::string> matching_id(const std::vector<std::string>& ids, const std::string& part);

}  // namespace docket::cli
