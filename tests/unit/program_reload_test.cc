// What SIGHUP takes over from a changed configuration file, and what it leaves.
#include "protocol/base/program_reload.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/unit/temporary_folder.h"

using namespace docket;
using docket::test::TemporaryFolder;

namespace {

struct Settings {
  std::uint32_t wait_s = 10;
  std::vector<std::string> pins;
  std::string listen = "here";
  bool strict = false;
};

void declare(CLI::App& app, Settings& settings) {
  app.set_config("--config", "", "");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.add_option("--wait", settings.wait_s, "")->check(CLI::Range(1, 100));
  app.add_option("--pin", settings.pins, "");
  app.add_option("--listen", settings.listen, "");
  app.add_flag("--strict", settings.strict, "");
}

constexpr std::string_view kLive[] = {"pin", "wait"};

// A program that was started with a configuration file.
struct Program {
  explicit Program(const std::string& config) {
    write(config);
    declare(app, running);
    app.parse(static_cast<int>(arguments.size()), arguments.data());
    reload.emplace(static_cast<int>(arguments.size()), arguments.data(), app, kLive);
  }

  void write(const std::string& config) const { std::ofstream(path) << config; }

  // The lines that the reload logged, without time and program.
  std::string sighup(const Status& verdict = ok_status()) {
    const std::string log_path = folder.path() + "/log" + std::to_string(reloads++);
    LogOptions options;
    options.file = log_path;
    const Logger log = start_value("log-file", make_logger("test", options));
    CLI::App fresh_app;
    Settings fresh;
    declare(fresh_app, fresh);
    reload->run(
        fresh_app,
        [&] {
          if (verdict) running = fresh;
          return verdict;
        },
        log);
    std::ifstream file(log_path);
    std::string said;
    for (std::string line; std::getline(file, line);) {
      said += line.substr(line.find(" test ") + 6) + "\n";
    }
    return said;
  }

  TemporaryFolder folder;
  std::string path = folder.path() + "/config.toml";
  std::string name = "program";
  std::string flag = "--config";
  std::vector<char*> arguments = {name.data(), flag.data(), path.data()};
  CLI::App app;
  Settings running;
  std::optional<Reload> reload;
  int reloads = 0;
};

}  // namespace

TEST_SUITE("program reload") {
  TEST_CASE("what is live is taken over, the rest is named") {
    Program program("wait = 20\npin = [\"c=a\"]\n");
    CHECK(program.running.wait_s == 20);
    CHECK(program.sighup() == "info reload=done applied=\"\"\n");
    program.write("wait = 30\npin = [\"c=a\", \"java=b\"]\nlisten = \"there\"\nstrict = true\n");
    CHECK(program.sighup() ==
          "info reload=done applied=\"pin, wait\" kept=\"listen, strict\" "
          "why=\"read at the start only: restart for it\"\n");
    CHECK(program.running.wait_s == 30);
    CHECK(program.running.pins.size() == 2);
    // What waits for a restart is named each time.
    CHECK(program.sighup() ==
          "info reload=done applied=\"\" kept=\"listen, strict\" "
          "why=\"read at the start only: restart for it\"\n");
    // A setting that goes from the file has its default again.
    program.write("");
    CHECK(program.sighup() == "info reload=done applied=\"pin, wait\"\n");
    CHECK(program.running.wait_s == 10);
    CHECK(program.running.pins.empty());
  }

  TEST_CASE("a file that is wrong changes nothing") {
    Program program("wait = 20\n");
    for (const char* wrong : {"wait = 1000\n", "wiat = 20\n", "wait = \n[[["}) {
      CAPTURE(wrong);
      program.write(wrong);
      const std::string said = program.sighup();
      CHECK(said.starts_with("error reload=refused reason=\""));
      CHECK(said.ends_with("kept=\"everything\"\n"));
      CHECK(program.running.wait_s == 20);
    }
    program.write("wait = 30\n");
    CHECK(program.sighup(Error{ErrorCode::invalid, "wait: too\nlong"}) ==
          "error reload=refused reason=\"wait: too long\" kept=\"everything\"\n");
    CHECK(program.running.wait_s == 20);
    CHECK(program.sighup() == "info reload=done applied=\"wait\"\n");
    std::filesystem::remove(program.path);
    CHECK(program.sighup().starts_with("error reload=refused reason=\""));
  }
}
