// Clients that behave as real ones do, each on a thread of its own, and their book of what they
// asked for and what they got. They repeat what got no answer; nobody repeats what was answered.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/cluster.h"

namespace docket::e2e {

// One job that a client wants done.
struct Ticket {
  enum class Kind {
    named,         // waits for its answer, and repeats under the same Idempotency-Key
    plain,         // waits for its answer, and repeats as a new request
    asynchronous,  // is given an id, under an Idempotency-Key, and asks for the result
  };
  Kind kind = Kind::plain;
  std::string token;     // what its program prints; nobody else's does
  std::string body;      // of POST runs
  std::string expected;  // on stdout
  std::string file;      // content of its support file, if it has one
  std::string file_id;

  // What came of it.
  int posts = 0;
  int broken = 0;      // requests whose connection died without an answer
  int refused = 0;     // answered 503: come later
  std::string id;      // once it was told one
  std::string answer;  // the body of the 200
  std::vector<std::string> unexpected;

  std::vector<std::string> headers() const;
};

enum class Programs { mixed, compiled, with_file };

struct LoadShape {
  Programs programs = Programs::mixed;
  int run_ms = 300;
  int rounds = 2;                 // jobs one after the other of each client that waits
  int asynchronous_jobs = 3;      // of each client that does not
  std::size_t padding_bytes = 0;  // in every source
  std::size_t file_bytes = 600'000;
  int patience_ms = 150'000;  // of a client, for one job
};

class Load {
 public:
  // `jobe`: http://H:P of the master.
  Load(const std::string& jobe, const LoadShape& shape);
  ~Load();

  void start();
  // Waits until every client has what it wants or has lost patience.
  void finish();
  int answered() const { return answered_; }
  int refused() const { return refused_; }
  const std::string& jobe() const { return jobe_; }
  const std::vector<std::vector<Ticket>>& clients() const { return clients_; }  // after finish()

 private:
  void run(std::vector<Ticket>& tickets);
  // The answer to POST runs, asked for until there is one; uploads what is missing.
  Reply post(Ticket& ticket);
  void wait_for_result(Ticket& ticket);
  bool upload(Ticket& ticket);  // true when the master has it now
  void note_answer(Ticket& ticket, const Reply& reply);

  const std::string jobe_;
  const LoadShape shape_;
  std::vector<std::vector<Ticket>> clients_;
  std::vector<std::thread> threads_;
  std::atomic<int> answered_ = 0;
  std::atomic<int> refused_ = 0;
};

// A URL of the Jobe API below the http://H:P `base`.
std::string jobe_url(const std::string& base, const std::string& rest);

}  // namespace docket::e2e
