// The pages in Chromium, against a real cluster; what they look like is left in build/screenshots.
#include <doctest/doctest.h>

#include "tests/e2e/cluster.h"

using namespace docket::e2e;

namespace {

void browse(Cluster& cluster, const std::string& file) {
  const std::string root = DOCKET_SOURCE_DIR;
  const Ended ended = run(
      root + "/tests/browser/run", {file}, cluster.folder(),
      {"DOCKET_OPS_URL=" + cluster.ops_url(), "DOCKET_SCREENSHOTS=" + root + "/build/screenshots"},
      300'000);
  CHECK_MESSAGE(ended.status == 0, ended.out << ended.err);
  CHECK(ended.out.find("# fail 0") != std::string::npos);
  CHECK(ended.out.find("# pass 0") == std::string::npos);
}

}  // namespace

TEST_SUITE("e2e page") {
  TEST_CASE("the pages in Chromium") {
    Cluster cluster;
    cluster.add_host("lab-1", 2);
    cluster.add_host("lab-2", 1);
    for (const char* source : {"print(1)", "print(", "import time; time.sleep(0.2)"}) {
      CHECK(cluster.run("python3", source).status == 200);
    }
    for (const char* file :
         {"overview.test.mjs", "job.test.mjs", "lists.test.mjs", "looks.test.mjs"}) {
      CAPTURE(file);
      browse(cluster, file);
    }
  }

  TEST_CASE("ten thousand jobs in Chromium") {
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    browse(cluster, "many.mjs");
  }
}
