// The status page in a real browser, against a real cluster.
#include <doctest/doctest.h>

#include "tests/e2e/cluster.h"

using namespace docket::e2e;

TEST_SUITE("e2e page") {
  TEST_CASE("the status page in Chromium") {
    Cluster cluster;
    cluster.add_host("lab-1", 2);
    cluster.add_host("lab-2", 1);
    for (const char* source : {"print(1)", "print(", "import time; time.sleep(0.2)"}) {
      CHECK(cluster.run("python3", source).status == 200);
    }
    const std::string script = std::string(DOCKET_SOURCE_DIR) + "/tests/browser/run";
    const Ended ended =
        run(script, {}, cluster.folder(), {"DOCKET_OPS_URL=" + cluster.ops_url()}, 300'000);
    CHECK_MESSAGE(ended.status == 0, ended.out << ended.err);
    CHECK(ended.out.find("# fail 0") != std::string::npos);
  }
}
