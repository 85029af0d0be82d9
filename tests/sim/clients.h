// The clients: each errand is one program somebody wants run. They wait, poll, leave, delete, and
// send again what broke, with an idempotency key or without. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "tests/sim/front.h"

namespace docket::sim {

class Clients {
 public:
  Clients(World& world, const Plan& plan, Programs& programs, Front& front, const Shelf& shelf);

  // Plans every errand of the run.
  void begin();
  // Nobody leaves any more, and who was refused tries until it is not.
  void heal() { healed_ = true; }
  bool all_over() const { return over_ == errands_.size(); }
  std::uint64_t served() const { return served_; }
  // Some run's id that a client was told of.
  const std::vector<JobId>& told() const { return told_; }

 private:
  struct Errand {
    const Program* program = nullptr;
    std::string key;
    std::string name;  // idempotency key
    Patience patience;
    bool tries_again = true;
    bool leaves = false;
    bool deletes = false;
    bool doubles = false;  // sends its request twice
    JobId job;
    ReplyTo open = 0;
    bool over = false;
  };

  void plan_errand(const std::string& key, MonoMs at, bool plain);
  const Program& some_program(const std::string& key);
  void send(Errand& errand);
  void send_again_too(Errand& errand);
  void on_answer(Errand& errand, const Answer& answer);
  void try_again(Errand& errand);
  void poll(Errand& errand);
  void remove(Errand& errand);
  void end(Errand& errand, bool served);

  World& world_;
  const Plan& plan_;
  Programs& programs_;
  Front& front_;
  const Shelf& shelf_;
  bool healed_ = false;
  std::deque<Errand> errands_;  // they stay where they are
  std::size_t over_ = 0;
  std::uint64_t served_ = 0;
  std::vector<JobId> told_;
  std::vector<const Program*> common_;  // sent by many
};

}  // namespace docket::sim
