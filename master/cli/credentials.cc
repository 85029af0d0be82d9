#include "master/cli/credentials.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "master/cli/fields.h"
#include "master/cli/support_files.h"
#include "master/cli/text.h"

namespace docket::cli {
namespace {

constexpr std::size_t kMostFileBytes = 1u << 20;

Error system_error(const std::string& doing) {
  const int code = errno;
  return {code == EACCES ? ErrorCode::denied : ErrorCode::internal,
          doing + ": " + std::strerror(code)};
}

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Made anew with its mode, so that the token is never in a file that others may open.
Status write_private(const std::string& path, const std::string& text) {
  ::unlink(path.c_str());
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return system_error("cannot write " + path);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool synced = written && ::fsync(fd) == 0;
  Status done = synced ? ok_status() : Status(system_error("cannot write " + path));
  ::close(fd);
  return done;
}

}  // namespace

Result<std::string> user_folder() {
  std::string folder = from_environment("XDG_CONFIG_HOME");
  if (folder.empty()) {
    const std::string home = from_environment("HOME");
    if (home.empty()) return Error{ErrorCode::invalid, "neither HOME nor XDG_CONFIG_HOME is set"};
    folder = home + "/.config";
  }
  return folder + "/docket";
}

Result<std::string> credentials_path() {
  const auto folder = user_folder();
  return folder ? Result<std::string>(*folder + "/credentials.json") : folder.error();
}

Result<Credentials> read_credentials(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return Credentials{};
    return system_error("cannot look at " + path);
  }
  if ((facts.st_mode & 077) != 0) {
    return Error{ErrorCode::denied,
                 "others can read " + in_quotes(path) + ", which holds tokens: chmod 600 it"};
  }
  const auto text = read_file(path, kMostFileBytes);
  if (!text) return text.error();
  const Json stored = Json::parse(*text, nullptr, false);
  if (!stored.is_object()) {
    return Error{ErrorCode::corrupt,
                 in_quotes(path) + " cannot be read: remove it and log in again"};
  }
  Credentials credentials;
  credentials.last = text_at(stored, "last");
  if (stored.contains("masters") && stored["masters"].is_object()) {
    for (const auto& [url, entry] : stored["masters"].items()) {
      credentials.of_master[url] = {text_at(entry, "token"), text_at(entry, "ca_file")};
    }
  }
  return credentials;
}

Status write_credentials(const std::string& path, const Credentials& credentials) {
  Json masters = Json::object();
  for (const auto& [url, credential] : credentials.of_master) {
    masters[url] = {{"token", credential.token}, {"ca_file", credential.ca_file}};
  }
  const Json stored = {{"last", credentials.last}, {"masters", masters}};
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) {
    return Error{ErrorCode::denied, "cannot make " + folder.string() + ": " + failed.message()};
  }
  const std::string half = path + ".new";
  const std::string text = stored.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (auto written = write_private(half, text); !written) return written;
  if (::rename(half.c_str(), path.c_str()) != 0) return system_error("cannot write " + path);
  return ok_status();
}

}  // namespace docket::cli
