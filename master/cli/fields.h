// Reading the master's answers: fields of JSON objects without exceptions, and HTTP statuses as
// errors. A field that is absent or of another kind reads as empty, so that an older or newer
// master can be asked too.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "master/cli/client.h"
#include "protocol/base/clock.h"
#include "protocol/base/result.h"

namespace docket::cli {

using Json = nlohmann::json;

std::string text_at(const Json& object, const char* key);
std::int64_t number_at(const Json& object, const char* key);  // 0 when there is none
double real_at(const Json& object, const char* key);
bool true_at(const Json& object, const char* key);
bool known_at(const Json& object, const char* key);        // present and not null
const Json& list_at(const Json& object, const char* key);  // an empty list when there is none

std::string words_of(const Json& list);  // "a,b"

// Time from the moment in `key` to `now`, or "" when there is none.
std::string age_at(const Json& object, const char* key, WallMs now);

// What came of a job: nothing yet, the outcome's name, or that the sandbox refused the request. The
// outcome of a cancelled one says only that it has none.
std::string outcome_in(const Json& job);

// What an answer that is no success says, as one line.
Error error_of(const Client& client, const Request& request, const Reply& reply);

// Sends what is answered with 204 when it was done.
Status carry_out(Client& client, const Request& request);

// GET `path`: the body as it came, when the status is 200.
Result<std::string> fetch_text(Client& client, const std::string& path);

// The same, read as a JSON object.
Result<Json> fetch(Client& client, const std::string& path);

// corrupt unless `body` is a JSON object.
Result<Json> parse_object(const Client& client, const std::string& body);

// Writes to standard output; whether that worked is checked once, at the end of the program.
void print(const std::string& text);

}  // namespace docket::cli
