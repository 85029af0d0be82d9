// The agent's core and support files: what a sandbox lacks is fetched piece by piece and pushed
// once, however many runs wait for it.
#include <doctest/doctest.h>

#include "tests/unit/played_agent.h"

using namespace docket;
using namespace docket::agent;
using namespace docket::agent::test;

namespace {

constexpr std::size_t kChunk = kMaxChunkBytes;

// A master with files that answers what the agent asks, or not yet.
class Files {
 public:
  explicit Files(Played& played) : agent(played) {}

  void keep(const std::string& id, std::string content) {
    kept[id] = {std::move(content), ++versions};
  }

  // The requests of the last turn wait here until they are answered.
  void note() {
    for (const NeedChunk& request : agent.told<NeedChunk>()) asked.push_back(request);
    most_under_way = std::max(most_under_way, asked.size());
    for (const PutFile& put : agent.of<PutFile>()) puts.push_back(put);
    for (const PostRun& post : agent.of<PostRun>()) posts.push_back(post.id);
  }

  void answer_one() {
    REQUIRE_FALSE(asked.empty());
    const NeedChunk request = asked.front();
    asked.erase(asked.begin());
    const auto found = kept.find(request.file);
    if (found == kept.end() || cancelled == request.id) {
      agent.hear(FileAbsent{request.id, request.file});
    } else {
      const auto& [content, version] = found->second;
      const std::size_t offset = std::min<std::size_t>(request.offset, content.size());
      agent.hear(FileChunk{request.id, request.file, content.size(), request.offset,
                           content.substr(offset, kChunk), version});
    }
    note();
  }
  void answer_all() {
    while (!asked.empty()) answer_one();
  }

  // The sandbox's words.
  void lacks(const AttemptId& id) {
    agent.feed(run_answer(id, Ending::files_missing));
    note();
  }
  void check(const std::string& file, bool present = false) {
    agent.feed(FileChecked{file, present});
    note();
  }
  void pushed(const std::string& file, const std::string& problem = "") {
    agent.feed(FilePushed{file, problem});
    note();
  }

  Played& agent;
  std::map<std::string, std::pair<std::string, std::uint64_t>> kept;
  std::uint64_t versions = 0;
  std::optional<AttemptId> cancelled;
  std::vector<NeedChunk> asked;
  std::size_t most_under_way = 0;
  std::vector<PutFile> puts;
  std::vector<AttemptId> posts;
};

// Every piece is different.
std::string content_of(std::size_t bytes) {
  std::string content(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) content[i] = static_cast<char>(i / 1000 + i);
  return content;
}

// An agent that runs attempts 1..n, each with these files.
struct Running {
  explicit Running(std::uint32_t attempts, const std::vector<std::string>& files)
      : agent(attempts), master(agent) {
    agent.join();
    for (std::uint64_t i = 1; i <= attempts; ++i) agent.hear(agent.order(attempt(i), files));
  }
  Played agent;
  Files master;
};

}  // namespace

TEST_SUITE("agent core: files") {
  TEST_CASE("what the sandbox lacks is fetched and pushed, and the run is posted again") {
    Running run(1, {"fileaaaa", "filebbbb", "filecccc"});
    auto& [agent, master] = run;
    const AttemptId id = attempt(1);
    master.keep("fileaaaa", "content");
    master.keep("filecccc", "");
    agent.now.mono += 100;
    master.lacks(id);
    CHECK(agent.of<CheckFile>().size() == 3);
    CHECK(master.asked.empty());  // the sandbox is asked first
    CHECK(agent.core.running() == 1);
    master.check("filebbbb", true);
    CHECK(agent.quiet());
    master.check("fileaaaa");
    CHECK(master.asked == std::vector<NeedChunk>{{id, "fileaaaa", 0}});
    master.check("filecccc");
    master.answer_all();
    REQUIRE(master.puts.size() == 2);  // not filebbbb, which is there
    CHECK(master.puts[0].file == "fileaaaa");
    CHECK(master.puts[0].content == "content");
    CHECK(master.puts[0].timeout_ms == 69'900);
    CHECK(master.puts[1].content.empty());
    agent.now.mono += 50;
    master.pushed("filecccc");
    CHECK(master.posts.empty());
    master.pushed("fileaaaa");
    CHECK(master.posts == std::vector<AttemptId>{id});
    CHECK(agent.of<PostRun>()[0].body == "body");
    CHECK(agent.of<PostRun>()[0].timeout_ms == 69'850);

    agent.now.mono += 200;
    SUBCASE("it runs") {
      agent.feed(run_answer(id));
      CHECK(only_result(agent).ending == Ending::ran);
    }
    SUBCASE("a second 404 ends it") {
      agent.feed(run_answer(id, Ending::files_missing));
      CHECK(only_result(agent).ending == Ending::files_missing);
    }
    CHECK(only_result(agent).push_ms == 50);
    CHECK(only_result(agent).run_ms == 300);
  }

  TEST_CASE("a large file comes in pieces, few of them under way") {
    Running run(1, {"fileaaaa"});
    auto& [agent, master] = run;
    const std::string content = content_of(20 * kChunk + 7);
    master.keep("fileaaaa", content);
    master.lacks(attempt(1));
    master.check("fileaaaa");
    CHECK(master.asked.size() == 1);  // its size is not known yet
    master.answer_one();
    CHECK(master.asked.size() == kMostChunksUnderWay);
    master.answer_all();
    CHECK(master.most_under_way == kMostChunksUnderWay);
    REQUIRE(master.puts.size() == 1);
    CHECK(master.puts[0].content == content);
  }

  TEST_CASE("few files are open at a time, and the pieces under way are counted over all") {
    std::vector<std::string> files;
    for (char c = 'a'; c < 'a' + 10; ++c) files.push_back("file" + std::string(4, c));
    Running run(1, files);
    auto& [agent, master] = run;
    for (const auto& file : files) master.keep(file, content_of(3 * kChunk));
    master.lacks(attempt(1));
    std::vector<CheckFile> open = agent.of<CheckFile>();
    CHECK(open.size() == kMostOpenFiles);
    std::size_t done = 0;
    while (!open.empty()) {
      const std::string file = open.front().file;
      open.erase(open.begin());
      master.check(file);
      master.answer_all();
      master.pushed(file);
      ++done;
      for (const CheckFile& check : agent.of<CheckFile>()) open.push_back(check);
      CHECK(open.size() <= kMostOpenFiles);
    }
    CHECK(done == 10);
    CHECK(master.most_under_way <= kMostChunksUnderWay);
    CHECK(master.posts == std::vector<AttemptId>{attempt(1)});
  }

  TEST_CASE("runs that wait for one file share its push, and are all posted again") {
    Running run(8, {"fileaaaa"});
    auto& [agent, master] = run;
    master.keep("fileaaaa", content_of(2 * kChunk));
    for (std::uint64_t i = 1; i <= 5; ++i) master.lacks(attempt(i));
    master.check("fileaaaa");
    master.lacks(attempt(6));
    master.answer_all();
    REQUIRE(master.puts.size() == 1);
    master.lacks(attempt(7));
    CHECK(master.posts.empty());
    master.pushed("fileaaaa");
    CHECK(master.posts.size() == 7);
    // Its 404 was given before the push and is read after it: the sandbox has the file.
    master.lacks(attempt(8));
    master.check("fileaaaa", true);
    CHECK(master.posts.size() == 8);
    CHECK(master.puts.size() == 1);
    for (std::uint64_t i = 1; i <= 8; ++i) {
      agent.feed(run_answer(attempt(i)));
      CHECK(only_result(agent).ending == Ending::ran);
    }
  }

  TEST_CASE("a push that fails is the host's fault, for all that waited for it") {
    Running run(3, {"fileaaaa", "filebbbb"});
    auto& [agent, master] = run;
    master.keep("fileaaaa", "x");
    for (std::uint64_t i = 1; i <= 3; ++i) master.lacks(attempt(i));
    master.check("fileaaaa");
    master.answer_all();
    master.pushed("fileaaaa", "HTTP 500");
    const auto results = agent.told<Finished>();
    REQUIRE(results.size() == 3);
    for (const Finished& result : results) {
      CHECK(result.ending == Ending::push_failed);
      CHECK(result.detail == "file fileaaaa: HTTP 500");
    }
    master.pushed("fileaaaa");
    master.check("filebbbb");  // nobody waits for it any more
    CHECK(agent.quiet());
    // The next attempt tries anew.
    agent.hear(Taken{attempt(1)});
    agent.hear(agent.order(attempt(4), {"fileaaaa"}));
    master.lacks(attempt(4));
    CHECK(agent.of<CheckFile>().size() == 1);
  }

  TEST_CASE("a file that the master has not ends every attempt that asked for it") {
    Running run(3, {"fileaaaa"});
    auto& [agent, master] = run;
    agent.hear(FileAbsent{attempt(1), "fileaaaa"});
    CHECK(agent.quiet());  // nothing was asked for
    for (std::uint64_t i = 1; i <= 3; ++i) master.lacks(attempt(i));
    master.check("fileaaaa");
    for (std::uint64_t i = 1; i <= 3; ++i) {
      master.answer_one();
      CHECK(only_result(agent).id == attempt(i));
      CHECK(only_result(agent).ending == Ending::files_unavailable);
    }
    CHECK(master.asked.empty());
  }

  TEST_CASE("when the attempt that asks is no longer the master's, another asks on") {
    Running run(2, {"fileaaaa"});
    auto& [agent, master] = run;
    const std::string content = content_of(10 * kChunk);
    master.keep("fileaaaa", content);
    master.lacks(attempt(1));
    master.lacks(attempt(2));
    master.check("fileaaaa");
    for (int i = 0; i < 3; ++i) master.answer_one();
    master.cancelled = attempt(1);
    master.answer_one();
    CHECK(only_result(agent).id == attempt(1));
    master.answer_all();
    REQUIRE(master.puts.size() == 1);
    CHECK(master.puts[0].content == content);
    CHECK(master.puts[0].timeout_ms == 70'000);
    master.pushed("fileaaaa");
    CHECK(master.posts == std::vector<AttemptId>{attempt(2)});
  }

  TEST_CASE("files that do not come within the lease end the attempt") {
    Running run(1, {"fileaaaa"});
    auto& [agent, master] = run;
    master.lacks(attempt(1));
    SUBCASE("the sandbox does not say whether it has it") {}
    SUBCASE("the master does not send it") {
      master.check("fileaaaa");
    }
    agent.pass(69'999);
    CHECK(agent.told<Finished>().empty());
    agent.pass(1);
    CHECK(only_result(agent).ending == Ending::files_unavailable);
    CHECK(agent.core.running() == 0);
    agent.hear(FileChunk{attempt(1), "fileaaaa", 1, 0, "x", 1});
    CHECK(agent.quiet());
  }

  TEST_CASE("an interrupted fetch goes on where it was after the next welcome") {
    Running run(1, {"fileaaaa"});
    auto& [agent, master] = run;
    const std::string content = content_of(6 * kChunk);
    master.keep("fileaaaa", content);
    master.lacks(attempt(1));
    master.check("fileaaaa");
    master.answer_one();
    master.answer_one();
    agent.pass(5'000, false);
    CHECK(agent.of<Reconnect>().size() == 1);
    CHECK(agent.told<NeedChunk>().empty());
    master.asked.clear();  // lost with the connection
    agent.welcome();
    master.note();
    CHECK(master.asked.at(0).offset == 2 * kChunk);
    master.answer_all();
    REQUIRE(master.puts.size() == 1);
    CHECK(master.puts[0].content == content);
  }

  TEST_CASE("files missed while the link is down are asked for after the welcome") {
    Running run(1, {"fileaaaa"});
    auto& [agent, master] = run;
    agent.pass(5'000, false);
    master.lacks(attempt(1));
    master.check("fileaaaa");
    CHECK(master.asked.empty());
    agent.welcome();
    CHECK(agent.told<NeedChunk>().size() == 1);
  }

  TEST_CASE("a file that is overwritten in the middle of its fetch is fetched anew") {
    Running run(1, {"fileaaaa"});
    auto& [agent, master] = run;
    master.keep("fileaaaa", content_of(8 * kChunk));
    master.lacks(attempt(1));
    master.check("fileaaaa");
    for (int i = 0; i < 3; ++i) master.answer_one();
    std::string second;
    SUBCASE("shorter") {
      second = std::string(5 * kChunk + 1, 'b');
    }
    SUBCASE("shorter than what was asked for") {
      second = "short";
    }
    SUBCASE("longer") {
      second = std::string(12 * kChunk, 'b');
    }
    SUBCASE("as long") {
      second = std::string(8 * kChunk, 'b');
    }
    master.keep("fileaaaa", second);
    master.answer_all();
    REQUIRE(master.puts.size() == 1);
    CHECK(master.puts[0].content == second);
    CHECK(master.most_under_way <= kMostChunksUnderWay);
  }

  TEST_CASE("pieces that nobody asked for change nothing, and an empty one ends the fetch") {
    Running run(1, {"fileaaaa"});
    auto& [agent, master] = run;
    master.lacks(attempt(1));
    agent.hear(FileChunk{attempt(1), "fileaaaa", 1, 0, "x", 1});  // too early
    CHECK(agent.quiet());
    master.check("fileaaaa");
    agent.hear(FileChunk{attempt(1), "nosuchid", 1, 0, "x", 1});
    CHECK(agent.quiet());
    agent.hear(FileChunk{attempt(1), "fileaaaa", 10, 0, "", 1});
    CHECK(only_result(agent).ending == Ending::files_unavailable);
  }
}
