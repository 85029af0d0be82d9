// The agent's decisions: a function of events and time. It runs what the master assigns on the
// sandbox beside it and keeps every result until the master has taken it. Owned by the loop's
// thread; nothing here sleeps, sends, writes or logs.
//
// Invariants: never more runs at the sandbox than slots; an attempt is forgotten only on Taken; a
// result that cannot be told at once is on disk.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/core/events.h"
#include "agent/core/file_flights.h"
#include "protocol/base/clock.h"

namespace docket::agent {

struct CoreSettings {
  std::string name;
  std::string version;
  std::uint64_t instance = 0;  // random for each start
  std::uint32_t slots = 1;
  std::uint32_t weight_percent = 100;
  std::string master;  // for people, in notes
  std::string jobe;    // likewise
  std::vector<std::string> tags;

  std::uint32_t hello_every_ms = 1'000;     // until the master answers
  std::uint32_t no_answer_ms = 3'000;       // then it is said that none comes
  std::uint32_t refused_retry_ms = 10'000;  // after a refusal that will not pass by itself
  std::uint32_t probe_every_ms = 30'000;    // a well sandbox: new languages show within this
  std::uint32_t probe_retry_ms = 500;       // a sick one, doubled up to the next
  std::uint32_t probe_retry_max_ms = 5'000;
  std::uint32_t report_every_ms = 2'000;  // how the host fares
  std::uint32_t sample_busy_ms = 250;     // four looks at a program's shortest CPU limit
};

class Core {
 public:
  explicit Core(CoreSettings settings);

  void step(Event&& event, Now now, Effects& out);
  void tick(Now now, Effects& out);
  MonoMs next_deadline() const;

  // Nothing more can be waited for: what is finished goes to disk.
  void give_up(Effects& out) { spool_untaken(out); }

  std::size_t running() const;

 private:
  // Where an attempt stands.
  enum class Phase { posting, fetching, finished };

  // The host's load, summed over all looks at it.
  struct Load {
    std::uint64_t percent = 0;
    std::uint64_t looks = 0;
  };

  struct Work {
    Phase phase = Phase::posting;
    Assign order;
    MonoMs lease_end = 0;
    MonoMs posted = 0;
    Load load_before;  // when it was posted
    MonoMs fetching_since = 0;
    std::uint32_t push_ms = 0;
    std::set<std::string> awaited;  // files that the sandbox may lack
    bool pushed = false;            // once; a second 404 is the sandbox's fault
    bool cancelled = false;
    bool spooled = false;
    Finished result;  // when finished
  };

  void on(FromMaster& event, Now now, Effects& out);
  void on(RunAnswered& event, Now now, Effects& out);
  void on(FileChecked& event, Now now, Effects& out);
  void on(FilePushed& event, Now now, Effects& out);
  void on(Probed& event, Now now, Effects& out);
  void on(HostSampled& event, Now now, Effects& out);
  void on(Recovered& event, Now now, Effects& out);
  void on(Drain& event, Now now, Effects& out);

  void on_message(Welcome& message, Now now, Effects& out);
  void on_message(Refused& message, Now now, Effects& out);
  void on_message(Standing& message, Now now, Effects& out);
  void on_message(Heartbeat& message, Now now, Effects& out);
  void on_message(Assign& message, Now now, Effects& out);
  void on_message(FileChunk& message, Now now, Effects& out);
  void on_message(FileAbsent& message, Now now, Effects& out);
  void on_message(Taken& message, Now now, Effects& out);
  void on_message(Cancel& message, Now now, Effects& out);

  void learn_master_clock(MonoMs master_ms, Now now);
  void say_hello(Now now, Effects& out);
  void lose_link(Now now, Effects& out, const std::string& why);
  // A result told but not taken may have died with the connection.
  void spool_untaken(Effects& out);
  void note_link(Effects& out, Note::Level level, const std::string& text);
  void tell(ToMaster message, Now now, Effects& out);
  void post(Work& work, Now now, Effects& out);
  void finish(Work& work, Finished result, Now now, Effects& out);
  // Without an answer of the sandbox.
  void fail(Work& work, Ending ending, std::string detail, Now now, Effects& out);
  // What to do about a sandbox that has no free user for what it was given, for its admin.
  std::string overload_advice() const;
  std::uint32_t mean_load(const Work& work) const;
  void sandbox_down(const std::string& problem, Now now, Effects& out);
  void report_sandbox(Now now, Effects& out);
  void stop_when_drained(Effects& out);
  void on_news(const std::optional<FileNews>& news, Now now, Effects& out);
  Work* find(const AttemptId& id, Phase phase);

  const CoreSettings settings_;

  // the link
  bool welcomed_ = false;
  bool ever_welcomed_ = false;
  std::string link_note_;  // the last thing said about the link, so that it is said once
  MonoMs next_hello_ = 0;
  MonoMs unanswered_since_ = kNever;  // of the first hello that nobody has answered
  MonoMs heard_ = 0;
  MonoMs sent_ = 0;
  std::uint32_t heartbeat_ms_ = 1'000;
  std::uint32_t silence_ms_ = 5'000;
  // The smallest (mine - master's) seen in this window and the one before: clocks drift, so no
  // difference counts for ever.
  MonoMs clock_offset_ = kNever;
  MonoMs past_clock_offset_ = kNever;
  MonoMs clock_window_end_ = 0;

  // the sandbox
  bool probed_ = false;
  bool probing_ = false;
  MonoMs next_probe_ = 0;
  std::uint32_t probe_wait_ms_ = 0;
  bool sandbox_changed_ = false;  // since the last hello
  std::vector<Language> languages_;
  std::string sandbox_problem_;
  bool overload_noted_ = false;  // and nothing has run since

  // the host
  bool sampling_ = false;
  MonoMs next_sample_ = 0;
  MonoMs next_report_ = 0;
  HostReport host_;  // as last seen
  Load load_;

  std::map<AttemptId, Work> works_;
  FileFlights flights_;
  bool draining_ = false;
  bool stopped_ = false;
};

}  // namespace docket::agent
