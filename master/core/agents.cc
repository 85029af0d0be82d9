#include "master/core/agents.h"

#include <algorithm>

#include "protocol/base/check.h"

namespace docket {
namespace {

auto find_language(const std::vector<Language>& languages, const std::string& id) {
  return std::find_if(languages.begin(), languages.end(),
                      [&](const Language& language) { return language.id == id; });
}

}  // namespace

void KnownFiles::add(const std::string& file) {
  if (!known_.insert(file).second) return;
  order_.push_back(file);
  if (order_.size() <= kMost) return;
  known_.erase(order_.front());
  order_.pop_front();
}

bool Agent::has(const std::string& language) const {
  return find_language(languages, language) != languages.end();
}

std::string Agent::version_of(const std::string& language) const {
  const auto found = find_language(languages, language);
  return found == languages.end() ? std::string() : found->version;
}

Agent* Agents::by_name(const std::string& name) {
  const auto found = agents_.find(name);
  return found == agents_.end() ? nullptr : &found->second;
}

Agent* Agents::by_link(LinkId link) {
  const auto found = by_link_.find(link);
  return found == by_link_.end() ? nullptr : found->second;
}

Agent& Agents::add(const std::string& name) {
  Agent& agent = agents_[name];
  agent.name = name;
  return agent;
}

void Agents::bind(Agent& agent, LinkId link) {
  CHECK_THAT(link != 0);
  unbind(agent);
  agent.link = link;
  by_link_[link] = &agent;
}

void Agents::unbind(Agent& agent) {
  if (agent.link != 0) by_link_.erase(agent.link);
  agent.link = 0;
}

void Agents::forget(const std::string& name) {
  const auto found = agents_.find(name);
  if (found == agents_.end()) return;
  CHECK_THAT(!found->second.connected());
  agents_.erase(found);
}

}  // namespace docket
