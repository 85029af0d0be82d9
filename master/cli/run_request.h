// What `docket run` sends and how it reads what comes back. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace docket::cli {

// Jobe's name of the language by the ending of a file's name, or "" when it tells none.
std::string_view language_of_file(std::string_view name);

// The part behind the last slash.
std::string_view base_name(std::string_view path);

// Whether Jobe takes it as the name of a support file: letters, digits, "-", "_" and ".", without
// "..".
bool legal_file_name(std::string_view name);

// The name a sandbox should give the program, as it is on this machine: compilers name it in their
// messages and Java wants it to be right. "" (Jobe's default) when the program has none, when its
// ending is not the language's, or when Jobe would refuse the name.
std::string source_name(std::string_view program, std::string_view language);

struct SupportFile {
  std::string id;  // MD5 of its content, 32 hex digits in lower case
  std::string name;
};

struct RunRequest {
  std::string language;
  std::string source;
  std::string source_name;  // empty: Jobe's default
  std::string input;
  std::optional<int> cputime_s;
  std::optional<int> memory_mb;
  std::vector<SupportFile> files;
};

// The body of POST runs. All texts must be UTF-8.
std::string run_body(const RunRequest& run);

// 0 for outcome 15, else 1.
int exit_code_of(int outcome);

// "time limit exceeded", … for a message about a run that is not ok.
std::string outcome_sentence(int outcome);

}  // namespace docket::cli
