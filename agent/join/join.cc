#include "agent/join/join.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "agent/jobe/api_key.h"
#include "agent/join/exchange.h"
#include "agent/join/sandbox_search.h"
#include "agent/join/settings_file.h"
#include "protocol/base/durable.h"
#include "protocol/base/link_key.h"
#include "protocol/join_token.h"

namespace docket::agent {
namespace {

constexpr const char* kServiceUser = "docket-agent";  // of the package's unit

std::string first_of(const std::string& asked, const SettingsFile& settings, std::string_view name,
                     const std::string& otherwise) {
  if (!asked.empty()) return asked;
  return settings.get(name).value_or(otherwise);
}

std::string languages_text(const std::vector<Language>& languages) {
  std::string text;
  for (const auto& language : languages) {
    text += (text.empty() ? "" : ", ") + language.id + " " + language.version;
  }
  return text;
}

// The service reads what is in it as the user to whom the folder belongs.
Status make_data_folder(const std::string& data) {
  std::error_code failed;
  const bool made = std::filesystem::create_directories(data, failed);
  if (failed) return Error{ErrorCode::unavailable, "data: cannot make " + data};
  if (!made) return ok_status();
  ::chmod(data.c_str(), 0700);
  const passwd* service = ::geteuid() == 0 ? ::getpwnam(kServiceUser) : nullptr;
  if (service == nullptr || ::chown(data.c_str(), service->pw_uid, service->pw_gid) == 0) {
    return ok_status();
  }
  return system_error("data: cannot give " + data + " to " + kServiceUser);
}

Status give_to_owner_of(const std::string& folder, const std::string& path) {
  struct stat owner {};
  if (::geteuid() != 0 || ::stat(folder.c_str(), &owner) != 0) return ok_status();
  // The folder's owner could have put a link there.
  const int file = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  const bool given = file >= 0 && ::fchown(file, owner.st_uid, owner.st_gid) == 0;
  const Error error = system_error("data: cannot give " + path + " to the owner of its folder");
  if (file >= 0) ::close(file);
  return given ? ok_status() : Status(error);
}

Result<FoundSandbox> sandbox_of(const JoinOrder& order, const SettingsFile& settings,
                                const Address& master) {
  const std::string said = first_of(order.jobe, settings, "jobe", "");
  const auto key = read_jobe_key(settings.get("jobe-key-file").value_or(""));
  if (!key) return key.error();
  if (said.empty()) return find_sandbox(usual_places(master), *key);
  auto address = parse_url_address("jobe", "http", said);
  if (!address) return address.error();
  return find_sandbox({*address}, *key);
}

std::uint32_t slots_of(const JoinOrder& order) {
  // More runs than cores make right programs fail, whatever Jobe would take.
  return std::min(order.cores, jobe_max_users(order.web_root).value_or(order.cores));
}

Status write_settings(const JoinOrder& order, SettingsFile settings, const JoinToken& token,
                      const std::string& name, const std::string& data, const FoundSandbox& sandbox,
                      const Standing& standing) {
  settings.set("master", "tcp://" + token.master.text());
  settings.set("master-key", token.master_key);
  settings.set("name", name);
  settings.set("jobe", "http://" + sandbox.address.text());
  settings.set("data", data);
  if (!settings.get("slots")) settings.set_number("slots", slots_of(order));
  if (!standing.tags.empty()) settings.set_list("tag", standing.tags);
  return settings.write(order.config);
}

Error not_taken_in(const Error& error) {
  if (error.code != ErrorCode::denied) return error;
  return {error.code, error.message +
                          ": it does not know the token, which another master made or which "
                          "expired long ago; ask for a new one"};
}

}  // namespace

std::string key_path(const std::string& data) {
  return data + "/agent.key";
}

Status join(const JoinOrder& order, const Tell& tell) {
  const auto token = parse_token(order.token);
  if (!token) return token.error();
  auto settings = SettingsFile::read(order.config);
  if (!settings) return settings.error();
  const std::string name = first_of(order.name, *settings, "name", order.host_name);
  const std::string data = first_of(order.data, *settings, "data", kUsualData);
  const auto sandbox = sandbox_of(order, *settings, token->master);
  if (!sandbox) {
    return Error{sandbox.error().code,
                 sandbox.error().message + ": start it, or say where with --jobe"};
  }
  tell("Jobe at http://" + sandbox->address.text() + ": " + languages_text(sandbox->languages));
  if (order.examine) {
    if (auto fit = order.examine({*sandbox, data}); !fit) return fit;
  }
  if (auto made = make_data_folder(data); !made) return made;
  const auto key = load_or_make_key_pair(key_path(data));
  if (!key) return key.error();
  if (auto given = give_to_owner_of(data, key_path(data)); !given) return given;
  tell("key in " + key_path(data) + ", fingerprint " + fingerprint_of(key->public_key));
  KeyPair token_key{public_key_of(token->secret_key), token->secret_key};
  Join question;
  question.name = name;
  question.public_key = key->public_key;
  question.version = order.version;
  const auto standing = ask_master(token->master, DialKeys{token->master_key, token_key}, question);
  if (!standing) return not_taken_in(standing.error());
  if (standing->code != Standing::Code::joined && standing->code != Standing::Code::awaiting) {
    return Error{ErrorCode::denied, "the master refuses: " + standing->reason};
  }
  tell("master at " + token->master.text() + " proved its key and knows this host as " + name);
  if (auto written =
          write_settings(order, std::move(*settings), *token, name, data, *sandbox, *standing);
      !written) {
    return written;
  }
  tell("settings in " + order.config);
  if (standing->code == Standing::Code::awaiting) {
    tell("it does nothing yet: on the master, docket agents approve " +
         fingerprint_of(key->public_key));
  }
  return ok_status();
}

Status leave(const LeaveOrder& order, const Tell& tell) {
  const auto settings = SettingsFile::read(order.config);
  if (!settings) return settings.error();
  const auto master = parse_url_address("master", "tcp", settings->get("master").value_or(""));
  const std::string master_key = settings->get("master-key").value_or("");
  if (!master || !is_link_key(master_key)) {
    return Error{ErrorCode::not_found, order.config + " says of no master: nothing to leave"};
  }
  const std::string path = key_path(first_of(order.data, *settings, "data", kUsualData));
  const auto key = load_key_pair(path);
  if (!key) return key.error();
  const auto standing = ask_master(*master, DialKeys{master_key, *key}, Leave{});
  // A key that is turned away has been removed there already.
  if (!standing && standing.error().code != ErrorCode::denied) return standing.error();
  if (standing && standing->code != Standing::Code::left) {
    return Error{ErrorCode::conflict, "the master refuses: " + standing->reason};
  }
  if (::unlink(path.c_str()) != 0) return system_error("cannot remove " + path);
  tell("the master at " + master->text() + " has forgotten this host; its key is removed");
  return ok_status();
}

}  // namespace docket::agent
