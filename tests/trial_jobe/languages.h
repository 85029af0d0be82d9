// The languages a trial Jobe can run: how each is found, compiled and started. A constant table
// and pure functions, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace docket::trial_jobe {

// The words of a run's command lines, the language's defaults filled in.
struct CommandWords {
  std::string source;  // file name in the work folder
  std::vector<std::string> interpreter_args;
  std::vector<std::string> compile_args;
  std::vector<std::string> link_args;
  std::vector<std::string> run_args;
};

// One row of the table. The lines are for sh; words are joined unquoted, as Jobe does it, so a
// space in an argument splits it and $HOME is expanded (recorded: params_runargs, fname_space).
struct LanguageRules {
  std::string_view id;
  std::string_view probe;           // prints the version, fails when the tool is missing
  std::string_view default_source;  // file name when the run_spec gives none
  std::vector<std::string> interpreter_args;
  std::vector<std::string> compile_args;
  std::vector<std::string> link_args;
  int memory_mb;                                     // default limit, 0: none
  int processes;                                     // default limit, threads included
  std::string (*compile_line)(const CommandWords&);  // null: nothing to compile
  std::string (*run_line)(const CommandWords&);
};

std::span<const LanguageRules> all_languages();

// Null when there is no such language; `id` in lower case.
const LanguageRules* find_language(std::string_view id);

// The first dotted number in a tool's version text, "12.2.0"; empty if there is none.
std::string version_in(std::string_view text);

// The file name for a source: the one given, or the default. A Java source without a name of its
// own (none, or prog.java) is named after its class.
std::string source_name(const LanguageRules& language, std::string_view given,
                        std::string_view source);

}  // namespace docket::trial_jobe
