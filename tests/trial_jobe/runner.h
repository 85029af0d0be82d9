// Carries out one run_spec: work folder, compile, run, result in Jobe's form. Any thread; runs are
// independent, at most one at a time per slot.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "protocol/base/log.h"
#include "tests/trial_jobe/answer.h"
#include "tests/trial_jobe/file_cache.h"
#include "tests/trial_jobe/languages.h"
#include "tests/trial_jobe/run_spec.h"
#include "tests/trial_jobe/sandbox.h"
#include "tests/trial_jobe/work_folder.h"

namespace docket::trial_jobe {

class Runner {
 public:
  Runner(const Sandbox& sandbox, const FileCache& files, std::filesystem::path runs, Logger log);

  // Language ids with versions as the tools print them, sorted; only those that work here.
  // unavailable when nothing can be run at all; the message says why.
  Result<std::map<std::string, std::string, std::less<>>> detect_languages() const;

  // Jobe's answer to the run: 200 with a result, 404 when a support file is missing, 500 when the
  // sandbox itself failed. `slot` counts from 0.
  Answer run(const RunSpec& spec, int slot) const;

 private:
  Answer run_in(WorkFolder& folder, const RunSpec& spec, int slot) const;

  const Sandbox& sandbox_;
  const FileCache& files_;
  const std::filesystem::path runs_;
  const Logger log_;
};

}  // namespace docket::trial_jobe
