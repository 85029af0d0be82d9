// Sockets that the service manager has kept while a program was replaced by its next version
// (systemd's file descriptor store, sd_listen_fds(3)): clients that came meanwhile wait in them.
// Used by main's thread, before there are others.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace docket {

class KeptSockets {
 public:
  // Those that LISTEN_FDS and LISTEN_FDNAMES tell of, if LISTEN_PID means this process. None of
  // them is inherited by programs that this one starts.
  KeptSockets();
  ~KeptSockets();  // closes what nobody has taken
  KeptSockets(const KeptSockets&) = delete;
  KeptSockets& operator=(const KeptSockets&) = delete;

  // The first of that name, the caller's to close; -1 when there is none.
  int take(const std::string& name);

 private:
  std::vector<std::pair<std::string, int>> kept_;
};

}  // namespace docket
