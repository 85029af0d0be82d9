#include "master/http/api/file_request.h"

#include "master/http/api/php_value.h"
#include "protocol/base/base64.h"
#include "protocol/messages.h"

namespace docket::http {

Result<std::string> parse_file_request(std::string_view body, const std::string& what,
                                       std::string_view id) {
  const auto refuse = [&](ErrorCode code, const std::string& text) {
    return Error{code, what + ": " + text};
  };
  const Error missing = refuse(ErrorCode::invalid, "missing file_contents parameter");
  if (body.empty()) return missing;
  const auto read = php::json_decode(body);
  if (!read) {
    return refuse(ErrorCode::invalid, "the body is not valid JSON: " + read.error().message);
  }
  const php::Object* request = read->object();
  const php::Value* contents = request != nullptr ? request->find("file_contents") : nullptr;
  if (contents == nullptr || contents->is_null()) return missing;
  if (!contents->is_scalar()) {
    return refuse(ErrorCode::invalid, "file_contents must be text in base 64");
  }
  auto bytes = base64_decode(php::text_of(*contents));
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
