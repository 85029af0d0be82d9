// Wrong settings: one line on stderr that names the setting, and an exit status that is not 0.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "tests/e2e/cluster.h"

using namespace docket::e2e;

namespace {

void refuses(const Folder& folder, const std::string& program, std::vector<std::string> arguments,
             const std::string& named) {
  const Ended ended = run(program, std::move(arguments), folder.path(), {}, 10'000);
  CAPTURE(ended.err);
  CHECK(ended.status != 0);
  CHECK(ended.status < 128);
  CHECK(ended.out.empty());
  CHECK(ended.err.find(named) != std::string::npos);
  CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
}

std::string write(const Folder& folder, const std::string& name, const std::string& text) {
  const std::string path = folder.path() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

}  // namespace

TEST_SUITE("e2e bad input") {
  TEST_CASE("master") {
    const Folder folder;
    const std::string data = folder.path() + "/data";
    refuses(folder, "docket-master", {"--jobe-listen", "nonsense", "--data", data}, "jobe-listen");
    refuses(folder, "docket-master", {"--agents-listen", "127.0.0.1:0", "--data", data},
            "agents-listen");
    refuses(folder, "docket-master", {"--no-such-option"}, "no-such-option");
    refuses(folder, "docket-master", {"--http-threads", "0"}, "http-threads");
    refuses(folder, "docket-master", {"--data", "/proc/nowhere"}, "data");
    refuses(folder, "docket-master", {"--log-level", "loud", "--data", data}, "log-level");
    refuses(folder, "docket-master", {"--config", "/nowhere.toml"}, "/nowhere.toml");
    refuses(folder, "docket-master",
            {"--config", write(folder, "unknown.toml", "jobe-lisden = \"127.0.0.1:0\"\n")},
            "jobe-lisden");
    std::filesystem::create_directories(data);
    write(folder, "data/docket.db", "this is no database, it only has its name and some length");
    refuses(folder, "docket-master",
            {"--data", data, "--jobe-listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0",
             "--agents-listen", "tcp://127.0.0.1:0"},
            "data");
  }

  TEST_CASE("master: a port or a folder in use") {
    Cluster cluster;
    const std::string jobe = cluster.jobe("").substr(7, cluster.jobe("").find("/jobe") - 7);
    const Folder folder;
    refuses(folder, "docket-master",
            {"--jobe-listen", jobe, "--ops-listen", "127.0.0.1:0", "--agents-listen",
             "tcp://127.0.0.1:0", "--data", folder.path() + "/data"},
            "jobe-listen: cannot listen on " + jobe);
    refuses(folder, "docket-master",
            {"--jobe-listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--agents-listen",
             "tcp://127.0.0.1:0", "--data", cluster.folder() + "/master"},
            "data: " + cluster.folder() + "/master is in use");
    refuses(folder, "docket-master",
            {"--jobe-listen", "127.0.0.1:0", "--ops-listen", cluster.ops_url().substr(7),
             "--agents-listen", "tcp://127.0.0.1:0", "--data", folder.path() + "/data"},
            "ops-listen: cannot listen on");
    refuses(folder, "docket-master",
            {"--jobe-listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--agents-listen",
             cluster.agents_url(), "--data", folder.path() + "/data"},
            "agents-listen: cannot listen on");
  }

  TEST_CASE("agent") {
    const Folder folder;
    const std::string data = folder.path() + "/data";
    refuses(folder, "docket-agent", {"--master", "lab:1", "--data", data}, "master");
    refuses(folder, "docket-agent", {"--jobe", "127.0.0.1", "--data", data}, "jobe");
    refuses(folder, "docket-agent", {"--slots", "0", "--data", data}, "slots");
    refuses(folder, "docket-agent", {"--slots", "many", "--data", data}, "slots");
    refuses(folder, "docket-agent", {"--name", "a b", "--data", data}, "name");
    refuses(folder, "docket-agent", {"--weight", "-1", "--data", data}, "weight");
    refuses(folder, "docket-agent", {"--data", "/proc/nowhere"}, "data");
    refuses(folder, "docket-agent", {"--jobe-key-file", "/nowhere", "--data", data},
            "jobe-key-file: /nowhere");
    const std::string two_words = write(folder, "jobe.key", "hush hush\n");
    refuses(folder, "docket-agent", {"--jobe-key-file", two_words, "--data", data},
            "jobe-key-file");
  }

  TEST_CASE("settings come from the file, and flags win") {
    const Folder folder;
    const std::string config = write(folder, "master.toml",
                                     "jobe-listen = \"127.0.0.1:0\"\n"
                                     "ops-listen = \"127.0.0.1:0\"\n"
                                     "agents-listen = \"nonsense\"\n"
                                     "data = \"" +
                                         folder.path() + "/from-file\"\n");
    Process master("docket-master", {"--config", config, "--agents-listen", "tcp://127.0.0.1:0"},
                   folder.path());
    master.wait_ready();
    CHECK(std::filesystem::exists(folder.path() + "/from-file/docket.db"));
  }

  TEST_CASE("trial-jobe") {
    const Folder folder;
    refuses(folder, "trial-jobe", {"--listen", "nonsense"}, "listen");
    refuses(folder, "trial-jobe", {"--slots", "0"}, "slots");
  }
}
