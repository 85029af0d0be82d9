// What joining reads and writes on the host.
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "agent/join/sandbox_search.h"
#include "agent/join/settings_file.h"
#include "tests/unit/temporary_folder.h"

using namespace docket;
using namespace docket::agent;
using docket::test::TemporaryFolder;

namespace {

void write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_SUITE("agent join") {
  TEST_CASE("settings are changed line by line, and what an admin wrote stays") {
    const TemporaryFolder folder;
    const std::string path = folder.path() + "/etc/agent.toml";
    write(path,
          "# Ours.\nname = \"old\"   # by hand\nslots=3 # fewer\n\n# jobe = \"x\"\nname-x = 1\n");
    REQUIRE(::chmod(path.c_str(), 0640) == 0);
    auto settings = SettingsFile::read(path);
    REQUIRE(settings.ok());
    CHECK(settings->get("name") == "old");
    CHECK(settings->get("slots") == "3");
    CHECK_FALSE(settings->get("jobe").has_value());
    CHECK_FALSE(settings->get("nam").has_value());
    settings->set("name", "lab-1");
    settings->set("jobe", "http://127.0.0.1:80");
    settings->set_list("tag", {"exam", "gpu"});
    REQUIRE(settings->write(path).ok());
    CHECK(read(path) ==
          "# Ours.\nname = \"lab-1\"\nslots=3 # fewer\n\n# jobe = \"x\"\nname-x = 1\n"
          "jobe = \"http://127.0.0.1:80\"\ntag = [\"exam\", \"gpu\"]\n");
    struct stat facts {};
    REQUIRE(::stat(path.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0640);
  }

  TEST_CASE("a file that is not there is made, with its folder") {
    const TemporaryFolder folder;
    const std::string path = folder.path() + "/new/agent.toml";
    auto settings = SettingsFile::read(path);
    REQUIRE(settings.ok());
    settings->set_number("slots", 4);
    REQUIRE(settings->write(path).ok());
    CHECK(read(path) == "slots = 4\n");
  }

  TEST_CASE("jobe_max_users is read as Jobe 2 and Jobe 1 write it") {
    const TemporaryFolder folder;
    CHECK_FALSE(jobe_max_users(folder.path()).has_value());
    write(folder.path() + "/jobe/application/config/config.php",
          "<?php\n/* jobe_max_users = 9 */\n * jobe_max_users = 7\n"
          "$config['jobe_max_users'] = 12;\n");
    CHECK(jobe_max_users(folder.path()) == 12);
    write(folder.path() + "/jobe/app/Config/Jobe.php",
          "<?php\n    // public int $jobe_max_users = 99;\n"
          "    public int $jobe_max_users = 8;       // Max users\n");
    CHECK(jobe_max_users(folder.path()) == 8);
    write(folder.path() + "/jobe/app/Config/Jobe.php", "    public int $jobe_max_users = 0;\n");
    CHECK(jobe_max_users(folder.path()) == 12);
  }

  TEST_CASE("the master's own port is no sandbox on the master's host") {
    const auto has_4000 = [](const std::string& master) {
      const auto places = usual_places({master, 4002});
      return std::ranges::any_of(places, [](const Address& a) { return a.port == 4000; });
    };
    CHECK_FALSE(has_4000("127.0.0.1"));
    CHECK(has_4000("192.0.2.1"));  // for documents: nobody's
    CHECK(usual_places({"192.0.2.1", 4002}).front().text() == "127.0.0.1:80");
  }
}
