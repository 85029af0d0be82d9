#include "master/cli/fields.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "master/cli/text.h"

namespace docket::cli {
namespace {

constexpr std::size_t kMostMessageBytes = 500;

const Json* find(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

ErrorCode code_of(int status) {
  constexpr ErrorCode kCodes[] = {ErrorCode::invalid,  ErrorCode::denied,    ErrorCode::not_found,
                                  ErrorCode::conflict, ErrorCode::too_large, ErrorCode::unavailable,
                                  ErrorCode::timed_out};
  for (const auto code : kCodes) {
    if (facts_of(code).http_status == status) return code;
  }
  if (status == 401) return ErrorCode::denied;
  if (status == 429) return ErrorCode::unavailable;
  return ErrorCode::internal;
}

// Jobe's errors are JSON strings, those of /api/v1 objects with "error".
std::string message_in(const std::string& body) {
  const Json value = Json::parse(body, nullptr, false);
  std::string text = value.is_string() ? value.get<std::string>() : text_at(value, "error");
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  if (text.size() > kMostMessageBytes) text = text.substr(0, kMostMessageBytes) + " …";
  return visible(text);
}

}  // namespace

std::string text_at(const Json& object, const char* key) {
  const Json* value = find(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::int64_t number_at(const Json& object, const char* key) {
  const Json* value = find(object, key);
  return value != nullptr && value->is_number_integer() ? value->get<std::int64_t>() : 0;
}

double real_at(const Json& object, const char* key) {
  const Json* value = find(object, key);
  return value != nullptr && value->is_number() ? value->get<double>() : 0;
}

bool true_at(const Json& object, const char* key) {
  const Json* value = find(object, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

bool known_at(const Json& object, const char* key) {
  const Json* value = find(object, key);
  return value != nullptr && !value->is_null();
}

const Json& list_at(const Json& object, const char* key) {
  static const Json kNone = Json::array();
  const Json* value = find(object, key);
  return value != nullptr && value->is_array() ? *value : kNone;
}

std::string words_of(const Json& list) {
  std::string words;
  for (const auto& word : list) {
    if (!word.is_string()) continue;
    if (!words.empty()) words += ",";
    words += word.get<std::string>();
  }
  return words;
}

std::string age_at(const Json& object, const char* key, WallMs now) {
  const auto time = parse_time(text_at(object, key));
  return time ? age(now - *time) : std::string();
}

std::string outcome_in(const Json& job) {
  const bool ended = known_at(job, "outcome") || known_at(job, "http_status");
  return ended && text_at(job, "state") != "cancelled" ? text_at(job, "outcome_name")
                                                       : std::string();
}

Error error_of(const Client& client, const Request& request, const Reply& reply) {
  std::string message = message_in(reply.body);
  if (message.empty()) {
    message = client.url() + " answers " + request.method + " " +
              request.path.substr(0, request.path.find('?')) + " with HTTP " +
              std::to_string(reply.status);
    if (reply.status == 404) message += "; is this the operations listener of a Docket master?";
  }
  return {code_of(reply.status), message};
}

Status carry_out(Client& client, const Request& request) {
  const auto reply = client.send(request);
  if (!reply) return reply.error();
  if (reply->status != 204) return error_of(client, request, *reply);
  return ok_status();
}

Result<Json> parse_object(const Client& client, const std::string& body) {
  Json value = Json::parse(body, nullptr, false);
  if (!value.is_object()) {
    return Error{ErrorCode::corrupt, client.url() +
                                         " does not answer as a Docket master does; "
                                         "is this its operations listener?"};
  }
  return value;
}

Result<std::string> fetch_text(Client& client, const std::string& path) {
  Request request;
  request.path = path;
  auto reply = client.send(request);
  if (!reply) return reply.error();
  if (reply->status != 200) return error_of(client, request, *reply);
  return std::move(reply->body);
}

Result<Json> fetch(Client& client, const std::string& path) {
  const auto body = fetch_text(client, path);
  return body ? parse_object(client, *body) : body.error();
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace docket::cli
