#include "master/http/api/file_request.h"

#include <nlohmann/json.hpp>

#include "protocol/base/base64.h"
#include "protocol/base/json_depth.h"
#include "protocol/messages.h"

namespace docket::http {

Result<std::string> parse_file_request(std::string_view body, const std::string& what,
                                       std::string_view id) {
  const auto refuse = [&](ErrorCode code, const std::string& text) {
    return Error{code, what + ": " + text};
  };
  if (json_depth(body) > kMaxJsonDepth) {
    return refuse(ErrorCode::invalid, "the body nests too deep");
  }
  const auto read = nlohmann::json::parse(body, nullptr, false);
  if (read.is_discarded()) return refuse(ErrorCode::invalid, "the body is not valid JSON");
  const auto contents = read.is_object() ? read.find("file_contents") : read.end();
  if (contents == read.end() || contents->is_null()) {
    return refuse(ErrorCode::invalid, "missing file_contents parameter");
  }
  if (!contents->is_string()) return refuse(ErrorCode::invalid, "file_contents must be text");
  auto bytes = base64_decode(contents->get_ref<const std::string&>());
  if (!bytes) {
    const std::string file = id.empty() ? "" : "of file " + std::string(id) + " ";
    return refuse(ErrorCode::invalid, "contents " + file + "are not valid base-64");
  }
  if (bytes->size() > kMaxFileBytes) {
    return refuse(ErrorCode::too_large,
                  "the file is larger than " + std::to_string(kMaxFileBytes >> 20) + " MB");
  }
  return std::move(*bytes);
}

}  // namespace docket::http
