// docket-fault-tests: runs the cells, each in a process of its own and some at a time, prints their
// counts, and holds them against docs/reliability.md or writes it anew.
//
//   docket-fault-tests [--only TEXT] [--at-a-time N] [--write FILE] [--list]
//
// Some cells need root. Elsewhere they fail, unless DOCKET_TESTS_WITHOUT_ROOT is set: ctest shows
// nothing of a test that passes, so leaving them out must be somebody's word.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>

#include "tests/e2e/faults/document.h"

namespace docket::e2e {
namespace {

constexpr int kCellMs = 300'000;  // a hang

struct Settings {
  std::string only;        // in the title
  std::string write;       // the document
  std::string run;         // title of one cell, to run in this very process,
  std::string counts;      // and the file for what it counted
  unsigned at_a_time = 4;  // cells wait more than they work
  bool list = false;
};

Settings settings;

std::vector<Cell> all_cells() {
  std::vector<Cell> cells;
  for (auto&& group : {kill_cells(), pause_cells(), network_cells(), disk_cells(), clock_cells()}) {
    cells.insert(cells.end(), group.begin(), group.end());
  }
  return cells;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// ---- one cell, in this process

void run_one() {
  const auto cells = all_cells();
  const auto cell = std::find_if(cells.begin(), cells.end(),
                                 [](const Cell& c) { return c.title() == settings.run; });
  REQUIRE(cell != cells.end());
  const Counts counts = cell->run();
  std::ofstream(settings.counts) << to_json(counts);
  for (const auto& finding : counts.findings) MESSAGE(finding);
  CHECK(counts.clean());
}

// ---- all of them, each in a child

std::string summary(const Counts& counts) {
  const auto part = [](const char* name, int count) {
    return std::string(", ") + name + " " + std::to_string(count);
  };
  return std::to_string(counts.answered) + " of " + std::to_string(counts.attempted) + " answered" +
         part("lost", counts.lost) + part("doubled", counts.doubled) +
         part("unexpected", counts.unexpected) + part("broken", counts.broken) +
         part("refused", counts.refused) + part("run again", counts.run_again);
}

struct Child {
  const Cell* cell;
  std::string counts_file;
  std::unique_ptr<Process> process;
  std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
};

class Runner {
 public:
  void begin(const Cell& cell) {
    Child child{&cell, folder_.path() + "/counts-" + std::to_string(serial_++), nullptr};
    child.process = std::make_unique<Process>(
        "docket-fault-tests",
        std::vector<std::string>{"--run", cell.title(), "--counts", child.counts_file},
        folder_.path());
    children_.push_back(std::move(child));
  }

  // Takes what has ended; waits until fewer than `most` are under way.
  void wait(std::size_t most) {
    while (children_.size() >= most && !children_.empty()) {
      for (Child& child : children_) {
        const auto age = std::chrono::steady_clock::now() - child.begun;
        if (age > std::chrono::milliseconds(kCellMs)) child.process->kill_now();
        if (!child.process->alive()) end(child);
      }
      std::erase_if(children_, [](const Child& child) { return child.process == nullptr; });
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  const std::map<std::string, Counts>& counts() const { return counts_; }

 private:
  void end(Child& child) {
    const auto status = child.process->wait_exit(0);
    const std::string title = child.cell->title();
    const auto value = nlohmann::json::parse(read_file(child.counts_file), nullptr, false);
    const auto took = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::steady_clock::now() - child.begun);
    std::printf("%s (%d s): %s\n", title.c_str(), static_cast<int>(took.count()),
                value.is_object() ? summary(counts_of(value)).c_str() : "not counted");
    std::fflush(stdout);
    CHECK_MESSAGE(status == 0, title << "\n" << child.process->out() << child.process->err());
    if (value.is_object()) counts_[title] = counts_of(value);
    child.process.reset();
  }

  Folder folder_;
  int serial_ = 0;
  std::vector<Child> children_;
  std::map<std::string, Counts> counts_;
};

// Those that last longest are begun first.
std::vector<const Cell*> in_order(const std::vector<Cell>& cells) {
  std::vector<const Cell*> order;
  for (const Cell& cell : cells) order.push_back(&cell);
  std::stable_partition(order.begin(), order.end(), [](const Cell* cell) {
    return cell->name.find("beyond") != std::string::npos;
  });
  return order;
}

bool can_run(const Cell& cell) {
  if (!cell.needs_root || ::geteuid() == 0) return true;
  std::printf("%s: NOT RUN, it needs root\n", cell.title().c_str());
  CHECK_MESSAGE(std::getenv("DOCKET_TESTS_WITHOUT_ROOT") != nullptr,
                cell.title() << " needs root; DOCKET_TESTS_WITHOUT_ROOT=1 leaves such cells out");
  return false;
}

void run_all() {
  const auto cells = all_cells();
  Runner runner;
  for (const Cell* cell : in_order(cells)) {
    if (cell->title().find(settings.only) == std::string::npos || !can_run(*cell)) continue;
    runner.wait(settings.at_a_time);
    runner.begin(*cell);
  }
  runner.wait(1);
  CHECK_FALSE(runner.counts().empty());
  if (!settings.write.empty()) {
    REQUIRE(runner.counts().size() == cells.size());
    std::ofstream(settings.write) << document_of(cells, runner.counts());
  }
  if (!settings.only.empty()) return;
  std::set<std::string> titles;
  for (const Cell& cell : cells) titles.insert(cell.title());
  const auto documented = titles_in(read_file(DOCKET_SOURCE_DIR "/docs/reliability.md"));
  CHECK_MESSAGE(documented == titles, "docs/reliability.md shows other cells; write it anew");
}

TEST_CASE("faults") {
  if (settings.run.empty()) {
    run_all();
  } else {
    run_one();
  }
}

bool read(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--list") {
      settings.list = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const std::string value = argv[++i];
    if (option == "--only") {
      settings.only = value;
    } else if (option == "--write") {
      settings.write = value;
    } else if (option == "--run") {
      settings.run = value;
    } else if (option == "--counts") {
      settings.counts = value;
    } else if (option == "--at-a-time") {
      settings.at_a_time = static_cast<unsigned>(std::max(1, std::atoi(value.c_str())));
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace docket::e2e

int main(int argc, char** argv) {
  using docket::e2e::settings;
  if (!docket::e2e::read(argc, argv)) {
    std::fprintf(stderr,
                 "usage: docket-fault-tests [--only TEXT] [--at-a-time N] [--write FILE]"
                 " [--list]\n");
    return 2;
  }
  if (settings.list) {
    for (const auto& cell : docket::e2e::all_cells()) {
      std::printf("%s%s\n", cell.title().c_str(), cell.needs_root ? " (needs root)" : "");
    }
    return 0;
  }
  doctest::Context context;
  return context.run();
}
