// What /metrics tells; docs/monitoring.md describes it, and a test compares the two. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "master/core/snapshot.h"
#include "master/core/store_figures.h"
#include "master/http/api/process_figures.h"
#include "master/http/api/views.h"
#include "master/http/traffic.h"
#include "protocol/base/published.h"

namespace docket::http {

struct ListenerFigures {
  std::string name;
  std::int64_t connections = 0;
  std::vector<Traffic::Seen> routes;
};

std::string metrics_text(const Snapshot& snapshot, const Build& build, const StoreFigures& store,
                         const std::vector<ListenerFigures>& listeners,
                         const ProcessFigures& process);

// Gathers what metrics_text() tells from those who count it.
class MetricsPage {
 public:
  struct Listener {
    std::string name;
    std::shared_ptr<const Traffic> traffic;
  };

  // `store` is called from any thread.
  MetricsPage(const Published<Snapshot>& published, Build build,
              std::function<StoreFigures()> store, std::vector<Listener> listeners);

  std::string text() const;

 private:
  const Published<Snapshot>& published_;
  const Build build_;
  const std::function<StoreFigures()> store_;
  const std::vector<Listener> listeners_;
};

}  // namespace docket::http
