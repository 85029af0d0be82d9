#include "master/http/api/json_answer.h"

#include "master/http/api/views.h"

namespace docket::http {

Response json_response(std::string body, int status) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Response problem(int status, std::string_view text) {
  return json_response("{\"error\":" + json_text(text) + "}", status);
}

Response problem(const Error& error) {
  return problem(facts_of(error.code).http_status, error.message);
}

bool is_json(const Request& request) {
  return request.header("content-type").starts_with("application/json");
}

Response not_json() {
  return problem(415, "send Content-Type: application/json");
}

}  // namespace docket::http
