// The way of every command that only looks: GET, then the object as it came, or a view of it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "master/cli/commands.h"

namespace docket::cli {

using View = std::string (*)(const nlohmann::json& answer, WallMs now, bool colour);

Result<int> show(Context& context, const std::string& path, View view);

}  // namespace docket::cli
