// How support files get into the sandbox: one flight a file, however many attempts wait for it. The
// sandbox is asked whether it has the file, the master is asked for it piece by piece, the whole is
// pushed. Owned by the agent's core; nothing here sleeps or sends.
//
// Invariants: a few files are open (asked for, fetched or pushed) at a time and the rest wait in
// order of arrival; a few pieces are under way from the master, over all files.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/events.h"
#include "protocol/base/clock.h"

namespace docket::agent {

// A file lies in memory while it is open, twice while it is pushed (in base 64).
inline constexpr std::size_t kMostOpenFiles = 4;
// 1 MiB under way fills a gigabit link at a round trip of 8 ms; a thousand agents that fetch at
// once then cost the master 1 GiB at the most.
inline constexpr std::size_t kMostChunksUnderWay = 4;

// What became of a file that attempts wait for.
struct FileNews {
  std::string file;
  std::vector<AttemptId> waiting;
  Ending ending = Ending::none;  // none: the sandbox has it
  std::string detail;
};

class FileFlights {
 public:
  // The attempt waits for the file until `until`.
  void want(const std::string& file, const AttemptId& id, MonoMs until);
  // It no longer does. What nobody waits for is not fetched on.
  void leave(const std::string& file, const AttemptId& id);
  // The link is new: what was asked for on the old one may never come.
  void ask_again();

  // The sandbox's word on whether it has the file.
  std::optional<FileNews> on(const FileChecked& event);
  std::optional<FileNews> on(const FilePushed& event);
  // The master's answers.
  std::optional<FileNews> on(FileChunk& message, Now now, Effects& out);
  std::optional<FileNews> on(const FileAbsent& message);

  // Opens files and asks for pieces, as many as may be. Call it after everything else.
  void go_on(bool linked, Effects& out);

 private:
  enum class Stage { waiting, checking, fetching, pushing };

  struct Flight {
    Stage stage = Stage::waiting;
    std::map<AttemptId, MonoMs> waiting;  // until when
    bool begun = false;                   // total and version are known
    std::uint64_t total_bytes = 0;
    std::uint64_t version = 0;
    std::string content;         // what has come
    std::uint64_t asked = 0;     // the first byte not yet asked for
    std::size_t unanswered = 0;  // requests for its pieces
  };

  Flight* find(const std::string& file, Stage stage);
  // A request was answered, with something of use or not.
  static void answered(Flight& flight);
  FileNews close(const std::string& file, Ending ending, std::string detail);
  void push(const std::string& file, Flight& flight, Now now, Effects& out);

  std::map<std::string, Flight> flights_;
  std::deque<std::string> line_;   // files to open, oldest first; some are no longer wanted
  std::vector<std::string> open_;  // oldest first
};

}  // namespace docket::agent
