#include "master/http/api/self_view.h"

#include <sys/statvfs.h>

#include <nlohmann/json.hpp>

#include "protocol/base/address.h"

namespace docket::http {
namespace {

using nlohmann::ordered_json;

// The bound below which 95 of 100 commits stay; null where there is none.
ordered_json p95_of(const Histogram<CommitSeconds>& commits) {
  const std::uint64_t all = commits.total();
  std::uint64_t below = 0;
  for (std::size_t i = 0; all > 0 && i < CommitSeconds::kUpTo.size(); ++i) {
    below += commits.counts[i];
    if (below * 100 >= all * 95) return CommitSeconds::kUpTo[i];
  }
  return nullptr;
}

ordered_json commits_of(const JournalFigures& journal) {
  const std::uint64_t all = journal.commit_seconds.total();
  ordered_json mean;
  if (all > 0) mean = journal.commit_seconds.sum / static_cast<double>(all);
  return {{"count", all},
          {"failed", journal.failed_commits},
          {"mean_seconds", mean},
          {"p95_seconds", p95_of(journal.commit_seconds)}};
}

}  // namespace

std::uint64_t free_bytes_of(const std::string& folder) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return 0;
  return static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
}

std::string self_json(const Snapshot& snapshot, const Build& build, const SelfFacts& facts,
                      WallMs now) {
  const StoreFigures& store = facts.store;
  const ordered_json view = {
      {"version", build.version},
      {"time", rfc3339(now)},
      {"host", host_name("")},
      {"listens",
       {{"jobe", facts.jobe_listen}, {"ops", facts.ops_listen}, {"agents", facts.agents_listen}}},
      {"local_is_admin", facts.local_is_admin},
      {"tokens", snapshot.access->size()},
      {"data",
       {{"folder", facts.data},
        {"free_bytes", facts.free_disk_bytes},
        {"database_bytes", store.journal.database_bytes},
        {"max_database_bytes", store.max_database_bytes},
        {"files_bytes", store.files.bytes},
        {"max_files_bytes", store.files.max_bytes}}},
      {"commits", commits_of(store.journal)}};
  return view.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace docket::http
