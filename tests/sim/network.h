// The connections between agents (DEALER) and master (ROUTER), with what goes wrong on the way.
//
// A connection is TCP's: in order, nothing lost while it lives; what is under way when it ends may
// be lost, and its end is noticed late or never. A cut holds traffic back, one way or both, and
// lets it go in a burst when mended. A DEALER dials again by itself, on a new connection, and its
// agent is not told. In wild weather single messages are lost, doubled or overtake each other
// besides.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "master/core/events.h"
#include "tests/sim/world.h"

namespace docket::sim {

using HostIndex = std::size_t;

class Network {
 public:
  Network(World& world, std::size_t agents, bool wild);

  std::function<void(LinkId, std::string)> to_master;
  // With how far the master's clock was ahead of the world's when the connection was made.
  std::function<void(HostIndex, std::string, MonoMs)> to_agent;

  // The master's end.
  void listen(MonoMs clock_ahead) { listening_ = true, clock_ahead_ = clock_ahead; }
  void stop_listening();  // its process died: every connection ends
  bool send_to_agent(LinkId link, std::string frame, bool once);
  bool open_at_master(LinkId link) const { return links_.contains(link); }
  HostIndex agent_of(LinkId link) const { return owners_.at(link); }

  // An agent's end.
  void dial(HostIndex agent);
  void hang_up(HostIndex agent, bool power_lost = false);
  // What is said once only is not doubled even in wild weather.
  bool send_to_master(HostIndex agent, std::string frame, bool once);

  // Faults.
  void cut(HostIndex agent, bool towards_master, bool towards_agent);
  void mend(HostIndex agent);
  void reset(HostIndex agent);
  void heal();  // mends all and ends the wild weather

 private:
  struct Frame {
    std::string bytes;
    bool end = false;   // the sender has closed
    bool once = false;  // is not doubled
  };
  struct Way {
    MonoMs last = 0;         // when the latest message arrives
    std::deque<Frame> held;  // by a cut
    bool stuck = false;
  };
  struct Link {
    LinkId id = 0;
    HostIndex agent = 0;
    MonoMs clock_ahead = 0;
    bool agent_open = true;
    bool master_open = true;
    Way up;
    Way down;
  };
  using LinkPtr = std::shared_ptr<Link>;
  struct Port {
    std::uint64_t socket = 0;  // counts dials
    bool open = false;
    bool cut_up = false;
    bool cut_down = false;
    LinkPtr link;  // none while it is not connected
  };

  void transfer(const LinkPtr& link, bool up, Frame frame);
  void arrive(const LinkPtr& link, bool up, Frame frame);
  void deliver(const LinkPtr& link, bool up, Frame frame);
  void release(const LinkPtr& link, bool up);
  void connect(HostIndex agent, std::uint64_t socket);
  void close_at_master(const LinkPtr& link);
  bool is_cut(const Link& link, bool up) const;

  World& world_;
  bool wild_;
  bool listening_ = false;
  MonoMs clock_ahead_ = 0;
  LinkId last_link_ = LinkId{1} << 32;
  std::vector<Port> ports_;
  std::unordered_map<LinkId, LinkPtr> links_;  // open at the master
  std::unordered_map<LinkId, HostIndex> owners_;
};

}  // namespace docket::sim
