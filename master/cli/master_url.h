// Where a master's operations listener is. Pure.
#pragma once

#include <string>

#include "protocol/base/result.h"

namespace docket::cli {

// "http://H:P" or "https://H:P", with every part that has a default spelled out; https means port
// 443 unless another is given. invalid names `setting`, from where the text came.
Result<std::string> master_url(const std::string& setting, const std::string& text);

}  // namespace docket::cli
