// A host's Jobe: takes runs over HTTP, really takes time for them, runs an abandoned program to its
// end, lacks files until they are pushed, and falls sick. Its books are the auditor's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/audit_runs.h"

namespace docket::sim {

enum class Sickness {
  none,
  http_500,
  half_answer,     // 200 with half a JSON
  guard_fault,     // outcome 11 with runguard's complaint
  internal_error,  // outcome 20
  overload,        // outcome 21
  silent,          // no answer ever comes
  slow,
  refuses,  // no connections
  mute,     // what programs print is lost
};

// What became of an HTTP request.
struct Reply {
  enum class Kind { answered, refused, cut };
  Kind kind = Kind::answered;
  int status = 0;
  std::string body;
};

class Sandbox {
 public:
  using Done = std::function<void(Reply)>;

  Sandbox(World& world, HostIndex host, const HostPlan& plan, const Programs& programs,
          RunAudit& audit)
      : world_(world), host_(host), plan_(plan), programs_(programs), audit_(audit) {}

  // POST runs. The attempt is for the books only. `done` is called once, unless abandoned.
  std::uint64_t post(const AttemptId& attempt, const std::string& body, Done done);
  void abandon(std::uint64_t request);
  void abandon_all();  // the agent's process died
  // GET languages.
  Reply probe() const;
  std::vector<Language> languages() const;
  bool has(const std::string& file) const { return files_.contains(file); }
  // PUT files/ID.
  Reply put(const std::string& file, std::string content);
  void forget_files() { files_.clear(); }

  void fall(Sickness sickness) {
    sickness_ = sickness;
    audit_.changed(host_);
  }
  // The service was restarted: connections are cut, programs run on.
  void restart(MonoMs down_ms);
  void lose_power();  // until a restart

 private:
  struct Request {
    Done done;
    std::uint64_t execution = 0;  // 0: none
  };

  bool reachable() const;
  void finish(std::uint64_t request, Reply reply, MonoMs in_ms);
  void run(std::uint64_t request, const AttemptId& attempt, const std::string& body);
  Reply answer_of(const Execution& execution, const std::string& body) const;
  Reply sick_answer(const Execution& execution) const;

  World& world_;
  const HostIndex host_;
  const HostPlan& plan_;
  const Programs& programs_;
  RunAudit& audit_;
  Sickness sickness_ = Sickness::none;
  MonoMs down_until_ = 0;
  std::uint64_t power_ = 0;  // counts losses
  std::uint64_t last_request_ = 0;
  std::map<std::uint64_t, Request> requests_;
  std::map<std::string, std::string> files_;
};

}  // namespace docket::sim
