// What the master tells of itself for docket doctor: where it listens, what its data folder and its
// disk are like. The command line judges it. Pure, but for reading a disk's free space.
#pragma once

#include <cstdint>
#include <string>

#include "master/core/snapshot.h"
#include "master/core/store_figures.h"
#include "master/http/api/views.h"

namespace docket::http {

struct SelfFacts {
  std::string jobe_listen;    // HOST:PORT
  std::string agents_listen;  // likewise
  std::string ops_listen;     // as the setting says
  bool local_is_admin = false;
  std::string data;  // the folder
  std::uint64_t free_disk_bytes = 0;
  StoreFigures store;
};

// Of the file system on which the folder is, for others than root; 0 when it cannot be read.
std::uint64_t free_bytes_of(const std::string& folder);

std::string self_json(const Snapshot& snapshot, const Build& build, const SelfFacts& facts,
                      WallMs now);

}  // namespace docket::http
