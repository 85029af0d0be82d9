// Everything that was recorded from real Jobe, asked of a real cluster over real sockets, in the
// same order and byte for byte. Any answer that differs fails, unless docs/jobe-compatibility.md
// has a row for it; a row that nothing needs fails too.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <memory>
#include <set>

#include "protocol/base/base64.h"
#include "tests/contract/compare.h"
#include "tests/contract/deviations.h"
#include "tests/contract/recording.h"
#include "tests/contract/wire.h"
#include "tests/e2e/cluster.h"

using namespace docket;
using namespace docket::contract;
using docket::e2e::Cluster;
using docket::e2e::http;

namespace {

std::string address_of(const Cluster& cluster) {
  const std::string url = cluster.jobe("");
  return url.substr(7, url.find("/jobe") - 7);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += "\n    " + line;
  return text;
}

// Replays exchanges against one cluster and keeps the book.
class Replay {
 public:
  Replay(const Cluster& cluster, const std::vector<Deviation>& rows)
      : address_(address_of(cluster)), rows_(rows) {
    const auto list = http("GET", cluster.jobe("languages")).json();
    for (const auto& language : list) languages_.insert(language[0].get<std::string>());
  }

  // Asks on the connection that the last answer left open, as CodeRunner does.
  void ask(const Exchange& exchange) {
    if (!exchange.answered || lacks_language(exchange)) return;
    if (connection_ == nullptr || !connection_->is_open() || exchange.method == "RAW") {
      connection_ = std::make_unique<Connection>(address_);
    }
    judge(exchange, connection_->exchange(exchange.request));
  }

  void judge(const Exchange& exchange, const Answer& answer) {
    const auto rows = rows_for(rows_, exchange.name);
    REQUIRE_MESSAGE(rows.size() <= 1, exchange.name << " is in two rows");
    const Deviation* row = rows.empty() ? nullptr : rows.front();
    const auto found = differences(exchange, answer, row);
    CHECK_MESSAGE(found.empty(), exchange.name << joined(found));
    if (row != nullptr && !differences(exchange, answer, nullptr).empty()) needed_.insert(row);
    if (answer.status == 200 && is_result(answer.body)) ++results_;
    ++asked_;
  }

  int results() const { return results_; }
  int asked() const { return asked_; }
  const std::set<const Deviation*>& needed() const { return needed_; }

 private:
  // Such a run cannot be compared where its language is not installed.
  bool lacks_language(const Exchange& exchange) const {
    if (exchange.answer.status != 200 || exchange.language.empty()) return false;
    if (languages_.contains(exchange.language)) return false;
    MESSAGE("skipped: " << exchange.name << " needs " << exchange.language);
    return true;
  }

  std::string address_;
  const std::vector<Deviation>& rows_;
  std::set<std::string> languages_;
  std::unique_ptr<Connection> connection_;
  std::set<const Deviation*> needed_;
  int results_ = 0;
  int asked_ = 0;
};

// Files that were there when the recording was made, by uploads that are not in it.
void put_earlier_files(const Cluster& cluster) {
  const std::pair<const char*, std::size_t> files[] = {
      {"abc", 3}, {"46fd21ce79698e052a9c9a16d2455ace", 9u << 20}};
  for (const auto& [id, bytes] : files) {
    const std::string contents = base64_encode(std::string(bytes, 'x'));
    const auto put = http("PUT", cluster.jobe(std::string("files/") + id),
                          "{\"file_contents\":\"" + contents + "\"}");
    CHECK(put.status == 204);
  }
}

// Makes the keys of the recordings: from the recorded secret to the one to send instead, since such
// short ones may be refused.
std::map<std::string, std::string> create_keys(const Cluster& cluster) {
  std::map<std::string, std::string> keys;
  const std::pair<const char*, const char*> recorded[] = {{"KEYZERO", "0"}, {"KEYTWO", "2"}};
  for (const auto& [key, rate] : recorded) {
    keys[key] = std::string(key) + "-0123456789abcdef";
    const std::string file = cluster.folder() + "/" + key;
    std::ofstream(file) << keys[key] << "\n";
    const auto made = cluster.docket({"keys", "create", key, "--rate", rate, "--key-file", file});
    REQUIRE_MESSAGE(made.status == 0, made.err);
  }
  return keys;
}

void replace_key(Exchange& exchange, const std::map<std::string, std::string>& keys) {
  for (const auto& [recorded, key] : keys) {
    const std::string line = "X-API-KEY: " + recorded + "\r\n";
    const auto at = exchange.request.head.find(line);
    if (at == std::string::npos) continue;
    exchange.request.head.replace(at, line.size(), "X-API-KEY: " + key + "\r\n");
  }
}

// A connection that Jobe closes because nothing more comes.
bool is_patience(const Exchange& exchange) {
  return exchange.name == "raw_slow_header";
}

int attempts_that_ended(const Cluster& cluster, const std::string& ending) {
  int count = 0;
  for (const auto& job : http("GET", cluster.ops("/api/v1/jobs?limit=1000")).json()["jobs"]) {
    if (job["attempts"] < 2) continue;
    for (const auto& attempt : cluster.job(job["id"].get<std::string>())["timeline"]) {
      count += attempt["ending"] == ending ? 1 : 0;
    }
  }
  return count;
}

}  // namespace

TEST_SUITE("contract") {
  TEST_CASE("what Jobe 2.2.2 was recorded to answer") {
    const auto rows = read_deviations();
    auto exchanges = read_recording("exchanges.jsonl");
    for (auto& raw : read_recording("raw_http.jsonl")) exchanges.push_back(std::move(raw));
    Cluster cluster;
    cluster.add_host("lab-1", 2);
    put_earlier_files(cluster);

    // It takes 20 s: meanwhile the others.
    const auto slow = std::find_if(exchanges.begin(), exchanges.end(), is_patience);
    REQUIRE(slow != exchanges.end());
    auto patience = std::async(std::launch::async, [&] {
      return Connection(address_of(cluster)).exchange(slow->request);
    });
    Replay replay(cluster, rows);
    for (const auto& exchange : exchanges) {
      if (!is_patience(exchange)) replay.ask(exchange);
    }
    replay.judge(*slow, patience.get());

    // A bad request costs no sandbox anything, and a good one is run once; but on a busy machine a
    // program whose time was up is run again.
    const int doubted = attempts_that_ended(cluster, "doubted");
    CHECK(cluster.sandbox_stats("lab-1").at("runs").get<int>() == replay.results() + doubted);
    for (const auto& row : rows) {
      const bool elsewhere = row.names.front().starts_with("keys_");
      CHECK_MESSAGE((elsewhere || replay.needed().contains(&row)), "not needed: " << row.row);
    }
    MESSAGE(replay.asked() << " of " << exchanges.size() << " exchanges asked");
  }

  TEST_CASE("keys and CORS as in Jobe 2.1.1") {
    const auto rows = read_deviations();
    Cluster cluster;
    cluster.add_host("lab-1", 1);
    const auto keys = create_keys(cluster);
    Replay replay(cluster, rows);
    for (auto& exchange : read_recording("api_keys.jsonl")) {
      replace_in_path(exchange, "/old212/", "/jobe/");
      replace_key(exchange, keys);
      replay.ask(exchange);
    }
    for (const auto& row : rows) {
      const bool here = row.names.front().starts_with("keys_");
      CHECK_MESSAGE((!here || replay.needed().contains(&row)), "not needed: " << row.row);
    }
  }
}
