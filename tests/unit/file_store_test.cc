// Support files in a folder of their own: whole or not there, within the limit, held or evicted.
#include <doctest/doctest.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "master/store/files.h"
#include "protocol/messages.h"
#include "tests/unit/temporary_folder.h"

using namespace docket;
using namespace docket::store;
using docket::test::TemporaryFolder;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBlock = 4096;  // what the smallest file counts
constexpr std::uint64_t kPlenty = std::uint64_t{1} << 30;

Logger silent_log() {
  return std::make_shared<spdlog::logger>("test");
}

std::unique_ptr<Files> open(const TemporaryFolder& folder, std::uint64_t max_bytes = kPlenty) {
  auto opened = open_files(folder.path(), max_bytes, silent_log());
  REQUIRE_MESSAGE(opened.ok(), opened.error().message);
  return std::move(*opened);
}

void put(FileStore& files, const std::string& id, const std::string& content = "x") {
  const Status kept = files.put(id, content);
  REQUIRE_MESSAGE(kept.ok(), kept.error().message);
}

FileHold hold(FileStore& files, const std::vector<std::string>& ids) {
  auto held = files.hold(ids);
  REQUIRE_MESSAGE(held.ok(), held.error().message);
  return std::move(*held);
}

std::string whole(FileStore& files, const std::string& id) {
  const auto piece = files.read(id, 0, kMaxFileBytes);
  REQUIRE_MESSAGE(piece.ok(), piece.error().message);
  CHECK(piece->total_bytes == piece->data.size());
  return piece->data;
}

// Of a, b, c, …: those that are there. Asks the disk, because asking the store is a use.
std::string on_disk(const TemporaryFolder& folder) {
  std::string found;
  for (char id = 'a'; id <= 'z'; ++id) {
    const std::string name(1, id);
    if (fs::exists(fs::path(folder.path()) / "files" / name / ("f." + name))) found += name;
  }
  return found;
}

std::size_t entries_of(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_SUITE("store: files") {
  TEST_CASE("a file is there, whole, under its id") {
    const TemporaryFolder folder;
    const auto files = open(folder);
    const std::string content("a\0\xff\n", 4);
    for (const std::string id :
         {"a", "ab", "abc", "be456a3c024d8e8bfe7481d9fd1dc37f", "BE456A3C"}) {
      CHECK_FALSE(files->has(id));
      CHECK(files->read(id, 0, 10).error().code == ErrorCode::not_found);
      put(*files, id, content);
      CHECK(files->has(id));
      CHECK(whole(*files, id) == content);
    }
    CHECK_FALSE(files->has("be456a3c"));
    put(*files, "ab", "shorter");
    CHECK(whole(*files, "ab") == "shorter");
    put(*files, "empty", "");
    CHECK(files->has("empty"));
    CHECK(whole(*files, "empty").empty());
    CHECK(whole(*open(folder), "ab") == "shorter");
  }

  TEST_CASE("operators see the files by last use and remove what nothing needs") {
    const TemporaryFolder folder;
    const auto files = open(folder);
    for (const char* id : {"a", "b", "c"}) put(*files, id, std::string(kBlock + 1, 'x'));
    CHECK(files->has("a"));  // used last now
    auto held = *files->hold({"b"});
    const auto listed = files->list(10);
    REQUIRE(listed.size() == 3);
    CHECK(listed[0].id == "b");
    CHECK(listed[0].held);
    CHECK(listed[1].id == "a");
    CHECK_FALSE(listed[1].held);
    CHECK(listed[2].bytes == 2 * kBlock);
    CHECK(listed[2].used > 1'700'000'000'000);
    CHECK(files->list(1).size() == 1);
    CHECK(files->remove("nosuch").error().code == ErrorCode::not_found);
    CHECK(files->remove("b").error().code == ErrorCode::conflict);
    REQUIRE(files->remove("a").ok());
    CHECK_FALSE(files->has("a"));
    CHECK(files->remove("a").error().code == ErrorCode::not_found);
    CHECK(on_disk(folder) == "bc");
    const WallMs now = read_clock().wall;
    CHECK(files->remove_unused(now, 10) == 0);  // a use within the hour may not have been noted
    CHECK(files->remove_unused(now + 7'200'000, 10) == 1);
    CHECK(on_disk(folder) == "b");
    held.reset();
    put(*files, "d", "x");
    CHECK(files->remove_unused(now + 7'200'000, 1) == 1);
    CHECK(files->use().files == 1);
    CHECK(open(folder)->use().files == 1);
  }

  TEST_CASE("a file is read in pieces, and its version tells contents apart") {
    const TemporaryFolder folder;
    const auto files = open(folder);
    put(*files, "abc", "one two");
    const auto first = files->read("abc", 0, 4);
    CHECK(first->data == "one ");
    CHECK(first->total_bytes == 7);
    const auto second = files->read("abc", 4, 4);
    CHECK(second->data == "two");
    CHECK(second->version == first->version);
    CHECK(files->read("abc", 7, 4)->data.empty());
    CHECK(files->read("abc", 99, 4)->data.empty());
    put(*files, "abc", "six six");  // as long as before
    CHECK(files->read("abc", 4, 4)->version != first->version);
  }

  TEST_CASE("no id names a path") {
    const TemporaryFolder folder;
    const auto files = open(folder);
    std::ofstream(folder.path() + "/secret") << "x";
    const std::string too_long(kMaxNameBytes + 1, 'a');
    for (const std::string& id : std::vector<std::string>{
             "", ".", "..", "../secret", "ab/../../secret", "/etc/passwd", "ab/c", "ab.c", "a b",
             std::string("ab\0c", 4), "\xc3\xa9", too_long}) {
      CAPTURE(id);
      CHECK_FALSE(files->has(id));
      CHECK(files->put(id, "y").error().code == ErrorCode::invalid);
      CHECK(files->read(id, 0, 10).error().code == ErrorCode::not_found);
      CHECK(files->hold({id}).error().code == ErrorCode::not_found);
    }
    put(*files, std::string(kMaxNameBytes, 'a'), "y");
  }

  TEST_CASE("half-written files and strangers are not served when the store is opened") {
    const TemporaryFolder folder;
    put(*open(folder), "abcdefgh", "whole");
    const fs::path place = fs::path(folder.path()) / "files";
    std::ofstream(place / "half.0") << "hal";
    std::ofstream(place / "ab" / "stranger") << "x";
    std::ofstream(place / "ab" / "f.a.b") << "x";
    const auto files = open(folder);
    CHECK_FALSE(fs::exists(place / "half.0"));
    CHECK(files->use().files == 1);
    CHECK(whole(*files, "abcdefgh") == "whole");
    put(*files, "ijklmnop", "new");
  }

  TEST_CASE("a write that fails in its middle leaves what was there, and nothing half") {
    const TemporaryFolder folder;
    const auto files = open(folder, 1'000 * kBlock);
    put(*files, "a", "old");
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    rlimit small = before;
    small.rlim_cur = 10 * kBlock;
    const auto ignored = ::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    for (const char* id : {"a", "b"}) {
      const auto failed = files->put(id, std::string(20 * kBlock, 'x'));
      CHECK(failed.error().code == ErrorCode::unavailable);
    }
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    ::signal(SIGXFSZ, ignored);
    CHECK(whole(*files, "a") == "old");
    CHECK_FALSE(files->has("b"));
    CHECK(on_disk(folder) == "a");
    CHECK_FALSE(fs::exists(fs::path(folder.path()) / "files" / "half.0"));
    put(*files, "c", std::string(999 * kBlock, 'x'));  // the room is given back
    CHECK(on_disk(folder) == "ac");
  }

  TEST_CASE("a folder that cannot be made is named") {
    const TemporaryFolder folder;
    std::ofstream(folder.path() + "/file") << "x";
    const auto opened = open_files(folder.path() + "/file", kPlenty, silent_log());
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == ErrorCode::unavailable);
    CHECK(opened.error().message.find(folder.path() + "/file") != std::string::npos);
  }

  TEST_CASE("what somebody removed from the disk is missing until it is put again") {
    const TemporaryFolder folder;
    const auto files = open(folder);
    put(*files, "a", "first");
    const FileHold held = hold(*files, {"a"});
    fs::remove(fs::path(folder.path()) / "files" / "a" / "f.a");
    CHECK(files->read("a", 0, 10).error().code == ErrorCode::not_found);
    CHECK_FALSE(files->has("a"));
    CHECK_FALSE(files->hold({"a"}).ok());
    put(*files, "a", "again");
    CHECK(whole(*files, "a") == "again");
  }
}

TEST_SUITE("store: files within a limit") {
  TEST_CASE("the least recently used goes first") {
    const TemporaryFolder folder;
    const auto files = open(folder, 3 * kBlock);
    put(*files, "a");
    put(*files, "b");
    put(*files, "c");
    CHECK(on_disk(folder) == "abc");
    CHECK(files->has("a"));  // asking is a use
    put(*files, "d");
    CHECK(on_disk(folder) == "acd");
    hold(*files, {"c"});  // and so is a run that names it
    put(*files, "e");
    CHECK(on_disk(folder) == "cde");
    put(*files, "d", "new");  // and an overwriting
    put(*files, "f", std::string(2 * kBlock, 'x'));
    CHECK(on_disk(folder) == "df");
    CHECK(files->use().bytes == 3 * kBlock);
    CHECK(entries_of(fs::path(folder.path()) / "files") == 6);  // folders only
  }

  TEST_CASE("a held file never goes; when all are held a new one is refused and nothing is lost") {
    const TemporaryFolder folder;
    const auto files = open(folder, 3 * kBlock);
    put(*files, "a");
    put(*files, "b");
    put(*files, "c");
    FileHold first = hold(*files, {"a", "b", "a"});
    const FileHold second = first;
    put(*files, "d");
    CHECK(on_disk(folder) == "abd");
    const auto refused = files->put("e", std::string(2 * kBlock, 'x'));
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::unavailable);
    CHECK(refused.error().message.find("--files-mb") != std::string::npos);
    CHECK(on_disk(folder) == "abd");
    first.reset();
    CHECK(files->use().held_bytes == 2 * kBlock);  // a copy is left
    put(*files, "e");
    CHECK(on_disk(folder) == "abe");
  }

  TEST_CASE("a file may go when its last hold goes") {
    const TemporaryFolder folder;
    const auto files = open(folder, 2 * kBlock);
    put(*files, "a");
    put(*files, "b");
    FileHold one = hold(*files, {"a"});
    FileHold two = hold(*files, {"a"});
    one.reset();
    put(*files, "c");
    CHECK(on_disk(folder) == "ac");
    two.reset();
    CHECK(files->use().held_bytes == 0);
    put(*files, "d");
    CHECK(on_disk(folder) == "cd");  // a was used longest ago
  }

  TEST_CASE("a held file that is overwritten stays held and is counted anew") {
    const TemporaryFolder folder;
    const auto files = open(folder, 4 * kBlock);
    put(*files, "a");
    FileHold held = hold(*files, {"a"});
    put(*files, "a", std::string(3 * kBlock, 'x'));
    CHECK(files->use().bytes == 3 * kBlock);
    CHECK(files->use().held_bytes == 3 * kBlock);
    put(*files, "b");
    put(*files, "c");
    CHECK(on_disk(folder) == "ac");
    CHECK_FALSE(files->put("a", std::string(5 * kBlock, 'x')).ok());
    CHECK(whole(*files, "a").size() == 3 * kBlock);
    held.reset();
    put(*files, "d", std::string(3 * kBlock, 'x'));
    CHECK(on_disk(folder) == "cd");
  }

  TEST_CASE("a file is not evicted to make room for its own new content") {
    const TemporaryFolder folder;
    const auto files = open(folder, 3 * kBlock);
    put(*files, "a", std::string(2 * kBlock, 'x'));
    put(*files, "b");
    put(*files, "a", std::string(2 * kBlock, 'y'));
    CHECK(on_disk(folder) == "ab");
    put(*files, "c", "");  // b goes, unused for longest
    CHECK(on_disk(folder) == "ac");
    put(*files, "a", "y");
    put(*files, "c", std::string(2 * kBlock, 'y'));
    put(*files, "a", std::string(2 * kBlock, 'y'));  // the oldest itself: c goes
    CHECK(on_disk(folder) == "a");
    CHECK(files->use().bytes == 2 * kBlock);
  }

  TEST_CASE("a hold takes all of its files or none") {
    const TemporaryFolder folder;
    const auto files = open(folder, 2 * kBlock);
    put(*files, "a");
    const auto missing = files->hold({"a", "nosuchid"});
    REQUIRE_FALSE(missing.ok());
    CHECK(missing.error().code == ErrorCode::not_found);
    CHECK(files->use().held_bytes == 0);
    CHECK(hold(*files, {}) == nullptr);
  }

  TEST_CASE("one file larger than the limit is refused as too large") {
    const TemporaryFolder folder;
    const auto files = open(folder, 2 * kBlock);
    put(*files, "a");
    CHECK(files->put("b", std::string(2 * kBlock + 1, 'x')).error().code == ErrorCode::too_large);
    CHECK(on_disk(folder) == "a");
    put(*files, "b", std::string(2 * kBlock, 'x'));
    CHECK(on_disk(folder) == "b");
  }

  TEST_CASE("small files count a block each, so that their number is bounded too") {
    const TemporaryFolder folder;
    const auto files = open(folder, 10 * kBlock);
    for (int i = 0; i < 100; ++i) put(*files, "file" + std::to_string(i), "");
    CHECK(files->use().files == 10);
    CHECK(files->has("file99"));
    CHECK(files->has("file90"));
    CHECK_FALSE(files->has("file89"));
  }

  TEST_CASE("recency outlives a restart, and a lowered limit evicts only what nobody holds") {
    const TemporaryFolder folder;
    const fs::path place = fs::path(folder.path()) / "files";
    {
      const auto files = open(folder);
      for (const char* id : {"a", "b", "c", "d"}) put(*files, id);
    }
    // Days pass; then a is used, which is noted on disk.
    const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(48);
    int age = 0;
    for (const char* id : {"a", "b", "c", "d"}) {
      fs::last_write_time(place / id / ("f." + std::string(id)),
                          long_ago + std::chrono::seconds(++age));
    }
    CHECK(open(folder)->has("a"));
    CHECK(fs::last_write_time(place / "a" / "f.a") > long_ago + std::chrono::hours(1));
    const auto files = open(folder, 2 * kBlock);
    CHECK(on_disk(folder) == "abcd");  // nothing goes before jobs hold theirs
    const FileHold held = hold(*files, {"b"});
    files->trim();
    CHECK(on_disk(folder) == "ab");
  }

  TEST_CASE("a use is noted on disk once an hour at the most") {
    const TemporaryFolder folder;
    const auto files = open(folder);
    put(*files, "a");
    const fs::path path = fs::path(folder.path()) / "files" / "a" / "f.a";
    const auto before = fs::last_write_time(path);
    fs::last_write_time(path, before - std::chrono::minutes(59));
    CHECK(open(folder)->has("a"));
    CHECK(fs::last_write_time(path) == before - std::chrono::minutes(59));
    fs::last_write_time(path, before - std::chrono::minutes(61));
    CHECK(open(folder)->has("a"));
    CHECK(fs::last_write_time(path) >= before);
  }

  TEST_CASE("checking and evicting at the same time: what a hold was given for is there") {
    const TemporaryFolder folder;
    const auto files = open(folder, 8 * kBlock);
    std::atomic<bool> done = false;
    std::atomic<int> held_and_gone = 0;
    std::atomic<int> holds = 0;
    std::vector<std::thread> threads;
    for (int reader = 0; reader < 2; ++reader) {
      threads.emplace_back([&, reader] {
        std::mt19937 random(static_cast<unsigned>(reader));
        while (!done) {
          const std::string id = "file" + std::to_string(random() % 16);
          const auto hold = files->hold({id});
          if (!hold) continue;
          ++holds;
          const auto piece = files->read(id, 0, 100);
          if (!piece || piece->data != id) ++held_and_gone;
        }
      });
    }
    std::mt19937 random(7);
    for (int i = 0; i < 500; ++i) {
      const std::string id = "file" + std::to_string(random() % 16);
      [[maybe_unused]] const Status full_at_times = files->put(id, id);
    }
    done = true;
    for (auto& thread : threads) thread.join();
    CHECK(held_and_gone == 0);
    CHECK(holds > 0);
    CHECK(files->use().bytes <= 8 * kBlock);
    CHECK(files->use().held_bytes == 0);
  }
}

TEST_SUITE("slow store: files") {
  TEST_CASE("a process killed while it writes leaves whole files only") {
    const TemporaryFolder folder;
    const std::string content(32u << 20, 'x');
    std::mt19937 random(3);
    for (int round = 0; round < 30; ++round) {
      const pid_t writer = ::fork();
      REQUIRE(writer >= 0);
      if (writer == 0) {
        auto files = open_files(folder.path(), kPlenty, silent_log());
        for (int i = 0; files.ok(); ++i) {
          [[maybe_unused]] const Status kept = (*files)->put("file" + std::to_string(i), content);
        }
        ::_exit(1);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5 + random() % 60));
      REQUIRE(::kill(writer, SIGKILL) == 0);
      REQUIRE(::waitpid(writer, nullptr, 0) == writer);
      const auto files = open(folder);
      for (int i = 0; files->has("file" + std::to_string(i)); ++i) {
        CHECK(whole(*files, "file" + std::to_string(i)).size() == content.size());
      }
      fs::remove_all(fs::path(folder.path()) / "files");
    }
  }
}
