// What real Jobe was asked and answered, as recorded (tests/contract/recordings). Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/contract/wire.h"

namespace docket::contract {

struct Exchange {
  std::string name;
  std::string method;  // "RAW": bytes that no client library would send
  std::string path;
  Request request;
  std::string language;    // of a run_spec that names one, in lower case; else empty
  bool answered = true;    // false: the recorder could not send it
  Answer answer;           // Jobe's; status 0: it closed without one
  bool body_known = true;  // false: too long to be kept
};

// In the order of the file, with clipped bodies made whole. Fails the test when the file is not
// what it should be.
std::vector<Exchange> read_recording(const std::string& file);

// Another server's path of the same request: recordings were made under several.
void replace_in_path(Exchange& exchange, const std::string& from, const std::string& to);

}  // namespace docket::contract
