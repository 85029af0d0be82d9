// Clients that mean ill or are slow, on real sockets against a real master with agent and sandbox:
// nobody else notices, and nothing of theirs stays behind.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/e2e/cluster.h"
#include "tests/e2e/raw_client.h"

using namespace docket::e2e;

namespace {

constexpr const char* kApi = "/jobe/index.php/restapi/";

// "H:P" of "http://H:P/…".
std::string address_of(const std::string& url) {
  return url.substr(7, url.find('/', 7) - 7);
}

std::string request(const std::string& method, const std::string& rest,
                    const std::string& headers = "", const std::string& body = "") {
  return method + " " + kApi + rest + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body;
}

std::string post(const std::string& headers, const std::string& body = "") {
  return request("POST", "runs", headers, body);
}

std::string post_run(const std::string& source) {
  const std::string body = run_body("python3", source);
  return post("Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

std::size_t descriptors(const Process& process) {
  std::error_code gone;
  std::filesystem::directory_iterator at("/proc/" + std::to_string(process.pid()) + "/fd", gone);
  return static_cast<std::size_t>(std::distance(at, {}));
}

double cpu_seconds(const Process& process) {
  std::ifstream file("/proc/" + std::to_string(process.pid()) + "/stat");
  std::string text(std::istreambuf_iterator<char>(file), {});
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::size_t resident_bytes(const Process& process) {
  std::ifstream file("/proc/" + std::to_string(process.pid()) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6)) * 1024;
  }
  return 0;
}

// This process's own descriptors: the test has as many clients as the master.
bool may_open(rlim_t descriptors) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur >= descriptors;
}

// A cluster of two slots, and what it looked like before the test.
class Siege {
 public:
  Siege() {
    cluster.add_host("lab-1", kSlots);
    serves("before");
    // Everything has been used once, so that what is opened late does not look like a leak.
    CHECK(http("GET", cluster.jobe("languages")).status == 200);
    CHECK(cluster.job(cluster.submit("python3", "print(1)"))["language"] == "python3");
    CHECK(eventually(5'000, [&] { return quiet(); }));
    before_ = descriptors(cluster.master());
  }

  ~Siege() {
    CHECK(cluster.master().alive());
    CHECK(cluster.agent_process("lab-1").alive());
    CHECK(eventually(60'000, [&] { return quiet(); }));
    CHECK(eventually(10'000, [&] { return descriptors(cluster.master()) <= before_; }));
    serves("after");
    all_slots_work();
  }

  void serves(const std::string& word) const {
    const Reply reply = cluster.run("python3", "print('" + word + "' * 2)");
    CAPTURE(reply.body);
    CHECK(reply.status == 200);
    if (reply.status == 200) CHECK(reply.json()["stdout"] == word + word + "\n");
  }

  bool quiet() const {
    const auto status = cluster.status();
    return status["queued"] == 0 && status["running"] == 0;
  }

  std::string jobe() const { return address_of(cluster.jobe("")); }
  std::string ops() const { return address_of(cluster.ops("/")); }

  Cluster cluster;

 private:
  static constexpr int kSlots = 2;

  void all_slots_work() const {
    std::vector<std::string> ids;
    for (int i = 0; i < kSlots * 3; ++i) {
      ids.push_back(cluster.submit("python3", "import time; time.sleep(1); print('slot')"));
    }
    const auto running = [&] { return cluster.sandbox_stats("lab-1")["running"].get<int>(); };
    CHECK(eventually(10'000, [&] { return running() == kSlots; }));
    for (const std::string& id : ids) {
      Reply reply;
      CHECK(eventually(30'000, [&] { return (reply = cluster.result(id)).status == 200; }));
      CHECK(reply.body.find("slot") != std::string::npos);
    }
    CHECK(cluster.sandbox_stats("lab-1")["max_running"] == kSlots);
  }

  std::size_t before_ = 0;
};

// Refused with this status and an answer in JSON, and the connection ends.
void refused(const std::string& address, int status, const std::string& bytes) {
  CAPTURE(bytes.substr(0, 200));
  RawClient client(address);
  client.send(bytes);
  const RawAnswer answer = client.answer();
  CHECK(answer.status == status);
  if (answer.status == status) {
    CHECK(nlohmann::json::accept(answer.body));
    CHECK(answer.head.find("Connection: close\r\n") != std::string::npos);
  }
  client.end_sending();
  CHECK(client.ended());
  CHECK(client.unread().empty());  // nothing of it was read as another request
}

}  // namespace

TEST_SUITE("e2e hostile") {
  TEST_CASE("lengths that cannot be believed, heads and bodies that are too large") {
    Siege siege;
    const std::string smuggled = request("GET", "languages");
    for (const std::string& address : {siege.jobe(), siege.ops()}) {
      refused(address, 400, post("Content-Length: -5\r\n", smuggled));
      refused(address, 400, post("Content-Length: abc\r\n", smuggled));
      refused(address, 400, post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}x" + smuggled));
      refused(address, 400, post("Content-Length: 2, 2\r\n", "{}" + smuggled));
      refused(address, 400, post("Content-Length: 99999999999999999999\r\n", smuggled));
      refused(address, 400,
              post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + smuggled));
      refused(address, 400, post("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"));
      refused(address, 400, post("Transfer-Encoding: chunked\r\n", "-1\r\n{}\r\n0\r\n\r\n"));
      refused(address, 400,
              post("Transfer-Encoding: chunked\r\n", "2;" + std::string(70'000, 'x')));
      refused(address, 400, "\x16\x03\x01\x02" + std::string(200, '\x01'));  // TLS
      refused(address, 431, post("X: " + std::string(70'000, 'x') + "\r\n"));
      refused(address, 431, "GET /" + std::string(70'000, 'x'));
      std::string many;
      for (int i = 0; i < 300; ++i) many += "X" + std::to_string(i) + ": y\r\n";
      refused(address, 400, post(many));
      refused(address, 413, post("Content-Length: 1000000000\r\n", "{"));
      refused(address, 413, post("Transfer-Encoding: chunked\r\n", "fffffff\r\n{"));
      siege.serves("still");
    }
    // A run larger than any run may be, in full.
    const std::string large(33u << 20, ' ');
    refused(siege.jobe(), 413,
            post("Content-Length: " + std::to_string(large.size()) + "\r\nConnection: close\r\n",
                 large));
  }

  TEST_CASE("a chunked body without end is refused where the limit is") {
    Siege siege;
    RawClient client(siege.jobe());
    client.send(post("Transfer-Encoding: chunked\r\n"));
    const std::string chunk = "100000\r\n" + std::string(1u << 20, 'x') + "\r\n";
    int sent = 0;
    while (sent < 200 && !client.readable(0) && client.send(chunk)) ++sent;
    CHECK(sent < 100);  // the limit is 64 MB in base 64
    CHECK(client.answer().status == 413);
    client.leave();
  }

  TEST_CASE("slow heads and bodies end by their time-outs while others are served") {
    Siege siege;
    struct Slow {
      RawClient client;
      std::string drip;
      bool over = false;
    };
    std::vector<Slow> slow;
    for (int i = 0; i < 20; ++i) {
      for (const auto& [begin, drip] : std::vector<std::pair<std::string, std::string>>{
               {"POST / HT", ""},
               {"GET / HTTP/1.1\r\nX: ", "x"},
               {post("Content-Length: 500000\r\n", "{"), ""},
               {post("Content-Length: 500000\r\n"), "x"},
               {post("Transfer-Encoding: chunked\r\n"), "1\r\nx\r\n"}}) {
        slow.push_back({RawClient(siege.jobe()), drip, false});
        slow.back().client.send(begin);
      }
    }
    int right = 0;
    const bool all_over = eventually(90'000, [&] {
      for (Slow& one : slow) {
        if (one.over) continue;
        one.over = one.client.readable(0);
        if (one.over) CHECK(one.client.answer().status == 408);
        if (!one.over) one.client.send(one.drip);
      }
      const Reply reply = siege.cluster.run("python3", "print(6 * 7); import time; time.sleep(1)");
      right += reply.status == 200 && reply.json()["stdout"] == "42\n" ? 1 : 0;
      return std::all_of(slow.begin(), slow.end(), [](const Slow& one) { return one.over; });
    });
    CHECK(all_over);
    CHECK(right >= 10);
  }

  TEST_CASE("unfinished uploads fill their budget and not the memory, and runs go on") {
    Siege siege;
    constexpr std::size_t kMB = 1u << 20;
    const auto put = [](std::size_t bytes) {
      return request("PUT", "files/0123456789abcdef",
                     "Content-Length: " + std::to_string(bytes) + "\r\n");
    };
    const std::string piece(kMB, 'x');
    std::size_t most = 0;
    int refused = 0;
    {
      std::vector<RawClient> uploads;
      for (int i = 0; i < 20; ++i) {
        RawClient& upload = uploads.emplace_back(siege.jobe());
        upload.send(put(80 * kMB));
        for (int sent = 0; sent < 40 && !upload.readable(0) && upload.send(piece); ++sent) {
        }
        siege.serves("meanwhile");
        most = std::max(most, resident_bytes(siege.cluster.master()));
        if (!upload.readable(0)) continue;
        const RawAnswer answer = upload.answer();
        CHECK(answer.status == 503);
        CHECK(answer.head.find("Retry-After: 5\r\n") != std::string::npos);
        ++refused;
      }
      CHECK(refused == 8);  // 12 times 40 MB fit into 512 MB
      CHECK(most > 480 * kMB);
      CHECK(most < (512 + 200) * kMB);
    }
    // Their room is there again: this many do not fit beside any of them.
    std::vector<RawClient> uploads;
    for (int i = 0; i < 12; ++i) {
      RawClient& upload = uploads.emplace_back(siege.jobe());
      upload.send(put(80 * kMB));
      for (int sent = 0; sent < 40; ++sent) CHECK(upload.send(piece));
      siege.serves("again");
      CHECK_FALSE(upload.readable(0));
    }
    CHECK(resident_bytes(siege.cluster.master()) < (512 + 200) * kMB);
    uploads.clear();
    CHECK(eventually(10'000, [&] { return resident_bytes(siege.cluster.master()) < 200 * kMB; }));
  }

  TEST_CASE("half-closed connections") {
    Siege siege;
    RawClient asked(siege.jobe());
    asked.send(request("GET", "languages"));
    asked.end_sending();
    CHECK(asked.answer().status == 200);
    CHECK(asked.ended());
    // Somebody who ends sending while a program runs counts as gone.
    std::vector<RawClient> gone;
    for (int i = 0; i < 10; ++i) {
      gone.emplace_back(siege.jobe()).send(post_run("import time; time.sleep(0.5)"));
      gone.back().end_sending();
      gone.emplace_back(siege.jobe()).send("GET /jobe HT");
      gone.back().end_sending();
      gone.emplace_back(siege.jobe()).send(post("Content-Length: 1000\r\n", "{"));
      gone.back().end_sending();
      gone.emplace_back(siege.jobe()).end_sending();
    }
    for (RawClient& client : gone) CHECK(client.ended());
  }

  TEST_CASE("many requests at once on one connection are answered in order") {
    Siege siege;
    std::string all;
    for (int i = 0; i < 25; ++i) {
      all += post_run("print(" + std::to_string(i) + " * 11)");
      all += request("GET", "languages");
      all += request("HEAD", "files/0123456789abcdef");
      all += post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n");
    }
    RawClient client(siege.jobe());
    client.send(all);
    for (int i = 0; i < 25; ++i) {
      const RawAnswer ran = client.answer();
      REQUIRE(ran.status == 200);
      CHECK(nlohmann::json::parse(ran.body)["stdout"] == std::to_string(i * 11) + "\n");
      CHECK(client.answer().body.starts_with("[["));
      CHECK(client.answer(true).status == 404);
      CHECK(client.answer().body == "\"No run_spec attribute found in post data\"");
    }
    // More than may wait behind an unanswered request: that connection ends, and only that.
    RawClient greedy(siege.jobe());
    greedy.send(post_run("import time; time.sleep(3)"));
    const std::string more = request("GET", "languages");
    std::string flood;
    while (flood.size() < (3u << 20)) flood += more;
    greedy.send(flood);
    CHECK(greedy.ended());
    CHECK(client.ask(request("GET", "languages")).status == 200);
  }

  TEST_CASE("2,000 idle connections") {
    REQUIRE_MESSAGE(may_open(2'500), "this test needs 2,500 descriptors: raise ulimit -Hn");
    Siege siege;
    CHECK(siege.cluster.master().err().find(" descriptors=") != std::string::npos);
    std::vector<RawClient> idle;
    for (int i = 0; i < 2'000; ++i) idle.emplace_back(siege.jobe());
    siege.serves("among 2000");
    for (RawClient& client : idle) CHECK(client.send(request("GET", "languages")));
    for (RawClient& client : idle) CHECK(client.answer().status == 200);
    siege.serves("among 2000");
  }

  TEST_CASE("without descriptors clients wait, nothing is lost and the status page opens") {
    Siege siege;
    CHECK(siege.cluster.status()["queued"] == 0);
    RawClient known(siege.jobe());
    CHECK(known.ask(request("GET", "languages")).status == 200);
    // Of the master's descriptors 128 are kept from clients; this leaves room for about 100.
    const rlim_t room = descriptors(siege.cluster.master()) + 128 + 100;
    const rlimit low{room, room};
    REQUIRE(::prlimit(siege.cluster.master().pid(), RLIMIT_NOFILE, &low, nullptr) == 0);
    std::vector<RawClient> crowd;
    for (int i = 0; i < 300; ++i) {
      crowd.emplace_back(siege.jobe()).send(request("GET", "languages"));
    }
    const auto stopped = [&] { return siege.cluster.master().err().find("accept=stopped"); };
    CHECK(eventually(10'000, [&] { return stopped() != std::string::npos; }));
    const double before = cpu_seconds(siege.cluster.master());
    std::this_thread::sleep_for(std::chrono::seconds(2));
    CHECK(cpu_seconds(siege.cluster.master()) - before < 0.5);
    CHECK(stopped() == siege.cluster.master().err().rfind("accept=stopped"));  // said once
    // Who is connected is served, files included; so is the status page.
    const RawAnswer ran = known.ask(post_run("print('known')"));
    CHECK(ran.status == 200);
    const std::string file = R"({"file_contents":"aGVsbG8="})";
    CHECK(known
              .ask(request("PUT", "files/0123456789abcdef",
                           "Content-Length: " + std::to_string(file.size()) + "\r\n", file))
              .status == 204);
    CHECK(http("GET", siege.cluster.ops("/api/v1/status")).status == 200);
    // Everybody's turn comes as others leave.
    int answered = 0;
    for (RawClient& client : crowd) {
      answered += client.answer().status == 200 ? 1 : 0;
      client.leave();
    }
    CHECK(answered == 300);
    CHECK(eventually(5'000, [&] {
      return siege.cluster.master().err().find("accept=resumed") != std::string::npos;
    }));
  }

  TEST_CASE("a limit on open files that is too low is refused at the start") {
    const Folder folder;
    const Ended ended =
        run("/bin/sh",
            {"-c", "ulimit -n 200; exec \"$0\" \"$@\"", program("docket-master"), "--jobe-listen",
             "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--agents-listen", "tcp://127.0.0.1:0",
             "--data", folder.path() + "/data"},
            folder.path());
    CHECK(ended.status == 1);
    CHECK(ended.err.find("the limit on open files is 200") != std::string::npos);
  }

  TEST_CASE("connections reset in the middle of everything") {
    Siege siege;
    const std::string large = R"(import sys; sys.stdout.write('x' * 2000000))";
    const std::string body = run_body("python3", "pass");
    for (int round = 0; round < 15; ++round) {
      std::vector<RawClient> clients;
      const auto client = [&](int receive_bytes = 0) -> RawClient& {
        return clients.emplace_back(siege.jobe(), receive_bytes);
      };
      client();
      client().send("GET /jobe/in");
      client().send(post("Content-Length: 500000\r\n", std::string(100'000, 'x')));
      client().send(post("Transfer-Encoding: chunked\r\n", "ffff\r\nxx"));
      client().send(post("Expect: 100-continue\r\nContent-Length: 5\r\n"));
      client().send(post("Content-Length: -1\r\n"));  // while it is being refused
      client().send(post_run("import time; time.sleep(0.1)"));
      client().send(post_run("pass") + post_run("pass"));
      client().send(post("Content-Length: " + std::to_string(body.size() + 1) + "\r\n", body));
      RawClient& reader = client(4096);
      reader.send(post_run(large));
      if (round % 3 != 0) CHECK(reader.readable(60'000));  // in the middle of its 2 MB
      for (RawClient& one : clients) one.reset();
    }
    siege.serves("after resets");
  }

  TEST_CASE("200 clients that leave while their programs wait or run cost no slot") {
    Siege siege;
    std::vector<RawClient> clients;
    for (int i = 0; i < 200; ++i) {
      clients.emplace_back(siege.jobe()).send(post_run("import time; time.sleep(0.1)"));
    }
    CHECK(eventually(10'000, [&] { return siege.cluster.status()["running"] == 2; }));
    for (std::size_t i = 0; i < clients.size(); ++i) {
      i % 3 == 0 ? clients[i].reset() : i % 3 == 1 ? clients[i].leave() : clients[i].end_sending();
    }
    siege.serves("in between");
  }
}
