// Answers in JSON, as the operations API gives them: never to be kept by a cache. Pure.
#pragma once

#include <string>
#include <string_view>

#include "master/http/server.h"
#include "protocol/base/result.h"

namespace docket::http {

Response json_response(std::string body, int status = 200);

// {"error":"…"}
Response problem(int status, std::string_view text);
Response problem(const Error& error);

// Of a request with a body: a form on a foreign page can post, but not with this type.
bool is_json(const Request& request);
Response not_json();

}  // namespace docket::http
