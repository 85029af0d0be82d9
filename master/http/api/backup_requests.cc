#include "master/http/api/backup_requests.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "master/http/api/json_answer.h"
#include "master/http/api/views.h"
#include "protocol/base/ascii.h"

namespace docket::http {
namespace {

constexpr std::size_t kMostNameBytes = 100;

std::string name_of_time(WallMs now) {
  const std::time_t seconds = static_cast<std::time_t>(now / 1'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char name[40];
  return {name, std::strftime(name, sizeof name, "docket-%Y%m%dT%H%M%SZ.db", &parts)};
}

}  // namespace

Result<std::string> read_backup_name(const std::string& body, WallMs now) {
  const auto invalid = [](std::string text) { return Error{ErrorCode::invalid, std::move(text)}; };
  const auto request = nlohmann::json::parse(body, nullptr, false);
  if (!request.is_object()) return invalid("the body must be a JSON object");
  std::string name = name_of_time(now);
  for (const auto& [member, value] : request.items()) {
    if (member != "name") return invalid("unknown member '" + member + "'; there is name");
    const auto* text = value.get_ptr<const std::string*>();
    const auto may_stand = [](char c) {
      return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
    };
    if (text == nullptr || text->empty() || text->size() > kMostNameBytes ||
        !is_alphanumeric(text->front()) || !std::ranges::all_of(*text, may_stand)) {
      return invalid("name must be 1 to " + std::to_string(kMostNameBytes) +
                     " letters, digits, '.', '-' and '_', beginning with a letter or digit: it is "
                     "no path, copies stand in the master's --backups");
    }
    name = *text;
  }
  return name;
}

BackupRequests::BackupRequests(Backups& backups, Respond respond, Logger log)
    : backups_(backups), respond_(std::move(respond)), log_(std::move(log)) {}

void BackupRequests::start() {
  thread_ = std::thread([this] { run(); });
}

void BackupRequests::stop() {
  stopping_ = true;
  backups_.stop();
  inbox_.post({});
  if (thread_.joinable()) thread_.join();
}

bool BackupRequests::take(RequestId request, std::string name) {
  if (busy_.exchange(true)) return false;
  inbox_.post({request, std::move(name)});
  return true;
}

void BackupRequests::run() {
  while (!stopping_) {
    inbox_.wait(-1);
    for (const Order& order : inbox_.take()) {
      if (stopping_) return;
      Response response = carry_out(order);
      busy_ = false;
      if (!stopping_) respond_(order.request, std::move(response));
    }
  }
}

Response BackupRequests::carry_out(const Order& order) {
  const MonoMs began = read_clock().mono;
  const auto made = backups_.make(order.name);
  if (!made) {
    log_->warn("backup={} failed=\"{}\"", order.name, made.error().message);
    return problem(made.error());
  }
  log_->info("backup={} bytes={} jobs={} ms={}", made->path, made->bytes, made->jobs,
             read_clock().mono - began);
  return json_response(backup_json(*made));
}

}  // namespace docket::http
