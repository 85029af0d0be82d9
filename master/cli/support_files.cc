#include "master/cli/support_files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>

#include "master/cli/fields.h"
#include "master/cli/text.h"
#include "protocol/base/base64.h"
#include "protocol/base/digest.h"
#include "protocol/messages.h"

namespace docket::cli {
namespace {

constexpr long kUploadTimeoutSeconds = 300;

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

ErrorCode code_of_errno(int error) {
  if (error == ENOENT || error == ENOTDIR) return ErrorCode::not_found;
  if (error == EACCES || error == EPERM) return ErrorCode::denied;
  return ErrorCode::internal;
}

Error unreadable(const std::string& name, int error) {
  return {code_of_errno(error), "cannot read " + name + ": " + std::strerror(error)};
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  const bool standard_input = path == "-";
  const std::string name = standard_input ? "standard input" : visible(path);
  std::unique_ptr<std::FILE, Close> opened;
  if (!standard_input) {
    opened.reset(std::fopen(path.c_str(), "rb"));
    if (!opened) return unreadable(name, errno);
  }
  std::FILE* file = standard_input ? stdin : opened.get();
  std::string content;
  char piece[1 << 16];
  for (;;) {
    errno = 0;
    const std::size_t got = std::fread(piece, 1, sizeof piece, file);
    content.append(piece, got);
    if (content.size() > max_bytes) {
      return Error{ErrorCode::too_large,
                   name + " is larger than " + std::to_string(max_bytes >> 20) + " MB"};
    }
    if (got == sizeof piece) continue;
    if (std::ferror(file) != 0) return unreadable(name, errno);
    return content;
  }
}

Status check_names(const std::vector<std::string>& paths) {
  std::set<std::string_view> names;
  for (const auto& path : paths) {
    const std::string_view name = base_name(path);
    if (!legal_file_name(name)) {
      return Error{ErrorCode::invalid,
                   "--file: " + in_quotes(name) +
                       " is no name for it: only letters, digits, '-', '_' and '.' are"};
    }
    if (!names.insert(name).second) {
      return Error{ErrorCode::invalid, "--file: two files are named " + in_quotes(name)};
    }
  }
  return ok_status();
}

Result<std::vector<SupportFile>> upload(Client& client, const std::vector<std::string>& paths) {
  std::vector<SupportFile> files;
  for (const auto& path : paths) {
    const auto content = read_file(path, kMaxFileBytes);
    if (!content) return content.error();
    SupportFile file{md5_hex(*content), std::string(base_name(path))};
    Request request = make_request("PUT", "/jobe/index.php/restapi/files/" + file.id,
                                   "{\"file_contents\":\"" + base64_encode(*content) + "\"}");
    request.timeout_s = kUploadTimeoutSeconds;
    if (const auto done = carry_out(client, request); !done) return done.error();
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace docket::cli
