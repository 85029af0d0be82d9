// Which support files there are, how large, how long unused, and which may go. Pure; whoever owns
// it guards it.
//
// Invariants: a held file is never named for removal; what is reserved and what is kept fit the
// limit together, unless held files alone exceed it (the limit was lowered over a restart).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "master/core/seams.h"
#include "protocol/base/clock.h"

namespace docket::store {

// What a file counts: whole blocks of 4 KiB and at least one, so that the limit bounds the number
// of files too. `bytes` is far below 2^63.
constexpr std::uint64_t counted_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t kBlock = 4096;
  return bytes == 0 ? kBlock : (bytes + kBlock - 1) / kBlock * kBlock;
}

class FileIndex {
 public:
  // Versions begin behind `first_version`: one that no earlier process gave out.
  FileIndex(std::uint64_t max_bytes, std::uint64_t first_version)
      : max_bytes_(max_bytes), version_(first_version) {}

  bool has(const std::string& id) const { return version(id) != 0; }
  // Changes with every add of the id; 0 when it is not there.
  std::uint64_t version(const std::string& id) const;
  // Somebody removed it from the disk: it is not there until it is added again.
  void lose(const std::string& id);
  FileUse use() const;
  // The most recently used first.
  std::vector<FileEntry> list(std::size_t most) const;

  // It is used now. True when that should be noted on disk: once an hour is enough.
  bool touch(const std::string& id, WallMs now);

  // Reserves room for a new content of `id` and returns which files must go for it, no longer
  // known here, least recently used first. Nothing when even that would not do.
  std::optional<std::vector<std::string>> reserve(const std::string& id, std::uint64_t bytes);
  // The end of a reservation: the file is there, or will not be.
  void add(const std::string& id, std::uint64_t bytes, WallMs used);
  void give_back(std::uint64_t bytes) { reserved_bytes_ -= counted_bytes(bytes); }

  // Found on disk at the start, in the order of their last use; needs no reservation.
  void restore(const std::string& id, std::uint64_t bytes, WallMs used);
  // What is over the limit: files that must go, no longer known here.
  std::vector<std::string> trim();

  // False when a job needs it; else the file must go and is no longer known here. It must be known.
  bool drop(const std::string& id);
  // Up to `most` idle files that were not used since: they must go, no longer known here.
  std::vector<std::string> drop_unused(WallMs since, std::size_t most);

  // Every hold of a file that is there must be released once.
  void hold(const std::string& id);
  void release(const std::string& id);

 private:
  struct File {
    std::uint64_t bytes = 0;    // counted
    std::uint64_t version = 0;  // 0: lost
    std::uint64_t used = 0;     // its place in the order of use
    WallMs noted = 0;           // its last use as the disk knows it
    std::uint32_t holds = 0;
  };

  void set(const std::string& id, std::uint64_t bytes, WallMs used);
  void forget(const std::string& id);

  const std::uint64_t max_bytes_;
  std::uint64_t version_;
  std::uint64_t uses_ = 0;
  std::unordered_map<std::string, File> files_;
  std::map<std::uint64_t, std::string> idle_;  // files without holds, by `used`
  std::uint64_t bytes_ = 0;
  std::uint64_t idle_bytes_ = 0;
  std::uint64_t reserved_bytes_ = 0;
};

}  // namespace docket::store
