#include "master/store/file_index.h"

#include <algorithm>
#include <functional>

#include "protocol/base/check.h"

namespace docket::store {
namespace {

constexpr WallMs kNoteUseEveryMs = 3'600'000;

}  // namespace

std::uint64_t FileIndex::version(const std::string& id) const {
  const auto found = files_.find(id);
  return found == files_.end() ? 0 : found->second.version;
}

void FileIndex::lose(const std::string& id) {
  const auto found = files_.find(id);
  if (found != files_.end()) found->second.version = 0;
}

FileUse FileIndex::use() const {
  return {files_.size(), bytes_, bytes_ - idle_bytes_, max_bytes_};
}

bool FileIndex::touch(const std::string& id, WallMs now) {
  File& file = files_.at(id);
  if (file.holds == 0) {
    auto node = idle_.extract(file.used);
    node.key() = ++uses_;
    idle_.insert(std::move(node));
    file.used = uses_;
  } else {
    file.used = ++uses_;
  }
  if (now - file.noted < kNoteUseEveryMs) return false;
  file.noted = now;
  return true;
}

std::optional<std::vector<std::string>> FileIndex::reserve(const std::string& id,
                                                           std::uint64_t bytes) {
  const std::uint64_t more = counted_bytes(bytes);
  const auto own = files_.find(id);
  const std::uint64_t replaced = own == files_.end() ? 0 : own->second.bytes;
  const bool own_is_idle = own != files_.end() && own->second.holds == 0;
  const std::uint64_t after = bytes_ + reserved_bytes_ + more - replaced;
  std::uint64_t excess = after > max_bytes_ ? after - max_bytes_ : 0;
  if (excess > idle_bytes_ - (own_is_idle ? replaced : 0)) return std::nullopt;
  std::vector<std::string> gone;
  for (auto next = idle_.begin(); excess > 0; ++next) {
    CHECK_THAT(next != idle_.end());
    if (next->second == id) continue;  // it stays until its new content is there
    const std::uint64_t freed = files_.at(next->second).bytes;
    excess -= std::min(excess, freed);
    gone.push_back(next->second);
  }
  for (const std::string& file : gone) forget(file);
  reserved_bytes_ += more;
  return gone;
}

void FileIndex::add(const std::string& id, std::uint64_t bytes, WallMs used) {
  give_back(bytes);
  set(id, bytes, used);
}

void FileIndex::restore(const std::string& id, std::uint64_t bytes, WallMs used) {
  set(id, bytes, used);
}

void FileIndex::set(const std::string& id, std::uint64_t bytes, WallMs used) {
  File& file = files_[id];
  if (file.holds == 0) {
    idle_.erase(file.used);
    idle_bytes_ -= file.bytes;
  }
  bytes_ -= file.bytes;
  file.bytes = counted_bytes(bytes);
  bytes_ += file.bytes;
  file.version = ++version_;
  file.used = ++uses_;
  file.noted = used;
  if (file.holds == 0) {
    idle_.emplace(file.used, id);
    idle_bytes_ += file.bytes;
  }
}

void FileIndex::forget(const std::string& id) {
  const auto found = files_.find(id);
  CHECK_THAT(found != files_.end() && found->second.holds == 0);
  idle_.erase(found->second.used);
  idle_bytes_ -= found->second.bytes;
  bytes_ -= found->second.bytes;
  files_.erase(found);
}

std::vector<std::string> FileIndex::trim() {
  std::vector<std::string> gone;
  while (bytes_ > max_bytes_ && !idle_.empty()) {
    gone.push_back(idle_.begin()->second);
    forget(gone.back());
  }
  return gone;
}

bool FileIndex::drop(const std::string& id) {
  if (files_.at(id).holds > 0) return false;
  forget(id);
  return true;
}

std::vector<std::string> FileIndex::drop_unused(WallMs since, std::size_t most) {
  std::vector<std::string> gone;
  for (const auto& [used, id] : idle_) {
    if (gone.size() == most) break;
    // A use is noted once an hour: what was noted within one may have been used since.
    if (files_.at(id).noted + kNoteUseEveryMs <= since) gone.push_back(id);
  }
  for (const std::string& id : gone) forget(id);
  return gone;
}

std::vector<FileEntry> FileIndex::list(std::size_t most) const {
  std::vector<std::pair<std::uint64_t, const std::string*>> order;  // by last use
  order.reserve(files_.size());
  for (const auto& [id, file] : files_) {
    if (file.version != 0) order.emplace_back(file.used, &id);
  }
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(most, order.size()));
  std::partial_sort(order.begin(), end, order.end(), std::greater<>());
  std::vector<FileEntry> entries;
  for (auto at = order.begin(); at != end; ++at) {
    const File& file = files_.at(*at->second);
    entries.push_back({*at->second, file.bytes, file.noted, file.holds > 0});
  }
  return entries;
}

void FileIndex::hold(const std::string& id) {
  File& file = files_.at(id);
  if (file.holds++ > 0) return;
  idle_.erase(file.used);
  idle_bytes_ -= file.bytes;
}

void FileIndex::release(const std::string& id) {
  File& file = files_.at(id);
  CHECK_THAT(file.holds > 0);
  if (--file.holds > 0) return;
  idle_.emplace(file.used, id);
  idle_bytes_ += file.bytes;
}

}  // namespace docket::store
