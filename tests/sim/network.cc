#include "tests/sim/network.h"

#include <algorithm>

namespace docket::sim {

Network::Network(World& world, std::size_t agents, bool wild)
    : world_(world), wild_(wild), ports_(agents) {}

void Network::stop_listening() {
  listening_ = false;
  const auto links = std::exchange(links_, {});
  for (const Port& port : ports_) {
    if (!port.link || !port.link->master_open) continue;
    port.link->master_open = false;
    transfer(port.link, false, {{}, true, true});
  }
  for (const auto& [id, link] : links) link->master_open = false;
}

bool Network::send_to_agent(LinkId link, std::string frame, bool once) {
  const auto found = links_.find(link);
  if (found == links_.end()) return false;
  transfer(found->second, false, {std::move(frame), false, once});
  return true;
}

bool Network::send_to_master(HostIndex agent, std::string frame, bool once) {
  const LinkPtr& link = ports_[agent].link;
  if (!link) return false;
  transfer(link, true, {std::move(frame), false, once});
  return true;
}

void Network::dial(HostIndex agent) {
  Port& port = ports_[agent];
  port.open = true;
  const std::uint64_t socket = ++port.socket;
  world_.after(1, [this, agent, socket] { connect(agent, socket); });
}

void Network::connect(HostIndex agent, std::uint64_t socket) {
  Port& port = ports_[agent];
  if (!port.open || port.socket != socket || port.link) return;
  if (!listening_ || port.cut_up || port.cut_down) {
    world_.after(world_.dice.between(100, 2'000),
                 [this, agent, socket] { connect(agent, socket); });
    return;
  }
  port.link = std::make_shared<Link>();
  port.link->id = ++last_link_;
  port.link->agent = agent;
  port.link->clock_ahead = clock_ahead_;
  links_[port.link->id] = port.link;
  owners_[port.link->id] = agent;
}

void Network::hang_up(HostIndex agent, bool power_lost) {
  Port& port = ports_[agent];
  port.open = false;
  const LinkPtr link = std::exchange(port.link, nullptr);
  if (!link) return;
  link->agent_open = false;
  if (!power_lost) {
    transfer(link, true, {{}, true, true});
    return;
  }
  // Nobody tells the master; its own messages find out after a while.
  world_.after(30'000, [this, link] { close_at_master(link); });
}

void Network::reset(HostIndex agent) {
  Port& port = ports_[agent];
  const LinkPtr link = std::exchange(port.link, nullptr);
  if (!link) return;
  link->agent_open = false;
  close_at_master(link);
  const std::uint64_t socket = port.socket;
  world_.after(world_.dice.between(100, 2'000), [this, agent, socket] { connect(agent, socket); });
}

void Network::close_at_master(const LinkPtr& link) {
  link->master_open = false;
  links_.erase(link->id);
}

void Network::cut(HostIndex agent, bool towards_master, bool towards_agent) {
  ports_[agent].cut_up = ports_[agent].cut_up || towards_master;
  ports_[agent].cut_down = ports_[agent].cut_down || towards_agent;
}

void Network::mend(HostIndex agent) {
  Port& port = ports_[agent];
  port.cut_up = port.cut_down = false;
  std::vector<LinkPtr> stuck;
  for (const auto& [id, link] : links_) {
    if (link->agent == agent && (link->up.stuck || link->down.stuck)) stuck.push_back(link);
  }
  if (port.link && !port.link->master_open) stuck.push_back(port.link);
  std::sort(stuck.begin(), stuck.end(),
            [](const LinkPtr& a, const LinkPtr& b) { return a->id < b->id; });
  for (const LinkPtr& link : stuck) {
    // TCP tries again at growing intervals.
    for (const bool up : {true, false}) {
      world_.after(world_.dice.between(1, 2'000), [this, link, up] { release(link, up); });
    }
  }
}

void Network::heal() {
  wild_ = false;
  for (HostIndex agent = 0; agent < ports_.size(); ++agent) mend(agent);
}

bool Network::is_cut(const Link& link, bool up) const {
  const Port& port = ports_[link.agent];
  return up ? port.cut_up : port.cut_down;
}

void Network::transfer(const LinkPtr& link, bool up, Frame frame) {
  Way& way = up ? link->up : link->down;
  MonoMs at = world_.now() + world_.dice.between(0, 3);
  if (world_.dice.below(1'000) == 0) at += 200;  // a packet was lost and sent again
  bool overtakes = false;
  if (wild_ && !frame.end) {
    if (world_.dice.chance(2)) return;
    overtakes = world_.dice.chance(10);
    if (overtakes) at += world_.dice.between(0, 3'000);
    if (!frame.once && world_.dice.chance(4)) {
      const MonoMs again = at + world_.dice.between(0, 20'000);
      world_.at(again, [this, link, up, frame] { arrive(link, up, frame); });
    }
  }
  if (!overtakes) way.last = at = std::max(at, way.last);
  world_.at(at, [this, link, up, moved = std::move(frame)]() mutable {
    arrive(link, up, std::move(moved));
  });
}

void Network::arrive(const LinkPtr& link, bool up, Frame frame) {
  Way& way = up ? link->up : link->down;
  way.stuck = way.stuck || is_cut(*link, up);
  if (way.stuck) {
    way.held.push_back(std::move(frame));
  } else {
    deliver(link, up, std::move(frame));
  }
}

void Network::release(const LinkPtr& link, bool up) {
  Way& way = up ? link->up : link->down;
  if (!way.stuck || is_cut(*link, up)) return;
  way.stuck = false;
  for (Frame& frame : std::exchange(way.held, {})) deliver(link, up, std::move(frame));
}

void Network::deliver(const LinkPtr& link, bool up, Frame frame) {
  if (up) {
    if (!link->master_open) return;
    if (frame.end) return close_at_master(link);
    to_master(link->id, std::move(frame.bytes));
    return;
  }
  if (!link->agent_open) return;
  if (!frame.end) return to_agent(link->agent, std::move(frame.bytes), link->clock_ahead);
  link->agent_open = false;
  Port& port = ports_[link->agent];
  port.link = nullptr;
  const std::uint64_t socket = port.socket;
  const HostIndex agent = link->agent;
  world_.after(world_.dice.between(100, 2'000), [this, agent, socket] { connect(agent, socket); });
}

}  // namespace docket::sim
