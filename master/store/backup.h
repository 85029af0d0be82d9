// Copies of the live database, made beside the journal on connections of their own. Any thread.
//
// A copy is one state of the database: everything that was committed before the call is in it. It
// is built under a passing name, checked, synced, and only then given its own; nothing is ever
// written over. Support files are not in it. One copy is made at a time.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "master/core/seams.h"

namespace docket::store {

class DiskBackups final : public Backups {
 public:
  // Copies go into the folder `into`, which is made when the first is. `on_damage` hears, on the
  // copying thread, when the database turned out to be damaged.
  DiskBackups(std::string data_dir, std::string into,
              std::function<void(const std::string&)> on_damage = {})
      : data_dir_(std::move(data_dir)), into_(std::move(into)), on_damage_(std::move(on_damage)) {}

  Result<BackupMade> make(const std::string& name) override;
  void stop() override { stopping_ = true; }

 private:
  const std::string data_dir_;
  const std::string into_;
  const std::function<void(const std::string&)> on_damage_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace docket::store
